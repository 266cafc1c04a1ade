//! Dead items: which they are, tried again or dropped, and which letters have
//! to follow.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use super::accounts;
use super::admit::to_sql;
use super::again::reprocess;
use super::settle::finish;
use crate::clock::iso8601;
use crate::db::DbError;

/// The version that a death is noted with.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Kind of a skipped item that a person dropped; the schema's index names it too.
const DROPPED: &str = "dropped";

/// An item that is dead: what its letter holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadItem {
    /// Order of admission.
    #[serde(skip)]
    pub seq: i64,
    /// See [`crate::item::key_of_url`].
    pub key: String,
    /// The page, or `raw-file:NAME` where no page could be read.
    pub url: String,
    /// The raw file it came from.
    pub file: String,
    /// Place in the file's list, from 0.
    pub position: u64,
    /// Offset of its first byte in the file.
    pub start: u64,
    /// Its length in bytes; 0 where the file itself is meant.
    pub bytes: u64,
    /// Of the raw item; empty where none could be read.
    pub content_hash: String,
    /// Where it failed.
    pub stage: String,
    /// Short name of the error.
    pub kind: String,
    /// The error and its causes, joined by `: `.
    pub error: String,
    /// Attempts burnt.
    pub attempts: u32,
    /// Times it was in a stage call as the process died.
    pub crashes: u32,
    /// RFC 3339, UTC; `None` where it died under a version that did not note
    /// it.
    pub died_at: Option<String>,
    /// Of the program that it died under.
    pub version: Option<String>,
}

impl DeadItem {
    /// Whether it stands for a raw file, or an element of one, that is no
    /// item.
    pub fn is_raw_file(&self) -> bool {
        self.url.starts_with("raw-file:")
    }

    const COLUMNS: &str = "seq, key, url, file, position, start, bytes, content_hash, COALESCE(stage, ''),
        COALESCE(error_kind, ''), COALESCE(error, ''), attempts, crashes, died_at, died_in";

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            key: row.get(1)?,
            url: row.get(2)?,
            file: row.get(3)?,
            position: row.get(4)?,
            start: row.get(5)?,
            bytes: row.get(6)?,
            content_hash: row.get(7)?,
            stage: row.get(8)?,
            kind: row.get(9)?,
            error: row.get(10)?,
            attempts: row.get(11)?,
            crashes: row.get(12)?,
            died_at: row.get::<_, Option<i64>>(13)?.map(iso8601),
            version: row.get(14)?,
        })
    }
}

/// What a key or a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A dead item.
    Dead(Box<DeadItem>),
    /// An item that is in this state.
    Not(String),
    /// Nothing that was ever admitted.
    Unknown,
}

/// The first `limit` dead items, by URL.
pub fn dead_items(db: &Connection, limit: usize) -> Result<Vec<DeadItem>, DbError> {
    let columns = DeadItem::COLUMNS;
    let mut statement =
        db.prepare_cached(&format!("SELECT {columns} FROM item WHERE state = 'dead' ORDER BY url LIMIT ?1"))?;
    let rows = statement.query_map([to_sql(limit as u64)], DeadItem::of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first `limit` dead items that were admitted after `seq`: a walk over
/// all of them, whatever their number, in parts.
pub fn dead_after(db: &Connection, seq: i64, limit: usize) -> Result<Vec<DeadItem>, DbError> {
    let columns = DeadItem::COLUMNS;
    let mut statement = db.prepare_cached(&format!(
        "SELECT {columns} FROM item WHERE state = 'dead' AND seq > ?1 ORDER BY seq LIMIT ?2"
    ))?;
    let rows = statement.query_map(params![seq, to_sql(limit as u64)], DeadItem::of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What this key or (normalised) URL names.
pub fn named(db: &Connection, key_or_url: &str) -> Result<Named, DbError> {
    let columns = DeadItem::COLUMNS;
    let found = db
        .prepare_cached(&format!("SELECT {columns}, state FROM item WHERE key = ?1 OR url = ?1"))?
        .query_row([key_or_url], |row| Ok((DeadItem::of(row)?, row.get::<_, String>(15)?)))
        .optional()?;
    Ok(match found {
        Some((item, state)) if state == "dead" => Named::Dead(Box::new(item)),
        Some((_, state)) => Named::Not(state),
        None => Named::Unknown,
    })
}

/// Puts a dead item back among those that wait, as if it had never been
/// tried; of a raw file that was refused, the next look reads it anew. Says
/// whether it was dead.
pub fn revive(db: &Connection, item: &DeadItem) -> Result<bool, DbError> {
    if !item.is_raw_file() {
        let is_dead: bool = db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM item WHERE key = ?1 AND state = 'dead')")?
            .query_row([&item.key], |row| row.get(0))?;
        return Ok(is_dead && reprocess(db, &item.key)?);
    }
    let removed = db.prepare_cached("DELETE FROM item WHERE key = ?1 AND state = 'dead'")?.execute([&item.key])?;
    db.prepare_cached("DELETE FROM raw_file WHERE name = ?1")?.execute([&item.file])?;
    db.prepare_cached("INSERT INTO letter_due (key, look) VALUES (?1, 1)")?.execute([&item.key])?;
    accounts::add_up(db)?;
    Ok(removed > 0)
}

/// What dropping an item left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It was not dead.
    No,
    /// Nothing of its page was ever loaded.
    Whole,
    /// An older version of its page stays in the sinks.
    OlderStays,
}

/// Drops a dead item: it is skipped from now on, until its page has newer
/// content or its refused file is read anew. What was loaded of the page
/// before stays where it is, and is told of.
pub fn drop_dead(db: &Connection, key: &str) -> Result<Dropped, DbError> {
    let older: Option<bool> = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM output WHERE output.key = item.key) FROM item WHERE key = ?1 AND state = 'dead'",
        )?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let Some(older) = older else { return Ok(Dropped::No) };
    finish(db, key, "skipped", 0)?;
    db.prepare_cached("UPDATE item SET error_kind = ?2, error = 'dropped by hand' WHERE key = ?1")?
        .execute([key, DROPPED])?;
    accounts::add_up(db)?;
    Ok(if older { Dropped::OlderStays } else { Dropped::Whole })
}

/// A letter that may be behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterDue {
    /// Number of the change; a later one is greater.
    pub change: i64,
    /// Whose letter.
    pub key: String,
    /// What it holds; `None` where there is to be none.
    pub item: Option<DeadItem>,
}

/// The first `limit` letters that may be behind the ledger.
pub fn letters_due(db: &Connection, limit: usize) -> Result<Vec<LetterDue>, DbError> {
    let mut statement = db.prepare_cached("SELECT change, key FROM letter_due ORDER BY change LIMIT ?1")?;
    let rows = statement
        .query_map([to_sql(limit as u64)], |row| Ok(LetterDue { change: row.get(0)?, key: row.get(1)?, item: None }))?;
    let mut due: Vec<LetterDue> = rows.collect::<Result<_, _>>()?;
    for letter in &mut due {
        if let Named::Dead(item) = named(db, &letter.key)? {
            letter.item = Some(*item);
        }
    }
    Ok(due)
}

/// Notes that the letters have followed up to this change. Says whether one
/// of the changes wants the raw folder looked at anew.
pub fn letters_followed(db: &Connection, change: i64) -> Result<bool, DbError> {
    let look = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM letter_due WHERE change <= ?1 AND look = 1)")?
        .query_row([change], |row| row.get(0))?;
    db.prepare_cached("DELETE FROM letter_due WHERE change <= ?1")?.execute([change])?;
    Ok(look)
}
