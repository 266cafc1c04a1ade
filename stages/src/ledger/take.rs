//! The door's second half: waiting items become tickets in flight.

use rusqlite::{Connection, params};

use super::accounts;
use super::admit::to_sql;
use super::{CRASHES_ALONE, Location};
use crate::db::DbError;
use crate::fault;

/// How much more may go into flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlightRoom {
    /// Items.
    pub items: usize,
    /// Bytes of raw items.
    pub bytes: u64,
    /// Whether nothing is in flight: one item larger than `bytes`, or one
    /// that has to run alone, may go only then.
    pub empty: bool,
}

/// An item that has gone into flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// See [`crate::item::key_of_url`].
    pub key: String,
    /// The normalised URL.
    pub url: String,
    /// Decorates the item's file names.
    pub article_id: Option<String>,
    /// Where its bytes lie.
    pub location: Location,
    /// What was admitted; bytes with another hash are not this ticket's.
    pub content_hash: String,
    /// Whether it removes its page.
    pub tombstone: bool,
    /// Of this ticket.
    pub generation: u64,
    /// Attempts burnt before this one.
    pub attempts: u32,
    /// Whether it has to run alone.
    pub alone: bool,
}

/// Takes items that wait, oldest first, as far as `room` goes.
///
/// `stored_stage` limits it to items with so many stages' outputs stored
/// (batch mode); `None` takes any, and what batch had stored of them counts
/// no more.
pub fn take(
    db: &Connection,
    now_ms: i64,
    room: InFlightRoom,
    stored_stage: Option<u32>,
) -> Result<Vec<Taken>, DbError> {
    let mut taken = Vec::new();
    let mut bytes_left = room.bytes;
    for item in due(db, now_ms, room.items, stored_stage)? {
        let first_of_all = room.empty && taken.is_empty();
        if item.alone && !first_of_all {
            continue;
        }
        if item.location.bytes > bytes_left && !first_of_all {
            break;
        }
        bytes_left = bytes_left.saturating_sub(item.location.bytes);
        let alone = item.alone;
        taken.push(item);
        if alone {
            break;
        }
    }
    for item in &taken {
        mark_in_flight(db, &item.key, item.generation, stored_stage.is_none())?;
    }
    accounts::add_up(db)?;
    if !taken.is_empty() {
        fault::point("ledger.take")?;
    }
    Ok(taken)
}

fn due(db: &Connection, now_ms: i64, limit: usize, stored_stage: Option<u32>) -> Result<Vec<Taken>, DbError> {
    let mut statement = db.prepare_cached(
        "SELECT key, url, article_id, file, position, start, bytes, content_hash, tombstone, generation, attempts, crashes
         FROM item WHERE state = 'waiting' AND not_before <= ?1 AND (?2 IS NULL OR stored_stage = ?2)
         ORDER BY seq LIMIT ?3",
    )?;
    let rows = statement.query_map(params![now_ms, stored_stage, to_sql(limit as u64)], |row| {
        Ok(Taken {
            key: row.get(0)?,
            url: row.get(1)?,
            article_id: row.get(2)?,
            location: Location { file: row.get(3)?, position: row.get(4)?, start: row.get(5)?, bytes: row.get(6)? },
            content_hash: row.get(7)?,
            tombstone: row.get(8)?,
            generation: row.get::<_, u64>(9)? + 1,
            attempts: row.get(10)?,
            alone: row.get::<_, u32>(11)? >= CRASHES_ALONE,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn mark_in_flight(db: &Connection, key: &str, generation: u64, forget_stored: bool) -> Result<(), DbError> {
    db.prepare_cached(
        "UPDATE item SET state = 'in_flight', generation = ?2, stored_stage = CASE WHEN ?3 THEN 0 ELSE stored_stage END
         WHERE key = ?1",
    )?
    .execute(params![key, to_sql(generation), forget_stored])?;
    Ok(())
}

/// Batch mode: the fewest stages' outputs that any item has stored that is
/// not through; `None` where nothing waits or is in flight.
pub fn least_stored_stage(db: &Connection) -> Result<Option<u32>, DbError> {
    Ok(db
        .prepare_cached("SELECT MIN(stored_stage) FROM item WHERE state IN ('waiting', 'in_flight')")?
        .query_row([], |row| row.get(0))?)
}

/// When the next waiting item is due, in milliseconds since 1970; `None`
/// where nothing waits.
pub fn next_due(db: &Connection, stored_stage: Option<u32>) -> Result<Option<i64>, DbError> {
    Ok(db
        .prepare_cached(
            "SELECT MIN(not_before) FROM item WHERE state = 'waiting' AND (?1 IS NULL OR stored_stage = ?1)",
        )?
        .query_row([stored_stage], |row| row.get(0))?)
}
