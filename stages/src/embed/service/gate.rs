//! The time that a service asked to be left alone for, kept by all who ask it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Closed until the service may be asked again.
#[derive(Default)]
pub(super) struct Gate {
    closed_until: Mutex<Option<Instant>>,
}

impl Gate {
    /// Nobody asks for so long from now on.
    pub(super) fn close_for(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut closed_until = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        *closed_until = (*closed_until).max(Some(until));
    }

    /// How long it is still closed.
    pub(super) fn wait(&self) -> Duration {
        let until = *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}
