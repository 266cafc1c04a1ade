//! The crawler: fetches pages into `raw/`, and hands no work downstream; at
//! most a hint that a file is there.
//!
//! A [`Desk`] hands the frontier's URLs out to a pool of [`Crawler`] actors,
//! which share one [`Gate`] and one cache of robots.txt files. A URL counts
//! as fetched only after its raw item is on disk, whole; a crash in between
//! costs one request.

mod actor;
mod desk;
mod page;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use docmill_stages::crawl::frontier::{self, CrawlNumber, FrontierPage, FrontierRules, Outcome};
use docmill_stages::crawl::gate::{Gate, Turn};
use docmill_stages::crawl::options::CrawlOptions;
use docmill_stages::crawl::retry::{RetryAfter, backoff};
use docmill_stages::crawl::robots::RobotsCache;
use docmill_stages::crawl::url::NormalUrl;
use docmill_stages::db::Writer;
use docmill_stages::failure::Failure;
use docmill_stages::store::Store;
use tokio::sync::Notify;

pub(crate) use desk::{CrawlEnd, Desk};

use crate::watcher::Hints;
use crate::{lock, now_ms};

/// All that a fresh crawler is made of.
struct Parameters {
    store: Arc<dyn Store>,
    hints: Arc<Hints>,
}

/// What to crawl.
#[derive(Debug, Clone)]
pub struct CrawlPlan {
    /// Where to start; empty: the sites that were crawled before.
    pub start_urls: Vec<NormalUrl>,
    /// How, and how far.
    pub options: CrawlOptions,
}

/// One crawl that is under way, shared by the desk and the actors.
struct Crawl {
    number: CrawlNumber,
    rules: FrontierRules,
    options: CrawlOptions,
    /// Requests in flight of one actor at most.
    per_actor_max: usize,
    /// Of reading one page.
    stage_timeout: Duration,
    ledger: Writer,
    gate: Mutex<Gate>,
    robots: Mutex<RobotsCache>,
    robots_changed: Notify,
    /// A request has ended.
    ended: Notify,
    /// Whether any server has answered.
    is_answered: AtomicBool,
    /// Why a start URL could not be reached.
    unreachable: Mutex<Option<String>>,
    /// Why a start URL that answered gave no page.
    no_page: Mutex<Option<String>>,
}

impl Crawl {
    fn new(
        number: CrawlNumber,
        rules: FrontierRules,
        options: CrawlOptions,
        actors: usize,
        stage_timeout: Duration,
        ledger: Writer,
    ) -> Self {
        let gate = Gate::new(options.requests_max, options.requests_per_host_max, options.delay);
        Self {
            number,
            rules,
            per_actor_max: options.requests_max.get().div_ceil(actors.max(1)),
            options,
            stage_timeout,
            ledger,
            gate: Mutex::new(gate),
            robots: Mutex::default(),
            robots_changed: Notify::new(),
            ended: Notify::new(),
            is_answered: AtomicBool::new(false),
            unreachable: Mutex::default(),
            no_page: Mutex::default(),
        }
    }

    fn note_answer(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    fn note_no_page(&self, page: &FrontierPage, why: String) {
        if page.is_start {
            *lock(&self.no_page) = Some(why);
        }
    }

    /// A start URL led to something whose leaving out is nobody's mistake.
    fn note_page(&self, page: &FrontierPage) {
        if page.is_start {
            *lock(&self.no_page) = None;
        }
    }

    fn note_unreachable(&self, page: &FrontierPage, why: &str) {
        if page.is_start {
            *lock(&self.unreachable) = Some(why.to_owned());
        }
    }

    /// Why there is nothing to crawl, if so: no start URL could be reached, or
    /// they led to no page. `indexed` is how many pages the crawl has.
    fn nothing_there(&self, indexed: u64) -> Option<String> {
        if indexed > 0 {
            None
        } else if self.is_answered.load(Ordering::Relaxed) {
            lock(&self.no_page).clone()
        } else {
            lock(&self.unreachable).clone()
        }
    }

    /// Starts a request to the page's host, if it may start now.
    fn try_start(self: &Arc<Self>, page: &FrontierPage) -> Result<Request, Turn> {
        match lock(&self.gate).try_start(&page.host, Instant::now()) {
            Turn::Start => Ok(Request { crawl: Arc::clone(self), page: page.clone(), is_settled: false }),
            turn => Err(turn),
        }
    }
}

/// A URL that was handed out, and its place at the gate. Dropped on any path,
/// it gives both back: the URL is queued again, unburnt.
struct Request {
    crawl: Arc<Crawl>,
    page: FrontierPage,
    is_settled: bool,
}

impl Drop for Request {
    fn drop(&mut self) {
        lock(&self.crawl.gate).finish(&self.page.host, Instant::now());
        if !self.is_settled {
            let (number, url) = (self.crawl.number, self.page.url.clone());
            self.crawl.ledger.post(move |db| frontier::release(db, number, &url));
        }
        self.crawl.ended.notify_one();
    }
}

/// A failure, with the time of the next attempt where one may help.
fn failed(request: &Request, failure: &Failure, retry_after: Option<RetryAfter>) -> Outcome {
    let wait = backoff(u64::from(request.page.attempts) + 1, fastrand::f64(), retry_after, now_ms());
    let at_ms = now_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    Outcome::Failed { message: failure.message.clone(), retry_at_ms: failure.transient.then_some(at_ms) }
}
