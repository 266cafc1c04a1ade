//! A thread of its own for the graph's connections.
//!
//! A connection belongs to the runtime that opened it, and callers live on
//! runtimes that come and go. What is begun here also ends here, so that a
//! caller who stops waiting leaves no transaction open behind it.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::Neo4jError;

/// Runs futures on the thread, which ends with this.
#[derive(Debug)]
pub(super) struct Wire {
    handle: Handle,
    _open: oneshot::Sender<()>,
}

impl Wire {
    /// Starts the thread.
    pub(super) fn start() -> Result<Self, Neo4jError> {
        let failed = |error: io::Error| Neo4jError::Answer(format!("no thread for it: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (open, closed) = oneshot::channel::<()>();
        let work = move || {
            // Ends when the sender is dropped, which is all that is waited for.
            let _dropped = runtime.block_on(closed);
        };
        std::thread::Builder::new().name("neo4j".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { handle, _open: open })
    }

    /// Waits for `work` on the caller's thread, which must not be one of a
    /// runtime.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    /// Runs `work` there, to its end even if nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Neo4jError>> + Send + 'static,
    ) -> Result<T, Neo4jError> {
        let ended = self.handle.spawn(work).await;
        ended.unwrap_or_else(|error| Err(Neo4jError::Answer(format!("its thread gave up: {error}"))))
    }
}
