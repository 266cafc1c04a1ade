//! OpenAI's wire format, which many services understand.

use std::num::NonZeroUsize;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::below;
use super::error::ServiceError;
use super::key::Key;
use super::vectors::by_index;
use super::wire::{Limits, Refusal, WireFormat};

/// OpenAI's bound of a request, in texts.
const INPUTS_MAX: usize = 2_048;
/// OpenAI's bound of a request, in tokens.
const TOKENS_MAX: usize = 300_000;
/// OpenAI's bound of a text, in tokens.
const WINDOW: NonZeroUsize = NonZeroUsize::new(8_191).unwrap();
/// Where OpenAI itself is.
const HOST: &str = "api.openai.com";

/// OpenAI, or a service that is compatible with it.
#[derive(Clone)]
pub struct OpenAi {
    /// `OPENAI_API_BASE`.
    pub base: Url,
    /// `OPENAI_API_KEY`.
    pub key: Option<Key>,
    /// `OPENAI_ORG_ID`.
    pub organisation: Option<Key>,
    /// `EMBEDDING_DIMENSION`, which some models can be asked for.
    pub dimension: Option<usize>,
}

impl OpenAi {
    pub(super) fn into_wire(self, model: &str) -> OpenAiWire {
        OpenAiWire { way: self, model: model.to_owned() }
    }
}

/// Whether `model` is one of OpenAI's, whose tokens and window are known.
pub fn is_known_model(model: &str) -> bool {
    can_shorten(model) || model == "text-embedding-ada-002"
}

/// Whether the address is OpenAI's own, which wants a key.
pub fn wants_key(base: &Url) -> bool {
    base.host_str().is_some_and(|host| host.eq_ignore_ascii_case(HOST))
}

fn can_shorten(model: &str) -> bool {
    model.starts_with("text-embedding-3-")
}

pub(super) struct OpenAiWire {
    way: OpenAi,
    model: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f64>,
}

impl WireFormat for OpenAiWire {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn base(&self) -> &Url {
        &self.way.base
    }

    fn base_setting(&self) -> &'static str {
        "OPENAI_API_BASE"
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn headers(&self) -> Result<HeaderMap, ServiceError> {
        let mut headers = HeaderMap::new();
        let secrets = [
            (AUTHORIZATION, "Bearer ", &self.way.key, "OPENAI_API_KEY"),
            (HeaderName::from_static("openai-organization"), "", &self.way.organisation, "OPENAI_ORG_ID"),
        ];
        for (name, prefix, secret, setting) in secrets {
            if let Some(secret) = secret {
                headers.insert(name, secret.header(prefix).ok_or_else(|| ServiceError::key(setting))?);
            }
        }
        Ok(headers)
    }

    fn embeddings_url(&self) -> Url {
        below(&self.way.base, &["embeddings"])
    }

    fn embeddings_request(&self, texts: &[&str]) -> Value {
        let mut request = json!({"model": self.model, "input": texts, "encoding_format": "float"});
        if let Some(dimension) = self.way.dimension.filter(|_| can_shorten(&self.model)) {
            request["dimensions"] = dimension.into();
        }
        request
    }

    fn read_embeddings(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f64>>, String> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        by_index(answer.data.into_iter().map(|item| (item.index, item.embedding)), count)
    }

    fn window_request(&self) -> Option<(Url, Value)> {
        None
    }

    fn read_window(&self, _answer: &[u8]) -> Option<NonZeroUsize> {
        None
    }

    fn known_window(&self) -> Option<NonZeroUsize> {
        is_known_model(&self.model).then_some(WINDOW)
    }

    fn read_refusal(&self, answer: &[u8]) -> Refusal {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let error = &answer["error"];
        // Compatible services have it flat, under one name or another.
        let messages = [&error["message"], error, &answer["message"], &answer["detail"]];
        let message = messages.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned();
        let is_quota = ["code", "type"].iter().any(|name| error[*name] == "insufficient_quota");
        Refusal { message, is_quota }
    }

