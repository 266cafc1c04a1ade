//! Why a model cannot be had.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::known_models;
use crate::failure::{StageError, one_line};

/// Longest text that is shown of what one way said, in bytes.
const SAID_BYTES_MAX: usize = 600;

/// One way that was tried, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The way, such as `pip`.
    pub way: &'static str,
    /// Why it led nowhere, on one line.
    pub said: String,
}

impl Attempt {
    pub(super) fn new(way: &'static str, said: String) -> Self {
        Self { way, said: one_line(&said, SAID_BYTES_MAX) }
    }
}

/// An error of finding or fetching a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The name is neither that of a known model nor a folder.
    #[error(
        "docmill does not know the model {name}; it knows {}; or set EMBEDDING_MODEL to a folder with tokenizer.json, \
         config.json and model.safetensors (BERT) or model.onnx{}",
        known.join(", "), how_to_get(name)
    )]
    Unknown {
        /// `EMBEDDING_MODEL` as it was given.
        name: String,
        /// What can be fetched.
        known: Vec<&'static str>,
    },
    /// There is no such folder.
    #[error("there is no folder {folder}; set EMBEDDING_MODEL to one that holds a model, or to {}", known.join(", "))]
    NoFolder {
        /// `EMBEDDING_MODEL` as it was given.
        folder: String,
        /// What can be fetched.
        known: Vec<&'static str>,
    },
    /// The folder that was named lacks a file.
    #[error("the model folder {folder} has no {file}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is missing there.
        file: &'static str,
    },
    /// The runtime's library that was named is not there.
    #[error("ORT_DYLIB_PATH names {path}, which is no file; correct or unset it")]
    RuntimeSetting {
        /// The path as it was given.
        path: PathBuf,
    },
    /// Every way was tried.
    #[error("{what} cannot be had: {}; {advice}", said(attempts))]
    Unavailable {
        /// What was wanted.
        what: String,
        /// Each way and what it said, in order.
        attempts: Vec<Attempt>,
        /// What to do.
        advice: &'static str,
    },
    /// One way led nowhere.
    #[error("{0}")]
    Way(String),
    /// A file is not what it should be.
    #[error("{path} has the SHA-256 {found} instead of {expected}; delete it so that it is fetched anew")]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The cache folder's disk is full, or would be.
    #[error(
        "no room for {what} in {folder}: {bytes} bytes are needed, {free}; make room there, or set MODEL_CACHE_DIR to another folder"
    )]
    NoRoom {
        /// What was to be fetched.
        what: String,
        /// Where to.
        folder: PathBuf,
        /// How much it is.
        bytes: u64,
        /// How much is free there, for a person.
        free: String,
    },
    /// A file or folder of this machine cannot be used.
    #[error("cannot use {path}: {reason}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The caller gave up.
    #[error("fetching the model was cancelled")]
    Cancelled,
}

impl ModelError {
    /// Whether a setting is wrong; else something that the settings ask for
    /// is not there.
    pub fn is_setting(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::NoFolder { .. } | Self::Folder { .. } | Self::RuntimeSetting { .. })
    }

    pub(super) fn unknown(name: &str) -> Self {
        let (shown, known) = (one_line(name, SAID_BYTES_MAX), known_models());
        let path = Path::new(name);
        // `owner/name` is what a hub calls a model.
        let is_path =
            path.is_absolute() || name.starts_with(['.', '~']) || name.contains('\\') || path.iter().count() > 2;
        if is_path { Self::NoFolder { folder: shown, known } } else { Self::Unknown { name: shown, known } }
    }

    pub(super) fn io(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::Io { path: path.to_owned(), reason: error.to_string() }
    }

    /// Whether no other way can help.
    pub(super) fn ends_all(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Io { .. } | Self::NoRoom { .. })
    }
}

impl StageError for ModelError {
    fn can_retry(&self) -> bool {
        !self.is_setting()
    }

    fn kind(&self) -> &'static str {
        "model_unavailable"
    }

    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// How to get the folder of a model that is named as model hubs name them.
fn how_to_get(name: &str) -> String {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    };
    match name.split_once('/') {
        Some((owner, model)) if is_part(owner) && is_part(model) && !owner.starts_with('.') => {
            format!("; `hf download {name} --local-dir {model}` (of the Python package huggingface_hub) makes one")
        }
        _ => String::new(),
    }
}

fn said(attempts: &[Attempt]) -> String {
    let mut text = String::new();
    for attempt in attempts {
        // Writing to a `String` does not fail.
        let _always_ok = write!(text, "{}[{}] {}", if text.is_empty() { "" } else { "; " }, attempt.way, attempt.said);
    }
    text
}
