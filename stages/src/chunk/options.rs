//! The settings of the chunk stage, refused where they cannot work together.

use std::num::NonZeroUsize;

use super::tokens::TokenCounter;

/// Changes whenever the same document and options give other chunks.
const CODE_VERSION: u32 = 1;

/// The smallest `CHUNK_TOKENS`: below it not even every single character and
/// what must be repeated around it would fit.
pub const TOKENS_MIN: usize = 16;

/// The smallest `CHUNK_SIZE`, in characters.
pub const CHARS_MIN: usize = 64;

/// Characters of a chunk for each token of its size. Prose and code have 3 to
/// 5; only long runs of spaces, or words so long that the tokenizer takes them
/// for one unknown token, come up to this.
const CHARS_PER_TOKEN_MAX: usize = 16;

/// How a document is cut. Made by [`ChunkOptions::new`], which holds that the
/// sizes fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkOptions {
    pub(super) tokens_max: usize,
    pub(super) overlap_tokens: usize,
    pub(super) chars_max: usize,
    pub(super) overlap_chars: usize,
    pub(super) window: usize,
    pub(super) context: bool,
}

/// The settings as a person gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSettings {
    /// `CHUNK_TOKENS`: tokens of a chunk's content at most, overlap included,
    /// context and special tokens not.
    pub tokens_max: NonZeroUsize,
    /// `CHUNK_OVERLAP_TOKENS`: tokens repeated from the chunk before, at most.
    pub overlap_tokens: usize,
    /// docs2vector's `CHUNK_SIZE`: characters of the content at most.
    pub chars_max: Option<usize>,
    /// docs2vector's `CHUNK_OVERLAP`: characters repeated at most.
    pub overlap_chars: Option<usize>,
    /// The model's window in tokens, special tokens included.
    pub window: NonZeroUsize,
    /// Whether the document's title and the heading path stand in front of
    /// what is embedded; they count in the window.
    pub context: bool,
}

/// Why settings cannot work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// `CHUNK_TOKENS` is under [`TOKENS_MIN`].
    #[error("CHUNK_TOKENS={0} is too small to hold text: set it to {TOKENS_MIN} or more")]
    TokensTooFew(usize),
    /// `CHUNK_TOKENS` is over the window.
    #[error(
        "CHUNK_TOKENS={tokens} is more than the embedding model's window of {window} tokens: \
         set CHUNK_TOKENS to {window} or less, or choose an EMBEDDING_MODEL with a larger window"
    )]
    TokensOverWindow {
        /// `CHUNK_TOKENS`.
        tokens: usize,
        /// The model's window.
        window: usize,
    },
    /// The overlap leaves no room for anything new.
    #[error("CHUNK_OVERLAP_TOKENS={overlap} must be less than CHUNK_TOKENS={tokens}")]
    OverlapTokens {
        /// `CHUNK_OVERLAP_TOKENS`.
        overlap: usize,
        /// `CHUNK_TOKENS`.
        tokens: usize,
    },
    /// `CHUNK_SIZE` is under [`CHARS_MIN`].
    #[error("CHUNK_SIZE={0} characters is too small to hold text: set it to {CHARS_MIN} or more, or leave it out")]
    CharsTooFew(usize),
    /// The overlap leaves no room for anything new.
    #[error("CHUNK_OVERLAP={overlap} characters must be less than CHUNK_SIZE={chars}")]
    OverlapChars {
        /// `CHUNK_OVERLAP`.
        overlap: usize,
        /// `CHUNK_SIZE`.
        chars: usize,
    },
    /// The window cannot hold special tokens, context and text.
    #[error("the embedding model's window of {0} tokens is too small: choose another EMBEDDING_MODEL")]
    WindowTooSmall(usize),
}