    fn model_remedy(&self) -> String {
        format!(
            "set EMBEDDING_MODEL to a model that it has, and see that OPENAI_API_BASE ends as it should (often /v1): {} is not one",
            self.model
        )
    }

    fn key_remedy(&self) -> String {
        let state = if self.way.key.is_some() { "check" } else { "set" };
        format!("{state} OPENAI_API_KEY")
    }

    fn hide(&self, text: &str) -> String {
        let secrets = [&self.way.key, &self.way.organisation];
        secrets.into_iter().flatten().fold(text.to_owned(), |text, secret| secret.hide(&text))
    }

    fn limits(&self) -> Limits {
        Limits { inputs_max: INPUTS_MAX, tokens_max: TOKENS_MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(model: &str, dimension: Option<usize>) -> OpenAiWire {
        let base = Url::parse("https://a.example/v1/").unwrap();
        let (key, organisation) = (Some(Key::new("sk-sw0rdfish")), Some(Key::new("org-1")));
        OpenAi { base, key, organisation, dimension }.into_wire(model)
    }

    #[test]
    fn the_request_is_the_documented_one() {
        let small = wire("text-embedding-3-small", Some(512));
        assert_eq!(small.embeddings_url().as_str(), "https://a.example/v1/embeddings");
        assert_eq!(
            small.embeddings_request(&["a", "b"]),
            json!({"model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": "float", "dimensions": 512})
        );
        let other = wire("bge-m3", Some(512)).embeddings_request(&["a"]);
        assert_eq!(other, json!({"model": "bge-m3", "input": ["a"], "encoding_format": "float"}));
        let headers = small.headers().unwrap();
        assert_eq!(headers["authorization"].as_bytes(), b"Bearer sk-sw0rdfish");
        assert_eq!(headers["openai-organization"].as_bytes(), b"org-1");
        assert!(!format!("{headers:?} {:?}", small.way.key).contains("sw0rdfish"));
    }

    #[test]
    fn vectors_come_by_their_index() {
        let wire = wire("m", None);
        let answer = br#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":[3,4]},
            {"index":0,"embedding":[1.5,-2e-3]}],"usage":{"total_tokens":2}}"#;
        assert_eq!(wire.read_embeddings(answer, 2).unwrap(), [vec![1.5, -0.002], vec![3.0, 4.0]]);
        assert!(wire.read_embeddings(answer, 3).unwrap_err().contains("none for text 2"));
        for broken in
            [r#"{"data":[{"index":0,"embedding":[1"#, "{}", "[]", "", r#"{"data":[{"index":0,"embedding":[null]}]}"#]
        {
            assert!(wire.read_embeddings(broken.as_bytes(), 1).is_err(), "{broken}");
        }
    }

    #[test]
    fn errors_are_read_in_the_shapes_that_there_are() {
        let read = |answer: &str| wire("m", None).read_refusal(answer.as_bytes());
        let quota =
            read(r#"{"error":{"message":"You exceeded","type":"insufficient_quota","code":"insufficient_quota"}}"#);
        assert_eq!(quota, Refusal { message: "You exceeded".to_owned(), is_quota: true });
        for answer in [
            r#"{"error":{"message":"no","code":null}}"#,
            r#"{"error":"no"}"#,
            r#"{"message":"no"}"#,
            r#"{"detail":"no"}"#,
        ] {
            assert_eq!(read(answer), Refusal { message: "no".to_owned(), is_quota: false }, "{answer}");
        }
        assert_eq!(read("<html>"), Refusal::default());
    }

    #[test]
    fn openais_own_models_and_address_are_known() {
        assert_eq!(wire("text-embedding-3-large", None).known_window().unwrap().get(), 8_191);
        assert_eq!(wire("bge-m3", None).known_window(), None);
        assert!(wants_key(&Url::parse("https://API.openai.com/v1").unwrap()));
        assert!(!wants_key(&Url::parse("http://localhost:8080/v1").unwrap()));
    }
}
