//! The BERT encoder with mean pooling, as a graph: from the tokens' vectors
//! to the text's.
//!
//! Made for one text at a time: no padding, so no mask. Standard operators are
//! faster here than the fused ones.

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::super::EmbedError;
use super::config::ModelConfig;
use super::graph::{CONTRIB_DOMAIN, GraphBuilder, Value};
use super::weights::Weights;

/// The graph's input: one row for each token, `[1, tokens, hidden]`.
pub(super) const INPUT: &str = "tokens";
/// The graph's output: the text's vector, `[1, hidden]`, of length 1.
pub(super) const OUTPUT: &str = "sentence";

/// Reads the encoder's weights and opens a session that runs on the calling
/// thread alone.
///
/// # Errors
/// Where a tensor is missing or of another shape, or the runtime refuses.
pub(super) fn open_session(
    environment: &Environment,
    weights: &Weights,
    config: &ModelConfig,
) -> Result<Session, EmbedError> {
    let options = session_options(environment)?;
    build(weights, config)?.into_session(&options)
}

fn session_options(environment: &Environment) -> Result<SessionBuilder, EmbedError> {
    let options = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(refused)?
        .with_intra_threads(1)
        .map_err(refused)?
        .with_inter_threads(1)
        .map_err(refused)?
        .with_deterministic_compute(true)
        .map_err(refused)?;
    // The lengths of texts differ, and a plan of the memory is kept for each.
    options.with_memory_pattern(false).map_err(refused)
}

fn refused<R>(error: ort::Error<R>) -> EmbedError {
    EmbedError::Inference { reason: error.to_string() }
}

struct Encoder<'a> {
    graph: GraphBuilder,
    weights: &'a Weights,
    config: &'a ModelConfig,
}

fn build(weights: &Weights, config: &ModelConfig) -> Result<GraphBuilder, EmbedError> {
    let hidden = config.hidden as i64;
    let graph = GraphBuilder::new((INPUT, &[1, -1, hidden]), (OUTPUT, &[1, hidden]))?;
    let mut encoder = Encoder { graph, weights, config };
    let heads = config.heads as i64;
    encoder.graph.ints("shape.parts", &[hidden; 3])?;
    encoder.graph.ints("shape.heads", &[0, 0, heads, hidden / heads])?;
    encoder.graph.ints("shape.joined", &[0, 0, hidden])?;
    let mut rows = encoder.normalise(INPUT, "embeddings.LayerNorm")?;
    for layer in 0..config.layers {
        let attended = encoder.attend(&rows, layer)?;
        rows = encoder.feed_forward(&attended, layer)?;
    }
    let pool = [("axes", Value::Ints(&[1])), ("keepdims", Value::Int(0))];
    let mean = encoder.graph.node("ReduceMean", &[&rows], "mean", &pool)?;
    encoder.graph.node("LpNormalization", &[&mean], OUTPUT, &[("axis", Value::Int(1)), ("p", Value::Int(2))])?;
    Ok(encoder.graph)
}

