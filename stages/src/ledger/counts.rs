//! The ledger in numbers.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::admit::to_sql;
use crate::db::DbError;

/// How many items are in each state. They add up by construction: an item
/// has one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Every output is in place.
    pub done: u64,
    /// There was nothing to do.
    pub skipped: u64,
    /// In the dead letters.
    pub dead: u64,
    /// In backoff, between batch stages, behind an outage, or not yet begun.
    pub waiting: u64,
    /// With a ticket.
    pub in_flight: u64,
    /// Chunks of what is done.
    pub chunks: u64,
}

impl Counts {
    /// Every item ever admitted.
    pub fn admitted(&self) -> u64 {
        self.done + self.skipped + self.dead + self.waiting + self.in_flight
    }
}

/// Counts the items by state; cheap, whatever their number.
pub fn counts(db: &Connection) -> Result<Counts, DbError> {
    let mut counts = Counts::default();
    let mut statement = db.prepare_cached("SELECT state, items, chunks FROM item_count")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let state: String = row.get(0)?;
        let items = row.get(1)?;
        match state.as_str() {
            "done" => {
                counts.done = items;
                counts.chunks = row.get(2)?;
            }
            "skipped" => counts.skipped = items,
            "dead" => counts.dead = items,
            "waiting" => counts.waiting = items,
            "in_flight" => counts.in_flight = items,
            other => return Err(DbError::Value(format!("item state {other:?}"))),
        }
    }
    Ok(counts)
}

/// An item that is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadItem {
    /// See [`crate::item::key_of_url`].
    pub key: String,
    /// The page, or `raw-file:NAME` where no page could be read.
    pub url: String,
    /// The raw file it came from.
    pub file: String,
    /// Where it failed.
    pub stage: String,
    /// Short name of the error.
    pub kind: String,
    /// The error and its causes.
    pub error: String,
    /// Attempts burnt.
    pub attempts: u32,
}

/// The first `limit` dead items, by URL.
pub fn dead_items(db: &Connection, limit: usize) -> Result<Vec<DeadItem>, DbError> {
    let mut statement = db.prepare_cached(
        "SELECT key, url, file, COALESCE(stage, ''), COALESCE(error_kind, ''), COALESCE(error, ''), attempts
         FROM item WHERE state = 'dead' ORDER BY url LIMIT ?1",
    )?;
    let rows = statement.query_map(params![to_sql(limit as u64)], |row| {
        Ok(DeadItem {
            key: row.get(0)?,
            url: row.get(1)?,
            file: row.get(2)?,
            stage: row.get(3)?,
            kind: row.get(4)?,
            error: row.get(5)?,
            attempts: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
