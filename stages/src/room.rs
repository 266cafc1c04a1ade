//! Room on a disk: how an error says that there is none, and how much there
//! is.
//!
//! A disk that is full (or a quota that is used up) is nobody's fault among
//! the items: errors that tell of it are outages of the store
//! ([`crate::failure::StageError::is_store_outage`]), and the run ends until
//! somebody has made room.

use std::io::{self, ErrorKind};
use std::path::Path;

use rusqlite::ErrorCode;

/// Whether the system says that there is no room left.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Whether the place, and not what was written, is at fault: a folder that
/// became read-only, was closed to this user, or went away.
pub fn is_unwritable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::NotADirectory
    )
}

/// Whether the database's disk is full, or fails: SQLite tells a quota that
/// is used up, and a log that cannot grow, as failing.
pub(crate) fn is_full_database(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}

/// Bytes that this user may still write where `path` is, or will be; `None`
/// where the system does not say. A quota is not counted.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    fs4::available_space(existing).ok()
}

/// The same, as a person reads it.
pub fn free_text(path: &Path) -> String {
    const MB: f64 = 1e6;
    #[expect(clippy::cast_precision_loss, reason = "it is rounded for a person")]
    match free_bytes(path) {
        Some(bytes) if bytes < 1_000_000 => format!("{bytes} bytes free"),
        Some(bytes) => format!("{:.1} MB free; a quota may be used up", bytes as f64 / MB),
        None => "how much is free is not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_used_up_quota_are_known() {
        assert!(is_full(&ErrorKind::StorageFull.into()) && is_full(&ErrorKind::QuotaExceeded.into()));
        assert!(!is_full(&ErrorKind::PermissionDenied.into()));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(free_bytes(folder.path()).is_some(), free_bytes(&folder.path().join("not/yet")).is_some());
    }

    #[test]
    fn a_full_database_is_known() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.execute_batch("PRAGMA max_page_count = 2; CREATE TABLE t (b)").unwrap();
        let error = db.execute("INSERT INTO t VALUES (zeroblob(100000))", []).unwrap_err();
        assert!(is_full_database(&error), "{error}");
        assert!(!is_full_database(&db.execute_batch("SELECT x").unwrap_err()));
    }
}
