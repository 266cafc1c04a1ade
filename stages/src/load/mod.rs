//! The load stage: an embedded document becomes real, and can be found.
//!
//! Its files go to the store first ([`files`]), then each [`Sink`] takes it in
//! one transaction; the embedded [`index`] is the sink that every run has,
//! and [`neo4j`] one more.
//! [`search`] answers questions from it, and [`digest`] proves that two runs
//! ended with the same data.
//!
//! Each step can be done twice without harm, and none of them reads the
//! ledger.

pub mod digest;
pub mod files;
pub mod fill;
pub mod gone;
pub mod index;
pub mod neo4j;
pub mod search;
mod sink;

#[cfg(test)]
pub(crate) mod samples;

use std::path::{Path, PathBuf};

pub(crate) use sink::check_names;
pub use sink::{Fingerprints, LoadDocument, Outcome, Sink, StillCurrent, check_vector, fingerprint_in};

use crate::db::DbError;
use crate::failure::{StageError, one_line};
use crate::store::StoreError;

/// How much of a text from outside an error message shows, in bytes.
const SHOWN_BYTES_MAX: usize = 300;

/// An error of the load stage.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A document does not hold together: a stage before has a bug, or its
    /// output was changed.
    #[error("document {key} cannot be loaded: {reason}")]
    Document {
        /// The document's key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// A vector that cannot be compared with others.
    #[error("the vector of {what} cannot be used: {reason}")]
    Vector {
        /// A chunk's id, or `the question`.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// A document's or chunks' file does not hold what docmill writes.
    #[error("{place} is damaged: {reason}; remove it and process its page again")]
    File {
        /// Which file.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The graph could not be read or written.
    #[error(transparent)]
    Neo4j(#[from] neo4j::Neo4jError),
    /// A file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index's pointer file does not name an index.
    #[error("{} does not name an index; remove it, then index.db is used", path.display())]
    Pointer {
        /// The pointer file.
        path: PathBuf,
    },
    /// A file of the index could not be put in place.
    #[error("cannot put the index at {} in place", path.display())]
    Place {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The index belongs to a model that the settings describe otherwise.
    #[error("{} belongs to {found}, not to {wanted}; move it away, and the next run makes it anew", path.display())]
    Model {
        /// The index.
        path: PathBuf,
        /// What the index says.
        found: String,
        /// What the settings say.
        wanted: String,
    },
    /// The index holds what docmill never writes there.
    #[error("{} is damaged: {reason}; move it away with its -wal and -shm files, and the next run loads its documents anew", path.display())]
    Damaged {
        /// The index.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The index could not be opened, read or written.
    #[error("cannot use the index {}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What happened.
        #[source]
        source: DbError,
    },
}

impl LoadError {
    /// The error of reading the index at `path`.
    fn reading(path: &Path, source: impl Into<DbError>) -> Self {
        match source.into() {
            DbError::Value(reason) => Self::Damaged { path: path.to_owned(), reason },
            source => Self::writing(path, source),
        }
    }

    /// The error of writing to it: a value that is odd is not the file's.
    fn writing(path: &Path, source: DbError) -> Self {
        let path = path.to_owned();
        match source {
            DbError::Sql(error) if is_damage(&error) => {
                Self::Damaged { path, reason: one_line(&error.to_string(), SHOWN_BYTES_MAX) }
            }
            DbError::Damaged { reason, .. } => Self::Damaged { path, reason: one_line(&reason, SHOWN_BYTES_MAX) },
            source => Self::Index { path, source },
        }
    }

    fn document(key: &str, reason: impl Into<String>) -> Self {
        Self::Document { key: one_line(key, SHOWN_BYTES_MAX), reason: reason.into() }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(failure.code, DatabaseCorrupt | NotADatabase),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => true,
        _ => false,
    }
}

impl StageError for LoadError {
    fn can_retry(&self) -> bool {
        match self {
            Self::Store(error) => error.can_retry(),
            Self::Neo4j(error) => error.can_retry(),
            Self::Index { source, .. } => source.can_retry(),
            Self::Place { .. } => true,
            Self::Document { .. }
            | Self::Vector { .. }
            | Self::File { .. }
            | Self::Pointer { .. }
            | Self::Model { .. }
            | Self::Damaged { .. } => false,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Document { .. } => "bad_document",
            Self::Vector { .. } => "bad_vector",
            Self::File { .. } => "damaged_file",
            Self::Store(error) => error.kind(),
            Self::Neo4j(error) => error.kind(),
            Self::Pointer { .. } | Self::Damaged { .. } => "damaged_index",
            Self::Place { .. } => "storage",
            Self::Model { .. } => "other_model",
            Self::Index { source, .. } => source.kind(),
        }
    }

    fn is_outage(&self) -> bool {
        matches!(self, Self::Neo4j(error) if error.is_outage())
    }

    fn is_store_outage(&self) -> bool {
        match self {
            Self::Store(error) => error.is_store_outage(),
            Self::Index { source, .. } => source.is_store_outage(),
            Self::Place { source, .. } => crate::room::is_full(source),
            _ => false,
        }
    }
}
