//! Tasks that last as long as the pipeline: one that panics is started anew,
//! and one for which that does not help ends the process (invariant 5).

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use docmill_stages::failure::panic_text;
use futures_util::FutureExt as _;
use tokio::sync::watch;

use crate::settings::RestartIntensity;

/// What is done about a task that panics.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub(crate) intensity: RestartIntensity,
    /// Where it says that it gives up, and why.
    pub(crate) gave_up: watch::Sender<Option<String>>,
}

impl Keeper {
    /// Runs `task`, which must be able to begin anew at any point of its work,
    /// until it ends by itself.
    pub(crate) async fn keep(self, name: &str, mut task: impl AsyncFnMut()) {
        let mut panics: VecDeque<Instant> = VecDeque::new();
        while let Err(panic) = AssertUnwindSafe(task()).catch_unwind().await {
            let RestartIntensity { max, window } = self.intensity;
            let what = format!("the {name} panicked: {}", panic_text(panic.as_ref()));
            panics.retain(|at| at.elapsed() < window);
            panics.push_back(Instant::now());
            if panics.len() > max {
                let why = format!("{what}; more than {max} times in {window:?} (RESTART_MAX)");
                log::error!("giving up: {why}");
                self.gave_up.send_replace(Some(why));
                return;
            }
            log::error!("{what}; it is started anew");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[actix_rt::test]
    async fn a_task_that_panics_is_started_anew_until_that_does_not_help() {
        for (panics, is_kept) in [(2, true), (3, false)] {
            let gave_up = watch::Sender::new(None);
            let intensity = RestartIntensity { max: 2, window: Duration::from_secs(60) };
            let mut runs = 0;
            let keeper = Keeper { intensity, gave_up: gave_up.clone() };
            keeper
                .keep("task", async || {
                    runs += 1;
                    assert!(runs > panics, "run {runs}");
                })
                .await;
            assert_eq!((runs, gave_up.borrow().is_none()), (3, is_kept));
        }
    }
}
