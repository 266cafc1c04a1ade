//! The desk: hands URLs out, as many as the gate lets through, until nothing
//! is left.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use docmill_stages::crawl::frontier::{self, CrawlCounts, CrawlNumber, Ending, FrontierRules, NextPages};
use docmill_stages::crawl::gate::Turn;
use docmill_stages::crawl::options::CrawlOptions;
use docmill_stages::crawl::url::NormalUrl;
use docmill_stages::db::{Connection, DbError, Writer};
use docmill_stages::fault;
use tokio::sync::mpsc::UnboundedSender;

use super::actor::{Crawler, FetchPage};
use super::{Crawl, CrawlPlan};
use crate::call::Caller;
use crate::mailbox::Mailbox;
use crate::pipeline::{Parameters, Stop};
use crate::pool::{Pool, Stopped, Supervised};
use crate::watcher::Hints;
use crate::{Stage, lock, now_ms};

/// More requests at a time than this are never wanted; the gate holds the
/// crawl's own bound.
const REQUESTS_MAX: usize = 4_096;
/// At most so long is waited for something that nothing tells of.
const NAP: Duration = Duration::from_millis(200);
/// A wait that is longer is worth a word, in milliseconds.
const WAIT_SAID_MS: i64 = 5_000;

/// How a crawl ended.
pub(crate) enum CrawlEnd {
    /// Every page in scope was asked for.
    Whole,
    /// A limit has left pages out.
    Cut,
    /// It was stopped, and goes on at the next run.
    Stopped,
    /// No start URL could be reached.
    Unreachable(String),
    /// There is nothing to crawl.
    NoStart(String),
}

/// See the module's text.
pub(crate) struct Desk {
    mailbox: Arc<Mailbox<FetchPage>>,
    actors: usize,
    stage_timeout: Duration,
    ledger: Writer,
    /// Crawls of this run, the last one under way.
    begun: Mutex<Vec<CrawlNumber>>,
}

impl Desk {
    /// Starts the crawler's actors.
    pub(crate) fn start(
        parameters: &Arc<Parameters>,
        hints: Arc<Hints>,
        caller: &Caller,
        stopped: UnboundedSender<Stopped>,
        pools: &mut Vec<Arc<dyn Supervised>>,
    ) -> Self {
        let mailbox = Arc::new(Mailbox::new(Stage::Crawler, REQUESTS_MAX));
        let made_of = Arc::new(super::Parameters { store: Arc::clone(&parameters.store), hints });
        let actors = parameters.actors.crawler;
        pools.push(Pool::start(Arc::clone(&mailbox), actors, caller, stopped, move |seat| {
            Crawler::new(Arc::clone(&made_of), seat)
        }));
        Self {
            mailbox,
            actors,
            stage_timeout: parameters.limits.stage_timeout,
            ledger: parameters.state.clone(),
            begun: Mutex::default(),
        }
    }

    /// The pages of this run's crawls by state; `None` before the first.
    pub(crate) async fn counts(&self) -> Result<Option<CrawlCounts>, DbError> {
        let begun = lock(&self.begun).clone();
        if begun.is_empty() {
            return Ok(None);
        }
        let add_up = move |db: &Connection| {
            let mut sum = CrawlCounts::default();
            for number in begun {
                sum += frontier::counts(db, number)?;
            }
            Ok(Some(sum))
        };
        self.ledger.call(add_up).await
    }

    /// Crawls what the plan names, one site after the other, to the end.
    pub(crate) async fn run(&self, plan: CrawlPlan, stop: &Stop) -> Result<CrawlEnd, DbError> {
        let sites = if plan.start_urls.is_empty() {
            let sites = self.ledger.call_again(frontier::sites).await?;
            sites.into_iter().map(|site| site.starts).collect()
        } else {
            vec![plan.start_urls]
        };
        if sites.is_empty() {
            return Ok(CrawlEnd::NoStart(
                "there is nothing to crawl: name a URL (docmill run https://docs.example.com/), or set START_URLS"
                    .to_owned(),
            ));
        }
        let mut whole = CrawlEnd::Whole;
        for starts in sites {
            match self.crawl_site(&starts, &plan.options, stop).await? {
                CrawlEnd::Whole => {}
                CrawlEnd::Cut => whole = CrawlEnd::Cut,
                end => return Ok(end),
            }
        }
        Ok(whole)
    }

