//! What is done, sink by sink, and how much of it still counts.

use rusqlite::{Connection, params};

use super::accounts;
use super::admit::to_sql;
use crate::db::DbError;

/// The sink that every item has: its files in the store.
pub const OUTPUT_FILES: &str = "files";

/// One sink's output of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// [`OUTPUT_FILES`], or a sink's id.
    pub sink: String,
    /// Of the item's files; see [`crate::item::file_stem`].
    pub stem: String,
    /// Of the settings, the model and the code that made it.
    pub fingerprint: String,
    /// Size in bytes, 0 where it has none.
    pub bytes: u64,
}

pub(super) fn record_output(db: &Connection, key: &str, content_hash: &str, output: &Output) -> Result<(), DbError> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO output (key, sink, stem, content_hash, fingerprint, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![key, output.sink, output.stem, content_hash, output.fingerprint, to_sql(output.bytes)])?;
    Ok(())
}

pub(super) fn forget_outputs(db: &Connection, key: &str) -> Result<(), DbError> {
    db.prepare_cached("DELETE FROM output WHERE key = ?1")?.execute([key])?;
    Ok(())
}

/// Stems under which an item's files were written before, other than `stem`.
pub fn old_stems(db: &Connection, key: &str, stem: &str) -> Result<Vec<String>, DbError> {
    let mut statement = db.prepare_cached("SELECT DISTINCT stem FROM output WHERE key = ?1 AND stem <> ?2")?;
    let rows = statement.query_map([key, stem], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every item's output in a sink: key, content hash, output.
pub fn outputs_of(db: &Connection, sink: &str) -> Result<Vec<(String, String, Output)>, DbError> {
    let mut statement = db.prepare_cached(
        "SELECT key, content_hash, sink, stem, fingerprint, bytes FROM output WHERE sink = ?1 ORDER BY key",
    )?;
    let rows = statement.query_map([sink], |row| {
        let output = Output { sink: row.get(2)?, stem: row.get(3)?, fingerprint: row.get(4)?, bytes: row.get(5)? };
        Ok((row.get(0)?, row.get(1)?, output))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that a sink holds what the item's files hold, where they still are of
/// that content.
pub fn note_output(db: &Connection, key: &str, content_hash: &str, output: &Output) -> Result<(), DbError> {
    let is_so: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM output WHERE key = ?1 AND sink = ?2 AND content_hash = ?3)")?
        .query_row([key, OUTPUT_FILES, content_hash], |row| row.get(0))?;
    if is_so { record_output(db, key, content_hash, output) } else { Ok(()) }
}

/// Forgets that a sink holds an item.
pub fn forget_output(db: &Connection, key: &str, sink: &str) -> Result<(), DbError> {
    db.prepare_cached("DELETE FROM output WHERE key = ?1 AND sink = ?2")?.execute([key, sink])?;
    Ok(())
}

/// Puts items that are done back among those that wait, where `sink` has no
/// output of their newest content with this fingerprint: the settings or the
/// model have changed, or the sink is new. Returns how many.
pub fn requeue_stale(db: &Connection, sink: &str, fingerprint: &str) -> Result<usize, DbError> {
    let changed = db.execute(
        "UPDATE item SET state = 'waiting', stored_stage = 0, attempts = 0, not_before = 0
         WHERE state = 'done' AND tombstone = 0 AND NOT EXISTS (
             SELECT 1 FROM output WHERE output.key = item.key AND sink = ?1
                AND output.content_hash = item.content_hash AND fingerprint = ?2)",
        [sink, fingerprint],
    )?;
    accounts::add_up(db)?;
    Ok(changed)
}

/// Puts one item back, for its output is not what it should be. Says whether
/// it was done before.
pub fn requeue(db: &Connection, key: &str) -> Result<bool, DbError> {
    let changed = db
        .prepare_cached("UPDATE item SET state = 'waiting', stored_stage = 0, attempts = 0, not_before = 0 WHERE key = ?1 AND state = 'done'")?
        .execute([key])?;
    accounts::add_up(db)?;
    Ok(changed > 0)
}
