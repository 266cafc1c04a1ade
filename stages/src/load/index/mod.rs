//! The embedded index: documents, chunks, links, vectors and full text in one
//! SQLite file under DATA_DIR.
//!
//! Vectors are compared one by one, by sqlite-vec: 20,000 of 384 dimensions
//! take 24 ms on one core (in its vec0 tables 18 ms; see index.sql for why
//! not), and the time grows with their number.
//!
//! An index belongs to one embedding model. Opened for another it is left as
//! it is, and a new one is filled beside it until [`Index::promote`] makes
//! that the one which readers use.

mod audit;
mod extension;
mod place;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use rusqlite::{Connection, OptionalExtension as _};

pub use audit::{files, pointer_fault, readers, remove_strays};
pub use read::{Counts, Loaded, Reader, Recent};
pub(super) use read::{EDGES, document, from_json};
pub(super) use write::{link_target, text_hash, vector_bytes};

use super::{LoadDocument, LoadError, Outcome, Sink, StillCurrent};
use crate::db::{self, DbError, Schema, Writer, damage};
use crate::failure::one_line;
use crate::fault;

/// The index's name in the ledger.
pub const INDEX_ID: &str = "index";
/// Changes when the same document would stand in the index otherwise.
const CODE_VERSION: u32 = 1;
/// Of index.db; also the schema of one that is built beside it.
const SCHEMA: Schema = Schema { migrations: &[include_str!("index.sql")] };
/// Vectors of more dimensions than any known model has.
const DIMENSION_MAX: usize = 65_536;

/// The model whose vectors an index holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// As a person knows it.
    pub name: String,
    /// Of its vectors.
    pub dimension: usize,
    /// Of everything that changes its vectors; two models with one
    /// fingerprint give the same vectors.
    pub fingerprint: String,
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "model {} with {} dimensions", one_line(&self.name, 100), self.dimension)
    }
}

/// The index that a run writes. Clones share its one writer thread.
#[derive(Debug, Clone)]
pub struct Index {
    writer: Writer,
    folder: PathBuf,
    path: PathBuf,
    model: Model,
    set_aside: Option<PathBuf>,
}

impl Index {
    /// Opens, makes or migrates the index of `model` in `folder`. Where the
    /// index in use belongs to another model and is not empty, this is one
    /// beside it. Only the process that owns `folder` may call this.
    ///
    /// A file that is damaged, in whatever page, is set aside and the index
    /// begun anew: all that was in it can be loaded again.
    ///
    /// # Errors
    /// The file cannot be opened, or belongs to a newer docmill.
    pub fn open(folder: &Path, model: &Model) -> Result<Self, LoadError> {
        let current = place::current(folder)?;
        let failed = |source: DbError| LoadError::Index { path: current.clone(), source };
        let unsound = damage::is_unsound(&current).map_err(failed)?;
        let set_aside = if unsound { Some(damage::put_aside(&current).map_err(failed)?) } else { None };
        let (path, connection) = match open_for(&current, model)? {
            Some(connection) => {
                place::remove_others(folder, &current);
                (current, connection)
            }
            None => {
                let beside = place::beside(folder, &model.fingerprint);
                let connection = open_for(&beside, model)?.ok_or_else(|| LoadError::Model {
                    path: beside.clone(),
                    found: "another model".to_owned(),
                    wanted: model.to_string(),
                })?;
                (beside, connection)
            }
        };
        let writer =
            Writer::spawn(connection, "index").map_err(|source| LoadError::Place { path: path.clone(), source })?;
        Ok(Self { writer, folder: folder.to_owned(), path, model: model.clone(), set_aside })
    }

