//! The one thread that writes a database, and groups writes into transactions.
//!
//! A write is a function over the connection. It runs in a savepoint of its
//! own, so one that fails leaves nothing behind and harms no neighbour; its
//! answer is given only after the transaction around it was committed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{DbError, damage, points};
use crate::failure::{StageError, panic_text};
use crate::room::is_full_database;

/// How many writes one transaction groups at most.
const GROUP_MAX: usize = 256;
/// How many writes may wait; more block the caller.
const QUEUE_MAX: usize = 4_096;

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
    use crate::db::{Schema, open};

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
}
