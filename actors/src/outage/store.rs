//! The store is down: its disk is full, or fails. Whoever meets that reports
//! it here, and the run ends; no item is blamed.

use docmill_stages::failure::{Failure, StageError, chain};
use tokio::sync::watch;

/// What is known of it: why, once somebody has met it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct StoreOutage(watch::Sender<Option<String>>);

impl Default for StoreOutage {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl StoreOutage {
    /// Reports the error, if it tells of an outage of the store.
    pub(crate) fn note(&self, error: &impl StageError) {
        if error.is_store_outage() {
            self.report(&chain(error));
        }
    }

    /// The same for one that was written out already.
    pub(crate) fn note_failure(&self, failure: &Failure) {
        if failure.store_outage {
            self.report(&failure.message);
        }
    }

    /// The first is kept: others follow from it.
    fn report(&self, why: &str) {
        self.0.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                log::error!("the store is down, stopping: {why}");
                *known = Some(why.to_owned());
            }
            is_first
        });
    }

    /// Why, once it is reported.
    pub(crate) async fn reported(&self) -> String {
        let mut reported = self.0.subscribe();
        // The sender lives in `self`: waiting cannot fail.
        let why = reported.wait_for(Option::is_some).await;
        why.ok().and_then(|why| why.clone()).unwrap_or_default()
    }
}
