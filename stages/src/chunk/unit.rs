//! The pieces of a section that chunks are packed from, and how text is
//! measured.

use std::ops::Range;

use super::token_map::TokenMap;
use super::tokens::TokenCounter;

/// How much text, in both measures that bound a chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) tokens: usize,
    pub(super) chars: usize,
}

impl Size {
    pub(super) fn fits(self, limit: Self) -> bool {
        self.tokens <= limit.tokens && self.chars <= limit.chars
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens + other.tokens, chars: self.chars + other.chars }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(other.tokens), chars: self.chars.saturating_sub(other.chars) }
    }

    pub(super) fn half(self) -> Self {
        Self { tokens: self.tokens / 2, chars: self.chars / 2 }
    }
}

/// How good a place to cut is, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Joint {
    /// Within a sentence, a line of code or a row.
    Within,
    /// After what announces the next unit, or in front of an empty line.
    Announced,
    /// Between sentences, lines of code or rows.
    Sentence,
    /// Between blocks within one block, or after an empty line of code.
    Inner,
    /// Between blocks of the page.
    Block,
}

/// A piece that is only cut if it is larger than a chunk by itself.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) span: Range<usize>,
    /// Characters of `span`.
    pub(super) chars: usize,
    /// What a cut in front of it is worth.
    pub(super) joint: Joint,
    /// Where its text starts, after the heading that may be in front of it.
    pub(super) text_start: usize,
    /// Whether its sentences may be repeated in the next chunk.
    pub(super) is_prose: bool,
    /// What is repeated around its piece, as an index.
    pub(super) frame: Option<usize>,
    /// Whether the framed block begins in this unit.
    pub(super) is_frame_start: bool,
    /// Whether the framed block ends in this unit.
    pub(super) is_frame_end: bool,
    /// Whether the space in front of its first line matters.
    pub(super) is_indented: bool,
}

/// What stands around each piece of a code block or table that had to be cut.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// In front of a piece that does not begin the block.
    pub(super) open: String,
    pub(super) open_size: Size,
    /// After a piece that does not end it.
    pub(super) close: String,
    pub(super) close_size: Size,
}

/// The units of a section, and the frames that they name.
#[derive(Debug, Default)]
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    pub(super) frames: Vec<Frame>,
    /// Code blocks and tables that did not fit whole.
    pub(super) blocks_cut: usize,
    /// Fences and table headers too long to be repeated.
    pub(super) frames_left_out: usize,
}

/// The text that is cut, and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) markdown: &'a str,
    pub(super) unbroken: &'a [Range<usize>],
    pub(super) tokens: &'a dyn TokenCounter,
    pub(super) map: &'a TokenMap,
}

impl Source<'_> {
    /// The size of a range without the space around it.
    pub(super) fn size(&self, range: Range<usize>) -> Size {
        let range = trimmed(self.markdown, range);
        Size { tokens: self.map.count(range.clone()), chars: self.markdown[range].chars().count() }
    }

    pub(super) fn size_of(&self, text: &str) -> Size {
        Size { tokens: self.tokens.count(text), chars: text.chars().count() }
    }
}

/// `range` without the white space at its ends; empty at its end if there is
/// nothing else.
pub(super) fn trimmed(markdown: &str, range: Range<usize>) -> Range<usize> {
    let text = markdown.get(range.clone()).unwrap_or_default();
    let start = range.end - text.trim_start().len();
    start..start + text.trim().len()
}
