//! Writes that are tried again where the transaction around them failed.

use std::time::Duration;

use rusqlite::Connection;

use super::{DbError, Writer};

/// Before each further try.
const PAUSES_MS: [u64; 4] = [10, 50, 200, 500];

impl Writer {
    /// As [`Writer::call`], and a transaction that was not committed does not
    /// end it: nothing of the write is there then, so it is done again, up to
    /// five times in all. For those whose failure would end a run.
    ///
    /// # Errors
    /// As [`Writer::call`]; a full disk at once.
    pub async fn call_again<T, F>(&self, write: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, DbError> + Clone + Send + 'static,
    {
        for pause_ms in PAUSES_MS {
            match self.call(write.clone()).await {
                Err(DbError::NotCommitted { reason, is_full: false }) => {
                    log::warn!("trying again: the change was not written: {reason}");
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                }
                ended => return ended,
            }
        }
        self.call(write).await
    }
}
