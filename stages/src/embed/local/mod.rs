//! The local provider: a sentence model on this machine's CPU.
//!
//! Of a BERT model the weights are read from `model.safetensors`, the graph is
//! built in memory, in 32 or 8 bits, and run by ONNX Runtime, one text at a
//! time on the calling thread. The token table, half of the weights, is shared
//! by all sessions. Another model comes as an ONNX graph of its own.

pub mod activations;
mod bert;
mod config;
mod graph;
mod linear;
mod measure;
mod onnx;
mod runtime;
mod sentence;
mod session;
mod table;
mod weights;
mod word_pieces;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

pub use activations::Activations;
pub use measure::measure_activations;
pub use sentence::Prompts;
pub use word_pieces::WordPieces;

use self::config::{ModelConfig, onnx_window};
use self::onnx::OnnxModel;
use self::sentence::Pooling;
use self::session::{BertSession, LocalEmbedder, Network, Reader};
use self::table::TokenTable;
use self::weights::Weights;
use super::models::{ModelFiles, ModelFormat};
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
    environment: ort::environment::Environment,
    reader: Reader,
    engine: Engine,
}

/// What runs the model.
enum Engine {
    Bert(Box<Bert>),
    Onnx(OnnxModel),
}

/// A BERT in docmill's own graph.
struct Bert {
    config: ModelConfig,
    table: Arc<TokenTable>,
    /// Those of the model, if it is to run in 8 bits.
    activations: Option<Activations>,
    /// Locked for as long as a session is built, which bounds the memory of
    /// several threads that open at once.
    weights: Mutex<Weights>,
}

impl LocalProvider {
    /// Loads what all sessions share: of a BERT about half of the weights,
    /// while the rest is read for each session. The files' checksums are not
    /// checked again: `files` comes from [`super::models::acquire`], which did.
    ///
    /// # Errors
    /// Where a file is damaged or of a model that this program does not run
    /// so, or the runtime cannot be loaded.
    pub fn load(files: &ModelFiles, options: LocalOptions) -> Result<Self, EmbedError> {
        let environment = runtime::load(&files.runtime.path)?;
        let word_pieces = Arc::new(WordPieces::load(&files.tokenizer.path)?);
        match files.format {
            ModelFormat::Safetensors => Self::load_bert(files, options, environment, word_pieces),
            ModelFormat::Onnx => Self::load_onnx(files, options, environment, word_pieces),
        }
    }

    fn load_bert(
        files: &ModelFiles,
        options: LocalOptions,
        environment: ort::environment::Environment,
        word_pieces: Arc<WordPieces>,
    ) -> Result<Self, EmbedError> {
        let config = ModelConfig::of(files, options.window)?;
        let activations = activations_for(files, &config, options.precision)?;
        let weights = Weights::open(&files.weights.path)?;
        let table = Arc::new(TokenTable::read(&weights, &config)?);
        let reader = Reader { word_pieces, window: config.window, prompts: config.prompts.clone() };
        let precision =
            activations.as_ref().map_or_else(|| "fp32".to_owned(), |table| format!("int8-{}", table.digest()));
        let info = info(files, &reader, config.hidden, &precision, config.pooling)?;
        let engine = Engine::Bert(Box::new(Bert { config, table, activations, weights: Mutex::new(weights) }));
        Ok(Self { info, environment, reader, engine })
    }

    fn load_onnx(
        files: &ModelFiles,
        options: LocalOptions,
        environment: ort::environment::Environment,
        word_pieces: Arc<WordPieces>,
    ) -> Result<Self, EmbedError> {
        if options.precision != Precision::Fp32 {
            return Err(EmbedError::NoInt8 { model: files.name.clone() });
        }
        let prompts = sentence::read_prompts(files.folder())?;
        let window = onnx_window(files.folder(), options.window)?;
        let reader = Reader { word_pieces, window, prompts };
        let model = OnnxModel::load(&environment, &files.weights.path, files.folder(), &reader)?;
        let info = info(files, &reader, model.dimension, "onnx", model.pooling())?;
        Ok(Self { info, environment, reader, engine: Engine::Onnx(model) })
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
        let network = match &self.engine {
            Engine::Bert(bert) => Network::Bert(bert.open(&self.environment)?),
            Engine::Onnx(model) => Network::Onnx(model.open(&self.environment)?),
        };
        Ok(Box::new(LocalEmbedder::new(network, self.reader.clone(), self.info.dimension)))
    }
}

impl Bert {
    fn open(&self, environment: &ort::environment::Environment) -> Result<BertSession, EmbedError> {
        // The reader keeps no state between two tensors.
        let weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        let session = bert::open_session(environment, &weights, &self.config, self.activations.as_ref(), &[])?;
        Ok(BertSession::new(session, Arc::clone(&self.table)))
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

fn info(
    files: &ModelFiles,
    reader: &Reader,
    dimension: usize,
    precision: &str,
    pooling: Pooling,
) -> Result<ModelInfo, EmbedError> {
    let mut fingerprint = format!(
        "local;weights={};tokenizer={};config={};window={};runtime={};precision={precision};code={CODE_VERSION}",
        files.weights.sha256,
        files.tokenizer.sha256,
        files.config.as_ref().map_or("none", |config| &config.sha256),
        reader.window,
        files.runtime.sha256,
    );
    for file in &files.beside {
        fingerprint.push_str(";beside=");
        fingerprint.push_str(&file.sha256);
    }
    fingerprint.push_str(&sentence::fingerprint(pooling, &reader.prompts));
    let window = reader.room(files.folder())?;
    Ok(ModelInfo { name: files.name.clone(), dimension, window, fingerprint })
}

#[cfg(test)]
mod folder_tests;
#[cfg(test)]
mod int8_tests;
#[cfg(test)]
mod tests;
