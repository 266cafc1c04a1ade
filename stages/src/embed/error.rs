//! What can go wrong while texts become vectors.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::service::{ServiceError, ServiceErrorKind};
use crate::failure::StageError;

/// An error of the embed stage.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// A text does not fit in the model's window.
    #[error("text {index} has {tokens} tokens and the model's window is {window}; lower CHUNK_TOKENS")]
    TooLong {
        /// Position among the texts of the call.
        index: usize,
        /// Its tokens, special ones included.
        tokens: usize,
        /// What the model takes at most.
        window: NonZeroUsize,
    },
    /// The tokenizer refused a text.
    #[error("text {index} cannot be cut into tokens: {reason}")]
    Tokenize {
        /// Position among the texts of the call.
        index: usize,
        /// What the tokenizer said.
        reason: String,
    },
    /// A model file cannot be used as it is.
    #[error("cannot use the model file {path}: {reason}")]
    ModelFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and how to mend it.
        reason: String,
    },
    /// The model is of a kind that this program does not run.
    #[error("{path} describes a model that docmill cannot run: {what}; set EMBEDDING_MODEL to another one")]
    UnsupportedModel {
        /// The file that says so.
        path: PathBuf,
        /// What is not supported, by name.
        what: String,
    },
    /// The model cannot be run in 8 bits.
    #[error(
        "EMBEDDING_PRECISION=int8 needs a model whose activations docmill has measured, and {model} is none \
         (all-MiniLM-L6-v2 is one); set EMBEDDING_PRECISION to fp32"
    )]
    NoInt8 {
        /// The model's name.
        model: String,
    },
    /// Nothing says how long a text may be.
    #[error(
        "nothing in {folder} says how many tokens the model takes at most; set EMBEDDING_WINDOW to what its makers say"
    )]
    WindowUnknown {
        /// The model's folder.
        folder: PathBuf,
    },
    /// `EMBEDDING_WINDOW` is over what the model can take.
    #[error("EMBEDDING_WINDOW={wanted} is more than the model's {positions} positions; set it lower or leave it out")]
    WindowTooLarge {
        /// `EMBEDDING_WINDOW`.
        wanted: NonZeroUsize,
        /// What the model was made for, in tokens.
        positions: usize,
    },
    /// The prompt leaves no room for a text.
    #[error(
        "the prompt in {folder} has {tokens} tokens and the model's window is {window}; mend config_sentence_transformers.json"
    )]
    PromptTooLong {
        /// The model's folder.
        folder: PathBuf,
        /// The longer prompt's tokens, special ones included.
        tokens: usize,
        /// What the model takes at most.
        window: NonZeroUsize,
    },
    /// The ONNX Runtime library cannot be loaded.
    #[error("cannot load the ONNX Runtime library {path}: {reason}")]
    Runtime {
        /// The shared library.
        path: PathBuf,
        /// What the loader said and how to mend it.
        reason: String,
    },
    /// The model failed on a text, or while it was loaded.
    #[error("the model failed: {reason}")]
    Inference {
        /// What the runtime said.
        reason: String,
    },
    /// The model gave another number of vectors than there were texts.
    #[error("the model gave {found} vectors for {expected} texts")]
    Count {
        /// Number of texts.
        expected: usize,
        /// Number of vectors.
        found: usize,
    },
    /// A vector is not what the model promises.
    #[error("the vector of text {index} is unusable: {reason}")]
    Vector {
        /// Position among the texts of the call.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A service gave no vectors.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl EmbedError {
    /// Whether a shorter text would do.
    pub fn is_too_long(&self) -> bool {
        match self {
            Self::TooLong { .. } => true,
            Self::Service(error) => error.kind == ServiceErrorKind::TooLong,
            _ => false,
        }
    }
}

impl EmbedError {
    /// Whether a setting is wrong: the model cannot do what is asked of it.
    pub fn is_setting(&self) -> bool {
        matches!(
            self,
            Self::UnsupportedModel { .. }
                | Self::NoInt8 { .. }
                | Self::WindowUnknown { .. }
                | Self::WindowTooLarge { .. }
                | Self::PromptTooLong { .. }
        )
    }
}

impl StageError for EmbedError {
    fn can_retry(&self) -> bool {
        // The runtime fails for want of memory, too. All else is decided by
        // the text and the model, and ends alike the next time.
        match self {
            Self::Inference { .. } => true,
            Self::Service(error) => error.can_retry(),
            _ => false,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Tokenize { .. } => "not_tokenized",
            Self::ModelFile { .. } => "model_file",
            Self::UnsupportedModel { .. } | Self::NoInt8 { .. } => "model_unsupported",
            Self::WindowUnknown { .. } | Self::WindowTooLarge { .. } | Self::PromptTooLong { .. } => "bad_window",
            Self::Runtime { .. } => "runtime",
            Self::Inference { .. } => "inference",
            Self::Count { .. } | Self::Vector { .. } => "bad_vector",
            Self::Service(error) => error.kind(),
        }
    }

    fn is_outage(&self) -> bool {
        matches!(self, Self::Service(error) if error.is_outage())
    }
}

impl From<ort::Error> for EmbedError {
    fn from(error: ort::Error) -> Self {
        Self::Inference { reason: error.to_string() }
    }
}
