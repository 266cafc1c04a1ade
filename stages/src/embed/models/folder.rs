//! A model in a folder of the user's own.
//!
//! The network is a BERT in `model.safetensors`, or any sentence model as
//! `model.onnx` or `onnx/model.onnx`, which may keep its weights in files
//! beside it. Where both are there, safetensors are taken for a BERT, for
//! which docmill has a faster graph of its own, and ONNX for all else.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use super::place::digest_file;
use super::{Model, ModelError, ModelFormat, VerifiedFile, known};

const WEIGHTS: &str = "model.safetensors";
const GRAPHS: [&str; 2] = ["model.onnx", "onnx/model.onnx"];
const TOKENIZER: &str = "tokenizer.json";
const CONFIG: &str = "config.json";
/// Largest file of weights, or graph, that is read, in bytes.
const MODEL_BYTES_MAX: u64 = 4 << 30;
/// Largest `config.json` that is read, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a graph that are looked at together.
const WINDOW_BYTES: usize = 1 << 20;
/// How a graph says that a tensor lies in another file: the key `location` of
/// an entry, in protocol buffers' own bytes, then the tag of its value.
const LOCATION: &[u8] = b"\x0a\x08location\x12";
/// Longest name of such a file, in bytes; its length is one byte then.
const LOCATION_BYTES_MAX: usize = 127;

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
    let missing = |file: &'static str| ModelError::Folder { folder: folder.to_owned(), file };
    let there = |file: &str| Some(folder.join(file)).filter(|path| path.is_file());
    let config = there(CONFIG);
    let graph = GRAPHS.into_iter().find_map(there);
    let (format, path) = match (there(WEIGHTS), graph) {
        (Some(weights), None) => (ModelFormat::Safetensors, weights),
        (Some(weights), Some(_)) if config.as_deref().is_some_and(is_bert) => (ModelFormat::Safetensors, weights),
        (_, Some(graph)) => (ModelFormat::Onnx, graph),
        (None, None) => return Err(missing("model.safetensors or model.onnx")),
    };
    if format == ModelFormat::Safetensors && config.is_none() {
        return Err(missing(CONFIG));
    }
    let config = config.as_deref().map(digest_file).transpose()?;
    let tokenizer = digest_file(&there(TOKENIZER).ok_or_else(|| missing(TOKENIZER))?)?;
    let weights = digest_model(&path)?;
    let beside = match format {
        ModelFormat::Safetensors => Vec::new(),
        ModelFormat::Onnx => files_beside(&path)?,
    };
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let known = known::find_by_weights(&weights.sha256);
    Ok(Model {
        name: name.unwrap_or_else(|| folder.display().to_string()),
        window: known.map(|model| model.window),
        format,
        weights,
        beside,
        tokenizer,
        config,
    })
}

/// Whether a `config.json` is that of a BERT.
fn is_bert(config: &Path) -> bool {
    let mut text = String::new();
    let file = File::open(config).map(|file| file.take(CONFIG_BYTES_MAX));
    let value = file.and_then(|mut file| file.read_to_string(&mut text)).ok().map(|_| serde_json::from_str(&text));
    matches!(value, Some(Ok(serde_json::Value::Object(object))) if object.get("model_type").is_some_and(|kind| kind == "bert"))
}

fn digest_model(path: &Path) -> Result<VerifiedFile, ModelError> {
    let bytes = std::fs::metadata(path).map_err(|error| ModelError::io(path, error))?.len();
    if bytes > MODEL_BYTES_MAX {
        return Err(ModelError::io(path, format!("it has {bytes} bytes, and docmill reads {MODEL_BYTES_MAX} at most")));
    }
    digest_file(path)
}

/// The files that a graph keeps weights in, so that they count for what the
/// model is.
fn files_beside(graph: &Path) -> Result<Vec<VerifiedFile>, ModelError> {
    let folder = graph.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    for name in locations(graph)? {
        let mut parts = Path::new(&name).components();
        let is_plain = parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let path = folder.join(&name);
        if !is_plain || !path.is_file() {
            let name = crate::failure::one_line(&name, LOCATION_BYTES_MAX);
            return Err(ModelError::io(graph, format!("it keeps weights in {name}, which does not lie beside it")));
        }
        files.push(digest_model(&path)?);
    }
    Ok(files)
}

/// The names of these files, read from the graph's bytes.
fn locations(graph: &Path) -> Result<BTreeSet<String>, ModelError> {
    let failed = |error: std::io::Error| ModelError::io(graph, error);
    let mut file = File::open(graph).map_err(failed)?;
    let (mut names, mut window) = (BTreeSet::new(), Vec::new());
    loop {
        let read = file.by_ref().take(WINDOW_BYTES as u64).read_to_end(&mut window).map_err(failed)?;
        for start in window.windows(LOCATION.len()).enumerate().filter(|(_, bytes)| *bytes == LOCATION) {
            let rest = &window[start.0 + LOCATION.len()..];
            let name = rest.split_first().and_then(|(&length, rest)| rest.get(..usize::from(length)));
            if let Some(name) = name.filter(|name| name.len() <= LOCATION_BYTES_MAX) {
                names.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
        if read == 0 {
            return Ok(names);
        }
        // An entry may reach over the end of what was read.
        let kept = window.len().min(LOCATION.len() + 1 + LOCATION_BYTES_MAX);
        window.drain(..window.len() - kept);
    }
}
