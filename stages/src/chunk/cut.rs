//! Where to cut what is larger than a chunk and has no better place: between
//! words, else between Unicode's words, else between what a reader sees as
//! characters, else between characters.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::token_map::{SPACES, is_between_words};
use super::unit::{Size, Source, trimmed};

/// Bytes that are looked at beyond a bound, to see what would be cut there.
const LOOKAHEAD_BYTES: usize = 256;

/// The end of the largest piece at the start of `range` that holds at most
/// `limit`; `None` if not even one character does. What is in front of
/// `text_start`, a heading, does not stand alone while that can be avoided.
pub(super) fn cut_point(source: Source<'_>, range: Range<usize>, text_start: usize, limit: Size) -> Option<usize> {
    let text = source.markdown;
    let start = trimmed(text, range.clone()).start;
    if start == range.end {
        return Some(start);
    }
    let text_start = trimmed(text, text_start.max(start)..range.end).start;
    let by_chars = text[start..range.end].char_indices().nth(limit.chars).map(|(offset, _)| start + offset);
    let by_tokens = source.map.nth_after(start, limit.tokens);
    let mut bound = by_chars.unwrap_or(range.end).min(by_tokens.unwrap_or(range.end)).min(range.end);
    loop {
        // A token may start within a character, or at the first one of all.
        bound = text.floor_char_boundary(bound).max(next_char(text, start));
        let from = if text_start < bound { text_start } else { start };
        let cut = last_joint(text, from, bound, range.end);
        let piece = trimmed(text, start..cut);
        if source.map.is_exact(text, &piece) && source.map.count(piece.clone()) <= limit.tokens {
            return Some(cut);
        }
        let tokens = source.tokens.count(&text[piece]);
        if tokens <= limit.tokens {
            return Some(cut);
        }
        if cut == next_char(text, start) {
            return None;
        }
        let length = cut - start;
        bound = start + (length - 1).min(length.saturating_mul(limit.tokens) / tokens);
    }
}

/// Where the character at `at` ends.
fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(0, char::len_utf8)
}

/// The best place to cut after `start`, at `bound` or before it.
fn last_joint(text: &str, start: usize, bound: usize, end: usize) -> usize {
    if bound >= end || is_between_words(text, bound) {
        return bound;
    }
    // Not far in front of it: some scripts have spaces now and then only.
    let half = text.floor_char_boundary(start + (bound - start) / 2);
    if let Some(space) = text[half..bound].rfind(SPACES) {
        return half + space + 1;
    }
    let seen = &text[start..text.floor_char_boundary(end.min(bound + LOOKAHEAD_BYTES))];
    let last = |offsets: &mut dyn Iterator<Item = (usize, &str)>| {
        let in_bound = offsets.map(|(offset, _)| start + offset).take_while(|&offset| offset <= bound);
        in_bound.last().filter(|&offset| offset > start)
    };
    last(&mut seen.split_word_bound_indices()).or_else(|| last(&mut seen.grapheme_indices(true))).unwrap_or(bound)
}
