//! Batch mode: one stage after the other, over all items.

use std::time::Instant;

use docmill_stages::batch::BatchStage;
use docmill_stages::db::DbError;
use docmill_stages::failure::chain;
use docmill_stages::ledger;

use super::Pipeline;
use super::stop::Stop;
use crate::Stage;
use crate::watcher::door::Opening;
use crate::watcher::{LookAt, look};

/// Takes every item that waits through all stages; `false` where it was
/// stopped before.
pub(super) async fn stage_after_stage(pipeline: &Pipeline, stop: &Stop) -> Result<bool, DbError> {
    // Everything that is there belongs to this batch.
    while look(&pipeline.watcher, LookAt::All).await.is_none_or(|looked| looked.unsettled > 0) {
        if stop.is_asked() {
            return Ok(false);
        }
        pipeline.poll(stop).await;
    }
    let mut stage_before = None;
    let mut since = Instant::now();
    loop {
        if stop.is_asked() {
            return Ok(false);
        }
        let stage = pipeline.parameters.state.call_again(ledger::least_stored_stage).await?;
        if stage != stage_before {
            if let Some(stored) = stage_before {
                log::info!(
                    "batch: the {} is through with all items in {:.3} s",
                    worker(stored),
                    since.elapsed().as_secs_f64()
                );
            }
            export_between(pipeline, stage_before, stage).await;
            stage_before = stage;
            since = Instant::now();
        }
        match stage {
            Some(stored) => {
                pipeline.opening.send_if_modified(|opening| {
                    let wanted = Opening::Batch { stored };
                    std::mem::replace(opening, wanted) != wanted
                });
            }
            None if pipeline.is_idle(&pipeline.counts().await?) => break,
            None => {}
        }
        pipeline.poll(stop).await;
    }
    pipeline.opening.send_replace(Opening::Closed);
    Ok(true)
}

/// The stage that works on items of which so many stages' outputs are stored.
fn worker(stored: u32) -> Stage {
    match BatchStage::ALL.into_iter().find(|stage| stage.stored() > stored) {
        Some(BatchStage::Process) => Stage::Processor,
        Some(BatchStage::Chunk) => Stage::Chunker,
        Some(BatchStage::Embed) => Stage::Embedder,
        None => Stage::Loader,
    }
}

/// Writes the time-stamped file of the stages that are whole now.
async fn export_between(pipeline: &Pipeline, before: Option<u32>, now: Option<u32>) {
    let (Some(before), Some(processing)) = (before, &pipeline.parameters.processing) else { return };
    let now = now.unwrap_or(u32::MAX);
    for stage in BatchStage::ALL.into_iter().filter(|stage| stage.stored() > before && stage.stored() <= now) {
        let (work, store) = (processing.work.clone(), std::sync::Arc::clone(&pipeline.parameters.store));
        let timestamp = timestamp();
        let exported = actix_rt::task::spawn_blocking(move || work.export(stage, store.as_ref(), &timestamp)).await;
        match exported {
            Ok(Ok(Some(place))) => log::info!("wrote {place}"),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                log::error!("{}", chain(&error));
                pipeline.outage.note(&error);
            }
            Err(error) => log::error!("the time-stamped file was not written: {error}"),
        }
    }
}

/// `YYYYmmdd_HHMMSS`, UTC.
fn timestamp() -> String {
    docmill_stages::clock::file_timestamp(crate::now_ms())
}
