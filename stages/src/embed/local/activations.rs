//! How large the activations inside a model get, measured once for each known
//! model. Without that, 8 bits cost too much of a vector's direction.
//!
//! A table is a JSON file in the folder `activations/`, one for each model:
//!
//! ```text
//! {"weights_sha256": "…",              of the model.safetensors that was measured
//!  "layers": [{"attention": [384 numbers],     largest absolute inputs of query, key and value
//!              "feed_forward": [384 numbers],  of the feed-forward part
//!              "outliers": [16 positions]},    the channels inside it with the largest activations
//!             …]}
//! ```
//!
//! all-MiniLM-L6-v2 was measured on 400 chunks of the Rust reference (not the
//! book, on which the benchmark measures) with `cargo bench --bench embed --
//! --measure-activations FILE --pages reference --chunks 400`, which makes a
//! table for any BERT model in a folder. Numbers have three digits: what is
//! divided by one is multiplied by the same again.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::config::ModelConfig;

/// Channels of the feed-forward part that are kept in 32 bits.
pub(super) const OUTLIERS: usize = 16;

const ALL_MINILM_L6_V2: &[u8] = include_bytes!("activations/all-MiniLM-L6-v2.json");

/// The largest activations of a model, layer by layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activations {
    /// SHA-256 of the weights, in hex.
    pub(super) weights_sha256: String,
    pub(super) layers: Vec<LayerActivations>,
}

/// The largest activations of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LayerActivations {
    /// By component, at the entrance of the attention part.
    pub(super) attention: Vec<f32>,
    /// By component, at the entrance of the feed-forward part.
    pub(super) feed_forward: Vec<f32>,
    /// Channels between the two matrices of the feed-forward part, ascending.
    pub(super) outliers: Vec<usize>,
}

impl Activations {
    /// The table for these weights, if there is one.
    pub(super) fn find(weights_sha256: &str, config: &ModelConfig) -> Option<Self> {
        let table: Self = serde_json::from_slice(ALL_MINILM_L6_V2).ok()?;
        (table.weights_sha256 == weights_sha256 && table.fits(config)).then_some(table)
    }

    /// A short hash of the table, which changes vectors.
    pub(super) fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for layer in &self.layers {
            for maximum in layer.attention.iter().chain(&layer.feed_forward) {
                hasher.update(maximum.to_le_bytes());
            }
            for &outlier in &layer.outliers {
                hasher.update((outlier as u64).to_le_bytes());
            }
        }
        hex::encode(&hasher.finalize()[..8])
    }

    fn fits(&self, config: &ModelConfig) -> bool {
        self.layers.len() == config.layers
            && self.layers.iter().all(|layer| {
                layer.attention.len() == config.hidden
                    && layer.feed_forward.len() == config.hidden
                    && layer.outliers.iter().all(|&channel| channel < config.intermediate)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_program_is_whole() {
        let table: Activations = serde_json::from_slice(ALL_MINILM_L6_V2).unwrap();
        assert_eq!(table.layers.len(), 6);
        for layer in &table.layers {
            assert_eq!((layer.attention.len(), layer.feed_forward.len()), (384, 384));
            let maxima = || layer.attention.iter().chain(&layer.feed_forward);
            assert!(maxima().all(|maximum| maximum.is_finite() && *maximum > 0.0));
            assert_eq!(layer.outliers.len(), OUTLIERS);
            assert!(layer.outliers.is_sorted_by(|one, next| one < next) && layer.outliers[OUTLIERS - 1] < 1536);
        }
    }
}
