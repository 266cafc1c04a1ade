//! What a crawl has come to, in numbers.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::super::url::NormalUrl;
use super::begin::read_starts;
use super::{Change, CrawlNumber, LeftOut, State};
use crate::db::DbError;

/// How many of a crawl's URLs are in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlCounts {
    /// To be fetched.
    pub queued: u64,
    /// To be fetched again at their time.
    pub waiting: u64,
    /// Being fetched.
    pub fetching: u64,
    /// Indexed for the first time.
    pub new: u64,
    /// Indexed, with other content than before.
    pub updated: u64,
    /// Indexed, with the content from before.
    pub unchanged: u64,
    /// Redirects.
    pub redirected: u64,
    /// Answered with 404 or 410.
    pub gone: u64,
    /// Given up.
    pub failed: u64,
    /// Left out, by reason; reasons without URLs are not listed.
    pub left_out: BTreeMap<LeftOut, u64>,
}

impl CrawlCounts {
    /// All URLs that the crawl knows.
    pub fn known(&self) -> u64 {
        self.open() + self.indexed() + self.redirected + self.gone + self.failed + self.left_out.values().sum::<u64>()
    }

    /// Those that may still be fetched.
    pub fn open(&self) -> u64 {
        self.queued + self.waiting + self.fetching
    }

    /// Pages with content.
    pub fn indexed(&self) -> u64 {
        self.new + self.updated + self.unchanged
    }

    fn of(&mut self, state: State) -> &mut u64 {
        match state {
            State::Queued => &mut self.queued,
            State::Waiting => &mut self.waiting,
            State::Fetching => &mut self.fetching,
            State::Indexed(Change::New) => &mut self.new,
            State::Indexed(Change::Updated) => &mut self.updated,
            State::Indexed(Change::Unchanged) => &mut self.unchanged,
            State::Redirected => &mut self.redirected,
            State::Gone => &mut self.gone,
            State::Failed => &mut self.failed,
            State::LeftOut(reason) => self.left_out.entry(reason).or_default(),
        }
    }
}

/// The URLs of several crawls together.
impl std::ops::AddAssign for CrawlCounts {
    fn add_assign(&mut self, other: Self) {
        let Self { queued, waiting, fetching, new, updated, unchanged, redirected, gone, failed, left_out } = other;
        self.queued += queued;
        self.waiting += waiting;
        self.fetching += fetching;
        self.new += new;
        self.updated += updated;
        self.unchanged += unchanged;
        self.redirected += redirected;
        self.gone += gone;
        self.failed += failed;
        for (reason, count) in left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
    }
}

/// Counts a crawl's URLs; cheap, whatever their number.
///
/// # Errors
/// Of the database.
pub fn counts(db: &Connection, crawl: CrawlNumber) -> Result<CrawlCounts, DbError> {
    let mut query = db.prepare_cached(
        "SELECT state, reason, sum(visits) FROM visit_count WHERE crawl = ?1
         GROUP BY state, reason HAVING sum(visits) > 0",
    )?;
    let rows =
        query.query_map([crawl.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?)))?;
    let mut counts = CrawlCounts::default();
    for row in rows {
        let (state, reason, visits): (_, _, i64) = row?;
        let state = State::of_columns(&state, &reason)
            .ok_or_else(|| DbError::Value(format!("a visit is in the state {state:?} {reason:?}")))?;
        *counts.of(state) = u64::try_from(visits).unwrap_or(0);
    }
    Ok(counts)
}

/// A crawl as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrawlSummary {
    /// Its number.
    pub crawl: CrawlNumber,
    /// Its start URLs, sorted.
    pub starts: Vec<NormalUrl>,
    /// When it began, in milliseconds since 1970.
    pub begun_ms: i64,
    /// When it ended; `None` while it is unfinished.
    pub ended_ms: Option<i64>,
    /// Whether no page or time limit cut it off; `None` while it is unfinished.
    pub is_whole: Option<bool>,
    /// Its URLs.
    pub counts: CrawlCounts,
}

/// The latest crawls, the last one first.
///
/// # Errors
/// Of the database.
pub fn summaries(db: &Connection, count: usize) -> Result<Vec<CrawlSummary>, DbError> {
    let mut query = db.prepare_cached(
        "SELECT number, starts, begun_ms, ended_ms, ending = 'whole' FROM crawl JOIN site ON site.id = crawl.site
         ORDER BY number DESC LIMIT ?1",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = query
        .query_map([count], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?;
    let mut summaries = Vec::new();
    for row in rows {
        let (number, starts, begun_ms, ended_ms, is_whole) = row?;
        let (crawl, starts) = (CrawlNumber(number), read_starts(&starts)?);
        summaries.push(CrawlSummary { crawl, starts, begun_ms, ended_ms, is_whole, counts: counts(db, crawl)? });
    }
    Ok(summaries)
}

/// A URL that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedPage {
    /// The URL.
    pub url: String,
    /// The last error.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// The first `count` URLs, in order of URL, that were given up.
///
/// # Errors
/// Of the database.
pub fn failures(db: &Connection, crawl: CrawlNumber, count: usize) -> Result<Vec<FailedPage>, DbError> {
    let mut query = db.prepare_cached(
        "SELECT url, coalesce(error, ''), attempts FROM visit WHERE crawl = ?1 AND state = 'failed'
         ORDER BY url LIMIT ?2",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = query.query_map(params![crawl.0, count], |row| {
        Ok(FailedPage { url: row.get(0)?, error: row.get(1)?, attempts: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
