//! The index held against itself: rows that belong to nothing, and rows that
//! a document should have.

use std::path::{Path, PathBuf};

use super::write::{link_target, text_hash};
use super::{Reader, SCHEMA, extension, place};
use crate::db::{self, DbError};
use crate::item::Document;
use crate::load::LoadError;

/// Words of chunks that are not there.
const WORDS_ASTRAY: &str = "SELECT id FROM words_docsize WHERE id NOT IN (SELECT id FROM chunk)";

/// Every index in `folder`, damaged or not.
///
/// # Errors
/// The folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = place::all(folder)?;
    files.sort();
    Ok(files)
}

/// The pointer file, where it names no index.
///
/// # Errors
/// It cannot be read.
pub fn pointer_fault(folder: &Path) -> Result<Option<PathBuf>, LoadError> {
    match place::current(folder) {
        Ok(_) => Ok(None),
        Err(LoadError::Pointer { path }) => Ok(Some(path)),
        Err(error) => Err(error),
    }
}

/// Opens each of these indexes that holds anything, the one in use first.
///
/// # Errors
/// One cannot be read.
pub fn readers(folder: &Path, files: &[PathBuf]) -> Result<Vec<Reader>, LoadError> {
    let current = place::current(folder).ok();
    let mut readers = Vec::new();
    for file in files {
        readers.extend(Reader::open_file(file)?);
    }
    readers.sort_by_key(|reader| Some(reader.path()) != current.as_deref());
    Ok(readers)
}

impl Reader {
    /// What a document's rows lack that is not in the document itself: its
    /// words for the full text, its links, the hash by which duplicates are
    /// known.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn row_fault(&self, key: &str, document: &Document) -> Result<Option<&'static str>, LoadError> {
        self.in_one_state(|db| {
            let found: String = db
                .prepare_cached("SELECT text_hash FROM document WHERE key = ?1")?
                .query_row([key], |row| row.get(0))?;
            if found != text_hash(document) {
                return Ok(Some("its hash is not that of its text"));
            }
            let mut links = db.prepare_cached(
                "SELECT target FROM link JOIN document ON document.id = link.document WHERE key = ?1 ORDER BY position",
            )?;
            let links = links.query_map([key], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            let wanted = document.metadata.related_links.iter().map(|link| link_target(&link.url));
            if !wanted.eq(links.iter().map(String::as_str)) {
                return Ok(Some("its links are not those of the page"));
            }
            let lacks_words: bool = db
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM chunk JOIN document ON document.id = chunk.document
                         WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM words_docsize WHERE words_docsize.id = chunk.id))",
                )?
                .query_row([key], |row| row.get(0))?;
            Ok(lacks_words.then_some("the full text lacks words of it"))
        })
    }

    /// How many rows belong to no document or to no chunk.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn strays(&self) -> Result<u64, LoadError> {
        self.in_one_state(|db| {
            let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0));
            Ok(count("SELECT COUNT(*) FROM pragma_foreign_key_check")?
                + count(&format!("SELECT COUNT(*) FROM ({WORDS_ASTRAY})"))?)
        })
    }
}

/// Removes the rows that belong to nothing. Only the process that owns the
/// folder may call this.
///
/// # Errors
/// The index cannot be written.
pub fn remove_strays(path: &Path) -> Result<(), LoadError> {
    let failed = |error: DbError| LoadError::reading(path, error);
    extension::register().map_err(failed)?;
    let connection = db::open(path, SCHEMA).map_err(failed)?;
    let remove = || -> rusqlite::Result<()> {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(&format!(
            "DELETE FROM vector WHERE chunk NOT IN (SELECT id FROM chunk WHERE document IN (SELECT id FROM document));
             DELETE FROM link WHERE document NOT IN (SELECT id FROM document);
             DELETE FROM words WHERE rowid IN (SELECT id FROM chunk WHERE document NOT IN (SELECT id FROM document));
             DELETE FROM chunk WHERE document NOT IN (SELECT id FROM document);
             DELETE FROM words WHERE rowid IN ({WORDS_ASTRAY});"
        ))?;
        transaction.commit()
    };
    remove().map_err(|error| failed(error.into()))
}
