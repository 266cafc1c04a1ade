//! What the pipeline is told: counts, bounds, retries.

use std::time::Duration;

use docmill_stages::failure::Failure;
use docmill_stages::ledger::{Attempt, Verdict};

use crate::{Stage, now_ms};

/// How many actors each stage has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActorCounts {
    /// `CRAWLER_ACTORS`.
    pub crawler: usize,
    /// `PROCESSOR_ACTORS`.
    pub processor: usize,
    /// `CHUNKER_ACTORS`.
    pub chunker: usize,
    /// `EMBEDDER_ACTORS`.
    pub embedder: usize,
    /// `LOADER_ACTORS`.
    pub loader: usize,
}

/// Bounds of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `MAILBOX_CAPACITY`: permits of each stage.
    pub mailbox_capacity: usize,
    /// `MAX_IN_FLIGHT`: items.
    pub in_flight: usize,
    /// `MAX_IN_FLIGHT_BYTES`: bytes of their raw items.
    pub in_flight_bytes: u64,
    /// `STAGE_TIMEOUT`: a stage call that takes longer is not waited for.
    pub stage_timeout: Duration,
    /// `HUNG_MAX`: more threads than this that never came back end the
    /// process.
    pub hung_max: usize,
    /// `OUTAGE_LIMIT`: a service that is down for longer ends the run; zero
    /// waits for ever.
    pub outage: Duration,
    /// `RAW_MAX_BYTES`: of one raw file.
    pub raw_bytes_max: u64,
    /// `RESCAN_INTERVAL`: between looks at the raw folder, events or not.
    pub rescan_interval: Duration,
    /// `EMBEDDING_BATCH_SIZE`: chunks of a message to the embedder.
    pub embedding_batch: usize,
}

/// `RESTART_MAX` restarts within `RESTART_WINDOW` are borne; one more
/// escalates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartIntensity {
    /// How many.
    pub max: usize,
    /// Within how long.
    pub window: Duration,
}

/// When a failed item is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// `MAX_ATTEMPTS`: after so many an item is dead.
    pub attempts_max: u32,
    /// Backoff before the next attempt, and between restarts.
    pub backoff: Backoff,
}

impl Retry {
    /// The verdict on an item whose stage call failed, after
    /// `attempts_before` that had failed earlier. After an outage it is due at
    /// once: the stage pauses, and the door with it.
    pub(crate) fn failed(&self, stage: Stage, failure: Failure, attempts_before: u32) -> Verdict {
        let delay = if failure.outage { Duration::ZERO } else { self.backoff.delay(attempts_before) };
        let not_before_ms = now_ms().saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
        let attempt = Attempt { attempts_max: self.attempts_max, not_before_ms };
        Verdict::Failed { stage: stage.name().to_owned(), failure, attempt }
    }
}

/// Exponential backoff with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
}

impl Backoff {
    /// From `min` on, doubling up to `max`.
    ///
    /// # Errors
    /// `min` is over `max`.
    pub fn try_new(min: Duration, max: Duration) -> Result<Self, String> {
        if min > max { Err(format!("a backoff from {min:?} up to {max:?}")) } else { Ok(Self { min, max }) }
    }

    /// The delay before try number `tries` + 1: a random part, at least half,
    /// of `min` doubled `tries` times.
    pub fn delay(&self, tries: u32) -> Duration {
        let full = self.min.saturating_mul(2_u32.saturating_pow(tries.min(30))).min(self.max);
        full.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_due_at_once_after_an_outage() {
        let backoff = Backoff::try_new(Duration::from_secs(1), Duration::from_secs(60)).unwrap();
        let retry = Retry { attempts_max: 3, backoff };
        let pause_ms = |outage| {
            let failure = Failure { outage, ..Failure::transient("down", "down") };
            match retry.failed(Stage::Embedder, failure, 0) {
                Verdict::Failed { attempt, .. } => attempt.not_before_ms - now_ms(),
                other => panic!("{other:?}"),
            }
        };
        assert!(pause_ms(false) >= 400 && pause_ms(true) <= 0);
    }

    #[test]
    fn a_backoff_grows_to_its_bound_and_has_jitter() {
        let backoff = Backoff::try_new(Duration::from_secs(1), Duration::from_secs(60)).unwrap();
        for tries in [0, 3, 6, 100, u32::MAX] {
            let full = f64::from(2_u32.saturating_pow(tries.min(6))).min(60.0);
            for _ in 0..50 {
                let delay = backoff.delay(tries).as_secs_f64();
                assert!(delay >= full / 2.0 && delay <= full, "{delay} of {full}");
            }
        }
        assert!(Backoff::try_new(Duration::from_secs(2), Duration::from_secs(1)).is_err());
    }
}