impl Encoder<'_> {
    /// Self-attention with its residual: `rows` are `[1, tokens, hidden]`,
    /// before and after.
    fn attend(&mut self, rows: &str, layer: usize) -> Result<String, EmbedError> {
        let at = |name: &str| format!("{layer}.{name}");
        let hidden = self.config.hidden;
        let (weight, bias) = self.read_query_key_value(layer)?;
        let joined = self.linear(rows, &at("qkv"), (hidden, 3 * hidden), &weight, &bias)?;
        let parts = ["q", "k", "v"].map(at);
        let [q, k, v] = parts.each_ref().map(String::as_str);
        self.graph.node_of("", "Split", &[&joined, "shape.parts"], &[q, k, v], &[("axis", Value::Int(-1))])?;
        let q = self.split_heads(q, &[0, 2, 1, 3])?;
        let k = self.split_heads(k, &[0, 2, 3, 1])?;
        let v = self.split_heads(v, &[0, 2, 1, 3])?;
        let scores = self.graph.node("MatMul", &[&q, &k], &at("scores"), &[])?;
        let shares = self.graph.node("Softmax", &[&scores], &at("shares"), &[("axis", Value::Int(-1))])?;
        let mixed = self.graph.node("MatMul", &[&shares, &v], &at("mixed"), &[])?;
        let perm = [("perm", Value::Ints(&[0, 2, 1, 3]))];
        let turned = self.graph.node("Transpose", &[&mixed], &at("turned"), &perm)?;
        let context = self.graph.node("Reshape", &[&turned, "shape.joined"], &at("context"), &[])?;
        let prefix = format!("encoder.layer.{layer}.attention.output");
        let output = self.read_linear(&context, &format!("{prefix}.dense"), (hidden, hidden))?;
        let sum = self.graph.node("Add", &[&output, rows], &at("attention.sum"), &[])?;
        self.normalise(&sum, &format!("{prefix}.LayerNorm"))
    }

    /// The feed-forward part with its residual.
    fn feed_forward(&mut self, rows: &str, layer: usize) -> Result<String, EmbedError> {
        let (hidden, intermediate) = (self.config.hidden, self.config.intermediate);
        let prefix = format!("encoder.layer.{layer}");
        let wide = self.read_linear(rows, &format!("{prefix}.intermediate.dense"), (hidden, intermediate))?;
        let active = format!("{layer}.gelu");
        self.graph.node_of(CONTRIB_DOMAIN, "Gelu", &[&wide], &[&active], &[])?;
        let narrow = self.read_linear(&active, &format!("{prefix}.output.dense"), (intermediate, hidden))?;
        let sum = self.graph.node("Add", &[&narrow, rows], &format!("{layer}.output.sum"), &[])?;
        self.normalise(&sum, &format!("{prefix}.output.LayerNorm"))
    }

    /// Query, key and value as one matrix `[3 * hidden, hidden]`, the scale
    /// of the scores folded into the query.
    fn read_query_key_value(&self, layer: usize) -> Result<(Vec<f32>, Vec<f32>), EmbedError> {
        let hidden = self.config.hidden;
        let scale = 1.0 / ((hidden / self.config.heads) as f32).sqrt();
        let (mut weight, mut bias) = (Vec::with_capacity(3 * hidden * hidden), Vec::with_capacity(3 * hidden));
        for part in ["query", "key", "value"] {
            let prefix = format!("encoder.layer.{layer}.attention.self.{part}");
            weight.extend(self.weights.read(&format!("{prefix}.weight"), &[hidden, hidden])?);
            bias.extend(self.weights.read(&format!("{prefix}.bias"), &[hidden])?);
        }
        for value in weight[..hidden * hidden].iter_mut().chain(&mut bias[..hidden]) {
            *value *= scale;
        }
        Ok((weight, bias))
    }

    /// `[1, tokens, hidden]` as one matrix for each head, axes in `order`.
    fn split_heads(&mut self, rows: &str, order: &[i64]) -> Result<String, EmbedError> {
        let split = self.graph.node("Reshape", &[rows, "shape.heads"], &format!("{rows}.split"), &[])?;
        self.graph.node("Transpose", &[&split], &format!("{rows}.heads"), &[("perm", Value::Ints(order))])
    }

    fn read_linear(&mut self, rows: &str, name: &str, (from, to): (usize, usize)) -> Result<String, EmbedError> {
        let weight = self.weights.read(&format!("{name}.weight"), &[to, from])?;
        let bias = self.weights.read(&format!("{name}.bias"), &[to])?;
        self.linear(rows, name, (from, to), &weight, &bias)
    }

    /// `rows` times the transpose of `weight` (`[to, from]`), plus `bias`.
    fn linear(
        &mut self,
        rows: &str,
        name: &str,
        (from, to): (usize, usize),
        weight: &[f32],
        bias: &[f32],
    ) -> Result<String, EmbedError> {
        let matrix = self.graph.floats(&format!("{name}.weight"), &[from, to], &transposed(weight, from))?;
        let bias = self.graph.floats(&format!("{name}.bias"), &[to], bias)?;
        let product = self.graph.node("MatMul", &[rows, &matrix], &format!("{name}.product"), &[])?;
        self.graph.node("Add", &[&product, &bias], &format!("{name}.rows"), &[])
    }

    fn normalise(&mut self, rows: &str, name: &str) -> Result<String, EmbedError> {
        let hidden = self.config.hidden;
        let mut constants = Vec::with_capacity(2);
        for part in ["weight", "bias"] {
            let tensor = format!("{name}.{part}");
            let values = self.weights.read(&tensor, &[hidden])?;
            constants.push(self.graph.floats(&tensor, &[hidden], &values)?);
        }
        let attributes = [("axis", Value::Int(-1)), ("epsilon", Value::Float(self.config.epsilon))];
        let inputs = [rows, &constants[0], &constants[1]];
        self.graph.node("LayerNormalization", &inputs, &format!("{name}.rows"), &attributes)
    }
}

/// The transpose of a matrix with `columns` columns.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(matrix.len());
    for column in 0..columns {
        turned.extend(matrix.iter().skip(column).step_by(columns));
    }
    turned
}
