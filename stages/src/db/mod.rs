//! SQLite as the three databases use it: opened one way, migrated forward,
//! written by one thread that groups transitions into transactions.
//!
//! A write is a function over the connection. It runs in a savepoint of its
//! own, so one that fails leaves nothing behind and harms no neighbour; its
//! answer is given only after the transaction around it was committed.

mod again;
pub(crate) mod damage;
mod points;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

pub use rusqlite::Connection;
use rusqlite::{ErrorCode, OpenFlags};
use tokio::sync::oneshot;
use url::Url;

use crate::failure::{StageError, panic_text};
use crate::room::is_full_database;

/// How many writes one transaction groups at most.
const GROUP_MAX: usize = 256;
/// How many writes may wait; more block the caller.
const QUEUE_MAX: usize = 4_096;
/// Pages that a connection keeps in memory, in KiB: the system keeps the file
/// in its own memory anyway, and there are several connections.
const CACHE_KIB: i64 = 512;
/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// An error of one of the databases.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The file cannot be opened or prepared.
    #[error("cannot open {path}: {reason}; check that the folder can be written, or move the file away to start anew")]
    Open {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file is no sound database.
    #[error("{} is damaged: {reason}; move it away with its -wal and -shm files, and the next run makes it anew out of what lies beside it", path.display())]
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

    fn opening(path: &Path, error: &rusqlite::Error) -> Self {
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

/// One of the databases: where it is and its schema, version by version.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// SQL scripts; number n brings version n to n + 1. Released scripts are
    /// never edited, only followed by others.
    pub migrations: &'static [&'static str],
}

/// Opens (or makes) the database and migrates it forward.
pub fn open(path: &Path, schema: Schema) -> Result<Connection, DbError> {
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
    if !path.exists() {
        return Ok(None);
    }
    let failed = |error: rusqlite::Error| DbError::opening(path, &error);
    let opened = reading_beside_a_writer(path).or_else(|error| match error.sqlite_error_code() {
        // Not even the memory that is shared with a writer has room.
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
            if is_at_rest(path) =>
        {
            reading_at_rest(path)
        }
        _ => Err(error),
    });
    let (connection, found) = opened.map_err(failed)?;
    let known = schema.migrations.len();
    if found > known {
        return Err(DbError::Newer { path: path.to_owned(), found, known });
    }
    // An older file is migrated by the next run; until then it has nothing
    // that this program can read.
    Ok((found == known).then_some(connection))
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

/// Why a transaction was not committed, for each write of it.
#[derive(Debug, Clone)]
struct Uncommitted {
    reason: String,
    is_full: bool,
    damaged: Option<PathBuf>,
}

impl Uncommitted {
    fn panicked() -> Self {
        Self { reason: "the writer panicked".to_owned(), is_full: false, damaged: None }
    }

    fn new(error: &rusqlite::Error, connection: &Connection) -> Self {
        let damaged = damage::is_damage_code(error).then(|| file_of(connection));
        Self { reason: error.to_string(), is_full: is_full_database(error), damaged }
    }
}

impl From<Uncommitted> for DbError {
    fn from(Uncommitted { reason, is_full, damaged }: Uncommitted) -> Self {
        match damaged {
            Some(path) => Self::Damaged { path, reason },
            None => Self::NotCommitted { reason, is_full },
        }
    }
}

fn file_of(connection: &Connection) -> PathBuf {
    connection.path().map(PathBuf::from).unwrap_or_default()
}

/// Tells a write's caller how it ended, once the commit is known.
type Answer = Box<dyn FnOnce(Result<(), Uncommitted>) + Send>;
/// Gets no connection where the transaction could not begin.
type Write = Box<dyn FnOnce(Option<&Connection>) -> Answer + Send>;

/// A handle to the thread that writes one database. Clones share the thread;
/// it ends, with all waiting writes done, when the last of them is dropped.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::SyncSender<Write>,
}

impl Writer {
    /// Starts the thread that owns `connection`.
    pub fn spawn(connection: Connection, thread_name: &str) -> std::io::Result<Self> {
        let (queue, writes) = mpsc::sync_channel(QUEUE_MAX);
        std::thread::Builder::new().name(thread_name.to_owned()).spawn(move || write_all(&connection, &writes))?;
        Ok(Self { queue })
    }

    /// Runs `write` and waits until it is committed.
    ///
    /// # Errors
    /// What `write` returned, or that the transaction failed.
    pub async fn call<T, F>(&self, write: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.enqueue(write, move |result| drop(reply.send(result)))?;
        answer.await.map_err(|_| DbError::Closed)?
    }

