//! Which URL is next.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::fetch::Validators;
use super::super::url::NormalUrl;
use super::pages::stored_url;
use super::{CrawlNumber, FrontierRules};
use crate::db::DbError;
use crate::item;
use crate::ledger;

/// What [`next`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NextPages {
    /// URLs to fetch now, the first by (depth, URL) of hosts that are free.
    pub pages: Vec<FrontierPage>,
    /// Whether nothing is left to fetch, now or later: the crawl can be ended
    /// with [`super::finish`].
    pub is_finished: bool,
    /// When the earliest retry's time comes.
    pub retry_at_ms: Option<i64>,
}

/// A URL to fetch, and what is known of it from before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontierPage {
    /// The URL.
    pub url: NormalUrl,
    /// The host it is asked from: [`NormalUrl::host_key`].
    pub host: String,
    /// Links from a start URL.
    pub depth: u32,
    /// Whether it is a start URL or what one redirects to: if it cannot be
    /// reached, there may be nothing to crawl.
    pub is_start: bool,
    /// Attempts that failed in this crawl.
    pub attempts: u32,
    /// What an earlier crawl was told. Send them only where `raw_stem` is
    /// `None` or that raw item is still in the store.
    pub validators: Validators,
    /// The stem of the page's raw item, where it was indexed before.
    pub raw_stem: Option<String>,
    /// [`item::RawItem::content_hash`] of that raw item.
    pub content_hash: Option<String>,
}

/// Hands out up to `count` URLs and marks them as being fetched. Hosts in
/// `busy_hosts` are passed over, and so are URLs whose retry's time lies
/// after `now_ms`.
///
/// # Errors
/// Of the database.
pub fn next(
    db: &Connection,
    crawl: CrawlNumber,
    rules: &FrontierRules,
    busy_hosts: &[String],
    now_ms: i64,
    count: usize,
) -> Result<NextPages, DbError> {
    db.prepare_cached(
        "UPDATE visit INDEXED BY visit_by_time SET state = 'queued', retry_at_ms = NULL
         WHERE crawl = ?1 AND retry_at_ms <= ?2 AND state = 'waiting'",
    )?
    .execute([crawl.0, now_ms])?;
    let Some(window) = Window::open(db, crawl, rules)? else {
        return Ok(NextPages { is_finished: true, ..NextPages::default() });
    };
    let mut found = Vec::new();
    let mut are_hosts_skipped = false;
    let busy: HashSet<&str> = busy_hosts.iter().map(String::as_str).collect();
    let mut host = next_host(db, crawl, "")?;
    while let Some(name) = host {
        if busy.contains(name.as_str()) {
            are_hosts_skipped = true;
        } else {
            found.extend(window.queued(db, crawl, &name, count)?);
        }
        host = next_host(db, crawl, &name)?;
    }
    found.sort();
    found.truncate(count);
    let is_finished = window.keep_certain(db, crawl, &mut found, are_hosts_skipped)?;
    let pages: Vec<_> = found.into_iter().map(|(_, _, page)| hand_out(db, crawl, page)).collect::<Result<_, _>>()?;
    if !pages.is_empty() {
        crate::fault::point("frontier.next")?;
    }
    let retry_at_ms = db
        .prepare_cached(
            "SELECT min(retry_at_ms) FROM visit INDEXED BY visit_by_time WHERE crawl = ?1 AND retry_at_ms IS NOT NULL",
        )?
        .query_row([crawl.0], |row| row.get(0))?;
    Ok(NextPages { pages, is_finished, retry_at_ms })
}

/// The hosts with queued URLs, one after the other by the index.
fn next_host(db: &Connection, crawl: CrawlNumber, after: &str) -> Result<Option<String>, DbError> {
    Ok(db
        .prepare_cached(
            "SELECT min(host) FROM visit INDEXED BY visit_by_host WHERE crawl = ?1 AND state = 'queued' AND host > ?2",
        )?
        .query_row(params![crawl.0, after], |row| row.get(0))?)
}

/// A queued URL: depth, URL, page.
type Queued = (u32, String, i64);

/// The part of the frontier that may be fetched now.
enum Window {
    /// Without a page limit all of it.
    All,
    /// With one only the first level that is open, and of that only the first
    /// `room` URLs among those that are open or indexed.
    Level { depth: u32, room: i64, in_level: LevelCounts },
}

/// How many URLs of a level may still become pages, or have.
struct LevelCounts {
    queued: i64,
    /// Waiting or being fetched. Each was handed out before, so each is among
    /// the first `room`: whoever has been let in stays in.
    active: i64,
    indexed: i64,
}

impl Window {
    /// `None` where nothing is left to fetch.
    fn open(db: &Connection, crawl: CrawlNumber, rules: &FrontierRules) -> Result<Option<Self>, DbError> {
        let depth: Option<u32> = db
            .prepare_cached(
                "SELECT min(depth) FROM visit_count
                 WHERE crawl = ?1 AND state IN ('queued', 'waiting', 'fetching') AND visits > 0",
            )?
            .query_row([crawl.0], |row| row.get(0))?;
        let Some(depth) = depth else { return Ok(None) };
        let Some(pages_max) = rules.pages_max else { return Ok(Some(Self::All)) };
        let (above, in_level) = db
            .prepare_cached(
                "SELECT coalesce(sum(visits) FILTER (WHERE state = 'indexed' AND depth < ?2), 0),
                     coalesce(sum(visits) FILTER (WHERE state = 'queued' AND depth = ?2), 0),
                     coalesce(sum(visits) FILTER (WHERE state IN ('waiting', 'fetching') AND depth = ?2), 0),
                     coalesce(sum(visits) FILTER (WHERE state = 'indexed' AND depth = ?2), 0)
                 FROM visit_count WHERE crawl = ?1",
            )?
            .query_row(params![crawl.0, depth], |row| {
                let in_level = LevelCounts { queued: row.get(1)?, active: row.get(2)?, indexed: row.get(3)? };
                Ok((row.get::<_, i64>(0)?, in_level))
            })?;
        let room = i64::try_from(pages_max.get()).unwrap_or(i64::MAX).saturating_sub(above);
        Ok((room > 0).then_some(Self::Level { depth, room, in_level }))
    }

