//! Before anything starts: the ledger is brought in order, and what it says
//! is done is believed only where the outputs are there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use docmill_stages::db::{DbError, Writer};
use docmill_stages::failure::chain;
use docmill_stages::ledger::{self, OUTPUT_FILES};
use docmill_stages::load::gone::take_out_gone;
use docmill_stages::load::{Sink, files};
use docmill_stages::store::{Folder, Store};

use super::{Parameters, Processing};

/// What the last run left in flight waits again, and so does what the present
/// settings would make otherwise or whose outputs are gone.
pub(super) async fn recover(parameters: &Parameters) -> Result<(), DbError> {
    let suspects = !parameters.was_ended_on_purpose;
    let in_flight = parameters.state.call(move |db| ledger::recover_after_crash(db, suspects)).await?;
    if in_flight > 0 {
        log::info!("{in_flight} items were in flight when the last run ended; they wait again");
    }
    let Some(processing) = &parameters.processing else { return Ok(()) };
    let stale = requeue_stale(&parameters.state, processing).await?;
    if stale > 0 {
        log::info!("{stale} items were made with other settings or another model; they wait again");
    }
    let mut missing = missing_files(&parameters.state, Arc::clone(&parameters.store)).await?;
    for sink in &processing.sinks {
        missing.extend(look_into(&parameters.state, sink.as_ref()).await?);
    }
    let lost = parameters
        .state
        .call(move |db| {
            let mut lost = 0;
            for key in &missing {
                lost += usize::from(ledger::requeue(db, key)?);
            }
            Ok(lost)
        })
        .await?;
    if lost > 0 {
        log::warn!("{lost} items were done and their files or index rows are gone or changed; they wait again");
    }
    Ok(())
}

async fn requeue_stale(state: &Writer, processing: &Processing) -> Result<usize, DbError> {
    let fingerprints = processing.fingerprints();
    let mut wanted = vec![(OUTPUT_FILES.to_owned(), fingerprints.document())];
    wanted.extend(processing.sinks.iter().map(|sink| (sink.id(), fingerprints.with_sink(sink.as_ref()))));
    state
        .call(move |db| {
            let mut stale = 0;
            for (sink, fingerprint) in &wanted {
                stale += ledger::requeue_stale(db, sink, fingerprint)?;
            }
            Ok(stale)
        })
        .await
}

/// Keys of items whose files are not there with the size that was recorded.
async fn missing_files(state: &Writer, store: Arc<dyn Store>) -> Result<Vec<String>, DbError> {
    let outputs = state.call(|db| ledger::outputs_of(db, OUTPUT_FILES)).await?;
    let looked = actix_rt::task::spawn_blocking(move || {
        let sizes = |folder| -> HashMap<String, u64> {
            let entries = store.list(folder).unwrap_or_else(|error| {
                log::warn!("{}", chain(&error));
                Vec::new()
            });
            entries.into_iter().map(|entry| (entry.name, entry.size)).collect()
        };
        let (processed, chunks) = (sizes(Folder::Processed), sizes(Folder::Chunks));
        let is_missing = |stem: &str, bytes: u64| {
            let size = processed.get(&files::processed_name(stem)).zip(chunks.get(&files::chunks_name(stem)));
            size.is_none_or(|(processed, chunks)| processed + chunks != bytes)
        };
        let missing = outputs.into_iter().filter(|(_, _, output)| is_missing(&output.stem, output.bytes));
        missing.map(|(key, _, _)| key).collect()
    });
    looked.await.map_err(|error| DbError::Value(error.to_string()))
}

/// Keys of items that the sink does not hold as the ledger says. What it
/// holds of pages that are gone leaves it.
async fn look_into(state: &Writer, sink: &dyn Sink) -> Result<Vec<String>, DbError> {
    let id = sink.id();
    let outputs = state.call(move |db| ledger::outputs_of(db, &id)).await?;
    let loaded = match sink.loaded().await {
        Ok(loaded) => loaded,
        Err(error) => {
            log::warn!("cannot look into {}: {}; believing the ledger", sink.id(), chain(&error));
            return Ok(Vec::new());
        }
    };
    match take_out_gone(state, sink, &loaded).await {
        Ok(0) => {}
        Ok(gone) => log::info!("{gone} documents of pages that are gone were taken out of {}", sink.id()),
        Err(error) => log::warn!("cannot take what is gone out of {}: {}", sink.id(), chain(&error)),
    }
    let loaded: HashSet<(String, String)> = loaded.into_iter().collect();
    let pairs = outputs.into_iter().map(|(key, content_hash, _)| (key, content_hash));
    Ok(pairs.filter(|pair| !loaded.contains(pair)).map(|(key, _)| key).collect())
}
