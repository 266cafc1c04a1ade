//! Begins a crawl, or goes on with an unfinished one.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::url::NormalUrl;
use super::pages::{page_id, stored_url};
use super::reach::{Frontier, Way};
use super::{CrawlNumber, FrontierRules, LeftOut};
use crate::db::DbError;

/// A crawl that is ready to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Its number.
    pub crawl: CrawlNumber,
    /// Whether it was begun before and goes on.
    pub is_resumed: bool,
}

/// A set of start URLs that was crawled before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its start URLs, sorted.
    pub starts: Vec<NormalUrl>,
    /// Its latest crawl.
    pub crawl: CrawlNumber,
    /// Whether that crawl is unfinished.
    pub is_unfinished: bool,
}

/// Goes on with the unfinished crawl of exactly these start URLs, or begins
/// the next one. What was being fetched when the process ended is queued
/// again, without an attempt burnt. A resumed crawl goes on by today's rules.
///
/// # Errors
/// Of the database.
pub fn begin(db: &Connection, starts: &[NormalUrl], rules: &FrontierRules, now_ms: i64) -> Result<Begun, DbError> {
    let starts: BTreeSet<&str> = starts.iter().map(NormalUrl::as_str).collect();
    let site = site_id(db, &starts)?;
    let unfinished: Option<i64> =
        db.query_row("SELECT max(number) FROM crawl WHERE site = ?1 AND ended_ms IS NULL", [site], |row| row.get(0))?;
    if let Some(number) = unfinished {
        let crawl = CrawlNumber(number);
        resume(&Frontier::open(db, crawl, rules)?)?;
        return Ok(Begun { crawl, is_resumed: true });
    }
    forget_old_visits(db, site)?;
    db.execute("INSERT INTO crawl (site, begun_ms) VALUES (?1, ?2)", params![site, now_ms])?;
    let crawl = CrawlNumber(db.last_insert_rowid());
    let ways: Vec<(i64, Way)> =
        starts.into_iter().map(|start| Ok((page_id(db, start)?, Way::START))).collect::<Result<_, DbError>>()?;
    Frontier::open(db, crawl, rules)?.reach(ways)?;
    Ok(Begun { crawl, is_resumed: false })
}

/// The sites that were crawled before, the one crawled last first.
///
/// # Errors
/// Of the database.
pub fn sites(db: &Connection) -> Result<Vec<Site>, DbError> {
    let mut query = db.prepare_cached(
        "SELECT site.starts, number, ended_ms IS NULL FROM crawl JOIN site ON site.id = crawl.site
         WHERE number IN (SELECT max(number) FROM crawl GROUP BY site) ORDER BY number DESC",
    )?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))?;
    let mut sites = Vec::new();
    for row in rows {
        let (starts, number, is_unfinished) = row?;
        sites.push(Site { starts: read_starts(&starts)?, crawl: CrawlNumber(number), is_unfinished });
    }
    Ok(sites)
}

/// Start URLs as they stand in `site.starts`.
pub(super) fn read_starts(list: &str) -> Result<Vec<NormalUrl>, DbError> {
    let texts: Vec<String> = serde_json::from_str(list)
        .map_err(|error| DbError::Value(format!("a site's start URLs are no list of texts: {error}")))?;
    texts.iter().map(|text| stored_url(text)).collect()
}

fn site_id(db: &Connection, starts: &BTreeSet<&str>) -> Result<i64, DbError> {
    let list = serde_json::to_string(starts).map_err(|error| DbError::Value(error.to_string()))?;
    let found = db.query_row("SELECT id FROM site WHERE starts = ?1", [&list], |row| row.get(0)).optional()?;
    match found {
        Some(id) => Ok(id),
        None => {
            db.execute("INSERT INTO site (starts) VALUES (?1)", [&list])?;
            Ok(db.last_insert_rowid())
        }
    }
}

fn resume(frontier: &Frontier<'_>) -> Result<(), DbError> {
    frontier
        .db
        .execute("UPDATE visit SET state = 'queued' WHERE crawl = ?1 AND state = 'fetching'", [frontier.crawl.0])?;
    for reason in [LeftOut::Scope, LeftOut::Nofollow, LeftOut::Depth, LeftOut::RedirectLimit] {
        frontier.judge_again(reason.name())?;
    }
    frontier.judge_again("")
}

/// The visits of a site's last ended crawl are kept, to compare with; those
/// before it are only counted.
fn forget_old_visits(db: &Connection, site: i64) -> Result<(), DbError> {
    db.execute(
        "DELETE FROM visit WHERE crawl IN (
             SELECT number FROM crawl WHERE site = ?1 AND ended_ms IS NOT NULL
             ORDER BY number DESC LIMIT -1 OFFSET 1)",
        [site],
    )?;
    Ok(())
}