    /// Keeps of `found`, the first queued URLs of the free hosts, those for
    /// which there is room for certain. Returns whether the crawl is finished.
    fn keep_certain(
        &self,
        db: &Connection,
        crawl: CrawlNumber,
        found: &mut Vec<Queued>,
        are_hosts_skipped: bool,
    ) -> Result<bool, DbError> {
        let Self::Level { depth, room, in_level } = self else { return Ok(false) };
        let taken = in_level.active + in_level.indexed;
        if taken + in_level.queued <= *room {
            return Ok(false);
        }
        // With no host skipped, before the n-th of `found` stand at most n
        // queued URLs and all that are taken.
        let certain = usize::try_from(room - taken).unwrap_or(0);
        if !are_hosts_skipped && certain > 0 {
            found.truncate(certain);
            return Ok(false);
        }
        // Looking for the exact end walks over the whole level. While somebody
        // is at work and nothing is free, it can wait.
        if in_level.active > 0 && (found.is_empty() || !are_hosts_skipped) {
            found.clear();
            return Ok(false);
        }
        let end = window_end(db, crawl, *depth, *room)?;
        found.retain(|(_, url, _)| end.as_ref().is_none_or(|end| url < end));
        Ok(match end {
            Some(end) if found.is_empty() && in_level.active == 0 => !has_open_before(db, crawl, *depth, &end)?,
            Some(_) | None => false,
        })
    }

    /// The first queued URLs of a host.
    fn queued(&self, db: &Connection, crawl: CrawlNumber, host: &str, count: usize) -> Result<Vec<Queued>, DbError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut query = db.prepare_cached(
            "SELECT depth, url, page FROM visit INDEXED BY visit_by_host
             WHERE crawl = ?1 AND state = 'queued' AND host = ?2
               AND depth >= coalesce(?3, 0) AND depth <= coalesce(?3, depth)
             ORDER BY depth, url LIMIT ?4",
        )?;
        let level = match self {
            Self::All => None,
            Self::Level { depth, .. } => Some(depth),
        };
        let rows =
            query.query_map(params![crawl.0, host, level, count], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The first URL of a level for which there is no room.
fn window_end(db: &Connection, crawl: CrawlNumber, level: u32, room: i64) -> Result<Option<String>, DbError> {
    Ok(db
        .prepare_cached(
            "SELECT url FROM visit INDEXED BY visit_by_depth
             WHERE crawl = ?1 AND depth = ?2 AND state IN ('queued', 'waiting', 'fetching', 'indexed')
             ORDER BY url LIMIT 1 OFFSET ?3",
        )?
        .query_row(params![crawl.0, level, room], |row| row.get(0))
        .optional()?)
}

fn has_open_before(db: &Connection, crawl: CrawlNumber, level: u32, end: &str) -> Result<bool, DbError> {
    Ok(db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM visit INDEXED BY visit_by_depth
                 WHERE crawl = ?1 AND depth = ?2 AND url < ?3 AND state IN ('queued', 'waiting', 'fetching'))",
        )?
        .query_row(params![crawl.0, level, end], |row| row.get(0))?)
}

fn hand_out(db: &Connection, crawl: CrawlNumber, page: i64) -> Result<FrontierPage, DbError> {
    db.prepare_cached("UPDATE visit SET state = 'fetching' WHERE crawl = ?1 AND page = ?2")?
        .execute([crawl.0, page])?;
    let (text, page) = db
        .prepare_cached(
            "SELECT visit.url, host, depth, is_start, attempts, etag, last_modified, key, article_id, content_hash
             FROM visit JOIN page ON page.id = visit.page WHERE crawl = ?1 AND page = ?2",
        )?
        .query_row([crawl.0, page], |row| {
            let (key, article): (Option<String>, Option<String>) = (row.get(7)?, row.get(8)?);
            let known = FrontierRow {
                host: row.get(1)?,
                depth: row.get(2)?,
                is_start: row.get(3)?,
                attempts: row.get(4)?,
                validators: Validators { etag: row.get(5)?, last_modified: row.get(6)? },
                raw_stem: key.map(|key| item::file_stem(&key, article.as_deref())),
                content_hash: row.get(9)?,
            };
            Ok((row.get::<_, String>(0)?, known))
        })?;
    let mut page = page.at(stored_url(&text)?);
    let file = page.raw_stem.as_ref().map(|stem| format!("{stem}.json")).unwrap_or_default();
    if ledger::is_raw_lost(db, page.url.as_str(), &file)? {
        // "Not modified" would leave us without the page.
        page.validators = Validators::default();
        page.content_hash = None;
    }
    Ok(page)
}

/// A [`FrontierPage`] whose URL is still a text.
struct FrontierRow {
    host: String,
    depth: u32,
    is_start: bool,
    attempts: u32,
    validators: Validators,
    raw_stem: Option<String>,
    content_hash: Option<String>,
}

impl FrontierRow {
    fn at(self, url: NormalUrl) -> FrontierPage {
        let Self { host, depth, is_start, attempts, validators, raw_stem, content_hash } = self;
        FrontierPage { url, host, depth, is_start, attempts, validators, raw_stem, content_hash }
    }
}
