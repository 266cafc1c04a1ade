//! A sentence model that comes as an ONNX graph: tokens in, one vector a
//! token or one vector a text out.
//!
//! The graph is the model's own, so it is held to what docmill can feed: the
//! inputs `input_ids`, `attention_mask` and `token_type_ids` of 64-bit whole
//! numbers, any number of tokens. Its output is learnt from a first run.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use super::super::{EmbedError, Purpose};
use super::bert::session_options;
use super::sentence::{self, Pooling};
use super::session::Reader;

/// Names of outputs, the one that is wanted most first.
const OUTPUTS: [&str; 3] = ["sentence_embedding", "token_embeddings", "last_hidden_state"];
/// Components of a vector at most.
const DIMENSION_MAX: usize = 65_536;

/// An ONNX model whose inputs and output are known to fit.
pub(super) struct OnnxModel {
    path: PathBuf,
    output: String,
    /// How the tokens' vectors become one, if the graph does not do it.
    pooling: Option<Pooling>,
    pub(super) dimension: usize,
    /// The session that was opened to learn this, for the first who asks.
    first: Mutex<Option<Session>>,
}

impl OnnxModel {
    /// Opens the model and runs it once. `folder` holds what is written of it.
    ///
    /// # Errors
    /// Where it is no ONNX model, or one that docmill cannot feed or
    /// understand.
    pub(super) fn load(
        environment: &Environment,
        path: &Path,
        folder: &Path,
        reader: &Reader,
    ) -> Result<Self, EmbedError> {
        let probe = reader.ids(0, "a", Purpose::Passage)?;
        let session = open(environment, path)?;
        let unsupported = |what: String| EmbedError::UnsupportedModel { path: path.to_owned(), what };
        for input in session.inputs() {
            check_input(input).map_err(unsupported)?;
        }
        if !session.inputs().iter().any(|input| input.name() == "input_ids") {
            return Err(unsupported("a graph without the input input_ids".to_owned()));
        }
        let names: Vec<&str> = session.outputs().iter().map(Outlet::name).collect();
        let output = OUTPUTS.into_iter().find(|name| names.contains(name)).or(names.first().copied());
        let output = output.ok_or_else(|| unsupported("a graph without outputs".to_owned()))?.to_owned();
        let mut session = OnnxSession { session, output, pooling: None, dimension: 0 };
        let shape = session.shape(&probe).map_err(unsupported)?;
        let pooling = match shape[..] {
            // The graph has done all that the folder's modules name.
            [1, _] => None,
            [1, tokens, _] if tokens == probe.len() => {
                sentence::check_modules(folder)?;
                Some(sentence::read_pooling(folder, &reader.prompts)?)
            }
            _ => return Err(unsupported(format!("the output {} of shape {shape:?} for one text", session.output))),
        };
        let dimension = shape.last().copied().filter(|size| (1..=DIMENSION_MAX).contains(size));
        let dimension = dimension.ok_or_else(|| unsupported(format!("vectors of shape {shape:?}")))?;
        let OnnxSession { session, output, .. } = session;
        Ok(Self { path: path.to_owned(), output, pooling, dimension, first: Mutex::new(Some(session)) })
    }

    /// How the tokens' vectors become one, for the fingerprint.
    pub(super) fn pooling(&self) -> Pooling {
        self.pooling.unwrap_or(Pooling::Mean)
    }

    /// A session of its own.
    pub(super) fn open(&self, environment: &Environment) -> Result<OnnxSession, EmbedError> {
        // Locked while it is opened, which bounds the memory of several.
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let session = match first.take() {
            Some(session) => session,
            None => open(environment, &self.path)?,
        };
        let (pooling, dimension) = (self.pooling, self.dimension);
        Ok(OnnxSession { session, output: self.output.clone(), pooling, dimension })
    }
}

fn open(environment: &Environment, path: &Path) -> Result<Session, EmbedError> {
    session_options(environment)?
        .commit_from_file(path)
        .map_err(|error| EmbedError::ModelFile { path: path.to_owned(), reason: error.to_string() })
}