    async fn crawl_site(&self, starts: &[NormalUrl], options: &CrawlOptions, stop: &Stop) -> Result<CrawlEnd, DbError> {
        let rules = FrontierRules::new(options)
            .map_err(|errors| DbError::Value(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let begun = {
            let (starts, rules) = (starts.to_vec(), rules.clone());
            self.ledger.call_again(move |db| frontier::begin(db, &starts, &rules, now_ms())).await?
        };
        let how = if begun.is_resumed { "goes on" } else { "begins" };
        log::info!(
            "crawl {} {how}: {}",
            begun.crawl,
            starts.iter().map(NormalUrl::as_str).collect::<Vec<_>>().join(" ")
        );
        lock(&self.begun).push(begun.crawl);
        let crawl = Arc::new(Crawl::new(
            begun.crawl,
            rules,
            options.clone(),
            self.actors,
            self.stage_timeout,
            self.ledger.clone(),
        ));
        let deadline = options.time_max.and_then(|limit| Instant::now().checked_add(limit));
        let mut said_until_ms = 0;
        loop {
            if stop.is_asked() {
                return Ok(CrawlEnd::Stopped);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return self.finish(&crawl, Ending::TimeLimit, stop).await;
            }
            let next = self.hand_out(&crawl).await?;
            if next.is_finished {
                return self.finish(&crawl, Ending::Complete, stop).await;
            }
            say_that_it_waits(&crawl, &next, &mut said_until_ms);
            wait_for_change(&crawl, &next, stop).await;
        }
    }

    /// Hands out as many URLs as may be asked for now.
    async fn hand_out(&self, crawl: &Arc<Crawl>) -> Result<NextPages, DbError> {
        let (count, busy) = {
            let gate = lock(&crawl.gate);
            let free = crawl.options.requests_max.get().saturating_sub(gate.in_flight());
            let at_once = if crawl.options.delay.is_zero() { crawl.options.requests_per_host_max.get() } else { 1 };
            (free.min(at_once), gate.busy_hosts(Instant::now()))
        };
        if count == 0 {
            return Ok(NextPages::default());
        }
        fault::pass("desk.hand_out");
        let (number, rules) = (crawl.number, crawl.rules.clone());
        let next = self.ledger.call_again(move |db| frontier::next(db, number, &rules, &busy, now_ms(), count)).await?;
        for page in &next.pages {
            match crawl.try_start(page) {
                Ok(request) => {
                    let Some(permit) = self.mailbox.permit().await else { return Err(DbError::Closed) };
                    self.mailbox.deliver(FetchPage::new(request, permit));
                }
                Err(Turn::Start | Turn::WaitUntil(_) | Turn::HostFull | Turn::Full) => {
                    let (number, url) = (crawl.number, page.url.clone());
                    self.ledger.call_again(move |db| frontier::release(db, number, &url)).await?;
                }
            }
        }
        Ok(next)
    }

    async fn finish(&self, crawl: &Arc<Crawl>, ending: Ending, stop: &Stop) -> Result<CrawlEnd, DbError> {
        // Requests that are under way may still end well.
        while lock(&crawl.gate).in_flight() > 0 {
            if stop.is_asked() {
                return Ok(CrawlEnd::Stopped);
            }
            nap(crawl).await;
        }
        let (number, rules) = (crawl.number, crawl.rules.clone());
        let finish = move |db: &Connection| {
            let is_whole = frontier::finish(db, number, &rules, ending, now_ms())?;
            Ok((is_whole, frontier::counts(db, number)?.indexed()))
        };
        fault::pass("desk.finish");
        let (is_whole, indexed) = self.ledger.call_again(finish).await?;
        Ok(match crawl.nothing_there(indexed) {
            Some(why) => CrawlEnd::Unreachable(why),
            None if is_whole => CrawlEnd::Whole,
            None => CrawlEnd::Cut,
        })
    }
}

/// Nothing is under way and nothing may be asked for yet: a word about it,
/// once for each time that is waited for.
fn say_that_it_waits(crawl: &Crawl, next: &NextPages, said_until_ms: &mut i64) {
    let Some(until_ms) = next.retry_at_ms.filter(|_| next.pages.is_empty()) else { return };
    let wait_ms = until_ms.saturating_sub(now_ms());
    if wait_ms < WAIT_SAID_MS || until_ms == *said_until_ms || lock(&crawl.gate).in_flight() > 0 {
        return;
    }
    *said_until_ms = until_ms;
    log::info!("crawl {} waits for {} s: its pages are to be asked for again only then", crawl.number, wait_ms / 1_000);
}

async fn wait_for_change(crawl: &Crawl, next: &NextPages, stop: &Stop) {
    // Something was handed out: there may be more at once.
    if !next.pages.is_empty() && !lock(&crawl.gate).is_full() && crawl.options.delay.is_zero() {
        return tokio::task::yield_now().await;
    }
    tokio::select! {
        () = nap(crawl) => {}
        () = stop.asked() => {}
    }
}

/// Until a request ends, a host's delay ends, or a little while has passed.
async fn nap(crawl: &Crawl) {
    let now = Instant::now();
    let until_delay = lock(&crawl.gate).next_start(now).map(|start| start.saturating_duration_since(now));
    let nap = until_delay.map_or(NAP, |delay| delay.clamp(Duration::from_millis(1), NAP));
    tokio::select! {
        () = crawl.ended.notified() => {}
        () = tokio::time::sleep(nap) => {}
    }
}
