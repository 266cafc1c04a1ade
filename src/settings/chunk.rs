//! From Markdown to chunks.

use std::num::NonZeroUsize;

use super::parse::{self, Parsed};
use super::row::settings;

settings! {
    /// From Markdown to chunks.
    Chunk => Chunk {
        /// Size of a chunk at most, counted by the embedding model's tokenizer; not over the model's window
        tokens: NonZeroUsize = "CHUNK_TOKENS", "200", "tokens", tokens;
        /// Tokens that a chunk repeats of the one before it
        overlap_tokens: usize = "CHUNK_OVERLAP_TOKENS", "32", "tokens", parse::count::<0, 1_000_000>;
        /// A further bound of a chunk's size, as docs2vector has it; empty: none
        size: Option<usize> = "CHUNK_SIZE", "", "characters", parse::count_or_open::<64, 10_000_000>;
        /// A further bound of what a chunk repeats, as docs2vector has it; empty: none
        overlap: Option<usize> = "CHUNK_OVERLAP", "", "characters", parse::count_or_open::<0, 10_000_000>;
        /// Whether a chunk is embedded with its document's title and headings in front
        context: bool = "CHUNK_CONTEXT", "true", "", parse::flag;
    }
}

/// Below 16 not even every single character and what must be repeated around
/// it would fit.
fn tokens(text: &str) -> Parsed<NonZeroUsize> {
    parse::count::<16, 1_000_000>(text)?;
    parse::positive::<1_000_000>(text)
}