/// Why docmill cannot feed this input, if it cannot.
fn check_input(input: &Outlet) -> Result<(), String> {
    let name = input.name();
    if !matches!(name, "input_ids" | "attention_mask" | "token_type_ids") {
        return Err(format!("a graph with the input {name}"));
    }
    match input.dtype() {
        ValueType::Tensor { ty: TensorElementType::Int64, shape, .. } => match shape[..] {
            [batch, tokens] if batch <= 1 && tokens < 0 => Ok(()),
            _ => Err(format!("the input {name} of the fixed shape {shape:?}, only [batch, tokens] of any size is")),
        },
        other => Err(format!("the input {name} of type {other}, only 64-bit whole numbers are")),
    }
}

/// An open session of an ONNX model.
pub(super) struct OnnxSession {
    session: Session,
    output: String,
    pooling: Option<Pooling>,
    dimension: usize,
}

impl OnnxSession {
    /// The vector of a text, of length 1.
    pub(super) fn run(&mut self, ids: &[u32]) -> Result<Vec<f32>, EmbedError> {
        let (pooling, dimension) = (self.pooling, self.dimension);
        let mut vector = self
            .with_output(ids, |shape, values| {
                let expected: &[usize] = if pooling.is_some() { &[1, ids.len(), dimension] } else { &[1, dimension] };
                if shape != expected {
                    return Err(format!("its output has the shape {shape:?} instead of {expected:?}"));
                }
                Ok(pooling.map_or_else(|| values.to_vec(), |pooling| pool(values, dimension, pooling)))
            })
            .map_err(|reason| EmbedError::Inference { reason })?;
        normalise(&mut vector);
        Ok(vector)
    }

    fn shape(&mut self, ids: &[u32]) -> Result<Vec<usize>, String> {
        self.with_output(ids, |shape, _| Ok(shape.to_vec()))
    }

    /// Runs the graph and hands its output's shape and values on.
    fn with_output<T>(
        &mut self,
        ids: &[u32],
        take: impl FnOnce(&[usize], &[f32]) -> Result<T, String>,
    ) -> Result<T, String> {
        let say = |error: ort::Error| error.to_string();
        let (mut tokens, ones, zeros) = (Vec::new(), vec![1i64; ids.len()], vec![0i64; ids.len()]);
        tokens.extend(ids.iter().map(|&id| i64::from(id)));
        let mut inputs: Vec<(String, SessionInputValue<'_>)> = Vec::new();
        for input in self.session.inputs() {
            let values = match input.name() {
                "input_ids" => &tokens,
                "attention_mask" => &ones,
                _ => &zeros,
            };
            let tensor = TensorRef::from_array_view(([1, ids.len()], values.as_slice())).map_err(say)?;
            inputs.push((input.name().to_owned(), tensor.into()));
        }
        let outputs = self.session.run(inputs).map_err(say)?;
        let output = outputs.get(self.output.as_str()).ok_or("no output")?;
        let (shape, values) = output.try_extract_tensor::<f32>().map_err(say)?;
        let shape: Vec<usize> = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        take(&shape, values)
    }
}

/// One vector of the tokens' vectors, `width` components each.
fn pool(values: &[f32], width: usize, pooling: Pooling) -> Vec<f32> {
    let rows = values.chunks_exact(width);
    match pooling {
        Pooling::Cls => rows.take(1).flatten().copied().collect(),
        Pooling::LastToken => rows.last().unwrap_or_default().to_vec(),
        Pooling::Max => rows.fold(vec![f32::NEG_INFINITY; width], |mut largest, row| {
            largest.iter_mut().zip(row).for_each(|(largest, value)| *largest = largest.max(*value));
            largest
        }),
        Pooling::Mean => {
            let count = rows.len() as f64;
            let sums = rows.fold(vec![0f64; width], |mut sums, row| {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
                sums
            });
            sums.iter().map(|sum| (sum / count) as f32).collect()
        }
    }
}

/// Makes its length 1. One without a length stays as it is, and is refused
/// with the answer.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|&component| f64::from(component).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 && length.is_finite() {
        vector.iter_mut().for_each(|component| *component = (f64::from(*component) / length) as f32);
    }
}
