//! What can be wrong with a database, and what to do about it.

use std::path::{Path, PathBuf};

use super::damage;
use crate::failure::StageError;
use crate::room::is_full_database;

/// An error of one of the databases.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The file cannot be opened or prepared.
    #[error("cannot open {path}: {reason}; check that this user may read and write the file and its folder")]
    Open {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file is no sound database.
    #[error("{} is damaged: {reason}; `docmill verify --repair` puts it aside (or move it away with its -wal and -shm files), and the next run makes it anew out of what lies beside it", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file cannot be opened or prepared for want of room.
    #[error("no room left to write {path}: {reason}")]
    NoRoom {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file was written by a newer docmill.
    #[error("{path} has schema version {found}, this docmill knows up to {known}; use a newer docmill")]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The version in the file.
        found: usize,
        /// The newest version this program knows.
        known: usize,
    },
    /// A statement failed.
    #[error("database error")]
    Sql(#[from] rusqlite::Error),
    /// A row holds what this program never writes there.
    #[error("unexpected value in the database: {0}")]
    Value(String),
    /// The transaction around a write was not committed.
    #[error("the change was not written: {reason}")]
    NotCommitted {
        /// What SQLite said.
        reason: String,
        /// Whether the disk is full, or fails.
        is_full: bool,
    },
    /// The writer thread has ended.
    #[error("the database is closed")]
    Closed,
}

impl DbError {
    /// The same; where it tells that the file at `path` is damaged, it says
    /// so, and what to do.
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Sql(error) if damage::is_damage_code(&error) => {
                Self::Damaged { path: path.to_owned(), reason: error.to_string() }
            }
            error => error,
        }
    }

    pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        if is_full_database(error) {
            Self::NoRoom { path, reason }
        } else if damage::is_damage_code(error) {
            Self::Damaged { path, reason }
        } else {
            Self::Open { path, reason }
        }
    }
}

impl StageError for DbError {
    fn can_retry(&self) -> bool {
        !matches!(self, Self::Newer { .. } | Self::Value(_) | Self::Damaged { .. })
    }

    fn kind(&self) -> &'static str {
        "database"
    }

    fn is_store_outage(&self) -> bool {
        match self {
            Self::NoRoom { .. } => true,
            Self::Sql(error) => is_full_database(error),
            Self::NotCommitted { is_full, .. } => *is_full,
            Self::Open { .. } | Self::Damaged { .. } | Self::Newer { .. } | Self::Value(_) | Self::Closed => false,
        }
    }
}
