//! The ledger as it is held against files and index: what each item should
//! have, and whether the numbers add up.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, Row};

use super::{Location, OUTPUT_FILES};
use crate::db::DbError;
use crate::load::index::INDEX_ID;

/// What an item is waiting for, or has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemState {
    /// To be processed.
    Waiting,
    /// With a ticket, or left so by a process that died.
    InFlight,
    /// Every output is in place.
    Done,
    /// There was nothing to do.
    Skipped,
    /// In the dead letters.
    Dead,
}

/// An item as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// See [`crate::item::key_of_url`].
    pub key: String,
    /// The normalised URL.
    pub url: String,
    /// Where its newest bytes lie.
    pub location: Location,
    /// Of those bytes.
    pub content_hash: String,
    /// Whether they say that the page is gone.
    pub tombstone: bool,
    /// What becomes of it.
    pub state: ItemState,
    /// Changes with every ticket.
    pub generation: u64,
    /// Of its last output.
    pub chunks: u64,
    /// Its files, where they were written.
    pub files: Option<BookedOutput>,
    /// Content hash of its document in the index, where it was loaded.
    pub index: Option<String>,
}

/// An item's files as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedOutput {
    /// Of their names.
    pub stem: String,
    /// Of the raw item that they were made of.
    pub content_hash: String,
    /// Size of both, in bytes.
    pub bytes: u64,
}

/// Pages only: a raw file that holds none has an entry of its own. The sinks
/// stand in the joins, so that an item without an output is there too.
fn booked_sql(condition: &str) -> String {
    format!(
        "SELECT item.key, url, file, position, start, item.bytes, item.content_hash, tombstone, state, generation,
                chunks, files.stem, files.content_hash, files.bytes, loaded.content_hash
         FROM item LEFT JOIN output files ON files.key = item.key AND files.sink = '{OUTPUT_FILES}'
                   LEFT JOIN output loaded ON loaded.key = item.key AND loaded.sink = '{INDEX_ID}'
         WHERE url NOT LIKE 'raw-file:%' AND {condition}"
    )
}

/// Every page, by URL.
///
/// # Errors
/// The ledger cannot be read.
pub fn booked(db: &Connection) -> Result<Vec<Booked>, DbError> {
    let mut statement = db.prepare(&format!("{} ORDER BY url", booked_sql("1")))?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(booked_of(row)?);
    }
    Ok(all)
}

/// One page, as it is now.
///
/// # Errors
/// The ledger cannot be read.
pub fn booked_as(db: &Connection, key: &str) -> Result<Option<Booked>, DbError> {
    let mut statement = db.prepare_cached(&booked_sql("item.key = ?1"))?;
    let mut rows = statement.query([key])?;
    rows.next()?.map(booked_of).transpose()
}

fn booked_of(row: &Row<'_>) -> Result<Booked, DbError> {
    let stem: Option<String> = row.get(11)?;
    let files = match stem {
        Some(stem) => Some(BookedOutput { stem, content_hash: row.get(12)?, bytes: row.get(13)? }),
        None => None,
    };
    Ok(Booked {
        key: row.get(0)?,
        url: row.get(1)?,
        location: Location { file: row.get(2)?, position: row.get(3)?, start: row.get(4)?, bytes: row.get(5)? },
        content_hash: row.get(6)?,
        tombstone: row.get(7)?,
        state: state_of(&row.get::<_, String>(8)?)?,
        generation: row.get(9)?,
        chunks: row.get(10)?,
        files,
        index: row.get(14)?,
    })
}

fn state_of(name: &str) -> Result<ItemState, DbError> {
    match name {
        "waiting" => Ok(ItemState::Waiting),
        "in_flight" => Ok(ItemState::InFlight),
        "done" => Ok(ItemState::Done),
        "skipped" => Ok(ItemState::Skipped),
        "dead" => Ok(ItemState::Dead),
        other => Err(DbError::Value(format!("item state {other:?}"))),
    }
}

/// The stem of every item that has files.
///
/// # Errors
/// The ledger cannot be read.
pub fn booked_stems(db: &Connection) -> Result<HashSet<String>, DbError> {
    let mut statement = db.prepare("SELECT DISTINCT stem FROM output")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// States whose kept numbers are not those that counting gives, a line each.
///
/// # Errors
/// The ledger cannot be read.
pub fn miscounts(db: &Connection) -> Result<Vec<String>, DbError> {
    // One statement, so that both are of one moment.
    let mut statement = db.prepare(
        "SELECT 0, state, items, chunks FROM item_count
         UNION ALL SELECT 1, state, COUNT(*), SUM(chunks) FROM item GROUP BY state",
    )?;
    let mut rows = statement.query([])?;
    let mut numbers: BTreeMap<String, [(i64, i64); 2]> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (counted, state): (usize, String) = (row.get(0)?, row.get(1)?);
        if let Some(place) = numbers.entry(state).or_default().get_mut(counted) {
            *place = (row.get(2)?, row.get(3)?);
        }
    }
    let wrong = numbers.into_iter().filter(|(_, [kept, counted])| kept != counted);
    Ok(wrong
        .map(|(state, [(items, chunks), (real_items, real_chunks)])| {
            format!("{state}: {items} items and {chunks} chunks are kept, {real_items} and {real_chunks} are there")
        })
        .collect())
}

/// Counts the items anew, and keeps what was counted.
///
/// # Errors
/// The ledger cannot be written.
pub fn recount(db: &Connection) -> Result<(), DbError> {
    Ok(db.execute_batch(
        "INSERT OR IGNORE INTO item_count VALUES
             ('waiting', 0, 0), ('in_flight', 0, 0), ('done', 0, 0), ('skipped', 0, 0), ('dead', 0, 0);
         UPDATE item_count SET
             items = (SELECT COUNT(*) FROM item WHERE item.state = item_count.state),
             chunks = (SELECT COALESCE(SUM(chunks), 0) FROM item WHERE item.state = item_count.state);",
    )?)
}

/// When the newest item was saved, in microseconds since 1970.
///
/// # Errors
/// The ledger cannot be read.
pub fn newest_scraped_at(db: &Connection) -> Result<Option<i64>, DbError> {
    Ok(db.query_row("SELECT MAX(scraped_at) FROM item WHERE scraped_at > 0", [], |row| row.get(0))?)
}
