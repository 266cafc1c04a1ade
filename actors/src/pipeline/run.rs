//! A run: from the first page to the point where nothing is left to do.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use docmill_stages::db::DbError;
use docmill_stages::failure::{StageError as _, chain, panic_text};
use futures_util::FutureExt as _;

use super::idle::POLL;
use super::stop::Stop;
use super::{Pipeline, batch};
use crate::crawler::{CrawlEnd, CrawlPlan};
use crate::outage::Outage;
use crate::watcher::door::Opening;
use crate::watcher::{LookAt, look};

/// How items go through the stages. The final data is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every stage works at once.
    Streaming,
    /// Stage after stage.
    Batch,
}

/// What a run is to do.
pub struct Plan {
    /// How.
    pub mode: Mode,
    /// What to crawl, if anything.
    pub crawl: Option<CrawlPlan>,
    /// Whether it goes on when nothing is left to do, until it is stopped.
    pub stay: bool,
    /// After a stop, how long what is in flight may take to end.
    pub grace: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to do.
    Whole,
    /// It was stopped, or reached its time limit, with work left.
    Stopped,
    /// There is nothing to crawl.
    NoStart(String),
    /// The start URLs could not be reached.
    Unreachable(String),
    /// A service was down for longer than `OUTAGE_LIMIT`: what it said. What
    /// is left waits in the ledger.
    ServiceDown(String),
    /// Restarts did not help.
    GaveUp(String),
    /// The disk is full, or fails: why. What is left waits in the ledger.
    StoreDown(String),
    /// state.db cannot be used.
    Ledger(String),
}

fn ended_by(error: &DbError) -> Ended {
    if error.is_store_outage() { Ended::StoreDown(chain(error)) } else { Ended::Ledger(chain(error)) }
}

impl Pipeline {
    /// Runs to the end of `plan`, then ends the actors. The end of the
    /// process is never waited for by a thread that hangs.
    pub async fn run(&self, plan: Plan, stop: &Stop) -> Ended {
        let mut gave_up = self.gave_up.clone();
        let grace = plan.grace;
        let ended = tokio::select! {
            ended = AssertUnwindSafe(self.run_plan(plan, stop)).catch_unwind() => match ended {
                Ok(ended) => ended.unwrap_or_else(|error| ended_by(&error)),
                Err(panic) => Ended::GaveUp(format!("the run panicked: {}", panic_text(panic.as_ref()))),
            },
            // What is in flight could be written no more, so it is not waited for.
            outage = self.outage.reported() => match outage {
                Outage::Store(why) => Ended::StoreDown(why),
                Outage::Ledger(why) => Ended::GaveUp(why),
            },
            (stage, why) = self.services.lasted(self.parameters.limits.outage) => {
                Ended::ServiceDown(format!(
                    "the {stage}'s service was down for over OUTAGE_LIMIT ({:?}): {why}",
                    self.parameters.limits.outage
                ))
            }
            why = gave_up.wait_for(Option::is_some) => {
                Ended::GaveUp(why.ok().and_then(|why| why.clone()).unwrap_or_default())
            }
        };
        self.opening.send_replace(Opening::Closed);
        if ended == Ended::Stopped {
            self.drain(grace).await;
        }
        self.end(ended == Ended::Whole).await;
        ended
    }

    async fn run_plan(&self, plan: Plan, stop: &Stop) -> Result<Ended, DbError> {
        let process = self.parameters.processing.is_some();
        if process && plan.mode == Mode::Streaming {
            self.opening.send_replace(Opening::Streaming);
        }
        self.hints.add_all();
        if let Some(crawl) = plan.crawl {
            match self.crawler.run(crawl, stop).await? {
                CrawlEnd::Whole => {}
                CrawlEnd::Cut => log::info!("the crawl was cut off by its limits"),
                CrawlEnd::Stopped => return Ok(Ended::Stopped),
                CrawlEnd::Unreachable(why) => return Ok(Ended::Unreachable(why)),
                CrawlEnd::NoStart(why) => return Ok(Ended::NoStart(why)),
            }
        }
        loop {
            if process {
                let whole = match plan.mode {
                    Mode::Streaming => self.until_idle(stop).await?,
                    Mode::Batch => batch::stage_after_stage(self, stop).await?,
                };
                if !whole {
                    return Ok(Ended::Stopped);
                }
            }
            if !plan.stay && self.nothing_new(process, stop).await? {
                break;
            }
            if stop.is_asked() {
                return Ok(Ended::Stopped);
            }
            if plan.stay {
                tokio::select! {
                    () = stop.asked() => return Ok(Ended::Stopped),
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
        if let Some(processing) = self.parameters.processing.as_ref()
            && let Err(error) = processing.work.clear()
        {
            log::warn!("{}", chain(&error));
        }
        Ok(Ended::Whole)
    }

    /// Waits until nothing waits and nothing is in flight; `false` where it
    /// was stopped before.
    async fn until_idle(&self, stop: &Stop) -> Result<bool, DbError> {
        loop {
            if stop.is_asked() {
                return Ok(false);
            }
            if self.in_flight.load().0 == 0 && self.is_idle(&self.counts().await?) {
                return Ok(true);
            }
            self.poll(stop).await;
        }
    }

    /// Whether a look at everything, begun now, finds nothing new.
    async fn nothing_new(&self, process: bool, stop: &Stop) -> Result<bool, DbError> {
        let looked = tokio::select! {
            looked = look(&self.watcher, LookAt::All) => looked,
            () = stop.asked() => return Ok(false),
        };
        let Some(looked) = looked else {
            tokio::time::sleep(POLL).await;
            return Ok(false);
        };
        if looked.unsettled > 0 {
            self.poll(stop).await;
            return Ok(false);
        }
        Ok(looked.admitted == 0 && (!process || self.is_idle(&self.counts().await?)))
    }

    /// The door is closed: waits until what is in flight has ended, at most
    /// for `grace`.
    async fn drain(&self, grace: Duration) {
        let since = Instant::now();
        let (items, _) = self.in_flight.load();
        if items > 0 {
            log::info!("stopping: {items} items are in flight, waiting for them up to {grace:?} (SHUTDOWN_GRACE)");
        }
        while self.in_flight.load().0 > 0 && since.elapsed() < grace {
            tokio::time::sleep(POLL).await;
        }
    }
}