    /// The model that it was opened for.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Where a damaged file was put, if there was one.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether readers use this index; otherwise it is built beside the one
    /// that they use.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn is_current(&self) -> Result<bool, LoadError> {
        Ok(place::current(&self.folder)? == self.path)
    }

    /// Makes this the index that readers use, and removes the one that was.
    /// To be called when it is whole: when a run has ended and nothing waits.
    /// Says whether another was in use before.
    ///
    /// # Errors
    /// The one that was in use still is.
    pub fn promote(&self) -> Result<bool, LoadError> {
        if self.is_current()? {
            return Ok(false);
        }
        fault::point("index.promote")
            .map_err(|fault| LoadError::Place { path: self.path.clone(), source: fault.into() })?;
        place::point_to(&self.folder, &self.path)?;
        fault::pass("index.promoted");
        place::remove_others(&self.folder, &self.path);
        Ok(true)
    }

    /// Opens this index, in use or not, to read beside its writer.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn reader(&self) -> Result<Reader, LoadError> {
        Reader::open_file(&self.path)?
            .ok_or_else(|| LoadError::Damaged { path: self.path.clone(), reason: "it is gone or empty".to_owned() })
    }

    /// See [`Sink::replace`]; one document.
    ///
    /// # Errors
    /// As there.
    pub async fn replace_one(&self, load: Arc<LoadDocument>, current: StillCurrent) -> Result<Outcome, LoadError> {
        load.check(self.model.dimension)?;
        let write = self.writer.call(move |db| {
            if !current(&load.embedded.key) {
                return Ok(Outcome::Superseded);
            }
            write::replace(db, &load)?;
            Ok(Outcome::Written)
        });
        write.await.map_err(|error| LoadError::writing(&self.path, error))
    }
}

impl Sink for Index {
    fn id(&self) -> String {
        INDEX_ID.to_owned()
    }

    fn fingerprint(&self) -> String {
        format!("{INDEX_ID}-{CODE_VERSION}")
    }

    /// Each document is a write of its own; those that wait together are
    /// committed together.
    fn replace<'a>(
        &'a self,
        documents: &'a [Arc<LoadDocument>],
        current: &'a StillCurrent,
    ) -> BoxFuture<'a, Vec<Result<Outcome, LoadError>>> {
        join_all(documents.iter().map(|load| self.replace_one(Arc::clone(load), Arc::clone(current)))).boxed()
    }

    fn loaded(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, LoadError>> {
        async move {
            let mut loaded = Vec::new();
            self.reader()?.each_loaded(|document| loaded.push((document.key, document.content_hash)))?;
            Ok(loaded)
        }
        .boxed()
    }

    fn remove<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<usize, LoadError>> {
        let keys = keys.to_vec();
        async move {
            let removed = self.writer.call(move |db| write::remove(db, &keys)).await;
            removed.map_err(|error| LoadError::writing(&self.path, error))
        }
        .boxed()
    }
}

/// Takes documents out of every index in `folder`, whichever model it belongs
/// to. Only the process that owns `folder` may call this.
///
/// # Errors
/// An index cannot be opened or written; the others may have changed.
pub fn remove_from_all(folder: &Path, keys: &[String]) -> Result<(), LoadError> {
    for path in place::all(folder)? {
        let failed = |error: DbError| LoadError::reading(&path, error);
        extension::register().map_err(failed)?;
        let connection = db::open(&path, SCHEMA).map_err(failed)?;
        let transaction = connection.unchecked_transaction().map_err(|error| failed(error.into()))?;
        write::remove(&transaction, keys).map_err(failed)?;
        transaction.commit().map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

/// Opens the file for writing; `None` where it holds documents of another
/// model.
fn open_for(path: &Path, wanted: &Model) -> Result<Option<Connection>, LoadError> {
    let failed = |error: DbError| LoadError::reading(path, error);
    extension::register().map_err(failed)?;
    let connection = db::open(path, SCHEMA).map_err(failed)?;
    match model_of(&connection).map_err(failed)? {
        Some(found) if found.fingerprint == wanted.fingerprint => {
            if found.dimension == wanted.dimension {
                Ok(Some(connection))
            } else {
                Err(LoadError::Model { path: path.to_owned(), found: found.to_string(), wanted: wanted.to_string() })
            }
        }
        Some(_) if !is_empty(&connection).map_err(failed)? => Ok(None),
        _ => {
            write::set_model(&connection, wanted).map_err(failed)?;
            Ok(Some(connection))
        }
    }
}

fn model_of(connection: &Connection) -> Result<Option<Model>, DbError> {
    let row = connection
        .query_row("SELECT name, dimension, fingerprint FROM model", [], |row| {
            Ok((row.get(0)?, row.get::<_, u32>(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((name, dimension, fingerprint)) = row else { return Ok(None) };
    match usize::try_from(dimension) {
        Ok(dimension) if (1..=DIMENSION_MAX).contains(&dimension) => Ok(Some(Model { name, dimension, fingerprint })),
        _ => Err(DbError::Value(format!("a model of {dimension} dimensions"))),
    }
}

fn is_empty(connection: &Connection) -> Result<bool, DbError> {
    Ok(connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM document)", [], |row| row.get(0))?)
}
