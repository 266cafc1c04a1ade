//! A database opened one way: to write, migrated forward, or to read beside
//! its writer.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use url::Url;

use super::{DbError, damage};
use crate::failure::one_line;

/// Pages that a connection keeps in memory, in KiB: the system keeps the file
/// in its own memory anyway, and there are several connections.
const CACHE_KIB: i64 = 512;
/// How much of what SQLite says is told, in bytes.
const SAID_BYTES_MAX: usize = 300;
/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// One of the databases: where it is and its schema, version by version.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// SQL scripts; number n brings version n to n + 1. Released scripts are
    /// never edited, only followed by others.
    pub migrations: &'static [&'static str],
}

/// Opens (or makes) the database and migrates it forward.
pub fn open(path: &Path, schema: Schema) -> Result<Connection, DbError> {
    is_no_file(path)?;
    let failed = |error: rusqlite::Error| DbError::opening(path, &error);
    let mut connection = Connection::open(path).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    migrate(&mut connection, path, schema)?;
    Ok(connection)
}

/// Opens an existing database to read beside its writer; `None` where there
/// is none yet.
pub fn open_read_only(path: &Path, schema: Schema) -> Result<Option<Connection>, DbError> {
    is_no_file(path)?;
    if !path.exists() {
        return Ok(None);
    }
    let failed = |error: rusqlite::Error| DbError::opening(path, &error);
    let (connection, found) = reading_now(path).map_err(failed)?;
    let known = schema.migrations.len();
    if found > known {
        return Err(DbError::Newer { path: path.to_owned(), found, known });
    }
    // An older file is migrated by the next run; until then it has nothing
    // that this program can read.
    Ok((found == known).then_some(connection))
}

/// What is wrong with the pages of a database, if anything; reads all of it,
/// beside its writer or without one. A file that is not there is whole.
///
/// # Errors
/// The file cannot be opened at all.
pub fn fault(path: &Path) -> Result<Option<String>, DbError> {
    if let Err(DbError::Damaged { reason, .. }) = is_no_file(path) {
        return Ok(Some(reason));
    }
    if !path.exists() {
        return Ok(None);
    }
    let check = || -> rusqlite::Result<String> {
        let (connection, _version) = reading_now(path)?;
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
    };
    match check() {
        Ok(said) if said == "ok" => Ok(None),
        Ok(said) => Ok(Some(one_line(&said, SAID_BYTES_MAX))),
        Err(error) if damage::is_damage_code(&error) => Ok(Some(error.to_string())),
        Err(error) => Err(DbError::opening(path, &error)),
    }
}

/// SQLite calls these a full disk, or a folder that cannot be written.
fn is_no_file(path: &Path) -> Result<(), DbError> {
    let damaged = |reason: &str| Err(DbError::Damaged { path: path.to_owned(), reason: reason.to_owned() });
    match std::fs::symlink_metadata(path) {
        Ok(_) if path.is_dir() => damaged("a folder has its name"),
        Ok(found) if found.is_symlink() && !path.exists() => damaged("it is a link to what is not there"),
        _ => Ok(()),
    }
}

fn reading_now(path: &Path) -> rusqlite::Result<(Connection, usize)> {
    reading_beside_a_writer(path).or_else(|error| match error.sqlite_error_code() {
        // Not even the memory that is shared with a writer has room.
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
            if is_at_rest(path) =>
        {
            reading_at_rest(path)
        }
        _ => Err(error),
    })
}

/// A connection with the file's schema version. It shares the writer's
/// memory, which is a file of its own that has to be writable.
fn reading_beside_a_writer(path: &Path) -> rusqlite::Result<(Connection, usize)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    reading(Connection::open_with_flags(path, flags)?)
}

/// The same for a file that this user may not write, in a folder that nobody
/// writes now.
fn reading_at_rest(path: &Path) -> rusqlite::Result<(Connection, usize)> {
    let path = std::path::absolute(path).map_err(|_| rusqlite::Error::InvalidPath(path.to_owned()))?;
    let mut url = Url::from_file_path(&path).map_err(|()| rusqlite::Error::InvalidPath(path))?;
    url.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    reading(Connection::open_with_flags(url.as_str(), flags)?)
}

fn reading(connection: Connection) -> rusqlite::Result<(Connection, usize)> {
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    let found = version(&connection)?;
    Ok((connection, found))
}

/// Whether all that was written is in the file itself: none of it waits in
/// the log beside it.
fn is_at_rest(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |log| log.len() == 0)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // A negative number is one of KiB.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(connection: &mut Connection, path: &Path, schema: Schema) -> Result<(), DbError> {
    let failed = |error: rusqlite::Error| DbError::opening(path, &error);
    let known = schema.migrations.len();
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    let found = version(&transaction).map_err(failed)?;
    if found > known {
        return Err(DbError::Newer { path: path.to_owned(), found, known });
    }
    for script in &schema.migrations[found..] {
        transaction.execute_batch(script).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema { migrations: &["CREATE TABLE t (n INTEGER PRIMARY KEY)"] };

    #[test]
    fn a_newer_file_is_refused_and_an_older_one_is_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        drop(open(&path, SCHEMA).unwrap());
        const NEXT: Schema = Schema { migrations: &["", "CREATE TABLE u (n)"] };
        assert!(open_read_only(&path, NEXT).unwrap().is_none());
        drop(open(&path, NEXT).unwrap());
        assert!(open_read_only(&path, NEXT).unwrap().is_some());
        assert!(matches!(open(&path, SCHEMA), Err(DbError::Newer { found: 2, known: 1, .. })));
    }
}
