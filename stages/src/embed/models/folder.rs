//! A model in a folder of the user's own.

use std::path::{Path, PathBuf};

use super::place::digest_file;
use super::{Model, ModelError, VerifiedFile, known};

pub(super) const WEIGHTS: &str = "model.safetensors";
pub(super) const TOKENIZER: &str = "tokenizer.json";
pub(super) const CONFIG: &str = "config.json";

/// The folder that `EMBEDDING_MODEL` names.
pub(super) fn resolve(name: &str) -> Result<PathBuf, ModelError> {
    let path = Path::new(name);
    if name.is_empty() || !path.is_dir() {
        return Err(ModelError::unknown(name));
    }
    path.canonicalize().map_err(|error| ModelError::io(path, error))
}

/// The model that lies in `folder`. Weights that are known make it that model.
pub(super) fn read(folder: &Path) -> Result<Model, ModelError> {
    let find = |file: &'static str| -> Result<VerifiedFile, ModelError> {
        let path = folder.join(file);
        if path.is_file() { digest_file(&path) } else { Err(ModelError::Folder { folder: folder.to_owned(), file }) }
    };
    let (config, tokenizer, weights) = (find(CONFIG)?, find(TOKENIZER)?, find(WEIGHTS)?);
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let known = known::find_by_weights(&weights.sha256);
    Ok(Model {
        name: name.unwrap_or_else(|| folder.display().to_string()),
        window: known.map(|model| model.window),
        weights,
        tokenizer,
        config,
    })
}
