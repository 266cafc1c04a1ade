//! An embedding model that a service has, by the settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use docmill_stages::chunk::tokens::{OpenAiCounter, TokenCounter};
use docmill_stages::embed::service::{
    Api, Key, Ollama, OpenAi, ServiceError, ServiceOptions, ServiceProvider, is_known_model,
};

use super::Refusal;
use crate::exit::Exit;
use crate::settings::secret::Secret;
use crate::settings::{Embed, EmbeddingProvider, Settings};

/// The part of `STAGE_TIMEOUT`, in percent, that a call may take: the
/// supervisor must not find it hanging.
const TIME_PERCENT: u32 = 90;
/// Between two looks whether a person wants to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Asks the service what its model is. `cancelled` ends the wait.
pub(super) fn connect(
    settings: &Settings,
    cancelled: &AtomicBool,
) -> Result<(ServiceProvider, Arc<dyn TokenCounter>), Refusal> {
    let embed = &settings.embed;
    let is_estimate = embed.provider != EmbeddingProvider::OpenAi || !is_known_model(&embed.model);
    let counter = if is_estimate { OpenAiCounter::estimate() } else { OpenAiCounter::for_model(&embed.model) };
    let counter = counter.map_err(|error| Refusal::new(Exit::Settings, &error))?;
    let tokens: Arc<dyn TokenCounter> = Arc::new(counter);
    let options = ServiceOptions {
        api: api(embed),
        model: embed.model.clone(),
        window: embed.window,
        retries_max: u32::try_from(embed.retries_max).unwrap_or(u32::MAX),
        timeout: embed.timeout,
        time_max: settings.pipeline.stage_timeout * TIME_PERCENT / 100,
        tokens: Arc::clone(&tokens),
        is_estimate,
    };
    let runtime = actix_rt::Runtime::new().map_err(|error| Refusal::new(Exit::Unavailable, &error))?;
    let provider = runtime.block_on(async {
        tokio::select! {
            connected = ServiceProvider::connect(options) => connected.map_err(|error| refusal(&error)),
            () = until(cancelled) => Err(Refusal::said(Exit::Stopped, "stopped while the service was asked for its model")),
        }
    })?;
    Ok((provider, tokens))
}

fn api(embed: &Embed) -> Api {
    let key = |secret: &Option<Secret>| secret.as_ref().map(|secret| Key::new(secret.expose()));
    match embed.provider {
        EmbeddingProvider::Ollama => Api::Ollama(Ollama { base: embed.ollama_base.expose().clone() }),
        EmbeddingProvider::OpenAi | EmbeddingProvider::Local => Api::OpenAi(OpenAi {
            base: embed.openai_base.expose().clone(),
            key: key(&embed.openai_key),
            organisation: key(&embed.openai_organisation),
            dimension: embed.dimension,
        }),
    }
}

async fn until(cancelled: &AtomicBool) {
    while !cancelled.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn refusal(error: &ServiceError) -> Refusal {
    Refusal::new(if error.is_setting() { Exit::Settings } else { Exit::Unavailable }, error)
}
