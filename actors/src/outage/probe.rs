//! Looks whether a service that was down is back.

use std::sync::Arc;
use std::time::Duration;

use docmill_stages::embed::{Provider, Purpose};
use docmill_stages::failure::Failure;
use docmill_stages::load::Sink;
use futures_util::future::LocalBoxFuture;

use super::ServiceOutages;
use crate::Stage;
use crate::settings::Backoff;

/// A text of no meaning, for a service that is asked whether it works.
const PROBE_TEXT: &str = "docmill";

/// Asks the service of one stage for the least that it can do.
pub(crate) type Probe = Box<dyn Fn() -> LocalBoxFuture<'static, Result<(), Failure>>>;

/// Has a text embedded.
pub(crate) fn probe_provider(provider: &Arc<dyn Provider>) -> Probe {
    let provider = Arc::clone(provider);
    Box::new(move || {
        let provider = Arc::clone(&provider);
        Box::pin(async move {
            provider.open()?.embed(&[PROBE_TEXT], Purpose::Passage).await?;
            Ok(())
        })
    })
}

/// Asks each sink whether it is there.
pub(crate) fn probe_sinks(sinks: &[Arc<dyn Sink>]) -> Probe {
    let sinks = sinks.to_vec();
    Box::new(move || {
        let sinks = sinks.clone();
        Box::pin(async move {
            for sink in &sinks {
                sink.probe().await?;
            }
            Ok(())
        })
    })
}

/// Probes the stage's service whenever the stage pauses, with growing pauses
/// between the tries, each at most for `time_max`; for ever.
pub(crate) async fn keep_probing(
    outages: &ServiceOutages,
    stage: Stage,
    probe: &Probe,
    backoff: Backoff,
    time_max: Duration,
) {
    loop {
        let tries = outages.paused(stage).await;
        tokio::time::sleep(backoff.delay(tries)).await;
        match tokio::time::timeout(time_max, probe()).await {
            Ok(Ok(())) => outages.is_back(stage),
            Ok(Err(failure)) => {
                log::warn!("the {stage} still pauses: {failure}");
                outages.is_still_down(stage, failure.message);
            }
            Err(_elapsed) => {
                let why = format!("no answer to a probe within {} s", time_max.as_secs());
                log::warn!("the {stage} still pauses: {why}");
                outages.is_still_down(stage, why);
            }
        }
    }
}
