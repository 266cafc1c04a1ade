//! A service that a stage asks is down: the stage pauses. It takes no tickets
//! and gives those that reach it back unburnt, until a probe finds the service
//! back, or `OUTAGE_LIMIT` passes and the run ends (69).

use std::sync::Arc;
use std::time::{Duration, Instant};

use docmill_stages::failure::Failure;
use tokio::sync::watch;

use crate::Stage;
use crate::stats::OutageStats;

/// The stages whose services are down. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct ServiceOutages {
    known: Arc<watch::Sender<Vec<Outage>>>,
}

/// One that is down, or was and has not proved itself yet.
#[derive(Debug, Clone)]
struct Outage {
    stage: Stage,
    why: String,
    since: Instant,
    /// Probes that have failed, and returns that did not last.
    tries: u32,
    /// Whether the stage pauses. A probe that went well ends the pause; only
    /// work that went well ends the outage, so that a service which answers
    /// probes alone is not waited for without end.
    paused: bool,
}

impl Default for ServiceOutages {
    fn default() -> Self {
        Self { known: Arc::new(watch::Sender::new(Vec::new())) }
    }
}

impl ServiceOutages {
    /// Pauses the stage if the failure tells of an outage of its service.
    pub(crate) fn note(&self, stage: Stage, failure: &Failure) {
        if !failure.outage || failure.store_outage {
            return;
        }
        self.known.send_if_modified(|known| {
            let Some(outage) = known.iter_mut().find(|outage| outage.stage == stage) else {
                log::error!("the {stage} pauses, for its service is down: {failure}");
                let why = failure.message.clone();
                known.push(Outage { stage, why, since: Instant::now(), tries: 0, paused: true });
                return true;
            };
            let came_again = !outage.paused;
            if came_again {
                log::error!("the {stage} pauses again, for its service is still down: {failure}");
                *outage =
                    Outage { why: failure.message.clone(), paused: true, tries: outage.tries + 1, ..outage.clone() };
            }
            came_again
        });
    }

    /// Work that needs the service went well: the outage is over.
    pub(crate) fn worked(&self, stage: Stage) {
        // Asked for each item: most often there is nothing to write.
        if self.known.borrow().iter().all(|outage| outage.stage != stage || outage.paused) {
            return;
        }
        self.known.send_modify(|known| known.retain(|outage| outage.stage != stage || outage.paused));
    }

    /// Whether the stage pauses.
    pub(crate) fn pauses(&self, stage: Stage) -> bool {
        self.known.borrow().iter().any(|outage| outage.stage == stage && outage.paused)
    }

    /// Whether any stage pauses: nothing goes through the door then.
    pub(crate) fn pauses_any(&self) -> bool {
        self.known.borrow().iter().any(|outage| outage.paused)
    }

    /// For whoever shows it.
    pub(crate) fn snapshot(&self) -> Vec<OutageStats> {
        let known = self.known.borrow();
        let shown = known.iter().filter(|outage| outage.paused);
        shown
            .map(|outage| OutageStats {
                stage: outage.stage,
                why: outage.why.clone(),
                seconds: outage.since.elapsed().as_secs_f64(),
            })
            .collect()
    }

    /// Waits until the stage pauses; how many tries it has had.
    pub(super) async fn paused(&self, stage: Stage) -> u32 {
        let mut known = self.known.subscribe();
        loop {
            let paused = known.borrow_and_update().iter().find(|o| o.stage == stage && o.paused).map(|o| o.tries);
            if let Some(tries) = paused {
                return tries;
            }
            // The sender lives in `self`.
            let _never_closed = known.changed().await;
        }
    }

    /// A probe went well: the stage may go on.
    pub(super) fn is_back(&self, stage: Stage) {
        self.known.send_modify(|known| {
            for outage in known.iter_mut().filter(|outage| outage.stage == stage && outage.paused) {
                log::warn!(
                    "the {stage} goes on: its service is back after {:.1} s",
                    outage.since.elapsed().as_secs_f64()
                );
                outage.paused = false;
            }
        });
    }

    /// A probe failed as well.
    pub(super) fn is_still_down(&self, stage: Stage, why: String) {
        self.known.send_modify(|known| {
            for outage in known.iter_mut().filter(|outage| outage.stage == stage && outage.paused) {
                outage.tries = outage.tries.saturating_add(1);
                outage.why.clone_from(&why);
            }
        });
    }

    /// Waits until an outage has lasted for `limit`, and says which; for ever
    /// where `limit` is zero.
    pub(crate) async fn lasted(&self, limit: Duration) -> (Stage, String) {
        let mut known = self.known.subscribe();
        loop {
            let first = known.borrow_and_update().iter().filter(|outage| outage.paused).map(|o| o.since).min();
            let until = first.filter(|_| !limit.is_zero()).map(|since| since + limit);
            tokio::select! {
                _changed = known.changed() => {}
                () = sleep_until(until) => {
                    let over = known.borrow().iter().find(|o| o.paused && o.since.elapsed() >= limit).cloned();
                    if let Some(outage) = over {
                        return (outage.stage, outage.why);
                    }
                }
            }
        }
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> Failure {
        Failure { outage: true, ..Failure::transient("unreachable", "nobody there") }
    }

    #[test]
    fn only_an_outage_of_a_service_pauses_and_only_its_stage() {
        let outages = ServiceOutages::default();
        outages.note(Stage::Embedder, &Failure::transient("broken", "an item's own"));
        outages.note(Stage::Loader, &Failure { store_outage: true, ..down() });
        assert!(!outages.pauses_any());
        outages.note(Stage::Embedder, &down());
        assert!(outages.pauses(Stage::Embedder) && !outages.pauses(Stage::Loader) && outages.pauses_any());
        assert_eq!(outages.snapshot().len(), 1);
    }

    #[actix_rt::test]
    async fn the_limit_counts_from_the_first_failure_until_work_goes_well() {
        let outages = ServiceOutages::default();
        outages.note(Stage::Embedder, &down());
        outages.is_back(Stage::Embedder);
        assert!(!outages.pauses_any());
        outages.note(Stage::Embedder, &down());
        let tries = outages.paused(Stage::Embedder).await;
        assert_eq!(tries, 1, "a return that did not last counts as a try");
        let limit = Duration::from_millis(1);
        assert_eq!(outages.lasted(limit).await, (Stage::Embedder, "nobody there".to_owned()));
        outages.worked(Stage::Embedder);
        assert!(outages.pauses_any(), "an item from before the pause proves nothing");
        outages.is_back(Stage::Embedder);
        outages.worked(Stage::Embedder);
        outages.note(Stage::Embedder, &down());
        assert_eq!(outages.paused(Stage::Embedder).await, 0, "a new outage");
    }

    #[actix_rt::test]
    async fn without_a_limit_it_is_waited_for_without_end() {
        let outages = ServiceOutages::default();
        outages.note(Stage::Loader, &down());
        let waited = tokio::time::timeout(Duration::from_millis(50), outages.lasted(Duration::ZERO)).await;
        assert!(waited.is_err());
    }
}
