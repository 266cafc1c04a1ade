//! Measures a model's activations on texts: the way to a table of
//! [`Activations`] for another model.

use ort::session::Session;
use ort::value::TensorRef;

use super::super::EmbedError;
use super::super::models::ModelFiles;
use super::activations::{Activations, LayerActivations, OUTLIERS};
use super::bert::{self, INPUT, normalised_before, widened};
use super::config::ModelConfig;
use super::runtime;
use super::table::TokenTable;
use super::weights::Weights;
use super::word_pieces::WordPieces;

/// The largest activations of the model on `texts`. What of a text is over
/// the window is left out.
///
/// # Errors
/// Where the model cannot be loaded or fails.
pub fn measure_activations(files: &ModelFiles, texts: &[&str]) -> Result<Activations, EmbedError> {
    let environment = runtime::load(&files.runtime.path)?;
    let config = ModelConfig::of(files, None)?;
    let word_pieces = WordPieces::load(&files.tokenizer.path)?;
    let weights = Weights::open(&files.weights.path)?;
    let table = TokenTable::read(&weights, &config)?;
    let mut probes = Vec::new();
    for layer in 0..config.layers {
        let [attention, feed_forward] = normalised_before(layer);
        probes.extend([(attention, config.hidden), (feed_forward, config.hidden)]);
        probes.push((widened(layer), config.intermediate));
    }
    let mut session = bert::open_session(&environment, &weights, &config, None, &probes)?;
    let mut maxima: Vec<Vec<f32>> = probes.iter().map(|&(_, width)| vec![0.0; width]).collect();
    let mut rows = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let mut ids = word_pieces.ids(text).map_err(|reason| EmbedError::Tokenize { index, reason })?;
        ids.truncate(config.window.get());
        table.look_up(&ids, &mut rows)?;
        raise(&mut maxima, &mut session, &probes, ([1, ids.len(), config.hidden], &rows))?;
    }
    let layers = maxima.chunks_exact(3).map(|layer| LayerActivations {
        attention: rounded(&layer[0]),
        feed_forward: rounded(&layer[1]),
        outliers: largest(&layer[2], OUTLIERS),
    });
    Ok(Activations { weights_sha256: files.weights.sha256.clone(), layers: layers.collect() })
}

fn raise(
    maxima: &mut [Vec<f32>],
    session: &mut Session,
    probes: &[(String, usize)],
    rows: ([usize; 3], &Vec<f32>),
) -> Result<(), EmbedError> {
    let outputs = session.run(ort::inputs![INPUT => TensorRef::from_array_view((rows.0, rows.1.as_slice()))?])?;
    for (maxima, (name, width)) in maxima.iter_mut().zip(probes) {
        let output = outputs.get(name).ok_or_else(|| EmbedError::Inference { reason: format!("no output {name}") })?;
        for row in output.try_extract_tensor::<f32>()?.1.chunks_exact(*width) {
            for (maximum, value) in maxima.iter_mut().zip(row) {
                *maximum = maximum.max(value.abs());
            }
        }
    }
    Ok(())
}

/// Three digits of each.
fn rounded(maxima: &[f32]) -> Vec<f32> {
    // What was printed as a number reads as one.
    maxima.iter().map(|maximum| format!("{maximum:.2e}").parse().unwrap_or(*maximum)).collect()
}

/// The positions of the `count` largest values, ascending.
fn largest(values: &[f32], count: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..values.len()).collect();
    positions.sort_by(|&one, &other| values[other].total_cmp(&values[one]));
    positions.truncate(count);
    positions.sort_unstable();
    positions
}
