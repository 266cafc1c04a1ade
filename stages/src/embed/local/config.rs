//! Reads what kind of model a folder holds, and refuses what would give wrong
//! vectors.

use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::EmbedError;
use super::super::models::ModelFiles;
use super::sentence::{self, Pooling, Prompts};

/// Largest JSON description that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Bounds of the dimensions; the largest BERT has 24 layers of 1,024.
const LAYERS_MAX: usize = 96;
const HIDDEN_MAX: usize = 8_192;
const INTERMEDIATE_MAX: usize = 65_536;
const VOCABULARY_MAX: usize = 2_000_000;
const POSITIONS_MAX: usize = 65_536;

/// The shape of a BERT sentence model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelConfig {
    /// Components of a token's vector, and of a text's.
    pub(super) hidden: usize,
    /// Number of layers.
    pub(super) layers: usize,
    /// Attention heads; divides `hidden`.
    pub(super) heads: usize,
    /// Components inside the feed-forward part.
    pub(super) intermediate: usize,
    /// Added to the variance in each layer normalisation.
    pub(super) epsilon: f32,
    /// Rows of the token table.
    pub(super) vocabulary: usize,
    /// Rows of the position table.
    pub(super) positions: usize,
    /// Rows of the token type table.
    pub(super) token_types: usize,
    /// How the tokens' vectors become the text's.
    pub(super) pooling: Pooling,
    /// Tokens of a text at most, special ones and the prompt's included.
    pub(super) window: NonZeroUsize,
    /// What goes in front of a text.
    pub(super) prompts: Prompts,
}

/// What is known of a model's window before its folder is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Windows {
    /// `EMBEDDING_WINDOW`, which wins.
    pub(super) wanted: Option<NonZeroUsize>,
    /// That of a model which is known by its weights.
    pub(super) known: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    architectures: Option<Vec<String>>,
    #[serde(default)]
    model_type: Option<String>,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_token_types")]
    type_vocab_size: usize,
    #[serde(default = "default_epsilon")]
    layer_norm_eps: f32,
    #[serde(default)]
    hidden_act: Option<String>,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

fn default_token_types() -> usize {
    2
}

fn default_epsilon() -> f32 {
    1e-12
}

impl ModelConfig {
    /// What the model's files say. `window` is `EMBEDDING_WINDOW`.
    ///
    /// # Errors
    /// As [`ModelConfig::read`].
    pub(super) fn of(files: &ModelFiles, window: Option<NonZeroUsize>) -> Result<Self, EmbedError> {
        let path = files.config.as_ref().map_or_else(|| files.folder().join("config.json"), |file| file.path.clone());
        Self::read(&path, Windows { wanted: window, known: files.window })
    }

    /// Reads `config.json` and what lies beside it. A model that is known by
    /// its weights needs no files for pooling and window.
    ///
    /// # Errors
    /// Where a file cannot be read, or names what this program does not run.
    pub(super) fn read(path: &Path, windows: Windows) -> Result<Self, EmbedError> {
        let file: ConfigFile = read_json(path)?;
        check_architecture(path, &file)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let prompts = sentence::read_prompts(folder)?;
        let (pooling, folder_window) = match windows.known {
            Some(window) => (Pooling::Mean, Some(window.get())),
            None => {
                sentence::check_modules(folder)?;
                (sentence::read_pooling(folder, &prompts)?, sentence::read_window(folder)?)
            }
        };
        let bad = |reason: &str| EmbedError::ModelFile { path: path.to_owned(), reason: reason.to_owned() };
        let positions = file.max_position_embeddings;
        if let Some(wanted) = windows.wanted.filter(|wanted| wanted.get() > positions) {
            return Err(EmbedError::WindowTooLarge { wanted, positions });
        }
        let window = folder_window.unwrap_or(positions).min(positions);
        let window = windows.wanted.or(NonZeroUsize::new(window)).ok_or_else(|| bad("no window"))?;
        let in_bounds = (1..=LAYERS_MAX).contains(&file.num_hidden_layers)
            && (1..=HIDDEN_MAX).contains(&file.hidden_size)
            && (1..=INTERMEDIATE_MAX).contains(&file.intermediate_size)
            && (1..=VOCABULARY_MAX).contains(&file.vocab_size)
            && (1..=POSITIONS_MAX).contains(&file.max_position_embeddings)
            && (1..=POSITIONS_MAX).contains(&file.type_vocab_size)
            && (0.0..1.0).contains(&file.layer_norm_eps);
        if !in_bounds {
            return Err(bad("a dimension is zero or beyond any model of this kind"));
        }
        if file.num_attention_heads == 0 || !file.hidden_size.is_multiple_of(file.num_attention_heads) {
            return Err(bad("num_attention_heads does not divide hidden_size"));
        }
        Ok(Self {
            hidden: file.hidden_size,
            layers: file.num_hidden_layers,
            heads: file.num_attention_heads,
            intermediate: file.intermediate_size,
            epsilon: file.layer_norm_eps,
            vocabulary: file.vocab_size,
            positions: file.max_position_embeddings,
            token_types: file.type_vocab_size,
            pooling,
            window,
            prompts,
        })
    }
}

