//! Counting tokens as the embedding model counts them.
//!
//! Two implementations: the model's own Hugging Face tokenizer, and tiktoken
//! for OpenAI's models. Both count text literally: `[SEP]` or `<|endoftext|>`
//! in a page is text like any other, which never counts fewer tokens than a
//! special token would.

use std::fmt;

use sha2::{Digest as _, Sha256};
use tiktoken_rs::CoreBPE;
use tokenizers::{NormalizerWrapper, PostProcessor as _, PreTokenizerWrapper, Tokenizer, models::ModelWrapper};

use crate::tokenizer;

/// Counts the tokens of texts. Cheap to share between threads.
pub trait TokenCounter: Send + Sync {
    /// Tokens of `text` without special tokens.
    fn count(&self, text: &str) -> usize;

    /// Appends the byte offset at which each token of `text` starts, in
    /// ascending order; as many as [`count`](Self::count) says.
    fn starts(&self, text: &str, starts: &mut Vec<usize>);

    /// Special tokens that the model's encoding puts around every text.
    fn special(&self) -> usize;

    /// Names the vocabulary: two counters with one id count alike.
    fn id(&self) -> &str;

    /// Whether the count of a text that is cut beside a space, tab or line
    /// break is exactly the sum of the counts of its two parts.
    fn adds_up(&self) -> bool;
}

/// Why there is no counter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The bytes are no tokenizer of Hugging Face's format.
    #[error("tokenizer.json of the embedding model cannot be read: {0}; fetch the model again")]
    Unreadable(String),
    /// tiktoken knows no such model.
    #[error("no tokenizer is known for EMBEDDING_MODEL={0}; name one of OpenAI's, such as text-embedding-3-small")]
    UnknownModel(String),
}

/// The embedding model's own `tokenizer.json`.
pub struct HuggingFaceCounter {
    tokenizer: Tokenizer,
    id: String,
    special: usize,
    adds_up: bool,
}

impl HuggingFaceCounter {
    /// From the bytes of a `tokenizer.json`; see [`crate::tokenizer::read`].
    ///
    /// # Errors
    /// If the bytes are no tokenizer.
    pub fn from_bytes(json: &[u8]) -> Result<Self, TokensError> {
        let tokenizer = tokenizer::read(json).map_err(|error| TokensError::Unreadable(error.to_string()))?;
        let special = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        let digest = hex::encode(Sha256::digest(json));
        let id = format!("huggingface:{}", digest.get(..16).unwrap_or(&digest));
        let adds_up = counts_add_up(&tokenizer);
        Ok(Self { tokenizer, id, special, adds_up })
    }
}

/// BERT's normalizer works on characters one by one, its pre-tokenizer cuts at
/// every white space, and WordPiece looks at one word at a time: nothing
/// reaches over a space. An added token that holds one would.
fn counts_add_up(tokenizer: &Tokenizer) -> bool {
    matches!(tokenizer.get_model(), ModelWrapper::WordPiece(_))
        && matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)))
        && matches!(tokenizer.get_normalizer(), None | Some(NormalizerWrapper::BertNormalizer(_)))
        && tokenizer.get_added_tokens_decoder().values().all(|token| !token.content.contains(char::is_whitespace))
}

impl TokenCounter for HuggingFaceCounter {
    fn count(&self, text: &str) -> usize {
        // A tokenizer errs when its vocabulary lacks the very token that
        // stands for what it lacks. A byte a token is then a safe bound.
        self.tokenizer.encode_fast(text, false).map_or(text.len(), |encoding| encoding.len())
    }

    fn starts(&self, text: &str, starts: &mut Vec<usize>) {
        match self.tokenizer.encode(text, false) {
            Ok(encoding) => starts.extend(encoding.get_offsets().iter().map(|&(start, _)| start)),
            Err(_) => starts.extend(0..text.len()),
        }
    }

    fn special(&self) -> usize {
        self.special
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn adds_up(&self) -> bool {
        self.adds_up
    }
}

impl fmt::Debug for HuggingFaceCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HuggingFaceCounter").field("id", &self.id).field("special", &self.special).finish()
    }
}

/// tiktoken's vocabulary of one of OpenAI's models.
pub struct OpenAiCounter {
    bpe: &'static CoreBPE,
    id: String,
}

impl OpenAiCounter {
    /// The counter of a model such as `text-embedding-3-small`.
    ///
    /// # Errors
    /// If tiktoken knows no such model.
    pub fn for_model(model: &str) -> Result<Self, TokensError> {
        let unknown = || TokensError::UnknownModel(crate::failure::one_line(model, 100));
        let tokenizer = tiktoken_rs::tokenizer::get_tokenizer(model).ok_or_else(unknown)?;
        let bpe = tiktoken_rs::bpe_for_tokenizer(tokenizer).map_err(|_| unknown())?;
        Ok(Self { bpe, id: format!("tiktoken:{tokenizer:?}") })
    }

    /// For models whose own tokenizer is not at hand. Other vocabularies count
    /// up to twice as many tokens for prose and code: leave room for that.
    ///
    /// # Errors
    /// If tiktoken lacks its own vocabulary.
    pub fn estimate() -> Result<Self, TokensError> {
        Self::for_model("text-embedding-3-small")
    }
}

impl TokenCounter for OpenAiCounter {
    fn count(&self, text: &str) -> usize {
        self.bpe.count_ordinary(text)
    }

    fn starts(&self, text: &str, starts: &mut Vec<usize>) {
        let mut offset = 0;
        for token in self.bpe._decode_native_and_split(self.bpe.encode_ordinary(text)) {
            starts.push(offset);
            offset += token.len();
        }
    }

    fn special(&self) -> usize {
        0
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn adds_up(&self) -> bool {
        false
    }
}

impl fmt::Debug for OpenAiCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiCounter").field("id", &self.id).finish()
    }
}
