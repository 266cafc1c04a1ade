//! The crawl frontier: which URLs a crawl knows, what became of each, and
//! which one is next. It lives in `state.db`, so that a crash costs nothing
//! but the requests that were in flight.
//!
//! All functions take the database's connection and are called inside a write
//! of [`crate::db::Writer`]; times are milliseconds since 1970.
//!
//! # States
//!
//! Every URL that a crawl knows is in exactly one [`State`]. `queued`,
//! `waiting` (for a retry's time) and `fetching` are open; the others are
//! ends. A URL that is left out because of how it was found (out of scope,
//! too deep, only by `nofollow` links) is queued after all when a better way
//! to it turns up.
//!
//! # The same pages in any order
//!
//! A URL's depth is its shortest way from a start URL: when a shorter one is
//! found it is lowered, and so are those of the pages behind it, also where
//! these were fetched already. The scope only grows, as start URLs answer and
//! show where they lead, and what was out of it is then looked at again. So
//! without a page limit the set of pages is that of all URLs that can be
//! reached, whatever answers first.
//!
//! With a page limit of N the pages are the first N that can be indexed, by
//! depth and then URL. Levels are fetched one after the other, and of a level
//! only those URLs that are among the first `N - indexed so far` of what is
//! open or indexed there: each of them will be kept if it succeeds, whatever
//! the others do. A failure or a page that may not be indexed lets the next
//! one in. A redirect puts its target in the place of its source, and whoever
//! has been let in stays in; so the order of answers changes nothing.
//!
//! # A page is fetched when its raw item is on disk
//!
//! The caller writes the raw item first and calls [`record`] then. URLs that
//! were being fetched when the process died are queued again by [`begin`].

mod begin;
mod counts;
mod finish;
mod next;
mod pages;
mod reach;
mod record;

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

pub use self::begin::{Begun, Site, begin, sites};
pub use self::counts::{CrawlCounts, CrawlSummary, FailedPage, counts, failures, summaries};
pub use self::finish::{Ending, finish};
pub use self::next::{FrontierPage, NextPages, next};
pub use self::pages::{assign_key, forget_answer, page_links};
pub use self::record::{Outcome, PageRecord, Recorded, give_up_origin, postpone, record, release};
use super::options::CrawlOptions;
use super::scope::{PatternError, Patterns};

/// A crawl's number, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CrawlNumber(pub i64);

impl std::fmt::Display for CrawlNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The limits that decide which URLs are fetched. They are not stored: a
/// crawl that is resumed goes on with the limits of today.
#[derive(Debug, Clone, Default)]
pub struct FrontierRules {
    /// `CRAWL_ALLOW` and `CRAWL_DENY`.
    pub patterns: Patterns,
    /// `DEPTH_LIMIT`.
    pub depth_max: Option<NonZeroU64>,
    /// `CLOSESPIDER_PAGECOUNT`.
    pub pages_max: Option<NonZeroU64>,
    /// `REDIRECT_MAX_TIMES`.
    pub redirects_max: u64,
    /// `RETRY_TIMES`.
    pub retries_max: u64,
}

impl FrontierRules {
    /// The rules of a crawl with these options.
    ///
    /// # Errors
    /// All patterns that are no regular expressions.
    pub fn new(options: &CrawlOptions) -> Result<Self, Vec<PatternError>> {
        Ok(Self {
            patterns: Patterns::new(&options.allow, &options.deny)?,
            depth_max: options.depth_max,
            pages_max: options.pages_max,
            redirects_max: options.redirects_max,
            retries_max: options.retries_max,
        })
    }
}

/// What became of a URL in a crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// To be fetched.
    Queued,
    /// To be fetched again, but not before its time.
    Waiting,
    /// Handed out by [`next`] and without outcome so far.
    Fetching,
    /// A page with content; its raw item is on disk.
    Indexed(Change),
    /// Leads to another URL.
    Redirected,
    /// The server says that there is no such page.
    Gone,
    /// Given up after its retries.
    Failed,
    /// Not fetched, or fetched and not to be indexed.
    LeftOut(LeftOut),
}

/// How an indexed page compares with the crawl before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was never indexed before.
    New,
    /// Its content is another one.
    Updated,
    /// Its content is the same.
    Unchanged,
}

/// Why a URL is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// Out of the crawl's scope, or denied.
    Scope,
    /// Only links that may not be followed lead there.
    Nofollow,
    /// More than `DEPTH_LIMIT` links away.
    Depth,
    /// Behind more than `REDIRECT_MAX_TIMES` redirects.
    RedirectLimit,
    /// robots.txt forbids it.
    Robots,
    /// It forbids to be indexed; its links were followed.
    Noindex,
    /// Not a kind of text that is read.
    ContentType,
    /// Larger than `DOWNLOAD_MAXSIZE`.
    TooLarge,
    /// Redirects to an address that cannot be crawled.
    BadRedirect,
    /// Beyond `CLOSESPIDER_PAGECOUNT`.
    PageLimit,
    /// Not reached within `CLOSESPIDER_TIMEOUT`.
    TimeLimit,
}

impl LeftOut {
    /// All of them, as they are shown.
    pub const ALL: [Self; 11] = [
        Self::Robots,
        Self::Noindex,
        Self::Scope,
        Self::Nofollow,
        Self::Depth,
        Self::PageLimit,
        Self::TimeLimit,
        Self::ContentType,
        Self::TooLarge,
        Self::RedirectLimit,
        Self::BadRedirect,
    ];

    /// The name in the database and in counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Nofollow => "nofollow",
            Self::Depth => "depth",
            Self::RedirectLimit => "redirect_limit",
            Self::Robots => "robots",
            Self::Noindex => "noindex",
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
            Self::BadRedirect => "bad_redirect",
            Self::PageLimit => "page_limit",
            Self::TimeLimit => "time_limit",
        }
    }

    /// Whether it says how the URL was found and not what the URL is: such a
    /// URL is looked at again when another way to it is found.
    fn is_of_the_way(self) -> bool {
        matches!(self, Self::Scope | Self::Nofollow | Self::Depth | Self::RedirectLimit)
    }
}

impl State {
    /// The columns `state` and `reason`.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Queued => ("queued", ""),
            Self::Waiting => ("waiting", ""),
            Self::Fetching => ("fetching", ""),
            Self::Indexed(Change::New) => ("indexed", "new"),
            Self::Indexed(Change::Updated) => ("indexed", "updated"),
            Self::Indexed(Change::Unchanged) => ("indexed", "unchanged"),
            Self::Redirected => ("redirected", ""),
            Self::Gone => ("gone", ""),
            Self::Failed => ("failed", ""),
            Self::LeftOut(reason) => ("left_out", reason.name()),
        }
    }

    fn of_columns(state: &str, reason: &str) -> Option<Self> {
        let simple = [Self::Queued, Self::Waiting, Self::Fetching, Self::Redirected, Self::Gone, Self::Failed];
        let indexed = [Change::New, Change::Updated, Change::Unchanged].map(Self::Indexed);
        let left_out = LeftOut::ALL.map(Self::LeftOut);
        simple.into_iter().chain(indexed).chain(left_out).find(|known| known.columns() == (state, reason))
    }

    /// Whether the URL may still be fetched.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Waiting | Self::Fetching)
    }
}

#[cfg(test)]
mod tests;
