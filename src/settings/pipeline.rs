//! Modes, limits and retries of the pipeline.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::parse::{self, Parsed};
use super::row::settings;

/// Whether the stages run all at once or one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipelineMode {
    /// All at once: what is crawled can be searched seconds later.
    Streaming,
    /// Each stage over all items, then the next.
    Batch,
}

/// A week, in seconds.
const WEEK_S: u64 = 7 * 86_400;

settings! {
    /// Modes, limits and retries of the pipeline.
    Pipeline => Pipeline {
        /// streaming: all stages at once; batch: one after the other
        mode: PipelineMode = "PIPELINE_MODE", "streaming", "", mode;
        /// Messages that wait at one stage
        mailbox_capacity: NonZeroUsize = "MAILBOX_CAPACITY", "64", "messages", parse::positive::<1_000_000>;
        /// Items between the raw folder and the index at a time
        in_flight_max: NonZeroUsize = "MAX_IN_FLIGHT", "256", "items", parse::positive::<1_000_000>;
        /// Size of these items' raw files together; one that is larger passes alone
        in_flight_size_max: u64 = "MAX_IN_FLIGHT_BYTES", "64MiB", "bytes", parse::bytes::<1, { 1 << 50 }>;
        /// Times that an item is tried before it is given up
        attempts_max: NonZeroUsize = "MAX_ATTEMPTS", "3", "", parse::positive::<1_000>;
        /// Time that a stage may take over one item
        stage_timeout: Duration = "STAGE_TIMEOUT", "300", "s", parse::seconds::<100, WEEK_S>;
        /// Stage calls that may hang before the process ends
        hung_max: usize = "HUNG_MAX", "4", "", parse::count::<0, 1_000>;
        /// Restarts of a stage's actors within RESTART_WINDOW before the stage is given up
        restarts_max: usize = "RESTART_MAX", "10", "", parse::count::<0, 1_000_000>;
        /// The time within which RESTART_MAX counts
        restart_window: Duration = "RESTART_WINDOW", "60", "s", parse::seconds::<100, WEEK_S>;
        /// Pause before the first retry of an item; it doubles with each
        retry_backoff_min: Duration = "RETRY_BACKOFF_MIN", "1", "s", parse::seconds::<1, WEEK_S>;
        /// The longest pause before a retry
        retry_backoff_max: Duration = "RETRY_BACKOFF_MAX", "60", "s", parse::seconds::<1, WEEK_S>;
        /// A service that is down for longer ends the run; 0 waits without end
        outage_limit: Duration = "OUTAGE_LIMIT", "900", "s", parse::seconds::<0, WEEK_S>;
        /// Time that a stop waits for what is in flight
        shutdown_grace: Duration = "SHUTDOWN_GRACE", "30", "s", parse::seconds::<0, WEEK_S>;
        /// Pause between two scans of the raw folder, behind its file events
        rescan_interval: Duration = "RESCAN_INTERVAL", "30", "s", parse::seconds::<100, WEEK_S>;
    }
}

fn mode(text: &str) -> Parsed<PipelineMode> {
    parse::choice(text, &[("streaming", PipelineMode::Streaming), ("batch", PipelineMode::Batch)])
}
