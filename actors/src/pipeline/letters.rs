//! Keeps the dead letters in step with the ledger while a pipeline runs.
//!
//! A task of its own asks the ledger what is due, whoever changed it: a stage
//! of this pipeline, or `docmill dead` in another process. The files are
//! written on a thread that may block.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use docmill_stages::db::Writer;
use docmill_stages::dead::{self, Followed, LetterError};
use docmill_stages::failure::chain;
use docmill_stages::store::Store;

use crate::lock;
use crate::outage::StoreOutage;
use crate::watcher::Hints;

/// Between two looks at what is due.
const EVERY: Duration = Duration::from_millis(500);
/// The same after one that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How long a run that was stopped waits for letters at most, about; the next
/// start writes the rest.
const STOP_MAX: Duration = Duration::from_secs(5);

/// All that the task is made of.
pub(super) struct Letters {
    pub(super) store: Arc<dyn Store>,
    pub(super) ledger: Writer,
    pub(super) hints: Arc<Hints>,
    pub(super) outage: StoreOutage,
    /// Whether they were compared whole; held by who writes letters, since
    /// only one may.
    is_aligned: Mutex<bool>,
    deadline: Mutex<Option<Instant>>,
}

impl Letters {
    pub(super) fn new(store: Arc<dyn Store>, ledger: Writer, hints: Arc<Hints>, outage: StoreOutage) -> Arc<Self> {
        Arc::new(Self { store, ledger, hints, outage, is_aligned: Mutex::default(), deadline: Mutex::default() })
    }

    /// Brings them in step again and again; for ever.
    pub(super) async fn keep_in_step(self: Arc<Self>) {
        loop {
            let nap = if self.catch_up().await { EVERY } else { AFTER_FAILURE };
            tokio::time::sleep(nap).await;
        }
    }

    /// Brings them in step a last time; of a run that was stopped, as far as
    /// there is time.
    pub(super) async fn finish(self: &Arc<Self>, is_whole: bool) {
        if !is_whole {
            *lock(&self.deadline) = Some(Instant::now() + STOP_MAX);
        }
        self.catch_up().await;
    }

    /// Says whether it could be done.
    async fn catch_up(self: &Arc<Self>) -> bool {
        let letters = Arc::clone(self);
        match actix_rt::task::spawn_blocking(move || letters.catch_up_now()).await {
            Ok(Ok(followed)) => {
                if followed.is_cut {
                    log::info!("dead letters: the next start writes those that are left");
                }
                if followed.look {
                    self.hints.add_all();
                }
                true
            }
            Ok(Err(error)) => {
                log::error!("dead letters are behind the ledger: {}; the next start mends it", chain(&error));
                self.outage.note(&error);
                false
            }
            Err(error) => {
                log::error!("dead letters are behind the ledger: {error}; the next start mends it");
                false
            }
        }
    }

    fn catch_up_now(&self) -> Result<Followed, LetterError> {
        let go_on = || lock(&self.deadline).is_none_or(|deadline| Instant::now() < deadline);
        let mut is_aligned = lock(&self.is_aligned);
        if *is_aligned {
            return dead::follow(self.store.as_ref(), &self.ledger, &go_on);
        }
        let aligned = dead::align(self.store.as_ref(), &self.ledger, &go_on)?;
        if aligned.written + aligned.removed > 0 {
            log::info!("dead letters brought in step: {} written, {} removed", aligned.written, aligned.removed);
        }
        *is_aligned = true;
        Ok(aligned)
    }
}
