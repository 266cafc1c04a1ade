//! What can be had by name, how much of it is on this machine, and whether
//! its bytes are still what they should be. Fetches nothing.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::known::{self, PinnedFile};
use super::place::digest_file;
use super::{ModelError, ModelRequest, VerifiedFile, folder, runtime_library};

/// What a folder that `EMBEDDING_MODEL` names must hold: one of these.
pub const FOLDER_NEEDS: [&str; 2] = [
    "model.safetensors, tokenizer.json and config.json of a BERT sentence model",
    "model.onnx and tokenizer.json of any sentence model",
];

/// A model, or the runtime, that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: &'static str,
    /// Its name on the model hub, which is taken for the name, too; the
    /// runtime has none.
    pub repository: Option<&'static str>,
    /// Tokens of a text at most; the runtime has none.
    pub window: Option<NonZeroUsize>,
    /// Its folder in the cache.
    pub folder: PathBuf,
    /// What belongs there.
    pub files: Vec<StoredFile>,
}

/// A file of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name in the folder.
    pub name: &'static str,
    /// What it should have, in bytes.
    pub bytes: u64,
    /// What its bytes should be: SHA-256 in hex.
    pub sha256: &'static str,
    /// What it has, in bytes; `None` where it is not there.
    pub bytes_found: Option<u64>,
}

impl Stored {
    /// Whether every file is there with its size. Only [`check`] reads them.
    pub fn is_whole(&self) -> bool {
        self.files.iter().all(|file| file.bytes_found == Some(file.bytes))
    }

    /// Size of what should be there, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Every model that can be fetched, and what of it lies in the cache.
pub fn stored_models(cache_folder: &Path) -> Vec<Stored> {
    let stored = known::MODELS.into_iter().map(|model| Stored {
        name: model.name,
        repository: Some(model.repository),
        window: Some(model.window),
        folder: cache_folder.join(model.name),
        files: stored_files(&cache_folder.join(model.name), &model.files()),
    });
    stored.collect()
}

/// The runtime of this platform; `None` where there is none to fetch.
pub fn stored_runtime(cache_folder: &Path) -> Option<Stored> {
    let runtime = known::runtime()?;
    let folder = cache_folder.join(runtime.folder);
    let files = stored_files(&folder, &[&runtime.library]);
    Some(Stored { name: runtime.folder, repository: None, window: None, folder, files })
}

fn stored_files(folder: &Path, files: &[&PinnedFile]) -> Vec<StoredFile> {
    let found = |file: &PinnedFile| std::fs::metadata(folder.join(file.name)).ok().filter(std::fs::Metadata::is_file);
    let stored = files.iter().map(|file| StoredFile {
        name: file.name,
        bytes: file.bytes,
        sha256: file.sha256,
        bytes_found: found(file).map(|metadata| metadata.len()),
    });
    stored.collect()
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// Its bytes are what they should be.
    Whole,
    /// It can be read, and nobody knows what its bytes should be.
    Unknown {
        /// What they are: SHA-256 in hex.
        sha256: String,
    },
    /// It is not there.
    Missing,
    /// Its bytes are others.
    Damaged {
        /// SHA-256 in hex.
        expected: &'static str,
        /// SHA-256 in hex.
        found: String,
    },
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// Where it is, or should be.
    pub path: PathBuf,
    /// What became of it.
    pub state: FileState,
}

/// Reads every file that the request leads to, and compares.
///
/// # Errors
/// The request names no model, or a file is there and cannot be read.
pub fn check(request: &ModelRequest) -> Result<Vec<CheckedFile>, ModelError> {
    let known = known::find(&request.model);
    let own_folder = if known.is_some() { None } else { Some(folder::resolve(&request.model)?) };
    let mut checked = Vec::new();
    if let Some(model) = known {
        let folder = request.cache_folder.join(model.name);
        for file in model.files() {
            checked.push(check_pinned(folder.join(file.name), file)?);
        }
    }
    if let Some(folder) = &own_folder {
        let model = folder::read(folder)?;
        for file in [model.weights, model.tokenizer].into_iter().chain(model.config).chain(model.beside) {
            checked.push(checked_own(file));
        }
    }
    checked.push(check_runtime(request, own_folder.as_deref())?);
    Ok(checked)
}

fn check_runtime(request: &ModelRequest, own_folder: Option<&Path>) -> Result<CheckedFile, ModelError> {
    if let Some(library) = runtime_library::named(request, own_folder)? {
        return read(library);
    }
    let installed = || runtime_library::installed(request).map(|library| library.path);
    let Some(runtime) = known::runtime() else { return read(installed()?) };
    let path = request.cache_folder.join(runtime.folder).join(runtime.library.name);
    match (path.exists(), installed()) {
        // Where it cannot be fetched, the machine's own is taken.
        (false, Ok(installed)) => read(installed),
        _ => check_pinned(path, &runtime.library),
    }
}

fn check_pinned(path: PathBuf, file: &PinnedFile) -> Result<CheckedFile, ModelError> {
    if !path.exists() {
        return Ok(CheckedFile { path, state: FileState::Missing });
    }
    let found = digest_file(&path)?.sha256;
    let is_whole = found == file.sha256;
    let state = if is_whole { FileState::Whole } else { FileState::Damaged { expected: file.sha256, found } };
    Ok(CheckedFile { path, state })
}

/// A file of whose bytes nothing is known, unless they are known ones.
fn read(path: PathBuf) -> Result<CheckedFile, ModelError> {
    digest_file(&path).map(checked_own)
}

fn checked_own(VerifiedFile { path, sha256, .. }: VerifiedFile) -> CheckedFile {
    let is_known = known::find_by_weights(&sha256).is_some()
        || known::runtime().is_some_and(|runtime| runtime.library.sha256 == sha256);
    CheckedFile { path, state: if is_known { FileState::Whole } else { FileState::Unknown { sha256 } } }
}
