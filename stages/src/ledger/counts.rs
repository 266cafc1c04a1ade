//! The ledger in numbers.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

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

/// What is told apart within the states; it is counted in them too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// Of those that are done: pages that were taken out.
    pub removed: u64,
    /// Of those that are skipped: dead items that a person dropped.
    pub dropped: u64,
}

/// Counts what is told apart.
pub fn apart(db: &Connection) -> Result<Apart, DbError> {
    // The indexes hold these alone; without their names others could be read.
    let count = |what: &str| -> Result<u64, DbError> {
        let query = format!("SELECT COUNT(*) FROM item INDEXED BY {what}");
        Ok(db.prepare_cached(&query)?.query_row([], |row| row.get(0))?)
    };
    Ok(Apart {
        removed: count("item_removed WHERE state = 'done' AND tombstone = 1")?,
        dropped: count("item_dropped WHERE state = 'skipped' AND error_kind = 'dropped'")?,
    })
}
