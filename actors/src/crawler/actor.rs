//! The crawler's actor: one URL becomes a raw item on disk and an outcome in
//! the frontier.
//!
//! Gets its messages from the desk, several at a time for it mostly waits,
//! and sends to nobody. Reading a page takes a thread of its own, so a large
//! page holds up no other request.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use docmill_stages::crawl::fetch::{FetchError, FetchRequest, Fetched, Fetcher, Validators};
use docmill_stages::crawl::frontier::{self, CrawlNumber, FrontierPage, LeftOut, Outcome, Recorded};
use docmill_stages::crawl::gate::Gate;
use docmill_stages::crawl::retry::backoff;
use docmill_stages::crawl::robots::{CRAWL_DELAY_MAX, Lookup};
use docmill_stages::db::DbError;
use docmill_stages::failure::{Failure, StageError as _, chain, panic_text};
use docmill_stages::fault;
use docmill_stages::store::Folder;
use futures_util::FutureExt as _;

use super::{Crawl, Parameters, Request, failed, page};
use crate::mailbox::Permit;
use crate::outage::{Place, StoreOutage, TRY_AGAIN};
use crate::pool::{End, Seat};
use crate::stats::CallOutcome;
use crate::{lock, now_ms};

/// Whoever waits for a host's robots.txt looks again after so long.
const ROBOTS_NAP: Duration = Duration::from_millis(500);

/// Fetch one page.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct FetchPage {
    request: Request,
    permit: Permit,
}

impl FetchPage {
    pub(super) fn new(request: Request, permit: Permit) -> Self {
        Self { request, permit }
    }
}

pub(super) struct Crawler {
    parameters: Arc<Parameters>,
    seat: Seat<FetchPage>,
    /// Requests under way.
    under_way: usize,
    /// Of the crawl under way; its connections are this thread's.
    fetcher: Option<(CrawlNumber, Fetcher)>,
}

impl Crawler {
    pub(super) fn new(parameters: Arc<Parameters>, seat: Seat<FetchPage>) -> Self {
        Self { parameters, seat, under_way: 0, fetcher: None }
    }

    fn fetcher(&mut self, crawl: &Crawl) -> Result<Fetcher, FetchError> {
        if let Some((_, fetcher)) = self.fetcher.as_ref().filter(|(number, _)| *number == crawl.number) {
            return Ok(fetcher.clone());
        }
        let fetcher = Fetcher::new(&crawl.options)?;
        self.fetcher = Some((crawl.number, fetcher.clone()));
        Ok(fetcher)
    }
}

impl Actor for Crawler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seat.ready(ctx);
    }
}

impl Handler<FetchPage> for Crawler {
    type Result = ();

    fn handle(&mut self, message: FetchPage, ctx: &mut Self::Context) {
        let FetchPage { request, permit } = message;
        let crawl = Arc::clone(&request.crawl);
        self.under_way += 1;
        if self.under_way < crawl.per_actor_max {
            self.seat.ready(ctx);
        }
        let fetcher = self.fetcher(&crawl);
        let parameters = Arc::clone(&self.parameters);
        let name = format!("crawler-{}", self.seat.caller.slot);
        let (counters, outage) = (Arc::clone(&self.seat.caller.counters), self.seat.caller.outage.clone());
        let work = async move {
            let since = Instant::now();
            let end = ask(&parameters, request, fetcher, &name, &outage).await;
            counters.stage(crate::Stage::Crawler).call_ended(since.elapsed(), CallOutcome::Ok);
            drop(permit);
            end
        };
        ctx.spawn(work.into_actor(self).map(|end, actor, ctx| {
            actor.under_way -= 1;
            actor.seat.end(end, ctx);
        }));
    }
}

