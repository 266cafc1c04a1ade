//! Where the tokens of a stretch of text start, so that any part of it is
//! counted by two binary searches: the text is tokenized once, not once for
//! each way in which it might be cut.

use std::ops::Range;

use super::tokens::TokenCounter;

/// Bytes handed to the tokenizer at once, which bounds its memory.
const SEGMENT_BYTES_MAX: usize = 64 * 1024;

/// What may stand between two words for every tokenizer. Other white space is
/// dropped by some (BERT's drops vertical tabs and joins what they part).
pub(super) const SPACES: [char; 4] = [' ', '\t', '\n', '\r'];

/// The starts of the tokens of one stretch of a text.
pub(super) struct TokenMap {
    /// Byte offsets in the whole text, ascending.
    starts: Vec<usize>,
    /// Whether a count between two spaces is exact.
    exact: bool,
}

impl TokenMap {
    /// Tokenizes `text[range]`.
    pub(super) fn new(text: &str, range: Range<usize>, tokens: &dyn TokenCounter) -> Self {
        let mut map = Self { starts: Vec::new(), exact: tokens.adds_up() };
        let mut segment = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let (end, between_words) = segment_end(text, at..range.end);
            map.exact &= between_words;
            segment.clear();
            tokens.starts(&text[at..end], &mut segment);
            map.starts.extend(segment.iter().map(|start| at + start));
            at = end;
        }
        map
    }

    /// Tokens that start in `range`.
    pub(super) fn count(&self, range: Range<usize>) -> usize {
        let before = |offset| self.starts.partition_point(|&start| start < offset);
        before(range.end).saturating_sub(before(range.start))
    }

    /// Whether [`count`](Self::count) of what lies between `start` and `end`
    /// is the tokenizer's own count of that text.
    pub(super) fn is_exact(&self, text: &str, range: &Range<usize>) -> bool {
        self.exact && is_between_words(text, range.start) && is_between_words(text, range.end)
    }

    /// The start of the token that is `tokens` tokens after the first one in
    /// or after `from`, if there is one.
    pub(super) fn nth_after(&self, from: usize, tokens: usize) -> Option<usize> {
        let first = self.starts.partition_point(|&start| start < from);
        self.starts.get(first.saturating_add(tokens)).copied()
    }
}

/// Whether a space stands on either side of `offset`, or nothing does.
pub(super) fn is_between_words(text: &str, offset: usize) -> bool {
    let bytes = text.as_bytes();
    let is_space = |index: usize| bytes.get(index).is_none_or(|&byte| SPACES.contains(&char::from(byte)));
    offset == 0 || is_space(offset) || is_space(offset - 1)
}

/// Where the segment that starts at `range.start` ends, and whether that is
/// between two words.
fn segment_end(text: &str, range: Range<usize>) -> (usize, bool) {
    if range.len() <= SEGMENT_BYTES_MAX {
        return (range.end, true);
    }
    let limit = text.floor_char_boundary(range.start + SEGMENT_BYTES_MAX);
    // In front of the spaces: byte pair vocabularies join a space to the word
    // that follows it.
    let words = text[range.start..limit].trim_end_matches(|character| !SPACES.contains(&character));
    match words.trim_end_matches(SPACES).len() {
        0 => (limit, is_between_words(text, limit)),
        length => (range.start + length, true),
    }
}
