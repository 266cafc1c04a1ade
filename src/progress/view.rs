//! What is shown of a run: numbers only, filled from the pipeline's snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

/// A run at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// What the crawl did; all zero where there is none.
    pub crawl: CrawlView,
    /// Where the items are.
    pub items: ItemsView,
    /// Documents made, one for each raw item that was processed.
    pub documents: u64,
    /// Chunks cut; those of a page that is tried again are cut again.
    pub chunks: u64,
    /// Chunks of the documents made.
    pub chunks_done: u64,
    /// Chunks that have a vector, from the model or from the cache.
    pub embeddings: u64,
    /// Those of `embeddings` that came from the cache.
    pub cache_hits: u64,
    /// Attempts that failed and are tried again.
    pub retries: u64,
    /// Working seconds of each stage, in the stages' order.
    pub stage_times: Vec<(&'static str, Duration)>,
    /// Stages that pause because their service is down, and since when.
    pub pauses: Vec<(&'static str, Duration)>,
    /// Since the run began.
    pub elapsed: Duration,
}

/// The crawl at one moment, in pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrawlView {
    /// Whether it has ended.
    pub ended: bool,
    /// Answered and saved.
    pub fetched: u64,
    /// Answered by "not modified", and so known already.
    pub unchanged: u64,
    /// Known and not yet asked for.
    pub queued: u64,
    /// Left out for good reason (robots, noindex, scope, gone, ...).
    pub left_out: BTreeMap<String, u64>,
    /// Given up after retries.
    pub failed: u64,
}

/// The items at one moment: `admitted` is the sum of all the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemsView {
    /// Taken in from the raw folder.
    pub admitted: u64,
    /// In the index, or taken out of it.
    pub done: u64,
    /// Those of `done` that were taken out.
    pub removed: u64,
    /// Nothing to do for them: unchanged, superseded, or gone.
    pub skipped: u64,
    /// Those of `skipped` that a person dropped.
    pub dropped: u64,
    /// Given up.
    pub dead: u64,
    /// In backoff, between batch stages, or behind an outage.
    pub waiting: u64,
    /// On their way.
    pub in_flight: u64,
}

impl ItemsView {
    /// Those that need no more work.
    pub fn settled(&self) -> u64 {
        self.done + self.skipped + self.dead
    }

    /// Those that the next run will go on with.
    pub fn left(&self) -> u64 {
        self.waiting + self.in_flight
    }
}

impl View {
    /// What makes a run end with errors: dead items, and URLs given up.
    pub fn errors(&self) -> u64 {
        self.items.dead + self.crawl.failed
    }

    /// The line that docs2vector prints too.
    pub fn live_line(&self) -> String {
        format!(
            "Progress: Files={}, Docs={}, Chunks={}, Embeddings={}, Errors={}",
            self.items.admitted,
            self.documents,
            self.chunks,
            self.embeddings,
            self.errors()
        )
    }
}
