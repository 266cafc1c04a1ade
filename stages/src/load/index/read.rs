//! The index as readers see it, beside its writer or without one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::de::DeserializeOwned;

use super::{Model, SCHEMA, extension, model_of, place};
use crate::db::{self, DbError};
use crate::item::{Chunk, Document};
use crate::load::{Fingerprints, LoadError};

/// A connection that reads the index. Each call sees one state of it, whole.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    model: Model,
}

/// How much the index holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents, also those without text.
    pub documents: u64,
    /// Chunks; each has one vector.
    pub chunks: u64,
    /// Links from one document to another that is there too, each pair once.
    pub links: u64,
}

/// A document as the loader left it, to be compared with what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The document's key.
    pub key: String,
    /// Of the raw item it was made of.
    pub content_hash: String,
    /// What it was made with.
    pub fingerprints: Fingerprints,
}

/// A document that was loaded lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The document's key.
    pub key: String,
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: String,
    /// How many chunks it has.
    pub chunks: u64,
}

impl Reader {
    /// Opens the index that is in use in `folder`; `None` where there is none
    /// yet, or one that an older docmill left and the next run migrates.
    ///
    /// # Errors
    /// The file is damaged, belongs to a newer docmill, or cannot be read.
    pub fn open(folder: &Path) -> Result<Option<Self>, LoadError> {
        let path = place::current(folder)?;
        if let Some(reader) = Self::open_file(&path)? {
            return Ok(Some(reader));
        }
        // Another index may have taken its place between the two steps.
        let again = place::current(folder)?;
        if again == path { Ok(None) } else { Self::open_file(&again) }
    }

    pub(super) fn open_file(path: &Path) -> Result<Option<Self>, LoadError> {
        let failed = |error: DbError| LoadError::reading(path, error);
        extension::register().map_err(failed)?;
        let Some(connection) = db::open_read_only(path, SCHEMA).map_err(failed)? else { return Ok(None) };
        let model = model_of(&connection).map_err(failed)?;
        Ok(model.map(|model| Self { connection, path: path.to_owned(), model }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model whose vectors it holds: a question is embedded by this one.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Whether another index has taken this one's place in `folder`; a reader
    /// that lives long asks now and then, and opens anew.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn is_replaced(&self, folder: &Path) -> Result<bool, LoadError> {
        Ok(place::current(folder)? != self.path)
    }

    /// How much it holds.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn counts(&self) -> Result<Counts, LoadError> {
        self.in_one_state(|db| {
            let count = |sql| db.query_row(sql, [], |row| row.get::<_, u64>(0));
            Ok(Counts {
                documents: count("SELECT COUNT(*) FROM document")?,
                chunks: count("SELECT COUNT(*) FROM chunk")?,
                links: count(&format!("SELECT COUNT(*) FROM ({EDGES})"))?,
            })
        })
    }

    /// The documents loaded last, the newest first, at most `count_max`.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn recent(&self, count_max: usize) -> Result<Vec<Recent>, LoadError> {
        self.in_one_state(|db| {
            let mut statement = db.prepare_cached(
                "SELECT key, url, title, (SELECT COUNT(*) FROM chunk WHERE chunk.document = document.id)
                 FROM document ORDER BY id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([count_max], |row| {
                Ok(Recent { key: row.get(0)?, url: row.get(1)?, title: row.get(2)?, chunks: row.get(3)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// What the document of this key was made of and with; `None` where it is
    /// not there.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn loaded(&self, key: &str) -> Result<Option<Loaded>, LoadError> {
        self.in_one_state(|db| {
            let sql = format!("{LOADED} WHERE key = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([key], loaded_of).optional()?)
        })
    }

    /// The same for every document, in the order of their keys, one at a
    /// time.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn each_loaded(&self, mut each: impl FnMut(Loaded)) -> Result<(), LoadError> {
        self.in_one_state(|db| {
            let mut statement = db.prepare(&format!("{LOADED} ORDER BY key"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(loaded_of(row)?);
            }
            Ok(())
        })
    }

    /// The document of this key and its chunks with their vectors, as they
    /// were loaded; `None` where it is not there.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn document(&self, key: &str) -> Result<Option<(Document, Vec<Chunk>)>, LoadError> {
        self.in_one_state(|db| document(db, key, self.model.dimension))
    }

    /// Runs `read` on one state of the index, whatever is written meanwhile.
    pub(in crate::load) fn in_one_state<T>(
        &self,
        read: impl FnOnce(&Transaction<'_>) -> Result<T, DbError>,
    ) -> Result<T, LoadError> {
        let failed = |error: DbError| LoadError::reading(&self.path, error);
        let transaction = self.connection.unchecked_transaction().map_err(|error| failed(error.into()))?;
        read(&transaction).map_err(failed)
    }
}

const LOADED: &str = "SELECT key, content_hash, fingerprint_process, fingerprint_embed, fingerprint_sink FROM document";

/// Pairs of keys: a document, and another that it links to.
pub(in crate::load) const EDGES: &str = "SELECT DISTINCT source.key AS source, target.key AS target
     FROM link JOIN document source ON source.id = link.document
     JOIN document target ON target.url = link.target AND target.id <> source.id";

fn loaded_of(row: &Row<'_>) -> rusqlite::Result<Loaded> {
    Ok(Loaded {
        key: row.get(0)?,
        content_hash: row.get(1)?,
        fingerprints: Fingerprints { process: row.get(2)?, embed: row.get(3)?, sink: row.get(4)? },
    })
}

/// See [`Reader::document`].
pub(in crate::load) fn document(
    db: &Connection,
    key: &str,
    dimension: usize,
) -> Result<Option<(Document, Vec<Chunk>)>, DbError> {
    let found = db
        .prepare_cached("SELECT id, url, title, last_updated, metadata, markdown FROM document WHERE key = ?1")?
        .query_row([key], |row| {
            let text = |index| row.get::<_, String>(index);
            Ok((row.get::<_, i64>(0)?, text(1)?, text(2)?, row.get(3)?, text(4)?, text(5)?))
        })
        .optional()?;
    let Some((id, url, title, last_updated, metadata, markdown_content)) = found else { return Ok(None) };
    let metadata = from_json(&metadata)?;
    let document = Document { url, title, markdown_content, last_updated, metadata };
    Ok(Some((document, chunks(db, id, dimension)?)))
}

fn chunks(db: &Connection, document: i64, dimension: usize) -> Result<Vec<Chunk>, DbError> {
    let mut statement = db.prepare_cached(
        "SELECT chunk_id, metadata, content, embedded_text, vector.vector
         FROM chunk LEFT JOIN vector ON vector.chunk = chunk.id WHERE document = ?1 ORDER BY position",
    )?;
    let mut rows = statement.query([document])?;
    let mut chunks = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let embedding = row.get_ref(4)?.as_blob_or_null().ok().flatten().and_then(|bytes| vector_of(bytes, dimension));
        let Some(embedding) = embedding else {
            return Err(DbError::Value(format!("chunk {id} has no vector of {dimension} dimensions")));
        };
        let metadata = from_json(&row.get::<_, String>(1)?)?;
        chunks.push(Chunk { id, content: row.get(2)?, embedded_text: row.get(3)?, embedding, metadata });
    }
    Ok(chunks)
}

fn vector_of(bytes: &[u8], dimension: usize) -> Option<Vec<f32>> {
    let (values, rest) = bytes.as_chunks::<4>();
    (rest.is_empty() && values.len() == dimension)
        .then(|| values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

pub(in crate::load) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Value(error.to_string()))
}
