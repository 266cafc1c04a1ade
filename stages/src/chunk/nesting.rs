//! Bounds how deep quotes and lists nest before a parser sees the Markdown.
//!
//! A parser keeps every open quote and list and looks at all of them on each
//! line, so a few kilobytes of `>` and many empty lines after them cost a time
//! that grows with the product of the two.

use std::borrow::Cow;

/// Quote and list marks on one line that open something.
const MARKS_MAX: usize = 32;

/// Column up to which such marks open something.
const COLUMN_MAX: usize = 256;

/// `markdown` with the same length in bytes and the same lines, in which the
/// quote and list marks beyond the bounds are letters: for looking at the
/// structure only.
pub(super) fn bounded(markdown: &str) -> Cow<'_, str> {
    let mut bytes: Option<Vec<u8>> = None;
    let mut line_start = 0;
    for line in markdown.split_inclusive('\n') {
        if let Some(from) = excess(line.as_bytes()) {
            let copy = bytes.get_or_insert_with(|| markdown.as_bytes().to_vec());
            let line_end = line_start + line.len();
            for byte in &mut copy[line_start + from..line_end] {
                match byte {
                    b'>' | b'-' | b'*' | b'+' | b'.' | b')' => *byte = b'x',
                    b' ' | b'\t' | b'0'..=b'9' => {}
                    _ => break,
                }
            }
        }
        line_start += line.len();
    }
    // One-byte characters were replaced by one-byte characters.
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cow::Borrowed(markdown), Cow::Owned)
}

/// The offset in a line from which its marks are too many or too far right.
fn excess(line: &[u8]) -> Option<usize> {
    let mut marks = 0;
    for (column, &byte) in line.iter().enumerate() {
        match byte {
            b' ' | b'\t' | b'0'..=b'9' => continue,
            b'>' => marks += 1,
            // A row of them without spaces is a line across the page.
            b'-' | b'*' | b'+' | b'.' | b')' if line.get(column + 1).is_some_and(u8::is_ascii_whitespace) => marks += 1,
            _ => return None,
        }
        if marks > MARKS_MAX || column > COLUMN_MAX {
            return Some(column);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_markdown_is_left_alone() {
        let text = "# A\n\n> > quote\n\n- a\n  - b\n    1. c\n\n| a | b |\n|---|---|\n| ------------------------------------------- | > |\n";
        assert!(matches!(bounded(text), Cow::Borrowed(_)));
        let lines = format!("A\n{0}\n\n{0}\n\n{1}\n\na | b\n{0}|{0}\n", "-".repeat(400), "*".repeat(400));
        assert!(matches!(bounded(&lines), Cow::Borrowed(_)));
    }

    #[test]
    fn deep_marks_become_letters_in_place() {
        let text = format!("é\n{} é > text\n\n- a\n", "> ".repeat(1_000));
        let flat = bounded(&text);
        assert_eq!(flat.len(), text.len());
        assert!(flat.starts_with(&format!("é\n{}x x", "> ".repeat(MARKS_MAX))), "{flat}");
        assert!(flat.ends_with("é > text\n\n- a\n"));
        let right = format!("{}- deep", " ".repeat(COLUMN_MAX + 1));
        assert!(bounded(&right).ends_with("x deep"));
    }
}
