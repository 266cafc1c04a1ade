//! How a run is asked to stop.

use tokio::sync::watch;

/// Asks a run to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) async fn asked(&self) {
        let mut asked = self.0.subscribe();
        // The sender lives in `self`: waiting cannot fail.
        let _value = asked.wait_for(|asked| *asked).await;
    }
}
