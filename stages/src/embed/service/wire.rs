//! What the services' wire formats have in common.

use std::num::NonZeroUsize;

use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use super::error::ServiceError;

/// How a service is talked to.
pub(super) trait WireFormat: Send + Sync {
    /// For a person, and in fingerprints.
    fn name(&self) -> &'static str;

    /// The address that the settings give.
    fn base(&self) -> &Url;

    /// The setting that gives it.
    fn base_setting(&self) -> &'static str;

    /// `EMBEDDING_MODEL`.
    fn model(&self) -> &str;

    /// What lets us in.
    ///
    /// # Errors
    /// Where a key cannot be sent.
    fn headers(&self) -> Result<HeaderMap, ServiceError>;

    /// Where vectors are asked for.
    fn embeddings_url(&self) -> Url;

    /// The request for these texts' vectors.
    fn embeddings_request(&self, texts: &[&str]) -> Value;

    /// The vectors of an answer for `count` texts, in their order.
    ///
    /// # Errors
    /// What is wrong with the answer.
    fn read_embeddings(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f64>>, String>;

    /// Where to ask how many tokens the model takes, and what; `None` where
    /// the service does not say, or it is known.
    fn window_request(&self) -> Option<(Url, Value)>;

    /// The answer to that.
    fn read_window(&self, answer: &[u8]) -> Option<NonZeroUsize>;

    /// The window where it is known without asking.
    fn known_window(&self) -> Option<NonZeroUsize>;

    /// What an answer with an error says.
    fn read_refusal(&self, answer: &[u8]) -> Refusal;

    /// What to do where the service says that there is no such model.
    fn model_remedy(&self) -> String;

    /// What to do where the service does not let us in.
    fn key_remedy(&self) -> String;

    /// `text` without what is secret.
    fn hide(&self, text: &str) -> String;

    /// Bounds of one request.
    fn limits(&self) -> Limits;
}

/// What a service says of a request that it did not answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// For a person; empty where the answer has none.
    pub(super) message: String,
    /// Whether what was paid for is used up, which no retry heals.
    pub(super) is_quota: bool,
}

/// Bounds of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Texts.
    pub(super) inputs_max: usize,
    /// Tokens of all texts together.
    pub(super) tokens_max: usize,
}

impl Limits {
    /// The same, with room where tokens are only estimated.
    pub(super) fn for_counter(self, is_estimate: bool) -> Self {
        if is_estimate { Self { tokens_max: self.tokens_max / 2, ..self } } else { self }
    }
}
