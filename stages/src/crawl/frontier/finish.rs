//! Ends a crawl.

use rusqlite::{Connection, params};

use super::{CrawlNumber, FrontierRules, LeftOut, State};
use crate::db::DbError;

/// Why a crawl ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// [`super::next`] says that it is finished.
    Complete,
    /// `CLOSESPIDER_TIMEOUT` has passed. A crawl that a person stops does not
    /// end: it is resumed.
    TimeLimit,
}

/// Ends a crawl; returns whether it was whole, that is whether no page or time
/// limit has left URLs out. After a whole crawl without failures the pages of
/// its site that are gone, moved or no longer linked are counted as missing
/// once more.
///
/// # Errors
/// Of the database, or [`DbError::Value`] where a complete crawl still has
/// URLs to fetch.
pub fn finish(
    db: &Connection,
    crawl: CrawlNumber,
    rules: &FrontierRules,
    ending: Ending,
    now_ms: i64,
) -> Result<bool, DbError> {
    let reason = match ending {
        Ending::Complete => LeftOut::PageLimit,
        Ending::TimeLimit => LeftOut::TimeLimit,
    };
    let (state, reason) = State::LeftOut(reason).columns();
    let cut = db.execute(
        "UPDATE visit SET state = ?2, reason = ?3, retry_at_ms = NULL
         WHERE crawl = ?1 AND state IN ('queued', 'waiting', 'fetching')",
        params![crawl.0, state, reason],
    )?;
    if cut > 0 && ending == Ending::Complete && rules.pages_max.is_none() {
        return Err(DbError::Value(format!("crawl {crawl} still has {cut} URLs to fetch")));
    }
    let is_whole = cut == 0;
    db.execute(
        "UPDATE crawl SET ended_ms = ?2, ending = ?3 WHERE number = ?1",
        params![crawl.0, now_ms, if is_whole { "whole" } else { "cut" }],
    )?;
    if is_whole && !has_failures(db, crawl)? {
        count_missing(db, crawl)?;
    }
    Ok(is_whole)
}

/// What stands behind a page that was given up was not seen: no page is
/// missing because of that.
fn has_failures(db: &Connection, crawl: CrawlNumber) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM visit WHERE crawl = ?1 AND state = 'failed')";
    Ok(db.query_row(sql, [crawl.0], |row| row.get(0))?)
}

fn count_missing(db: &Connection, crawl: CrawlNumber) -> Result<(), DbError> {
    db.execute(
        "UPDATE page SET missing = missing + 1
         WHERE site = (SELECT site FROM crawl WHERE number = ?1) AND indexable AND coalesce(fetched_crawl, 0) < ?1
           AND NOT EXISTS (SELECT 1 FROM visit WHERE visit.crawl = ?1 AND visit.page = page.id
                           AND state NOT IN ('gone', 'redirected'))",
        [crawl.0],
    )?;
    Ok(())
}
