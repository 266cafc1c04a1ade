//! A database file that is damaged: how it is known, and how it is set aside.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::DbError;

/// Longest wait for another process that opens the same cache.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether an earlier run has marked the file as damaged, or its first pages
/// show it.
pub(crate) fn is_known_or_seen(path: &Path) -> Result<bool, DbError> {
    Ok(damage_mark(path).exists() || is_damaged(path)?)
}

/// Whether the file's first pages say that it is no sound database.
fn is_damaged(path: &Path) -> Result<bool, DbError> {
    if !path.exists() {
        return Ok(false);
    }
    let probe = || -> rusqlite::Result<()> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PROBE_TIMEOUT)?;
        connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)).map(drop)
    };
    match probe() {
        Ok(()) => Ok(false),
        Err(error) if is_damage_code(&error) => Ok(true),
        Err(error) => Err(DbError::opening(path, &error)),
    }
}

/// Whether any page of the file is not as it must be; reads all of it.
pub(crate) fn is_unsound(path: &Path) -> Result<bool, DbError> {
    if is_damaged(path)? {
        return Ok(true);
    }
    if !path.exists() {
        return Ok(false);
    }
    let check = || -> rusqlite::Result<String> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PROBE_TIMEOUT)?;
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    };
    match check() {
        Ok(said) => Ok(said != "ok"),
        Err(error) if is_damage_code(&error) => Ok(true),
        Err(error) => Err(DbError::opening(path, &error)),
    }
}

/// Whether the file, and not the statement or the system, is at fault.
pub(crate) fn is_damage(error: &DbError) -> bool {
    match error {
        DbError::Damaged { .. } => true,
        DbError::Sql(error) => is_damage_code(error),
        _ => false,
    }
}

pub(super) fn is_damage_code(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// `result`, and a mark for the next opening if it tells of damage.
pub(crate) fn marking<T>(path: &Path, result: Result<T, DbError>) -> Result<T, DbError> {
    if let Err(error) = &result {
        mark_damage(path, error);
    }
    result
}

/// Leaves a mark by which the next opening begins anew.
fn mark_damage(path: &Path, error: &DbError) {
    if is_damage(error)
        && let Err(io_error) = std::fs::write(damage_mark(path), b"")
    {
        log::warn!("cannot mark {} as damaged, delete it by hand: {io_error}", path.display());
    }
}

fn damage_mark(path: &Path) -> PathBuf {
    with_suffix(path, ".damaged")
}

/// Renames the file (over one that was put aside before) and drops what
/// belongs to it.
pub(crate) fn put_aside(path: &Path) -> Result<PathBuf, DbError> {
    let aside = with_suffix(path, ".aside");
    if path.symlink_metadata().is_ok() {
        std::fs::rename(path, &aside).map_err(|error| open_error(path, &error))?;
    }
    for beside in ["-wal", "-shm", ".damaged"].map(|suffix| with_suffix(path, suffix)) {
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(open_error(&beside, &error)),
            _ => {}
        }
    }
    Ok(aside)
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// An error of opening `path`.
pub(crate) fn open_error(path: &Path, reason: &dyn std::fmt::Display) -> DbError {
    DbError::Open { path: path.to_owned(), reason: reason.to_string() }
}
