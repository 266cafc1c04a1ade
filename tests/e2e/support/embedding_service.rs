//! An embedding service on loopback that speaks both wire formats. Its vectors
//! are calculated from the texts, its faults are those that it is told, and it
//! remembers what it was asked.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::program::Docmill;
use super::server::{Answer, Request, Server};

/// The key that the service wants.
pub(crate) const KEY: &str = "sk-sw0rdfish-of-the-tests";
/// The model that it has.
pub(crate) const MODEL: &str = "test-embed";
/// Numbers of its vectors.
pub(crate) const DIMENSION: usize = 48;
/// The text that docmill asks for to learn about a model.
const PROBE: &str = "docmill";

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This is said instead.
    Says(Answer),
    /// Only half of the answer comes.
    HalfABody,
    /// The last vector is left out.
    OneTooFew,
    /// The last text's vector comes for the first, too.
    IndexTwice,
    /// Vectors have so many numbers.
    Dimension(usize),
    /// The answer comes when the server ends.
    Never,
}

/// The service.
pub(crate) struct EmbeddingService {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// For the next requests that are no probe, one each.
    faults: VecDeque<Fault>,
    /// For requests with a text that holds this word.
    poison: Option<(String, Fault)>,
    /// For every request with more texts than this.
    inputs_max: Option<usize>,
    /// For every request, after so many good ones.
    down: Option<(usize, Answer)>,
    asked: Vec<Vec<String>>,
}

impl EmbeddingService {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        Self { server: Server::of_handler(move |request| answer(&mut lock(&shared), request)), state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// A place whose settings name this service.
    pub(crate) fn docmill(&self, provider: &str) -> Docmill {
        Docmill::new().env("EMBEDDING_PROVIDER", provider).env("EMBEDDING_MODEL", MODEL).envs([
            ("OPENAI_API_BASE", self.url("/v1").as_str()),
            ("OLLAMA_BASE_URL", self.url("").as_str()),
            ("OPENAI_API_KEY", KEY),
        ])
    }

    /// The next requests that are no probe fail so, one each.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.state).faults.extend(faults);
    }

    /// Every request with a text that holds `word` fails so.
    pub(crate) fn poison(&self, word: &str, fault: Fault) {
        lock(&self.state).poison = Some((word.to_owned(), fault));
    }

    /// Requests with more texts than this are too large.
    pub(crate) fn limit_inputs(&self, count: usize) {
        lock(&self.state).inputs_max = Some(count);
    }

    /// Says this to every request after the next `good` ones.
    pub(crate) fn go_down(&self, good: usize, answer: Answer) {
        lock(&self.state).down = Some((good, answer));
    }

    /// Is there again.
    pub(crate) fn come_back(&self) {
        lock(&self.state).down = None;
    }

    /// The texts of each request that was no probe.
    pub(crate) fn asked(&self) -> Vec<Vec<String>> {
        lock(&self.state).asked.iter().filter(|texts| **texts != [PROBE]).cloned().collect()
    }

    /// All requests, as they came.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match &mut state.down {
        Some((0, answer)) => return answer.clone(),
        Some((good, _)) => *good -= 1,
        None => {}
    }
    let is_openai = request.path == "/v1/embeddings";
    let authorisation = request.header("authorization").unwrap_or_default();
    if is_openai && authorisation != format!("Bearer {KEY}") {
        return openai_error(401, &format!("Incorrect API key provided: {authorisation}"), "invalid_api_key");
    }
    if body["model"] != MODEL {
        let message = format!("model '{}' not found", body["model"].as_str().unwrap_or_default());
        return if is_openai { openai_error(404, &message, "model_not_found") } else { ollama_error(404, &message) };
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/embeddings" | "/api/embed") => embeddings(state, &body, is_openai),
        ("POST", "/api/show") => json(200, &json!({"model_info": {"bert.context_length": 512}, "license": "x"})),
        _ => Answer::status(404),
    }
}

fn embeddings(state: &mut State, body: &Value, is_openai: bool) -> Answer {
    let texts: Vec<String> = serde_json::from_value(body["input"].clone()).expect("input is a list of texts");
    state.asked.push(texts.clone());
    let is_probe = texts == [PROBE];
    let poisoned = state.poison.clone().filter(|(word, _)| texts.iter().any(|text| text.contains(word)));
    let fault = if is_probe { None } else { poisoned.map(|(_, fault)| fault).or_else(|| state.faults.pop_front()) };
    if state.inputs_max.is_some_and(|count| texts.len() > count) {
        return openai_error(413, "batch size is larger than the server takes", "payload_too_large");
    }
    let dimension = if let Some(Fault::Dimension(other)) = fault { other } else { DIMENSION };
    let mut vectors: Vec<(usize, Vec<f64>)> =
        texts.iter().map(|text| vector(text, dimension)).enumerate().rev().collect();
    match fault {
        Some(Fault::OneTooFew) => drop(vectors.pop()),
        Some(Fault::IndexTwice) => vectors[0].0 = usize::from(vectors.len() == 1),
        _ => {}
    }
    let answer = if is_openai {
        let data: Vec<Value> =
            vectors.into_iter().map(|(index, vector)| json!({"index": index, "embedding": vector})).collect();
        json(200, &json!({"object": "list", "data": data, "model": MODEL}))
    } else {
        let in_order: Vec<Vec<f64>> = vectors.into_iter().rev().map(|(_, vector)| vector).collect();
        json(200, &json!({"model": MODEL, "embeddings": in_order}))
    };
    match fault {
        Some(Fault::Says(other)) => other,
        Some(Fault::HalfABody) => answer.cut_after(DIMENSION),
        Some(Fault::Never) => Answer::never(),
        _ => answer,
    }
}

/// Counts words by their hash: texts that share words are near. Of no length
/// in particular.
fn vector(text: &str, dimension: usize) -> Vec<f64> {
    let mut vector = vec![0.01; dimension];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2) {
        let mut hasher = DefaultHasher::new();
        word.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % dimension as u64).expect("less than the dimension");
        vector[place] += 1.0;
    }
    vector
}

pub(crate) fn openai_error(status: u16, message: &str, code: &str) -> Answer {
    json(status, &json!({"error": {"message": message, "type": code, "param": null, "code": code}}))
}

pub(crate) fn ollama_error(status: u16, message: &str) -> Answer {
    json(status, &json!({"error": message}))
}

fn json(status: u16, value: &Value) -> Answer {
    Answer::body("application/json", value.to_string()).with_status(status)
}

/// A test that panicked with a lock held has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
