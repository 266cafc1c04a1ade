//! A model's own tokenizer: how many tokens a text has, and which.

use std::path::Path;

use tokenizers::Tokenizer;

use super::super::EmbedError;
use super::config::read_bounded;

/// Largest `tokenizer.json` that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The tokenizer of a model's `tokenizer.json`. Never cuts and never pads,
/// whatever the file says: what does not fit is for the caller to know.
pub struct WordPieces {
    tokenizer: Tokenizer,
}

impl WordPieces {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// Where the file cannot be read or is no tokenizer.
    pub fn load(path: &Path) -> Result<Self, EmbedError> {
        let failed = |reason: String| EmbedError::ModelFile { path: path.to_owned(), reason };
        let bytes = read_bounded(path, FILE_BYTES_MAX)?;
        let tokenizer =
            crate::tokenizer::read(&bytes).map_err(|error| failed(format!("it is no tokenizer: {error}")))?;
        Ok(Self { tokenizer })
    }

    /// The ids of the text's tokens, special ones included.
    ///
    /// # Errors
    /// What the tokenizer said.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The number of the text's tokens, special ones included.
    ///
    /// # Errors
    /// What the tokenizer said.
    pub fn count(&self, text: &str) -> Result<usize, String> {
        Ok(self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?.len())
    }

    /// The byte spans in `text` of its tokens, special ones left out: where a
    /// text can be cut.
    ///
    /// # Errors
    /// What the tokenizer said.
    pub fn spans(&self, text: &str) -> Result<Vec<(usize, usize)>, String> {
        let encoding = self.tokenizer.encode(text, false).map_err(|error| error.to_string())?;
        Ok(encoding.get_offsets().to_vec())
    }
}
