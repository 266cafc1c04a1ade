//! What became of a URL that was handed out.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::super::fetch::Validators;
use super::super::url::NormalUrl;
use super::pages::page_id;
use super::reach::{Frontier, VISIT_COLUMNS, Visit};
use super::{Change, CrawlNumber, FrontierRules, LeftOut, State};
use crate::db::DbError;
use crate::failure::{MESSAGE_BYTES_MAX, one_line};
use crate::fault;

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A page was read, and its raw item is on disk if it may be indexed.
    Fetched(PageRecord),
    /// The server says that the version from before still stands.
    NotModified,
    /// The page is elsewhere.
    Redirect {
        /// Where.
        to: NormalUrl,
    },
    /// Nothing to index there.
    LeftOut(LeftOut),
    /// There is no such page.
    Gone,
    /// No answer, or none that means anything.
    Failed {
        /// Why; shown to a person.
        message: String,
        /// When to try again; `None` where that cannot help. Without effect
        /// once the URL has used up its retries.
        retry_at_ms: Option<i64>,
    },
}

/// A page that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRecord {
    /// For the next crawl.
    pub validators: Validators,
    /// Whether the page may be indexed; if not, its links are followed all
    /// the same.
    pub is_indexable: bool,
    /// [`crate::item::RawItem::content_hash`] of the raw item, if there is one.
    pub content_hash: Option<String>,
    /// Links to follow, in any order.
    pub links: Vec<NormalUrl>,
    /// Links that may not be followed.
    pub links_nofollow: Vec<NormalUrl>,
}

/// What [`record`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// The URL has its end.
    Ended(State),
    /// The URL is tried again at this time.
    Retry {
        /// Milliseconds since 1970.
        at_ms: i64,
    },
    /// The URL was not being fetched: a late answer, which changes nothing.
    Late,
}

/// Notes what became of a URL that [`super::next`] handed out. Call it for a
/// page only when its raw item is on disk, whole.
///
/// # Errors
/// Of the database.
pub fn record(
    db: &Connection,
    crawl: CrawlNumber,
    rules: &FrontierRules,
    url: &NormalUrl,
    outcome: Outcome,
) -> Result<Recorded, DbError> {
    let mut frontier = Frontier::open(db, crawl, rules)?;
    let Some(visit) = frontier.visit(page_id(db, url.as_str())?)?.filter(|visit| visit.state == State::Fetching) else {
        return Ok(Recorded::Late);
    };
    let state = match outcome {
        Outcome::Fetched(page) => frontier.store_page(&visit, &page)?,
        Outcome::NotModified => frontier.keep_page(&visit)?,
        Outcome::Redirect { to } => frontier.store_redirect(&visit, &to)?,
        Outcome::LeftOut(reason) => State::LeftOut(reason),
        Outcome::Gone => {
            frontier.forget_answer(&visit, None)?;
            State::Gone
        }
        Outcome::Failed { message, retry_at_ms } => match frontier.fail(&visit, &message, retry_at_ms)? {
            Some(at_ms) => return Ok(Recorded::Retry { at_ms }),
            None => State::Failed,
        },
    };
    fault::of_item("frontier.record", url.as_str())?;
    frontier.end(&visit, state)?;
    Ok(Recorded::Ended(state))
}

/// Queues a URL again that was handed out and not asked for, as at the end of
/// the program. Burns no attempt.
///
/// # Errors
/// Of the database.
pub fn release(db: &Connection, crawl: CrawlNumber, url: &NormalUrl) -> Result<(), DbError> {
    db.prepare_cached("UPDATE visit SET state = 'queued' WHERE crawl = ?1 AND page = ?2 AND state = 'fetching'")?
        .execute([crawl.0, page_id(db, url.as_str())?])?;
    Ok(())
}

/// Puts a URL off that was handed out and not asked for, as when its host's
/// robots.txt cannot be had now. Burns no attempt.
///
/// # Errors
/// Of the database.
pub fn postpone(db: &Connection, crawl: CrawlNumber, url: &NormalUrl, until_ms: i64) -> Result<(), DbError> {
    db.prepare_cached(
        "UPDATE visit SET state = 'waiting', retry_at_ms = ?3 WHERE crawl = ?1 AND page = ?2 AND state = 'fetching'",
    )?
    .execute([crawl.0, page_id(db, url.as_str())?, until_ms])?;
    Ok(())
}

/// Gives up all URLs of an origin (`https://host:port`) that are not done,
/// as when its robots.txt cannot be had. Returns how many.
///
/// # Errors
/// Of the database.
pub fn give_up_origin(
    db: &Connection,
    crawl: CrawlNumber,
    rules: &FrontierRules,
    origin: &str,
    message: &str,
) -> Result<usize, DbError> {
    let sql = format!(
        "SELECT {VISIT_COLUMNS} FROM visit
         WHERE crawl = ?1 AND state IN ('queued', 'waiting', 'fetching') AND substr(url, 1, length(?2)) = ?2"
    );
    let mut frontier = Frontier::open(db, crawl, rules)?;
    let mut given_up = 0;
    // What is given up may lead to known links of the same origin.
    loop {
        let visits: Vec<Visit> = db
            .prepare_cached(&sql)?
            .query_map(params![crawl.0, format!("{origin}/")], Visit::of_row)?
            .collect::<Result<_, _>>()?;
        if visits.is_empty() {
            return Ok(given_up);
        }
        given_up += visits.len();
        for visit in visits {
            frontier.fail(&visit, message, None)?;
            frontier.end(&visit, State::Failed)?;
        }
    }
}

