//! Counters, and the snapshot that the live line, `status` and tests read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use docmill_stages::ledger;
use serde::Serialize;

use crate::Stage;

/// Counts since the start of the pipeline. Only ever grows.
#[derive(Debug, Default)]
pub struct Counters {
    stages: [StageCounters; Stage::ALL.len()],
    /// Documents loaded.
    pub(crate) documents: Count,
    /// Their chunks.
    pub(crate) chunks_done: Count,
    /// Pages removed.
    pub(crate) removed: Count,
    /// Chunks made, each time that a document is tried.
    pub(crate) chunks: Count,
    /// Vectors made or found.
    pub(crate) vectors: Count,
    /// Of these, found in the cache.
    pub(crate) cache_hits: Count,
    /// Raw files read by the watcher.
    pub(crate) files: Count,
    /// Items that failed for good.
    pub(crate) hung: Count,
}

/// One number that grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a stage call ended, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    Ok,
    Failed,
    Panicked,
    Abandoned,
}

/// One stage's counts.
#[derive(Debug, Default)]
pub(crate) struct StageCounters {
    ok: Count,
    failed: Count,
    panicked: Count,
    abandoned: Count,
    nanos: AtomicU64,
    pub(crate) restarts: Count,
}

impl StageCounters {
    pub(crate) fn call_ended(&self, took: Duration, how: CallOutcome) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        match how {
            CallOutcome::Ok => self.ok.add(1),
            CallOutcome::Failed => self.failed.add(1),
            CallOutcome::Panicked => self.panicked.add(1),
            CallOutcome::Abandoned => self.abandoned.add(1),
        }
    }
}

impl Counters {
    pub(crate) fn stage(&self, stage: Stage) -> &StageCounters {
        &self.stages[stage as usize]
    }

    pub(crate) fn snapshot_of(&self, stage: Stage) -> StageStats {
        let counters = self.stage(stage);
        StageStats {
            stage,
            ok: counters.ok.get(),
            failed: counters.failed.get(),
            panicked: counters.panicked.get(),
            abandoned: counters.abandoned.get(),
            seconds: Duration::from_nanos(counters.nanos.load(Ordering::Relaxed)).as_secs_f64(),
            restarts: counters.restarts.get(),
            queued: 0,
            permits_free: 0,
            permits: 0,
            actors: 0,
        }
    }
}

/// The pipeline at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// The ledger's items by state: they add up to what was admitted.
    pub items: ledger::Counts,
    /// What is told apart within them.
    pub apart: ledger::Apart,
    /// The crawl's pages by state, where there is a crawl.
    pub crawl: Option<docmill_stages::crawl::frontier::CrawlCounts>,
    /// Stage by stage.
    pub stages: Vec<StageStats>,
    /// Stages that pause because their service is down.
    pub outages: Vec<OutageStats>,
    /// Since this process started.
    pub session: SessionStats,
}

/// A stage that pauses because its service is down.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutageStats {
    /// Which.
    pub stage: Stage,
    /// What its service, or the last probe of it, said.
    pub why: String,
    /// Since the first failure.
    pub seconds: f64,
}

/// What this process has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SessionStats {
    /// Raw files read.
    pub files: u64,
    /// Documents loaded.
    pub documents: u64,
    /// Their chunks.
    pub chunks_done: u64,
    /// Pages removed.
    pub removed: u64,
    /// Chunks made, each time that a document is tried.
    pub chunks: u64,
    /// Vectors made or found.
    pub vectors: u64,
    /// Of these, found in the cache.
    pub cache_hits: u64,
    /// Raw bytes of what is in flight.
    pub bytes_in_flight: u64,
    /// Threads that never came back.
    pub hung: u64,
}

/// One stage at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StageStats {
    /// Which.
    pub stage: Stage,
    /// Stage calls that ended well.
    pub ok: u64,
    /// That ended in an error.
    pub failed: u64,
    /// That panicked.
    pub panicked: u64,
    /// That were not waited for, or could not begin.
    pub abandoned: u64,
    /// Time spent in stage calls.
    pub seconds: f64,
    /// Actors started anew.
    pub restarts: u64,
    /// Messages that wait for an actor.
    pub queued: usize,
    /// Places free in the mailbox.
    pub permits_free: usize,
    /// Places of the mailbox.
    pub permits: usize,
    /// Actors.
    pub actors: usize,
}
