//! Ollama's own wire format.

use std::num::NonZeroUsize;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::below;
use super::error::ServiceError;
use super::wire::{Limits, Refusal, WireFormat};

/// The context that Ollama gives a model where its `num_ctx` says nothing; of
/// the defaults that its versions had, the smallest.
const NUM_CTX_DEFAULT: usize = 2_048;

/// An Ollama.
#[derive(Clone)]
pub struct Ollama {
    /// `OLLAMA_BASE_URL`.
    pub base: Url,
}

impl Ollama {
    pub(super) fn into_wire(self, model: &str) -> OllamaWire {
        OllamaWire { base: self.base, model: model.to_owned() }
    }
}

pub(super) struct OllamaWire {
    base: Url,
    model: String,
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Vec<f64>>,
}

impl WireFormat for OllamaWire {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn base(&self) -> &Url {
        &self.base
    }

    fn base_setting(&self) -> &'static str {
        "OLLAMA_BASE_URL"
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn headers(&self) -> Result<HeaderMap, ServiceError> {
        Ok(HeaderMap::new())
    }

    fn embeddings_url(&self) -> Url {
        below(&self.base, &["api", "embed"])
    }

    fn embeddings_request(&self, texts: &[&str]) -> Value {
        json!({"model": self.model, "input": texts, "truncate": false})
    }

    fn read_embeddings(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f64>>, String> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        let found = answer.embeddings.len();
        if found == count { Ok(answer.embeddings) } else { Err(format!("it has {found} vectors for {count} texts")) }
    }

    fn window_request(&self) -> Option<(Url, Value)> {
        Some((below(&self.base, &["api", "show"]), json!({"model": self.model})))
    }

    /// What the model takes, and not more than Ollama gives it.
    fn read_window(&self, answer: &[u8]) -> Option<NonZeroUsize> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let facts = answer["model_info"].as_object()?;
        let length = facts.iter().find(|(name, _)| name.ends_with(".context_length"))?.1.as_u64()?;
        let parameters = answer["parameters"].as_str().unwrap_or_default();
        let num_ctx = parameters.lines().find_map(|line| line.trim().strip_prefix("num_ctx")?.trim().parse().ok());
        let given = num_ctx.unwrap_or(NUM_CTX_DEFAULT);
        NonZeroUsize::new(usize::try_from(length).unwrap_or(usize::MAX).min(given))
    }

    fn known_window(&self) -> Option<NonZeroUsize> {
        None
    }

    fn read_refusal(&self, answer: &[u8]) -> Refusal {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        Refusal { message: answer["error"].as_str().unwrap_or_default().to_owned(), is_quota: false }
    }

    fn model_remedy(&self) -> String {
        format!("fetch it with `ollama pull {}`, or set EMBEDDING_MODEL to one that `ollama list` shows", self.model)
    }

    fn key_remedy(&self) -> String {
        "check what stands before Ollama at OLLAMA_BASE_URL: Ollama itself asks for no key".to_owned()
    }

    fn hide(&self, text: &str) -> String {
        text.to_owned()
    }

    fn limits(&self) -> Limits {
        Limits { inputs_max: usize::MAX, tokens_max: usize::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> OllamaWire {
        Ollama { base: Url::parse("http://localhost:11434").unwrap() }.into_wire("nomic-embed-text")
    }

    #[test]
    fn requests_are_the_documented_ones() {
        assert_eq!(wire().embeddings_url().as_str(), "http://localhost:11434/api/embed");
        let request = json!({"model": "nomic-embed-text", "input": ["a"], "truncate": false});
        assert_eq!(wire().embeddings_request(&["a"]), request);
        let (url, request) = wire().window_request().unwrap();
        assert_eq!((url.path(), request), ("/api/show", json!({"model": "nomic-embed-text"})));
    }

    #[test]
    fn there_is_a_vector_a_text() {
        let answer = br#"{"model":"m","embeddings":[[0.5,1],[2,3]],"total_duration":1}"#;
        assert_eq!(wire().read_embeddings(answer, 2).unwrap(), [vec![0.5, 1.0], vec![2.0, 3.0]]);
        assert_eq!(wire().read_embeddings(answer, 3).unwrap_err(), "it has 2 vectors for 3 texts");
        assert!(wire().read_embeddings(br#"{"embeddings":[[0.5"#, 1).is_err());
    }

    #[test]
    fn the_window_is_what_the_model_takes_and_ollama_gives() {
        let window = |answer: &str| wire().read_window(answer.as_bytes()).map(NonZeroUsize::get);
        assert_eq!(window(r#"{"model_info":{"general.architecture":"bert","bert.context_length":512}}"#), Some(512));
        assert_eq!(window(r#"{"model_info":{"qwen3.context_length":40960}}"#), Some(2_048));
        let parameters = r#"{"parameters":"stop \"x\"\nnum_ctx      8192\n","model_info":{"a.context_length":40960}}"#;
        assert_eq!(window(parameters), Some(8_192));
        for none in ["{}", "", r#"{"model_info":{}}"#, r#"{"model_info":{"a.context_length":0}}"#] {
            assert_eq!(window(none), None, "{none}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        assert_eq!(wire().read_refusal(br#"{"error":"model 'x' not found"}"#).message, "model 'x' not found");
        assert_eq!(wire().read_refusal(b"502 Bad Gateway"), Refusal::default());
        assert!(wire().model_remedy().contains("`ollama pull nomic-embed-text`"));
    }
}
