//! The local provider: a sentence model on this machine's CPU.
//!
//! Of a BERT model the weights are read from `model.safetensors`, the graph is
//! built in memory, in 32 or 8 bits, and run by ONNX Runtime, one text at a
//! time on the calling thread. The token table, half of the weights, is shared
//! by all sessions.

pub mod activations;
mod bert;
mod config;
mod graph;
mod linear;
mod measure;
mod runtime;
mod sentence;
mod session;
mod table;
mod weights;
mod word_pieces;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

pub use activations::Activations;
pub use measure::measure_activations;
pub use sentence::Prompts;
pub use word_pieces::WordPieces;

use self::config::{ModelConfig, Windows};
use self::session::{LocalEmbedder, Reader};
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
    /// Matrices in 8 bits: faster, with vectors that point almost the same
    /// way. For models whose activations were measured.
    Int8,
}

/// What of a local model can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalOptions {
    /// `EMBEDDING_PRECISION`.
    pub precision: Precision,
    /// `EMBEDDING_WINDOW`, in tokens; without it the model's own.
    pub window: Option<NonZeroUsize>,
}

/// A local model whose files were checked, and from which sessions are opened.
pub struct LocalProvider {
    info: ModelInfo,
    config: ModelConfig,
    environment: ort::environment::Environment,
    reader: Reader,
    table: Arc<TokenTable>,
    /// Those of the model, if it is to run in 8 bits.
    activations: Option<Activations>,
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
    /// Where a file is damaged or of a model that this program does not run
    /// so, or the runtime cannot be loaded.
    pub fn load(files: &ModelFiles, options: LocalOptions) -> Result<Self, EmbedError> {
        let environment = runtime::load(&files.runtime.path)?;
        let config = ModelConfig::read(&files.config.path, Windows { wanted: options.window, known: files.window })?;
        let activations = activations_for(files, &config, options.precision)?;
        let weights = Weights::open(&files.weights.path)?;
        let table = Arc::new(TokenTable::read(&weights, &config)?);
        let reader = Reader {
            word_pieces: Arc::new(WordPieces::load(&files.tokenizer.path)?),
            window: config.window,
            prompts: config.prompts.clone(),
        };
        let info = ModelInfo {
            name: files.name.clone(),
            dimension: config.hidden,
            window: reader.room(files.tokenizer.path.parent().unwrap_or(Path::new("")))?,
            fingerprint: fingerprint(files, &config, activations.as_ref()),
        };
        Ok(Self { info, config, environment, reader, table, activations, weights: Mutex::new(weights) })
    }

    /// The model's tokenizer, by which chunks are measured.
    pub fn word_pieces(&self) -> Arc<WordPieces> {
        Arc::clone(&self.reader.word_pieces)
    }

    /// What the model's folder wants in front of texts. The embedders put it
    /// there.
    pub fn prompts(&self) -> &Prompts {
        &self.reader.prompts
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
            bert::open_session(&self.environment, &weights, &self.config, self.activations.as_ref(), &[])?
        };
        Ok(Box::new(LocalEmbedder::new(session, self.reader.clone(), Arc::clone(&self.table))))
    }
}

/// The activations to calculate in 8 bits with, or none for 32.
fn activations_for(
    files: &ModelFiles,
    config: &ModelConfig,
    precision: Precision,
) -> Result<Option<Activations>, EmbedError> {
    match precision {
        Precision::Fp32 => Ok(None),
        Precision::Int8 => match Activations::find(&files.weights.sha256, config) {
            None => Err(EmbedError::NoInt8 { model: files.name.clone() }),
            found => Ok(found),
        },
    }
}

fn fingerprint(files: &ModelFiles, config: &ModelConfig, int8: Option<&Activations>) -> String {
    let mut text = format!(
        "local;weights={};tokenizer={};config={};window={};runtime={};precision={};code={CODE_VERSION}",
        files.weights.sha256,
        files.tokenizer.sha256,
        files.config.sha256,
        config.window,
        files.runtime.sha256,
        int8.map_or_else(|| "fp32".to_owned(), |activations| format!("int8-{}", activations.digest())),
    );
    text.push_str(&sentence::fingerprint(config.pooling, &config.prompts));
    text
}

#[cfg(test)]
mod int8_tests;
#[cfg(test)]
mod tests;