/// Asks for one URL and records what it came to.
async fn ask(
    parameters: &Parameters,
    mut request: Request,
    fetcher: Result<Fetcher, FetchError>,
    name: &str,
    outage: &StoreOutage,
) -> End {
    let visit = async {
        let fetcher = fetcher.map_err(|error| Outcome::Failed { message: chain(&error), retry_at_ms: None });
        match fetcher {
            Ok(fetcher) => {
                fault::of_item("crawler", request.page.url.as_str())?;
                let outcome = visit(parameters, &request, &fetcher).await?;
                fault::of_item("crawler.done", request.page.url.as_str())?;
                Ok(outcome)
            }
            Err(outcome) => Ok(Some(outcome)),
        }
    };
    let (outcome, end) = match AssertUnwindSafe(visit).catch_unwind().await {
        Ok(Ok(outcome)) => (outcome, End::Ready),
        Ok(Err(failure)) => {
            log::error!("{name} url={}: {failure}", request.page.url);
            outage.failed(Place::Crawler, &failure);
            // The request gives the URL back; a ledger in trouble gets time.
            tokio::time::sleep(TRY_AGAIN).await;
            return End::Ready;
        }
        Err(panic) => {
            let message = format!("the crawler panicked: {}", panic_text(panic.as_ref()));
            log::error!("{name} url={}: {message}", request.page.url);
            (Some(failed(&request, &Failure::transient("panicked", message), None)), End::Restart)
        }
    };
    let Some(outcome) = outcome else {
        request.is_settled = true;
        return end;
    };
    log_outcome(name, &request.page, &outcome);
    let (number, rules, url) = (request.crawl.number, request.crawl.rules.clone(), request.page.url.clone());
    match request.crawl.ledger.call(move |db| frontier::record(db, number, &rules, &url, outcome)).await {
        Ok(Recorded::Ended(_) | Recorded::Retry { .. } | Recorded::Late) => {
            request.is_settled = true;
            outage.worked(Place::Crawler);
        }
        Err(error) => {
            let failure = Failure::from(error);
            log::error!("{name} url={}: {failure}", request.page.url);
            outage.failed(Place::Crawler, &failure);
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }
    end
}

/// What came of the URL; `None` where it was put off.
async fn visit(parameters: &Parameters, request: &Request, fetcher: &Fetcher) -> Result<Option<Outcome>, Failure> {
    let (crawl, page) = (&request.crawl, &request.page);
    if crawl.options.robots_obey {
        match robots(request, fetcher).await? {
            Robots::Allowed => {}
            Robots::PutOff => return Ok(None),
            Robots::Ended(outcome) => return Ok(Some(outcome)),
        }
    }
    let validators = validators(parameters, page).await;
    let asked = FetchRequest { url: page.url.clone(), validators };
    let fetched = match fetcher.fetch(&asked).await {
        Ok(fetched) => fetched,
        Err(error) => return Ok(Some(note_failure(request, &error))),
    };
    crawl.note_answer();
    let left_out = |reason: LeftOut| {
        let why =
            format!("the start URL {} is no page that can be read ({})", page.url, reason.name().replace('_', " "));
        crawl.note_no_page(page, why);
        Ok(Some(Outcome::LeftOut(reason)))
    };
    match fetched {
        Fetched::Page(fetched) => {
            crawl.note_page(page);
            page::keep(parameters, request, fetched).await.map(Some)
        }
        Fetched::NotModified => Ok(Some(Outcome::NotModified)),
        Fetched::Redirect { to } => {
            // Forgotten as soon as the redirects lead to a page.
            crawl.note_no_page(page, format!("the start URL {} leads to redirects only", page.url));
            Ok(Some(Outcome::Redirect { to }))
        }
        Fetched::RedirectNowhere { .. } => left_out(LeftOut::BadRedirect),
        Fetched::Gone { status } => {
            let why = format!("the start URL {} is not there (status {status}); check its spelling", page.url);
            crawl.note_no_page(page, why);
            Ok(Some(Outcome::Gone))
        }
        Fetched::WrongType { .. } => left_out(LeftOut::ContentType),
        Fetched::TooLarge { bytes_max } => {
            log::warn!(
                "{} is larger than DOWNLOAD_MAXSIZE ({bytes_max} bytes) and left out; raise it to have the page",
                page.url
            );
            left_out(LeftOut::TooLarge)
        }
        Fetched::Refused { status } => {
            let message = format!("{} answered with status {status}; open it in a browser to see why", page.url);
            crawl.note_no_page(page, message.clone());
            Ok(Some(Outcome::Failed { message, retry_at_ms: None }))
        }
    }
}

enum Robots {
    Allowed,
    PutOff,
    Ended(Outcome),
}

/// What the host's robots.txt says of the URL; fetches it where nobody has.
async fn robots(request: &Request, fetcher: &Fetcher) -> Result<Robots, DbError> {
    let (crawl, page) = (&request.crawl, &request.page);
    let origin = page.url.origin();
    loop {
        let lookup = lock(&crawl.robots).lookup(&origin, Instant::now());
        match lookup {
            Lookup::Rules(rules) if rules.allows(&page.url) => return Ok(Robots::Allowed),
            Lookup::Rules(_) => {
                crawl.note_page(page);
                return Ok(Robots::Ended(Outcome::LeftOut(LeftOut::Robots)));
            }
            Lookup::Closed(error) => {
                crawl.note_unreachable(page, &error);
                return Ok(Robots::Ended(Outcome::Failed { message: error.to_string(), retry_at_ms: None }));
            }
            Lookup::WaitUntil(time) => {
                let wait_ms = i64::try_from(time.saturating_duration_since(Instant::now()).as_millis());
                let (number, url) = (crawl.number, page.url.clone());
                let until_ms = now_ms() + wait_ms.unwrap_or(0);
                crawl.ledger.call(move |db| frontier::postpone(db, number, &url, until_ms)).await?;
                return Ok(Robots::PutOff);
            }
            Lookup::Pending => {
                let changed = crawl.robots_changed.notified();
                let _timed_out = tokio::time::timeout(ROBOTS_NAP, changed).await;
            }
            Lookup::Fetch => fetch_robots(request, fetcher, &origin).await?,
        }
    }
}

async fn fetch_robots(request: &Request, fetcher: &Fetcher, origin: &str) -> Result<(), DbError> {
    let (crawl, page) = (&request.crawl, &request.page);
    let pending = PendingRobots { crawl, origin };
    let answer = fetcher.fetch_robots(&page.url).await;
    let now = Instant::now();
    match answer {
        Ok(rules) => {
            crawl.note_answer();
            if let Some(delay) = rules.crawl_delay() {
                log::info!(
                    "{}: robots.txt asks for {} s between two requests (Crawl-delay, taken up to {} s)",
                    page.host,
                    delay.as_secs_f64(),
                    CRAWL_DELAY_MAX.as_secs()
                );
                lock(&crawl.gate).set_delay(&page.host, delay);
            }
            lock(&crawl.robots).answered(origin, rules, now);
        }
        Err(error) => {
            if !error.is_unreachable() {
                crawl.note_answer();
            }
            let message = format!("robots.txt: {}", chain(&error));
            let failures = lock(&crawl.robots).failures(origin) + 1;
            let wait = backoff(failures, fastrand::f64(), error.retry_after, now_ms());
            let retry_at = if failures > crawl.options.retries_max { None } else { now.checked_add(wait) };
            log::warn!("{message}");
            lock(&crawl.robots).failed(origin, &message, retry_at);
        }
    }
    drop(pending);
    Ok(())
}

/// Gives the fetch of a robots.txt back if it ends without an answer.
struct PendingRobots<'a> {
    crawl: &'a Crawl,
    origin: &'a str,
}

