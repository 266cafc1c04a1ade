//! The local provider: a BERT sentence model on this machine's CPU.
//!
//! The weights are read from `model.safetensors`, the graph is built in memory
//! and run by ONNX Runtime, one text at a time on the calling thread. The
//! token table, half of the weights, is shared by all sessions.

mod bert;
mod config;
mod graph;
mod runtime;
mod session;
mod table;
mod weights;
mod word_pieces;

use std::sync::{Arc, Mutex, PoisonError};

pub use word_pieces::WordPieces;

use self::config::ModelConfig;
use self::session::LocalEmbedder;
use self::table::TokenTable;
use self::weights::Weights;
use super::models::ModelFiles;
use super::{EmbedError, Embedder, ModelInfo, Provider};

/// Grows with every change of this folder that changes a vector's bits.
const CODE_VERSION: u32 = 1;

/// In how many bits the model calculates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    Fp32,
}

impl Precision {
    fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
        }
    }
}

/// A local model whose files were checked, and from which sessions are opened.
pub struct LocalProvider {
    info: ModelInfo,
    config: ModelConfig,
    environment: ort::environment::Environment,
    word_pieces: Arc<WordPieces>,
    table: Arc<TokenTable>,
    /// Locked for as long as a session is built, which bounds the memory of
    /// several threads that open at once.
    weights: Mutex<Weights>,
}

impl LocalProvider {
    /// Loads what all sessions share. Reads about half of the weights; the
    /// rest is read for each session. The files' checksums are not checked
    /// again: `files` comes from [`super::models::acquire`], which did.
    ///
    /// # Errors
    /// Where a file is damaged or of a model that this program does not run,
    /// or the runtime cannot be loaded.
    pub fn load(files: &ModelFiles, precision: Precision) -> Result<Self, EmbedError> {
        let environment = runtime::load(&files.runtime.path)?;
        let config = ModelConfig::read(&files.config.path, files.window)?;
        let word_pieces = Arc::new(WordPieces::load(&files.tokenizer.path)?);
        let weights = Weights::open(&files.weights.path)?;
        let table = Arc::new(TokenTable::read(&weights, &config)?);
        let info = ModelInfo {
            name: files.name.clone(),
            dimension: config.hidden,
            window: config.window,
            fingerprint: fingerprint(files, &config, precision),
        };
        Ok(Self { info, config, environment, word_pieces, table, weights: Mutex::new(weights) })
    }

    /// The model's tokenizer, by which chunks are measured.
    pub fn word_pieces(&self) -> Arc<WordPieces> {
        Arc::clone(&self.word_pieces)
    }
}

impl Provider for LocalProvider {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn open(&self) -> Result<Box<dyn Embedder>, EmbedError> {
        let session = {
            // The reader keeps no state between two tensors.
            let weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
            bert::open_session(&self.environment, &weights, &self.config)?
        };
        let embedder =
            LocalEmbedder::new(session, Arc::clone(&self.word_pieces), Arc::clone(&self.table), self.config.window);
        Ok(Box::new(embedder))
    }
}

fn fingerprint(files: &ModelFiles, config: &ModelConfig, precision: Precision) -> String {
    format!(
        "local;weights={};tokenizer={};config={};window={};runtime={};precision={};code={CODE_VERSION}",
        files.weights.sha256,
        files.tokenizer.sha256,
        files.config.sha256,
        config.window,
        files.runtime.sha256,
        precision.name(),
    )
}

#[cfg(test)]
mod tests;
