//! Ways to URLs: what a new or a shorter one changes.

use std::collections::{BTreeSet, VecDeque};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::scope::{Scope, directory};
use super::super::url::NormalUrl;
use super::pages::{ids, stored_url};
use super::{CrawlNumber, FrontierRules, LeftOut, State};
use crate::db::DbError;

/// How a URL can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// Links from a start URL; `None` where they may not be followed.
    pub(super) depth: Option<u32>,
    /// Redirects in a row.
    pub(super) hops: u32,
    /// Whether it is a start URL, or redirects from one.
    pub(super) is_start: bool,
}

impl Way {
    pub(super) const START: Self = Self { depth: Some(0), hops: 0, is_start: true };

    /// The way over a link of a page at this depth.
    pub(super) fn link(depth: Option<u32>) -> Self {
        Self { depth: depth.map(|depth| depth.saturating_add(1)), hops: 0, is_start: false }
    }

    /// The way over a link that may not be followed.
    pub(super) const NOFOLLOW: Self = Self { depth: None, hops: 0, is_start: false };

    /// The way over this URL's redirect.
    pub(super) fn redirect(self) -> Self {
        Self { hops: self.hops.saturating_add(1), ..self }
    }

    /// The best of both. Each part is a shortest way of its own, so that the
    /// order in which ways are found does not matter.
    fn or(self, other: Self) -> Self {
        let depth = match (self.depth, other.depth) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self { depth, hops: self.hops.min(other.hops), is_start: self.is_start || other.is_start }
    }
}

/// One row of `visit`.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) page: i64,
    pub(super) url: String,
    pub(super) way: Way,
    pub(super) state: State,
    pub(super) is_expanded: bool,
    pub(super) attempts: u32,
}

/// The columns of [`Visit::of_row`].
pub(super) const VISIT_COLUMNS: &str = "page, url, depth, hops, is_start, state, reason, is_expanded, attempts";

impl Visit {
    pub(super) fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (state, reason): (String, String) = (row.get(5)?, row.get(6)?);
        let unknown = || rusqlite::Error::InvalidColumnType(5, state.clone(), rusqlite::types::Type::Text);
        Ok(Self {
            page: row.get(0)?,
            url: row.get(1)?,
            way: Way { depth: row.get(2)?, hops: row.get(3)?, is_start: row.get(4)? },
            state: State::of_columns(&state, &reason).ok_or_else(unknown)?,
            is_expanded: row.get(7)?,
            attempts: row.get(8)?,
        })
    }
}

/// One crawl's frontier while a call changes it.
pub(super) struct Frontier<'a> {
    pub(super) db: &'a Connection,
    pub(super) crawl: CrawlNumber,
    pub(super) rules: &'a FrontierRules,
    directories: BTreeSet<String>,
}