fn check_architecture(path: &Path, file: &ConfigFile) -> Result<(), EmbedError> {
    let unsupported = |what: String| Err(EmbedError::UnsupportedModel { path: path.to_owned(), what });
    let architectures = file.architectures.as_deref().unwrap_or_default();
    if file.model_type.as_deref().is_some_and(|kind| kind != "bert")
        || architectures.iter().any(|name| !name.starts_with("Bert"))
        || (file.model_type.is_none() && architectures.is_empty())
    {
        let kind = file.model_type.as_deref().unwrap_or("unnamed");
        return unsupported(format!("architecture {kind} [{}], only bert is", architectures.join(", ")));
    }
    if let Some(activation) = file.hidden_act.as_deref().filter(|&name| name != "gelu") {
        return unsupported(format!("hidden_act {activation}, only gelu is"));
    }
    if let Some(positions) = file.position_embedding_type.as_deref().filter(|&name| name != "absolute") {
        return unsupported(format!("position_embedding_type {positions}, only absolute is"));
    }
    Ok(())
}

#[derive(Deserialize)]
struct PositionsFile {
    #[serde(default)]
    max_position_embeddings: Option<usize>,
    #[serde(default)]
    model_type: Option<String>,
}

#[derive(Deserialize)]
struct TokenizerFile {
    /// Some writers put a number there that no integer holds, for "no bound".
    #[serde(default)]
    model_max_length: Option<f64>,
}

/// The window of an ONNX model, which its graph does not say: what is
/// `wanted`, else what the sentence model was made with, else what tokenizer
/// and network take.
///
/// # Errors
/// Where nothing says it.
pub(super) fn onnx_window(folder: &Path, wanted: Option<NonZeroUsize>) -> Result<NonZeroUsize, EmbedError> {
    let positions = match read_if_there::<PositionsFile>(&folder.join("config.json"))? {
        None => None,
        // These count their positions from 2 on.
        Some(file) if file.model_type.as_deref().is_some_and(|kind| kind.contains("roberta") || kind == "mpnet") => {
            file.max_position_embeddings.map(|positions| positions.saturating_sub(2))
        }
        Some(file) => file.max_position_embeddings,
    };
    let positions = positions.filter(|positions| (1..=POSITIONS_MAX).contains(positions));
    if let (Some(wanted), Some(positions)) = (wanted, positions)
        && wanted.get() > positions
    {
        return Err(EmbedError::WindowTooLarge { wanted, positions });
    }
    let tokenizer = read_if_there::<TokenizerFile>(&folder.join("tokenizer_config.json"))?;
    let tokenizer = tokenizer.and_then(|file| file.model_max_length).map(|length| length as usize);
    let bounds = [sentence::read_window(folder)?.or(tokenizer), positions];
    let said = bounds.into_iter().flatten().filter(|bound| (1..=POSITIONS_MAX).contains(bound)).min();
    let window = wanted.or(said.and_then(NonZeroUsize::new));
    window.ok_or_else(|| EmbedError::WindowUnknown { folder: folder.to_owned() })
}

/// The value of a JSON file, if there is one.
pub(super) fn read_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EmbedError> {
    if path.exists() { read_json(path).map(Some) } else { Ok(None) }
}

/// The value of a JSON file of at most a MiB.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, EmbedError> {
    let bytes = read_bounded(path, FILE_BYTES_MAX)?;
    serde_json::from_slice(&bytes).map_err(|error| EmbedError::ModelFile {
        path: path.to_owned(),
        reason: format!("{error}; fetch the file anew"),
    })
}

/// The whole of a file that is at most `bytes_max` long.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, EmbedError> {
    let failed = |reason: String| EmbedError::ModelFile { path: PathBuf::from(path), reason };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > bytes_max {
        return Err(failed(format!("it is larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}
