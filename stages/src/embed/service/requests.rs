//! Packs texts into requests within a service's limits.

use std::ops::Range;

use super::wire::Limits;
use crate::chunk::tokens::TokenCounter;

/// The ranges of `texts` that go into one request each, in order. A text over
/// the limit stands alone: the service says what it thinks of it.
pub(super) fn ranges(texts: &[&str], limits: Limits, tokens: &dyn TokenCounter) -> Vec<Range<usize>> {
    // No token is shorter than a byte: most calls need no counting.
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let needs_count = bytes > limits.tokens_max;
    let mut ranges = Vec::new();
    let (mut start, mut sum) = (0, 0_usize);
    for (index, text) in texts.iter().enumerate() {
        let count = if needs_count { tokens.count(text) } else { 0 };
        let is_full = index - start >= limits.inputs_max || sum.saturating_add(count) > limits.tokens_max;
        if is_full && index > start {
            ranges.push(start..index);
            (start, sum) = (index, 0);
        }
        sum = sum.saturating_add(count);
    }
    if start < texts.len() {
        ranges.push(start..texts.len());
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::tokens::OpenAiCounter;

    #[test]
    fn no_request_is_over_a_limit_and_no_text_is_lost() {
        let tokens = OpenAiCounter::estimate().unwrap();
        let texts = ["one two three", "four", "five six", "seven eight nine ten eleven twelve", "thirteen"];
        let packed = |inputs_max, tokens_max| ranges(&texts, Limits { inputs_max, tokens_max }, &tokens);
        assert_eq!(packed(2_048, 300_000), vec![Range { start: 0, end: 5 }]);
        assert_eq!(packed(2, 300_000), [0..2, 2..4, 4..5]);
        assert_eq!(packed(1, 1), [0..1, 1..2, 2..3, 3..4, 4..5]);
        // 3, 1, 2, 6 and 1 or 2 tokens.
        assert_eq!(packed(9, 5), [0..2, 2..3, 3..4, 4..5]);
        assert!(ranges(&[], Limits { inputs_max: 1, tokens_max: 1 }, &tokens).is_empty());
    }
}
