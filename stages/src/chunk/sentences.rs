//! Where the sentences of a piece of Markdown end.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

/// The offsets in `markdown` at which the sentences of `span` end, ascending;
/// the last is `span.end`. White space goes with the sentence before it.
///
/// Sentences end by Unicode's rules (UAX 29), but a line end is a space unless
/// a blank line or a list item follows; none ends within one of the `unbroken`
/// ranges (ascending); and what has no letter (`1.`, `>`) goes with what
/// follows.
pub(super) fn sentence_ends(markdown: &str, span: Range<usize>, unbroken: &[Range<usize>]) -> Vec<usize> {
    let text = join_lines(&markdown[span.clone()]);
    let mut ends: Vec<usize> = Vec::new();
    let mut is_whole = true;
    let mut has_letter = false;
    for (offset, sentence) in text.split_sentence_bound_indices() {
        let end = span.start + offset + sentence.len();
        match ends.last_mut() {
            Some(last) if !is_whole => *last = end,
            _ => {
                ends.push(end);
                has_letter = false;
            }
        }
        has_letter |= sentence.contains(char::is_alphabetic);
        is_whole = has_letter && !is_within(unbroken, end);
    }
    if ends.is_empty() {
        ends.push(span.end);
    }
    ends
}

/// Whether `offset` lies inside one of the ascending `ranges`.
fn is_within(ranges: &[Range<usize>], offset: usize) -> bool {
    let after = ranges.partition_point(|range| range.start < offset);
    after.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|range| offset < range.end)
}

/// `text` with its line ends as spaces, byte for byte, except where a
/// paragraph or a list item begins: UAX 29 ends a sentence at every line.
fn join_lines(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().map_or("", |next| unquoted(next));
        let ends_block = !next.is_empty() && (unquoted(line).is_empty() || is_item(next));
        for character in line.chars() {
            joined.push(match character {
                '\n' if !ends_block => ' ',
                '\r' => ' ',
                other => other,
            });
        }
    }
    joined
}

/// A line without the marks of quotes and the space around it.
fn unquoted(line: &str) -> &str {
    line.trim_start_matches(|character: char| character == '>' || character.is_whitespace()).trim_end()
}

fn is_item(line: &str) -> bool {
    let after_number = line.trim_start_matches(|character: char| character.is_ascii_digit());
    let mark = if after_number.len() < line.len() { ['.', ')', ')'] } else { ['-', '*', '+'] };
    after_number.strip_prefix(mark).is_some_and(|rest| rest.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, unbroken: &[Range<usize>], expected: &[&str]) {
        let mut start = 0;
        let mut found = Vec::new();
        for end in sentence_ends(text, 0..text.len(), unbroken) {
            found.push(text[start..end].trim());
            start = end;
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn a_sentence_goes_over_line_ends() {
        check("One goes\non here. Two\r\nis it! Three", &[], &["One goes\non here.", "Two\r\nis it!", "Three"]);
        check("这是第一句。这是第二句。", &[], &["这是第一句。", "这是第二句。"]);
        check("", &[], &[""]);
    }

    #[test]
    fn items_and_paragraphs_end_one() {
        check(
            "- one\n- two\n\n1. Three it is. Four\n   too",
            &[],
            &["- one", "- two", "1. Three it is.", "Four\n   too"],
        );
        check("> a\n>\n> b", &[], &["> a\n>", "> b"]);
    }

    #[test]
    fn none_ends_inside_code_or_a_link() {
        let text = "Call `a. B` now. Then";
        check(text, std::slice::from_ref(&(5..11)), &["Call `a. B` now.", "Then"]);
    }
}
