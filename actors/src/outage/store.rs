//! The store or the ledger is down. Whoever meets that reports it here, and
//! the run ends; no item is blamed.
//!
//! A disk that is full, or fails, ends the run at once. A ledger that cannot
//! be used for any other reason is tried again and again, for the reason may
//! pass: one that does not ends the run (invariant 5).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docmill_stages::failure::{Failure, StageError, chain};
use tokio::sync::watch;

use crate::lock;

/// Between two tries of what goes on by itself.
pub(crate) const TRY_AGAIN: Duration = Duration::from_millis(200);
/// Tries of one place that may fail in a row.
const TRIES_MAX: u32 = 30;

/// Who needs the ledger to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Crawler,
    Watcher,
    Door,
    StageCall,
    Settling,
}

/// Why the run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The disk is full, or fails.
    Store(String),
    /// Tries did not help.
    Ledger(String),
}

/// What is known of it, once somebody has met it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct StoreOutage {
    reported: watch::Sender<Option<Outage>>,
    failed: Arc<Mutex<HashMap<Place, u32>>>,
}

impl Default for StoreOutage {
    fn default() -> Self {
        Self { reported: watch::Sender::new(None), failed: Arc::default() }
    }
}

impl StoreOutage {
    /// Reports the error, if it tells of an outage of the store.
    pub(crate) fn note(&self, error: &impl StageError) {
        if error.is_store_outage() {
            self.report(Outage::Store(chain(error)));
        }
    }

    /// The same for one that was written out already.
    pub(crate) fn note_failure(&self, failure: &Failure) {
        if failure.store_outage {
            self.report(Outage::Store(failure.message.clone()));
        }
    }

    /// The place could not go on and tries again: too often in a row is an
    /// outage, too.
    pub(crate) fn failed(&self, place: Place, failure: &Failure) {
        self.note_failure(failure);
        let mut failed = lock(&self.failed);
        let tries = failed.entry(place).or_default();
        *tries += 1;
        if *tries > TRIES_MAX {
            let why = format!("{TRIES_MAX} tries did not help: {}", failure.message);
            drop(failed);
            self.report(Outage::Ledger(why));
        }
    }

    /// The place goes on.
    pub(crate) fn worked(&self, place: Place) {
        lock(&self.failed).remove(&place);
    }

    /// The first is kept: others follow from it.
    fn report(&self, outage: Outage) {
        self.reported.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                let (Outage::Store(why) | Outage::Ledger(why)) = &outage;
                log::error!("what is made cannot be kept, stopping: {why}");
                *known = Some(outage);
            }
            is_first
        });
    }

    /// Why, once it is reported.
    pub(crate) async fn reported(&self) -> Outage {
        let mut reported = self.reported.subscribe();
        // The sender lives in `self`: waiting cannot fail.
        let outage = reported.wait_for(Option::is_some).await;
        outage.ok().and_then(|outage| outage.clone()).unwrap_or(Outage::Store(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_fails_too_often_in_a_row_is_an_outage() {
        let failure = Failure::transient("database", "locked");
        let outage = StoreOutage::default();
        let is_reported = || outage.reported.borrow().is_some();
        for _ in 0..3 {
            (0..TRIES_MAX).for_each(|_| outage.failed(Place::Door, &failure));
            outage.failed(Place::Watcher, &failure);
            outage.worked(Place::Door);
        }
        assert!(!is_reported());
        (0..=TRIES_MAX).for_each(|_| outage.failed(Place::Door, &failure));
        assert!(is_reported());
    }
}