    /// The same for a caller that may block its thread.
    ///
    /// # Errors
    /// As [`Writer::call`].
    pub fn call_blocking<T, F>(&self, write: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    {
        let (reply, answer) = mpsc::sync_channel(1);
        self.enqueue(write, move |result| drop(reply.send(result)))?;
        answer.recv().map_err(|_| DbError::Closed)?
    }

    /// Queues `write` in order and does not wait; an error is logged.
    pub fn post<F>(&self, write: F)
    where
        F: FnOnce(&Connection) -> Result<(), DbError> + Send + 'static,
    {
        let reply = |result: Result<(), DbError>| {
            if let Err(error) = result {
                // Of a full disk whoever waits for a write tells, once.
                let level = if error.is_store_outage() { log::Level::Debug } else { log::Level::Error };
                log::log!(level, "a posted write was lost: {}", crate::failure::chain(&error));
            }
        };
        if self.enqueue(write, reply).is_err() {
            log::error!("a posted write was lost: {}", DbError::Closed);
        }
    }

    /// `reply` is called once the commit is known; a caller that no longer
    /// listens is none of its business.
    fn enqueue<T, F, R>(&self, write: F, reply: R) -> Result<(), DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
        R: FnOnce(Result<T, DbError>) + Send + 'static,
    {
        let write: Write = Box::new(move |connection| {
            let result = connection.ok_or(DbError::Closed).and_then(|connection| {
                in_savepoint(connection, write).map_err(|error| error.in_file(&file_of(connection)))
            });
            Box::new(move |committed| reply(settle(result, committed)))
        });
        self.queue.send(write).map_err(|_| DbError::Closed)
    }
}

fn settle<T>(result: Result<T, DbError>, committed: Result<(), Uncommitted>) -> Result<T, DbError> {
    match (result, committed) {
        // What went wrong with the write itself says more.
        (Err(error @ (DbError::Sql(_) | DbError::Damaged { .. })), _) => Err(error),
        (_, Err(error)) => Err(error.into()),
        (result, Ok(())) => result,
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    write: impl FnOnce(&Connection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    connection.execute_batch("SAVEPOINT one")?;
    let result = catch_unwind(AssertUnwindSafe(|| write(connection))).unwrap_or_else(|panic| {
        // As of a stage: the next try may be luckier.
        let reason = format!("a write panicked: {}", panic_text(panic.as_ref()));
        Err(DbError::NotCommitted { reason, is_full: false })
    });
    if result.is_ok() {
        connection.execute_batch("RELEASE one")?;
    } else if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO one; RELEASE one")?;
    }
    result
}

fn write_all(connection: &Connection, writes: &mpsc::Receiver<Write>) {
    while let Ok(first) = writes.recv() {
        let (mut answers, mut committed) = (Vec::new(), Err(Uncommitted::panicked()));
        // Whoever waits gets an answer and the thread goes on, whatever happens.
        let written = catch_unwind(AssertUnwindSafe(|| {
            committed = write_transaction(connection, first, writes, &mut answers);
            points::after_commit();
        }));
        if let Err(panic) = written {
            log::error!("the writer of {} panicked: {}", file_of(connection).display(), panic_text(panic.as_ref()));
        }
        if committed.is_err()
            && !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            log::error!("cannot roll back: {error}");
        }
        for answer in answers {
            answer(committed.clone());
        }
    }
}

/// Writes what waits, and commits it together.
fn write_transaction(
    connection: &Connection,
    first: Write,
    writes: &mpsc::Receiver<Write>,
    answers: &mut Vec<Answer>,
) -> Result<(), Uncommitted> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        answers.push(first(None));
        return Err(Uncommitted::new(&error, connection));
    }
    write_group(connection, first, writes, answers);
    commit(connection)
}

fn commit(connection: &Connection) -> Result<(), Uncommitted> {
    // Where the disk is full or fails, SQLite may take the whole transaction
    // back by itself.
    if connection.is_autocommit() {
        return Err(Uncommitted { reason: "the disk is full or fails".to_owned(), is_full: true, damaged: None });
    }
    points::before_commit().map_err(|fault| Uncommitted {
        reason: fault.to_string(),
        is_full: false,
        damaged: None,
    })?;
    connection.execute_batch("COMMIT").map_err(|error| Uncommitted::new(&error, connection))
}

fn write_group(connection: &Connection, first: Write, writes: &mpsc::Receiver<Write>, answers: &mut Vec<Answer>) {
    answers.push(first(Some(connection)));
    // Without the transaction around it a write would be committed alone.
    while answers.len() < GROUP_MAX && !connection.is_autocommit() {
        match writes.try_recv() {
            Ok(write) => answers.push(write(Some(connection))),
            Err(_) => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema { migrations: &["CREATE TABLE t (n INTEGER PRIMARY KEY)"] };

    fn count(writer: &Writer) -> i64 {
        writer.call_blocking(|db| Ok(db.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0))?)).unwrap()
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_and_harms_no_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::spawn(open(&folder.path().join("x.db"), SCHEMA).unwrap(), "writer").unwrap();
        writer.post(|db| Ok(db.execute("INSERT INTO t VALUES (1)", []).map(drop)?));
        let failed = writer.call_blocking(|db| {
            db.execute("INSERT INTO t VALUES (2)", [])?;
            db.execute("INSERT INTO t VALUES (1)", [])?;
            Ok(())
        });
        assert!(matches!(failed, Err(DbError::Sql(_))), "{failed:?}");
        let panicked = writer.call_blocking(|_| -> Result<(), DbError> { panic!("for the test") });
        assert!(panicked.unwrap_err().can_retry());
        writer.post(|db| Ok(db.execute("INSERT INTO t VALUES (3)", []).map(drop)?));
        assert_eq!(count(&writer), 2);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { assert_eq!(count(&writer), 2, "a thread of a runtime may block, too") });
    }

    #[test]
    fn a_full_disk_is_an_outage_of_the_store_and_what_fits_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("x.db"), SCHEMA).unwrap();
        connection.query_row("PRAGMA max_page_count = 8", [], |_| Ok(())).unwrap();
        let writer = Writer::spawn(connection, "writer").unwrap();
        let large = |db: &Connection| {
            db.execute_batch("CREATE TABLE u (b); INSERT INTO u VALUES (zeroblob(1000000))")?;
            Ok(())
        };
        for _ in 0..2 {
            let full = writer.call_blocking(large).unwrap_err();
            assert!(full.is_store_outage(), "{full:?}");
            // Waited for: in one transaction with the next it would fall with it.
            let small = |db: &Connection| Ok(db.execute("INSERT INTO t (n) VALUES (NULL)", []).map(drop)?);
            writer.call_blocking(small).unwrap();
        }
        assert_eq!(count(&writer), 2);
    }

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
