//! The first step of the model: each token's vector, looked up by id and
//! position. It happens here and not in the graph, so that all sessions share
//! one table.

use super::super::EmbedError;
use super::config::ModelConfig;
use super::weights::Weights;

/// Vectors by token id and by position.
pub(super) struct TokenTable {
    /// One row for each token of the vocabulary.
    tokens: Vec<f32>,
    /// One row for each position in the window, the vector of token type 0
    /// added: a text on its own has no other type.
    positions: Vec<f32>,
    hidden: usize,
}

impl TokenTable {
    /// Reads the table.
    ///
    /// # Errors
    /// Where a tensor is missing or not of the configured shape.
    pub(super) fn read(weights: &Weights, config: &ModelConfig) -> Result<Self, EmbedError> {
        let hidden = config.hidden;
        let read = |name: &str, rows| weights.read(&format!("embeddings.{name}_embeddings.weight"), &[rows, hidden]);
        let tokens = read("word", config.vocabulary)?;
        let token_types = read("token_type", config.token_types)?;
        let mut positions = read("position", config.positions)?;
        positions.truncate(config.window.get() * hidden);
        positions.shrink_to_fit();
        for row in positions.chunks_exact_mut(hidden) {
            for (position, token_type) in row.iter_mut().zip(&token_types) {
                *position += token_type;
            }
        }
        Ok(Self { tokens, positions, hidden })
    }

    /// Components of a row.
    pub(super) fn hidden(&self) -> usize {
        self.hidden
    }

    /// Writes the vectors of `ids`, one after the other, into `rows`.
    ///
    /// # Errors
    /// Where an id or a position is outside the table.
    pub(super) fn look_up(&self, ids: &[u32], rows: &mut Vec<f32>) -> Result<(), EmbedError> {
        rows.clear();
        for (position, &id) in ids.iter().enumerate() {
            let token = row(&self.tokens, id as usize, self.hidden);
            let place = row(&self.positions, position, self.hidden);
            let (Some(token), Some(place)) = (token, place) else {
                let reason = format!(
                    "token {id} at position {position} is not in its table; tokenizer.json is not this model's"
                );
                return Err(EmbedError::Inference { reason });
            };
            rows.extend(token.iter().zip(place).map(|(token, place)| token + place));
        }
        Ok(())
    }
}

fn row(table: &[f32], index: usize, width: usize) -> Option<&[f32]> {
    table.get(index.checked_mul(width)?..)?.get(..width)
}
