//! The BERT encoder with its pooling, as a graph: from the tokens' vectors to
//! the text's.
//!
//! Made for one text at a time: no padding, so no mask. Standard operators are
//! faster here than the fused ones.
//!
//! In 8 bits the four matrices of each layer are multiplied as whole numbers.
//! The activations are scaled anew for each text, so that a vector depends on
//! its text alone. Two things keep it near that of 32 bits: what enters
//! attention and feed-forward is smoothed (SmoothQuant: divided by factors
//! that the matrix takes back, inside the layer normalisation before, where
//! it costs nothing), and the few channels of the feed-forward part with the
//! largest activations stay in 32 bits.

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::super::EmbedError;
use super::activations::{Activations, LayerActivations};
use super::config::ModelConfig;
use super::graph::{CONTRIB_DOMAIN, GraphBuilder, Value};
use super::linear::Linear;
use super::sentence::Pooling;
use super::weights::Weights;

/// The graph's input: one row for each token, `[1, tokens, hidden]`.
pub(super) const INPUT: &str = "tokens";
/// The graph's output: the text's vector, `[1, hidden]`, of length 1.
pub(super) const OUTPUT: &str = "sentence";

/// Reads the encoder's weights and opens a session that runs on the calling
/// thread alone: in 8 bits if `activations` are given, else in 32. `probes`
/// are further values to give, by name and width.
///
/// # Errors
/// Where a tensor is missing or of another shape, or the runtime refuses.
pub(super) fn open_session(
    environment: &Environment,
    weights: &Weights,
    config: &ModelConfig,
    activations: Option<&Activations>,
    probes: &[(String, usize)],
) -> Result<Session, EmbedError> {
    let options = session_options(environment)?;
    build(weights, config, activations, probes)?.into_session(&options)
}

/// How every session runs: on the calling thread, the same each time.
pub(super) fn session_options(environment: &Environment) -> Result<SessionBuilder, EmbedError> {
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

/// The values that enter attention and feed-forward of a layer.
pub(super) fn normalised_before(layer: usize) -> [String; 2] {
    [format!("{}.rows", normalisation_before(layer)), format!("encoder.layer.{layer}.attention.output.LayerNorm.rows")]
}

/// The value between the two matrices of a layer's feed-forward part.
pub(super) fn widened(layer: usize) -> String {
    format!("encoder.layer.{layer}.gelu")
}

/// The layer normalisation whose output enters `layer`.
fn normalisation_before(layer: usize) -> String {
    match layer.checked_sub(1) {
        None => "embeddings.LayerNorm".to_owned(),
        Some(before) => format!("encoder.layer.{before}.output.LayerNorm"),
    }
}

struct Encoder<'a> {
    graph: GraphBuilder,
    weights: &'a Weights,
    config: &'a ModelConfig,
}

/// Rows after a layer normalisation, by name.
struct Rows {
    /// As the model means them.
    plain: String,
    /// Divided by the smoothing factors of the matrix that takes them.
    smooth: String,
}

fn build(
    weights: &Weights,
    config: &ModelConfig,
    activations: Option<&Activations>,
    probes: &[(String, usize)],
) -> Result<GraphBuilder, EmbedError> {
    let hidden = config.hidden as i64;
    let mut outputs = vec![(OUTPUT, vec![1, hidden])];
    outputs.extend(probes.iter().map(|(name, width)| (name.as_str(), vec![1, -1, *width as i64])));
    let graph = GraphBuilder::new((INPUT, vec![1, -1, hidden]), outputs)?;
    let mut encoder = Encoder { graph, weights, config };
    let heads = config.heads as i64;
    encoder.graph.ints("shape.parts", &[hidden; 3])?;
    encoder.graph.ints("shape.heads", &[0, 0, heads, hidden / heads])?;
    encoder.graph.ints("shape.joined", &[0, 0, hidden])?;
    let mut sum = INPUT.to_owned();
    for layer in 0..config.layers {
        let layer_activations = activations.and_then(|activations| activations.layers.get(layer));
        sum = encoder.attend(&sum, layer, layer_activations)?;
        sum = encoder.feed_forward(&sum, layer, layer_activations)?;
    }
    let rows = encoder.normalise(&sum, &normalisation_before(config.layers), None)?;
    encoder.pool(&rows.plain)?;
    Ok(encoder.graph)
}

