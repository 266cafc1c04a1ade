//! The one place where a stage is called: marked in the ledger before and
//! after, its panic caught, its time watched (invariants 3 and 5).

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use docmill_stages::db::Writer;
use docmill_stages::failure::{Failure, panic_text};
use docmill_stages::ledger;
use futures_util::FutureExt as _;

use crate::mailbox::SlotId;
use crate::outage::{Place, ServiceOutages, StoreOutage, TRY_AGAIN};
use crate::stats::{CallOutcome, Counters};
use crate::ticket::TicketData;
use crate::{Stage, lock};

/// How a stage call ended, other than well.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// It could not be marked, so it did not begin.
    NotBegun,
    /// The stage said what is wrong.
    Failed(Failure),
    /// The stage panicked: its actor wants fresh state.
    Panicked(Failure),
    /// It took so long that the supervisor has taken the ticket back and put
    /// another actor in its place.
    Abandoned,
}

/// Stage calls that are under way, for the supervisor to look at.
#[derive(Default)]
pub(crate) struct Calls {
    next: AtomicU64,
    running: Mutex<HashMap<u64, RunningCall>>,
}

/// One of them.
#[derive(Clone)]
pub(crate) struct RunningCall {
    pub(crate) stage: Stage,
    pub(crate) slot: SlotId,
    pub(crate) ticket: Arc<TicketData>,
    pub(crate) since: Instant,
}

impl Calls {
    fn begin(&self, call: RunningCall) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.running).insert(id, call);
        id
    }

    /// Says whether the call was still wanted.
    fn end(&self, id: u64) -> bool {
        lock(&self.running).remove(&id).is_some()
    }

    /// Takes out the calls that have run longer than `limit`: nobody waits
    /// for them any more.
    pub(crate) fn abandon_over(&self, limit: Duration) -> Vec<RunningCall> {
        let mut running = lock(&self.running);
        let over: Vec<u64> =
            running.iter().filter(|(_, call)| call.since.elapsed() > limit).map(|(id, _)| *id).collect();
        over.iter().filter_map(|id| running.remove(id)).collect()
    }

    /// What each actor works on now: stage, slot, key and for how long.
    pub(crate) fn running(&self) -> Vec<RunningCall> {
        lock(&self.running).values().cloned().collect()
    }
}

/// What a stage call needs beside the work itself.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) ledger: Writer,
    pub(crate) calls: Arc<Calls>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outage: StoreOutage,
    pub(crate) services: ServiceOutages,
    pub(crate) stage: Stage,
    pub(crate) slot: SlotId,
}

impl Caller {
    /// Whether the stage pauses because its service is down: then no call
    /// begins, and a ticket is dropped.
    pub(crate) fn pauses(&self) -> bool {
        self.services.pauses(self.stage)
    }

    /// The stage's service has done its work.
    pub(crate) fn service_worked(&self) {
        self.services.worked(self.stage);
    }

    /// Calls a stage on one item (on its `part`, where it is cut in parts).
    ///
    /// `work` runs on this thread, which belongs to the actor alone.
    pub(crate) async fn call<T>(
        &self,
        ticket: &Arc<TicketData>,
        part: u32,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, CallEnd> {
        self.call_async(ticket, part, async { work() }).await
    }

    /// The same for a stage that waits for something.
    pub(crate) async fn call_async<T>(
        &self,
        ticket: &Arc<TicketData>,
        part: u32,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, CallEnd> {
        let (stage, key) = (self.stage, ticket.item.key.clone());
        if let Err(error) = self.ledger.call(move |db| ledger::begin_call(db, &key, stage.name(), part)).await {
            let failure = Failure::from(error);
            log::error!("cannot mark a stage call: {failure}");
            self.outage.failed(Place::StageCall, &failure);
            // The item waits again at once: a ledger in trouble gets time.
            tokio::time::sleep(TRY_AGAIN).await;
            return Err(CallEnd::NotBegun);
        }
        self.outage.worked(Place::StageCall);
        let since = Instant::now();
        let id = self.calls.begin(RunningCall { stage, slot: self.slot, ticket: Arc::clone(ticket), since });
        let result = AssertUnwindSafe(work).catch_unwind().await;
        let was_wanted = self.calls.end(id);
        let key = ticket.item.key.clone();
        self.ledger.post(move |db| ledger::end_call(db, &key, stage.name(), part));
        let end = match result {
            _ if !was_wanted => Err(CallEnd::Abandoned),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => Err(CallEnd::Failed(failure)),
            Err(panic) => Err(CallEnd::Panicked(Failure::transient(
                "panicked",
                format!("{stage} panicked: {}", panic_text(panic.as_ref())),
            ))),
        };
        self.counters.stage(stage).call_ended(since.elapsed(), outcome(end.as_ref().err()));
        end
    }
}

fn outcome(end: Option<&CallEnd>) -> CallOutcome {
    match end {
        None => CallOutcome::Ok,
        Some(CallEnd::Failed(_)) => CallOutcome::Failed,
        Some(CallEnd::Panicked(_)) => CallOutcome::Panicked,
        Some(CallEnd::Abandoned | CallEnd::NotBegun) => CallOutcome::Abandoned,
    }
}