impl Drop for PendingRobots<'_> {
    fn drop(&mut self) {
        lock(&self.crawl.robots).abandoned(self.origin);
        self.crawl.robots_changed.notify_waiters();
    }
}

/// Validators are sent only where "not modified" leaves us with the page.
async fn validators(parameters: &Parameters, page: &FrontierPage) -> Validators {
    let Some(stem) = page.raw_stem.clone().filter(|_| !page.validators.is_empty()) else {
        return page.validators.clone();
    };
    let store = Arc::clone(&parameters.store);
    let is_there = actix_rt::task::spawn_blocking(move || store.stat(Folder::Raw, &format!("{stem}.json")));
    match is_there.await {
        Ok(Ok(Some(_))) => page.validators.clone(),
        _ => Validators::default(),
    }
}

fn note_failure(request: &Request, error: &FetchError) -> Outcome {
    let crawl = &request.crawl;
    if error.is_unreachable() {
        crawl.note_unreachable(&request.page, &chain(error));
    } else {
        crawl.note_answer();
        crawl.note_no_page(&request.page, chain(error));
    }
    if let Some(asked) = error.retry_after {
        let delay = asked.delay(now_ms());
        let host = &request.page.host;
        if !delay.is_zero() {
            log::warn!("{host} asks to be left alone for {} s (Retry-After); its pages wait", delay.as_secs());
        }
        let until = Instant::now() + delay;
        hold(&mut lock(&crawl.gate), &request.page, until);
    }
    let failure = Failure { transient: error.can_retry(), ..Failure::permanent(error.kind(), chain(error)) };
    failed(request, &failure, error.retry_after)
}

fn hold(gate: &mut Gate, page: &FrontierPage, until: Instant) {
    gate.hold(&page.host, until);
}

fn log_outcome(name: &str, page: &FrontierPage, outcome: &Outcome) {
    let url = &page.url;
    match outcome {
        Outcome::Fetched(record) => {
            let indexed = if record.is_indexable { "" } else { " noindex" };
            log::info!("{name} url={url} fetched depth={} links={}{indexed}", page.depth, record.links.len());
        }
        Outcome::NotModified => log::info!("{name} url={url} not modified"),
        Outcome::Redirect { to } => log::info!("{name} url={url} redirects to={to}"),
        // Nobody names a start URL to have it left out.
        Outcome::LeftOut(reason) if page.is_start => {
            log::warn!("{name} url={url} is a start URL and is left out reason={}", reason.name());
        }
        Outcome::LeftOut(reason) => log::info!("{name} url={url} left out reason={}", reason.name()),
        Outcome::Gone if page.is_start => log::warn!("{name} url={url} is a start URL and is gone"),
        Outcome::Gone => log::info!("{name} url={url} gone"),
        Outcome::Failed { message, .. } => log::warn!("{name} url={url} failed: {message}"),
    }
}
