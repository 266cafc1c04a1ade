//! What a person asks of the ledger: pages processed again, or taken out.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::Location;
use super::accounts;
use super::outputs::forget_outputs;
use super::settle::finish;
use crate::db::DbError;

/// A page that was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPage {
    /// See [`crate::item::key_of_url`].
    pub key: String,
    /// The normalised URL.
    pub url: String,
    /// Decorates the item's file names.
    pub article_id: Option<String>,
    /// Where its newest bytes lie.
    pub location: Location,
    /// Microseconds since 1970; `i64::MIN` where unknown.
    pub scraped_at: i64,
    /// Whether its newest item says that it is gone.
    pub tombstone: bool,
    /// Whether it is dead.
    pub is_dead: bool,
}

/// Every page that was admitted, by URL. Raw files that hold none are not
/// among them.
pub fn pages(db: &Connection) -> Result<Vec<KnownPage>, DbError> {
    let mut statement = db.prepare_cached(
        "SELECT key, url, article_id, file, position, start, bytes, scraped_at, tombstone, state = 'dead'
         FROM item WHERE url NOT LIKE 'raw-file:%' ORDER BY url",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(KnownPage {
            key: row.get(0)?,
            url: row.get(1)?,
            article_id: row.get(2)?,
            location: Location { file: row.get(3)?, position: row.get(4)?, start: row.get(5)?, bytes: row.get(6)? },
            scraped_at: row.get(7)?,
            tombstone: row.get(8)?,
            is_dead: row.get(9)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Puts a page that is done, skipped or dead back among those that wait, as
/// if it had never been tried. A page that was taken out stays out. Says
/// whether it was put back.
pub fn reprocess(db: &Connection, key: &str) -> Result<bool, DbError> {
    let changed = db
        .prepare_cached(
            "UPDATE item SET state = 'waiting', stored_stage = 0, attempts = 0, not_before = 0, crashes = 0,
                    stage = NULL, error_kind = NULL, error = NULL
             WHERE key = ?1 AND url NOT LIKE 'raw-file:%'
                AND (state = 'dead' OR (state IN ('done', 'skipped') AND tombstone = 0))",
        )?
        .execute([key])?;
    accounts::add_up(db)?;
    Ok(changed > 0)
}

/// Makes the next look read every raw file again that holds something that
/// is no item. Returns how many there are.
pub fn read_refused_anew(db: &Connection) -> Result<usize, DbError> {
    Ok(db.execute("DELETE FROM raw_file WHERE name IN (SELECT file FROM item WHERE url LIKE 'raw-file:%')", [])?)
}

/// Keys of the pages that were taken out, or were never there.
pub fn gone(db: &Connection) -> Result<HashSet<String>, DbError> {
    let mut statement =
        db.prepare_cached("SELECT key FROM item WHERE tombstone = 1 AND state IN ('done', 'skipped')")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that a page whose tombstone waits is out of every sink. Says whether
/// one waited.
pub fn taken_out(db: &Connection, key: &str) -> Result<bool, DbError> {
    let changed = db
        .prepare_cached(
            "UPDATE item SET generation = generation + 1 WHERE key = ?1 AND state = 'waiting' AND tombstone = 1",
        )?
        .execute(params![key])?;
    if changed > 0 {
        forget_outputs(db, key)?;
        finish(db, key, "done", 0)?;
    }
    accounts::add_up(db)?;
    Ok(changed > 0)
}