impl Encoder<'_> {
    /// Layer normalisation and self-attention, with the residual: rows before
    /// normalisation in, and out.
    fn attend(&mut self, sum: &str, layer: usize, int8: Option<&LayerActivations>) -> Result<String, EmbedError> {
        let at = |name: &str| format!("encoder.layer.{layer}.attention.{name}");
        let linear = self.read_query_key_value(layer)?;
        let factors = int8.map(|activations| linear.smoothing_factors(&activations.attention));
        let rows = self.normalise(sum, &normalisation_before(layer), factors.as_deref())?;
        let joined = self.linear(&rows.smooth, &at("qkv"), smoothed(linear, factors.as_deref()), int8.is_some())?;
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
        let name = at("output.dense");
        let linear = self.read_linear(&name, (self.config.hidden, self.config.hidden))?;
        let output = self.linear(&context, &name, linear, int8.is_some())?;
        self.graph.node("Add", &[&output, &rows.plain], &at("sum"), &[])
    }

    /// Layer normalisation and the feed-forward part, with the residual.
    fn feed_forward(&mut self, sum: &str, layer: usize, int8: Option<&LayerActivations>) -> Result<String, EmbedError> {
        let (hidden, intermediate) = (self.config.hidden, self.config.intermediate);
        let at = |name: &str| format!("encoder.layer.{layer}.{name}");
        let (up, down) = (at("intermediate.dense"), at("output.dense"));
        let widen = self.read_linear(&up, (hidden, intermediate))?;
        let narrow = self.read_linear(&down, (intermediate, hidden))?;
        let factors = int8.map(|activations| widen.smoothing_factors(&activations.feed_forward));
        let rows = self.normalise(sum, &at("attention.output.LayerNorm"), factors.as_deref())?;
        let Some(activations) = int8 else {
            let wide = self.linear(&rows.plain, &up, widen, false)?;
            let active = self.gelu(&wide, &widened(layer))?;
            let output = self.linear(&active, &down, narrow, false)?;
            return self.graph.node("Add", &[&output, &rows.plain], &at("sum"), &[]);
        };
        // The outliers go their own way, in 32 bits from end to end.
        let outliers = &activations.outliers;
        let others: Vec<usize> = (0..intermediate).filter(|channel| !outliers.contains(channel)).collect();
        let most = smoothed(widen.with_outputs(&others), factors.as_deref());
        let wide = self.linear(&rows.smooth, &up, most, true)?;
        let active = self.gelu(&wide, &widened(layer))?;
        let output = self.linear(&active, &down, narrow.with_inputs(&others), true)?;
        let wide = self.linear(&rows.plain, &format!("{up}.outliers"), widen.with_outputs(outliers), false)?;
        let active = self.gelu(&wide, &at("gelu.outliers"))?;
        let share = self.product(&active, &format!("{down}.outliers"), &narrow.with_inputs(outliers))?;
        let whole = self.graph.node("Add", &[&output, &share], &at("output.whole"), &[])?;
        self.graph.node("Add", &[&whole, &rows.plain], &at("sum"), &[])
    }

    fn gelu(&mut self, rows: &str, output: &str) -> Result<String, EmbedError> {
        self.graph.node_of(CONTRIB_DOMAIN, "Gelu", &[rows], &[output], &[])?;
        Ok(output.to_owned())
    }

    /// One vector of length 1 of all rows.
    fn pool(&mut self, rows: &str) -> Result<(), EmbedError> {
        let over = [("axes", Value::Ints(&[1])), ("keepdims", Value::Int(0))];
        // One row of many is the mean of itself.
        let (operator, (start, end)) = match self.config.pooling {
            Pooling::Mean => ("ReduceMean", (0, i64::MAX)),
            Pooling::Max => ("ReduceMax", (0, i64::MAX)),
            Pooling::Cls => ("ReduceMean", (0, 1)),
            Pooling::LastToken => ("ReduceMean", (-1, i64::MAX)),
        };
        let mut pooled = rows.to_owned();
        if (start, end) != (0, i64::MAX) {
            for (name, value) in [("pool.start", start), ("pool.end", end), ("pool.axis", 1)] {
                self.graph.ints(name, &[value])?;
            }
            let inputs = [rows, "pool.start", "pool.end", "pool.axis"];
            pooled = self.graph.node("Slice", &inputs, "pool.row", &[])?;
        }
        let vector = self.graph.node(operator, &[&pooled], "pooled", &over)?;
        self.graph.node("LpNormalization", &[&vector], OUTPUT, &[("axis", Value::Int(1)), ("p", Value::Int(2))])?;
        Ok(())
    }

    /// Query, key and value as one matrix `[3 * hidden, hidden]`, the scale
    /// of the scores folded into the query.
    fn read_query_key_value(&self, layer: usize) -> Result<Linear, EmbedError> {
        let hidden = self.config.hidden;
        let scale = 1.0 / ((hidden / self.config.heads) as f32).sqrt();
        let (mut weight, mut bias) = (Vec::with_capacity(3 * hidden * hidden), Vec::with_capacity(3 * hidden));
        for part in ["query", "key", "value"] {
            let part = self.read_linear(&format!("encoder.layer.{layer}.attention.self.{part}"), (hidden, hidden))?;
            weight.extend(part.weight);
            bias.extend(part.bias);
        }
        for value in weight[..hidden * hidden].iter_mut().chain(&mut bias[..hidden]) {
            *value *= scale;
        }
        Ok(Linear { from: hidden, to: 3 * hidden, weight, bias })
    }

    fn read_linear(&self, name: &str, (from, to): (usize, usize)) -> Result<Linear, EmbedError> {
        let weight = self.weights.read(&format!("{name}.weight"), &[to, from])?;
        let bias = self.weights.read(&format!("{name}.bias"), &[to])?;
        Ok(Linear { from, to, weight, bias })
    }

    /// `[1, tokens, hidden]` as one matrix for each head, axes in `order`.
    fn split_heads(&mut self, rows: &str, order: &[i64]) -> Result<String, EmbedError> {
        let split = self.graph.node("Reshape", &[rows, "shape.heads"], &format!("{rows}.split"), &[])?;
        self.graph.node("Transpose", &[&split], &format!("{rows}.heads"), &[("perm", Value::Ints(order))])
    }

    /// `linear` of `rows`, multiplied in 8 or in 32 bits.
    fn linear(&mut self, rows: &str, name: &str, linear: Linear, int8: bool) -> Result<String, EmbedError> {
        let output = format!("{name}.rows");
        let bias = self.graph.floats(&format!("{name}.bias"), &[linear.to], &linear.bias)?;
        if !int8 {
            let product = self.product(rows, name, &linear)?;
            return self.graph.node("Add", &[&product, &bias], &output, &[]);
        }
        let quantised = linear.quantised();
        let matrix = self.graph.bytes(&format!("{name}.weight"), &[linear.from, linear.to], &quantised.matrix)?;
        let scales = self.graph.floats(&format!("{name}.scales"), &[linear.to], &quantised.scales)?;
        let inputs = [rows, &matrix, &scales, "", &bias];
        self.graph.node_of(CONTRIB_DOMAIN, "DynamicQuantizeMatMul", &inputs, &[&output], &[])?;
        Ok(output)
    }

    /// `linear` of `rows` without the bias.
    fn product(&mut self, rows: &str, name: &str, linear: &Linear) -> Result<String, EmbedError> {
        let shape = [linear.from, linear.to];
        let matrix = self.graph.floats(&format!("{name}.weight"), &shape, &linear.transposed())?;
        self.graph.node("MatMul", &[rows, &matrix], &format!("{name}.product"), &[])
    }

    fn normalise(&mut self, rows: &str, name: &str, factors: Option<&[f32]>) -> Result<Rows, EmbedError> {
        let hidden = self.config.hidden;
        let mut constants = Vec::with_capacity(2);
        for part in ["weight", "bias"] {
            let tensor = format!("{name}.{part}");
            let mut values = self.weights.read(&tensor, &[hidden])?;
            for (value, factor) in values.iter_mut().zip(factors.unwrap_or_default()) {
                *value /= factor;
            }
            constants.push(self.graph.floats(&tensor, &[hidden], &values)?);
        }
        let attributes = [("axis", Value::Int(-1)), ("epsilon", Value::Float(self.config.epsilon))];
        let inputs = [rows, &constants[0], &constants[1]];
        let smooth = self.graph.node("LayerNormalization", &inputs, &format!("{name}.rows"), &attributes)?;
        let Some(factors) = factors else { return Ok(Rows { plain: smooth.clone(), smooth }) };
        let factors = self.graph.floats(&format!("{name}.factors"), &[hidden], factors)?;
        let plain = self.graph.node("Mul", &[&smooth, &factors], &format!("{name}.plain"), &[])?;
        Ok(Rows { plain, smooth })
    }
}

fn smoothed(linear: Linear, factors: Option<&[f32]>) -> Linear {
    match factors {
        Some(factors) => linear.for_divided_inputs(factors),
        None => linear,
    }
}
