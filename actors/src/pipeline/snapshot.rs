//! A pipeline as it is seen from outside.

use docmill_stages::db::DbError;
use docmill_stages::ledger;

use super::Pipeline;
use crate::stats::{SessionStats, StageStats, Stats};

impl Pipeline {
    /// The pipeline at this moment.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn stats(&self) -> Result<Stats, DbError> {
        let counts = |db: &docmill_stages::db::Connection| Ok((ledger::counts(db)?, ledger::apart(db)?));
        let (items, apart) = self.parameters.state.call(counts).await?;
        let crawl = self.crawler.counts().await?;
        let stages = self.pools.iter().rev().map(|pool| {
            let (queued, permits_free, permits) = pool.mailbox_load();
            let counted = self.counters.snapshot_of(pool.stage());
            StageStats { queued, permits_free, permits, actors: pool.slots(), ..counted }
        });
        let counters = &self.counters;
        let session = SessionStats {
            files: counters.files.get(),
            documents: counters.documents.get(),
            chunks_done: counters.chunks_done.get(),
            removed: counters.removed.get(),
            chunks: counters.chunks.get(),
            vectors: counters.vectors.get(),
            cache_hits: counters.cache_hits.get(),
            bytes_in_flight: self.in_flight.load().1,
            hung: counters.hung.get(),
        };
        Ok(Stats { items, apart, crawl, stages: stages.collect(), outages: self.services.snapshot(), session })
    }

    /// What each actor works on now: the actor, the URL, and for how many
    /// seconds.
    pub fn working_on(&self) -> Vec<(String, String, f64)> {
        let running = self.calls.running().into_iter();
        running
            .map(|call| {
                let actor = format!("{}-{}", call.stage, call.slot);
                (actor, call.ticket.item.url.clone(), call.since.elapsed().as_secs_f64())
            })
            .collect()
    }
}