impl<'a> Frontier<'a> {
    pub(super) fn open(db: &'a Connection, crawl: CrawlNumber, rules: &'a FrontierRules) -> Result<Self, DbError> {
        let directories = db
            .prepare_cached("SELECT directory FROM crawl_scope WHERE crawl = ?1")?
            .query_map([crawl.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(Self { db, crawl, rules, directories })
    }

    pub(super) fn visit(&self, page: i64) -> Result<Option<Visit>, DbError> {
        let sql = format!("SELECT {VISIT_COLUMNS} FROM visit WHERE crawl = ?1 AND page = ?2");
        Ok(self.db.prepare_cached(&sql)?.query_row([self.crawl.0, page], Visit::of_row).optional()?)
    }

    /// Notes ways to pages, and all that follows from them.
    pub(super) fn reach(&mut self, ways: impl IntoIterator<Item = (i64, Way)>) -> Result<(), DbError> {
        let mut found: VecDeque<(i64, Way)> = ways.into_iter().collect();
        while let Some((page, way)) = found.pop_front() {
            let Some(visit) = self.visit(page)? else {
                self.insert(page, way)?;
                continue;
            };
            let better = visit.way.or(way);
            if better != visit.way {
                let changed = self.update_way(Visit { way: better, ..visit })?;
                if better.is_start && !changed.state.is_open() && changed.state != State::Redirected {
                    self.widen(&changed.url)?;
                }
                found.extend(self.ways_on(&changed)?);
            }
        }
        Ok(())
    }

    /// Where the page leads, if its links are followed or it redirects.
    pub(super) fn ways_on(&self, visit: &Visit) -> Result<Vec<(i64, Way)>, DbError> {
        if !visit.is_expanded && visit.state != State::Redirected {
            return Ok(Vec::new());
        }
        let (links, nofollow, redirect): (Option<String>, Option<String>, Option<i64>) = self
            .db
            .prepare_cached("SELECT links, links_nofollow, redirect FROM page WHERE id = ?1")?
            .query_row([visit.page], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if visit.state == State::Redirected {
            return Ok(redirect.map(|target| (target, visit.way.redirect())).into_iter().collect());
        }
        let link = Way::link(visit.way.depth);
        let followed = ids(links.as_deref())?.into_iter().map(|page| (page, link));
        let others = ids(nofollow.as_deref())?.into_iter().map(|page| (page, Way::NOFOLLOW));
        Ok(followed.chain(others).collect())
    }

    fn insert(&mut self, page: i64, way: Way) -> Result<(), DbError> {
        let text: String =
            self.db.prepare_cached("SELECT url FROM page WHERE id = ?1")?.query_row([page], |row| row.get(0))?;
        let url = stored_url(&text)?;
        let (state, reason) = self.judge(&url, way).columns();
        self.db
            .prepare_cached(
                "INSERT INTO visit (crawl, page, url, host, depth, hops, is_start, state, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                self.crawl.0,
                page,
                url.as_str(),
                url.host_key(),
                way.depth,
                way.hops,
                way.is_start,
                state,
                reason
            ])?;
        if way.is_start && state == "left_out" {
            self.widen(url.as_str())?;
        }
        Ok(())
    }

    fn update_way(&self, mut visit: Visit) -> Result<Visit, DbError> {
        visit.state = match visit.state {
            State::LeftOut(reason) if reason.is_of_the_way() => self.judge(&stored_url(&visit.url)?, visit.way),
            other => other,
        };
        let (state, reason) = visit.state.columns();
        self.db
            .prepare_cached(
                "UPDATE visit SET depth = ?3, hops = ?4, is_start = ?5, state = ?6, reason = ?7
                 WHERE crawl = ?1 AND page = ?2",
            )?
            .execute(params![
                self.crawl.0,
                visit.page,
                visit.way.depth,
                visit.way.hops,
                visit.way.is_start,
                state,
                reason
            ])?;
        Ok(visit)
    }

    /// Whether a URL that can be reached so is fetched.
    fn judge(&self, url: &NormalUrl, way: Way) -> State {
        let is_in_scope = if way.is_start {
            !self.rules.patterns.denies(url)
        } else {
            Scope::new(&self.rules.patterns, &self.directories).contains(url)
        };
        let Some(depth) = way.depth.map(u64::from) else {
            return State::LeftOut(if is_in_scope { LeftOut::Nofollow } else { LeftOut::Scope });
        };
        if !is_in_scope {
            State::LeftOut(LeftOut::Scope)
        } else if self.rules.depth_max.is_some_and(|max| depth > max.get()) {
            State::LeftOut(LeftOut::Depth)
        } else if u64::from(way.hops) > self.rules.redirects_max {
            State::LeftOut(LeftOut::RedirectLimit)
        } else {
            State::Queued
        }
    }

    /// Brings a start URL's directory into scope, now that it is known where
    /// the start URL leads, and looks again at what was out of it.
    pub(super) fn widen(&mut self, url: &str) -> Result<(), DbError> {
        let directory = directory(&stored_url(url)?);
        self.db
            .prepare_cached("INSERT INTO crawl_scope VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute(params![self.crawl.0, directory])?;
        if self.directories.insert(directory) { self.judge_again(LeftOut::Scope.name()) } else { Ok(()) }
    }

    /// Judges all visits that are left out for `reason` (empty: those that are
    /// queued or waiting) by the rules and the scope of now.
    pub(super) fn judge_again(&self, reason: &str) -> Result<(), DbError> {
        let sql = format!(
            "SELECT {VISIT_COLUMNS} FROM visit INDEXED BY visit_by_host
             WHERE crawl = ?1 AND state IN ('queued', 'waiting', 'left_out') AND reason = ?2"
        );
        let visits: Vec<Visit> = self
            .db
            .prepare_cached(&sql)?
            .query_map(params![self.crawl.0, reason], Visit::of_row)?
            .collect::<Result<_, _>>()?;
        for visit in visits {
            let judged = self.judge(&stored_url(&visit.url)?, visit.way);
            let is_same = judged == visit.state || (judged == State::Queued && visit.state == State::Waiting);
            if !is_same {
                self.set_state(visit.page, judged)?;
            }
        }
        Ok(())
    }

    pub(super) fn set_state(&self, page: i64, state: State) -> Result<(), DbError> {
        let (state, reason) = state.columns();
        self.db
            .prepare_cached(
                "UPDATE visit SET state = ?3, reason = ?4, retry_at_ms = NULL, error = NULL
                 WHERE crawl = ?1 AND page = ?2",
            )?
            .execute(params![self.crawl.0, page, state, reason])?;
        Ok(())
    }
}
