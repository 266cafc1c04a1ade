//! Whether there is anything left to do.

use std::time::Duration;

use docmill_stages::db::DbError;
use docmill_stages::ledger::{self, Counts};

use super::Pipeline;
use super::stop::Stop;

/// Between two looks at whether a run has ended.
pub(super) const POLL: Duration = Duration::from_millis(50);

impl Pipeline {
    pub(super) async fn counts(&self) -> Result<Counts, DbError> {
        self.parameters.state.call_again(ledger::counts).await
    }

    pub(super) fn is_idle(&self, counts: &Counts) -> bool {
        counts.waiting == 0 && counts.in_flight == 0 && self.in_flight.load().0 == 0
    }

    /// Waits a little, or until it is stopped.
    pub(super) async fn poll(&self, stop: &Stop) {
        tokio::select! {
            () = stop.asked() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}
