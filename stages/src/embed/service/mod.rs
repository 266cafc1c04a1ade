//! Embedding by a service over HTTP: OpenAI, whatever is compatible with it,
//! and Ollama.
//!
//! A call's texts are packed into requests within the service's limits, one
//! request at a time. What may pass is tried again; a batch that is refused
//! for one text is split until that text stands alone. Answers are read
//! bounded and held to their promise: one vector a text, of the dimension that
//! the service had at the start. No redirect is followed, so that no key goes
//! where it was not sent.

mod client;
mod embedder;
mod error;
mod gate;
mod key;
mod ollama;
mod openai;
mod requests;
mod status;
mod vectors;
mod wire;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use self::client::Client;
use self::embedder::{Service, ServiceEmbedder};
pub use self::error::{ServiceError, ServiceErrorKind};
use self::gate::Gate;
pub use self::key::Key;
pub use self::ollama::Ollama;
pub use self::openai::{OpenAi, is_known_model, wants_key};
use self::wire::WireFormat;
use super::{EmbedError, Embedder, ModelInfo, Provider};
use crate::chunk::tokens::TokenCounter;

/// Grows with every change of this folder that changes a vector.
const CODE_VERSION: u32 = 1;

/// Repetitions of a request at the start: a person waits for the answer.
const START_RETRIES_MAX: u32 = 2;

/// The window where neither the settings nor the service say one, in tokens.
pub const WINDOW_DEFAULT: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// The way to a service.
#[derive(Clone)]
pub enum Api {
    /// OpenAI, or a service that is compatible with it.
    OpenAi(OpenAi),
    /// Ollama.
    Ollama(Ollama),
}

/// What a service is asked for, and how patiently.
#[derive(Clone)]
pub struct ServiceOptions {
    /// The service.
    pub api: Api,
    /// `EMBEDDING_MODEL`, as the service knows it.
    pub model: String,
    /// `EMBEDDING_WINDOW`, in the model's tokens.
    pub window: Option<NonZeroUsize>,
    /// `EMBEDDING_RETRIES`: times that a request is repeated.
    pub retries_max: u32,
    /// `EMBEDDING_TIMEOUT`: of one request.
    pub timeout: Duration,
    /// Of a whole call with its repetitions: less than `STAGE_TIMEOUT`.
    pub time_max: Duration,
    /// Counts tokens as the model does, or nearly.
    pub tokens: Arc<dyn TokenCounter>,
    /// Whether `tokens` only comes near: the window is halved then, because
    /// another vocabulary may count up to twice as many tokens.
    pub is_estimate: bool,
}

/// A service that has answered, with the model that it has.
pub struct ServiceProvider {
    info: ModelInfo,
    service: Arc<Service>,
}

impl ServiceProvider {
    /// Asks the service what its model is, by a text of no meaning.
    ///
    /// # Errors
    /// Where it is not there, does not let us in, has no such model, or gives
    /// what is no vector.
    pub async fn connect(options: ServiceOptions) -> Result<Self, ServiceError> {
        let ServiceOptions { api, model, window, retries_max, timeout, time_max, tokens, is_estimate } = options;
        let wire: Box<dyn WireFormat> = match api {
            Api::OpenAi(openai) => Box::new(openai.into_wire(&model)),
            Api::Ollama(ollama) => Box::new(ollama.into_wire(&model)),
        };
        let mut service = Service {
            limits: wire.limits().for_counter(is_estimate),
            wire,
            dimension: None,
            window: None,
            retries_max: retries_max.min(START_RETRIES_MAX),
            timeout,
            time_max,
            tokens,
            gate: Gate::default(),
        };
        let client = Client::new(service.wire.as_ref())?;
        let window = match window {
            Some(window) => window,
            None => service.ask_window(&client).await?.unwrap_or(WINDOW_DEFAULT),
        };
        let dimension = service.ask_dimension(&client).await?;
        service.dimension = Some(dimension);
        service.window = (!is_estimate).then_some(window);
        service.retries_max = retries_max;
        let fingerprint = fingerprint(service.wire.as_ref(), &model, dimension);
        let window = if is_estimate { half(window) } else { window };
        Ok(Self { info: ModelInfo { name: model, dimension, window, fingerprint }, service: Arc::new(service) })
    }
}

impl Provider for ServiceProvider {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn open(&self) -> Result<Box<dyn Embedder>, EmbedError> {
        // Connections belong to the thread that made them.
        let client = Client::new(self.service.wire.as_ref())?;
        Ok(Box::new(ServiceEmbedder::new(client, Arc::clone(&self.service))))
    }
}

fn half(window: NonZeroUsize) -> NonZeroUsize {
    NonZeroUsize::new(window.get() / 2).unwrap_or(NonZeroUsize::MIN)
}

fn fingerprint(wire: &dyn WireFormat, model: &str, dimension: usize) -> String {
    format!("{};base={};model={model};dimension={dimension};code={CODE_VERSION}", wire.name(), shown(wire.base()))
}

/// The address without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only where there is no host, and then there is no user either.
    let _no_host = url.set_username("").and_then(|()| url.set_password(None));
    url.as_str().trim_end_matches('/').to_owned()
}

/// `base` with more segments at the end of its path.
fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // An http URL always has a path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests;