impl Frontier<'_> {
    /// Ends a visit, and follows what the page leads to.
    fn end(&mut self, visit: &Visit, state: State) -> Result<(), DbError> {
        // A page that only failed keeps its place: the links that it had are
        // followed, so that what lies behind it does not seem to have gone.
        let is_expanded = matches!(state, State::Indexed(_) | State::LeftOut(LeftOut::Noindex) | State::Failed);
        let (name, reason) = state.columns();
        self.db
            .prepare_cached(
                "UPDATE visit SET state = ?3, reason = ?4, is_expanded = ?5, retry_at_ms = NULL
                 WHERE crawl = ?1 AND page = ?2",
            )?
            .execute(params![self.crawl.0, visit.page, name, reason, is_expanded])?;
        if visit.way.is_start && state != State::Redirected {
            self.widen(&visit.url)?;
        }
        let ended = Visit { state, is_expanded, ..visit.clone() };
        let ways = self.ways_on(&ended)?;
        self.reach(ways)
    }

    fn store_page(&self, visit: &Visit, page: &PageRecord) -> Result<State, DbError> {
        let (was_indexable, old_hash): (Option<bool>, Option<String>) = self
            .db
            .prepare_cached("SELECT indexable, content_hash FROM page WHERE id = ?1")?
            .query_row([visit.page], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.db
            .prepare_cached(
                "UPDATE page SET etag = ?2, last_modified = ?3, links = ?4, links_nofollow = ?5, redirect = NULL,
                     indexable = ?6, content_hash = ?7, fetched_crawl = ?8, missing = 0,
                     site = CASE WHEN ?6 THEN (SELECT site FROM crawl WHERE number = ?8) ELSE site END
                 WHERE id = ?1",
            )?
            .execute(params![
                visit.page,
                page.validators.etag,
                page.validators.last_modified,
                self.store_links(&page.links)?,
                self.store_links(&page.links_nofollow)?,
                page.is_indexable,
                page.content_hash,
                self.crawl.0,
            ])?;
        let is_same = page.content_hash.is_some() && page.content_hash == old_hash;
        Ok(match (page.is_indexable, was_indexable == Some(true), is_same) {
            (false, _, _) => State::LeftOut(LeftOut::Noindex),
            (true, false, _) => State::Indexed(Change::New),
            (true, true, true) => State::Indexed(Change::Unchanged),
            (true, true, false) => State::Indexed(Change::Updated),
        })
    }

    /// The page ids as a JSON list in order of id, each once.
    fn store_links(&self, links: &[NormalUrl]) -> Result<String, DbError> {
        let ids: BTreeSet<i64> = links.iter().map(|link| page_id(self.db, link.as_str())).collect::<Result<_, _>>()?;
        serde_json::to_string(&ids).map_err(|error| DbError::Value(error.to_string()))
    }

    fn keep_page(&self, visit: &Visit) -> Result<State, DbError> {
        let indexable: Option<bool> = self
            .db
            .prepare_cached(
                "UPDATE page SET fetched_crawl = ?2, missing = 0,
                     site = CASE WHEN indexable THEN (SELECT site FROM crawl WHERE number = ?2) ELSE site END
                 WHERE id = ?1 RETURNING indexable",
            )?
            .query_row([visit.page, self.crawl.0], |row| row.get(0))?;
        Ok(if indexable == Some(false) { State::LeftOut(LeftOut::Noindex) } else { State::Indexed(Change::Unchanged) })
    }

    fn store_redirect(&self, visit: &Visit, to: &NormalUrl) -> Result<State, DbError> {
        let target = page_id(self.db, to.as_str())?;
        if target == visit.page {
            return Ok(State::LeftOut(LeftOut::BadRedirect));
        }
        self.forget_answer(visit, Some(target))?;
        Ok(State::Redirected)
    }

    /// What was known of the URL's last page holds no longer.
    fn forget_answer(&self, visit: &Visit, redirect: Option<i64>) -> Result<(), DbError> {
        self.db
            .prepare_cached(
                "UPDATE page SET etag = NULL, last_modified = NULL, links = NULL, links_nofollow = NULL, redirect = ?2
                 WHERE id = ?1",
            )?
            .execute(params![visit.page, redirect])?;
        Ok(())
    }

    /// Counts a failed attempt; the time of the next one, if there is one.
    fn fail(&self, visit: &Visit, message: &str, retry_at_ms: Option<i64>) -> Result<Option<i64>, DbError> {
        let attempts = visit.attempts.saturating_add(1);
        let retry_at_ms = retry_at_ms.filter(|_| u64::from(attempts) <= self.rules.retries_max);
        self.db
            .prepare_cached(
                "UPDATE visit SET attempts = ?3, error = ?4, state = 'waiting', retry_at_ms = ?5
                 WHERE crawl = ?1 AND page = ?2",
            )?
            .execute(params![self.crawl.0, visit.page, attempts, one_line(message, MESSAGE_BYTES_MAX), retry_at_ms])?;
        Ok(retry_at_ms)
    }
}