impl ChunkOptions {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// Every combination that cannot work, naming the setting to change.
    pub fn new(settings: ChunkSettings) -> Result<Self, OptionsError> {
        let tokens = settings.tokens_max.get();
        let window = settings.window.get();
        if tokens < TOKENS_MIN {
            return Err(OptionsError::TokensTooFew(tokens));
        }
        if tokens > window {
            return Err(OptionsError::TokensOverWindow { tokens, window });
        }
        if settings.overlap_tokens >= tokens {
            return Err(OptionsError::OverlapTokens { overlap: settings.overlap_tokens, tokens });
        }
        if let Some(chars) = settings.chars_max.filter(|&chars| chars < CHARS_MIN) {
            return Err(OptionsError::CharsTooFew(chars));
        }
        if let (Some(chars), Some(overlap)) = (settings.chars_max, settings.overlap_chars)
            && overlap >= chars
        {
            return Err(OptionsError::OverlapChars { overlap, chars });
        }
        let chars_limit = tokens.saturating_mul(CHARS_PER_TOKEN_MAX);
        Ok(Self {
            tokens_max: tokens,
            overlap_tokens: settings.overlap_tokens,
            chars_max: settings.chars_max.map_or(chars_limit, |chars| chars.min(chars_limit)),
            overlap_chars: settings.overlap_chars.unwrap_or(usize::MAX),
            window,
            context: settings.context,
        })
    }

    /// Tokens of the window that are left for context and content.
    ///
    /// # Errors
    /// If that is too little to hold text.
    pub(super) fn room(&self, tokens: &dyn TokenCounter) -> Result<usize, OptionsError> {
        let room = self.window.saturating_sub(tokens.special());
        let needed = if self.context { 2 * TOKENS_MIN } else { TOKENS_MIN };
        if room < needed { Err(OptionsError::WindowTooSmall(self.window)) } else { Ok(room) }
    }
}

/// Names all that decides the chunks of a document beside the document:
/// equal fingerprints, equal chunks. `tokens_id` is [`TokenCounter::id`].
pub fn fingerprint(options: &ChunkOptions, tokens_id: &str) -> String {
    let ChunkOptions { tokens_max, overlap_tokens, chars_max, overlap_chars, window, context } = options;
    // Without overlap it does not matter in what it would be counted.
    let overlap_chars = if *overlap_tokens == 0 { 0 } else { *overlap_chars.min(chars_max) };
    format!(
        "chunk v{CODE_VERSION} tokens={tokens_max}/{overlap_tokens} chars={chars_max}/{overlap_chars} \
         window={window} context={context} counter={tokens_id}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(tokens: usize, overlap: usize, window: usize) -> ChunkSettings {
        ChunkSettings {
            tokens_max: NonZeroUsize::new(tokens).unwrap(),
            overlap_tokens: overlap,
            chars_max: None,
            overlap_chars: None,
            window: NonZeroUsize::new(window).unwrap(),
            context: true,
        }
    }

    #[test]
    fn impossible_sizes_are_refused_in_words_that_name_the_setting() {
        let message = |settings| ChunkOptions::new(settings).unwrap_err().to_string();
        assert!(message(settings(512, 0, 256)).contains("CHUNK_TOKENS=512 is more than"));
        assert!(message(settings(3, 0, 256)).contains("CHUNK_TOKENS=3"));
        assert!(message(settings(100, 100, 256)).contains("CHUNK_OVERLAP_TOKENS=100"));
        let chars = |max, overlap| ChunkSettings { chars_max: max, overlap_chars: overlap, ..settings(100, 10, 256) };
        assert!(message(chars(Some(10), None)).contains("CHUNK_SIZE=10"));
        assert!(message(chars(Some(512), Some(512))).contains("CHUNK_OVERLAP=512"));
        assert!(ChunkOptions::new(chars(Some(512), Some(64))).is_ok());
    }

    #[test]
    fn the_fingerprint_changes_with_what_changes_the_output_only() {
        let of = |settings| fingerprint(&ChunkOptions::new(settings).unwrap(), "t");
        let base = settings(200, 20, 256);
        assert_ne!(of(base), of(settings(201, 20, 256)));
        assert_ne!(of(base), of(ChunkSettings { context: false, ..base }));
        assert_ne!(of(base), of(ChunkSettings { chars_max: Some(512), ..base }));
        assert_eq!(of(base), of(ChunkSettings { overlap_chars: Some(1_000_000), ..base }));
    }
}
