//! Hits as a person reads them. (A program reads the answer's own JSON.)

use docmill_stages::failure::one_line;
use docmill_stages::load::neo4j::Around;

/// Stands before a marked word of a snippet. A character that no text needs
/// (private use), so that lines can be measured and cut before it becomes
/// what the terminal understands.
pub const MARK_START: &str = "\u{e000}";
/// Stands after a marked word of a snippet.
pub const MARK_END: &str = "\u{e001}";

/// Words of a snippet, about three lines of a terminal.
pub const SNIPPET_WORDS: usize = 40;

const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";
/// Characters of a line, without its indent.
const LINE_CHARS_MAX: usize = 76;
/// Bound of a line about what stands around a hit, in bytes.
const AROUND_BYTES_MAX: usize = 200;
/// Bound of a snippet, in bytes, where its words are very long.
const SNIPPET_BYTES_MAX: usize = 2_000;

/// A hit, ready to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownHit<'a> {
    /// From 1, the best first.
    pub rank: usize,
    /// The higher the better.
    pub score: f64,
    /// The document's title.
    pub title: &'a str,
    /// The headings above the chunk, outermost first.
    pub headings: &'a [String],
    /// The part of the chunk that shows why it was found, with
    /// [`MARK_START`] and [`MARK_END`] around the words that were asked for.
    pub snippet: String,
    /// Link that lands on the section.
    pub url: &'a str,
    /// What stands around it, where that was asked for.
    pub around: Option<&'a Around>,
}

/// The hits, several lines each; with `is_bold` titles and the marked words
/// are bold. Nothing from a page can move the cursor or colour the terminal.
pub fn text(hits: &[ShownHit<'_>], is_bold: bool) -> String {
    if hits.is_empty() {
        return "nothing found: try other words, or docmill status to see what the index holds\n".to_owned();
    }
    let mut text = String::new();
    for hit in hits {
        let title =
            format!("{MARK_START}{}{MARK_END}", one_line(&path_of(hit).replace(['\u{e000}', '\u{e001}'], ""), 300));
        let mut lines = vec![format!("{}. {title}  ({:.3})", hit.rank, hit.score)];
        lines.extend(wrapped(&one_line(&hit.snippet, SNIPPET_BYTES_MAX)).into_iter().map(|line| format!("   {line}")));
        lines.push(format!("   {}", one_line(hit.url, 2_000)));
        lines.extend(hit.around.map(around).into_iter().flatten());
        for line in &lines {
            text.push_str(&with_marks(line, is_bold));
            text.push('\n');
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// The chunks before and after a hit in a line each, and its linked pages.
fn around(around: &Around) -> Vec<String> {
    let begins = |text: &String| one_line(&text.replace(['\u{e000}', '\u{e001}'], ""), AROUND_BYTES_MAX);
    let previous = around.previous.iter().map(|text| format!("   before: {}", begins(text)));
    let next = around.next.iter().map(|text| format!("   after:  {}", begins(text)));
    let linked = around.linked.iter().map(|page| format!("   links:  {}", begins(&page.url)));
    previous.chain(next).chain(linked).collect()
}

/// Title and headings as one path; a heading that only says the title again
/// is left out.
fn path_of(hit: &ShownHit<'_>) -> String {
    let headings = hit.headings.iter().map(String::as_str).filter(|heading| *heading != hit.title);
    let parts: Vec<&str> = std::iter::once(hit.title).chain(headings).filter(|part| !part.trim().is_empty()).collect();
    if parts.is_empty() { hit.url.to_owned() } else { parts.join(" > ") }
}

/// Lines of at most [`LINE_CHARS_MAX`] characters, cut at blanks; a word that
/// is longer has a line of its own.
fn wrapped(text: &str) -> Vec<String> {
    let width = |text: &str| text.chars().filter(|c| !matches!(c, '\u{e000}' | '\u{e001}')).count();
    let mut lines: Vec<(String, usize)> = Vec::new();
    for word in text.split_whitespace() {
        let word_width = width(word);
        match lines.last_mut() {
            Some((line, used)) if *used + 1 + word_width <= LINE_CHARS_MAX => {
                line.push(' ');
                line.push_str(word);
                *used += 1 + word_width;
            }
            _ => lines.push((word.to_owned(), word_width)),
        }
    }
    lines.into_iter().map(|(line, _)| line).collect()
}

/// The line with its marks as the terminal takes them, or without them. What
/// is open at its end is closed.
fn with_marks(line: &str, is_bold: bool) -> String {
    if !is_bold {
        return line.replace(['\u{e000}', '\u{e001}'], "");
    }
    let shown = line.replace(MARK_START, BOLD).replace(MARK_END, PLAIN);
    if shown.rfind(BOLD) > shown.rfind(PLAIN) { shown + PLAIN } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(title: &str, headings: &[&str], snippet: &str, url: &str, is_bold: bool) -> String {
        let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
        let hit = ShownHit {
            rank: 1,
            score: 0.983_4,
            title,
            headings: &headings,
            snippet: snippet.to_owned(),
            url,
            around: None,
        };
        text(&[hit], is_bold)
    }

    #[test]
    fn a_hit_shows_path_score_snippet_and_link() {
        let snippet = "It will \u{e000}retry\u{e001} three times.";
        let plain = shown("Guide", &["Guide", "Retry"], snippet, "https://a.example/#retry", false);
        assert_eq!(plain, "1. Guide > Retry  (0.983)\n   It will retry three times.\n   https://a.example/#retry\n");
        let bold = shown("Guide", &["Guide", "Retry"], snippet, "https://a.example/#retry", true);
        assert!(bold.starts_with("1. \u{1b}[1mGuide > Retry\u{1b}[0m  (0.983)\n"), "{bold:?}");
        assert!(bold.contains("It will \u{1b}[1mretry\u{1b}[0m three times."), "{bold:?}");
        assert!(shown("", &[], "", "https://a.example/", false).starts_with("1. https://a.example/  "));
        assert!(text(&[], true).starts_with("nothing found"));
    }

    #[test]
    fn hits_have_a_blank_line_between_them() {
        let hit = ShownHit {
            rank: 1,
            score: 1.0,
            title: "T",
            headings: &[],
            snippet: "s".to_owned(),
            url: "u",
            around: None,
        };
        assert_eq!(text(&[hit.clone(), hit], false), "1. T  (1.000)\n   s\n   u\n\n1. T  (1.000)\n   s\n   u\n");
    }

    #[test]
    fn long_snippets_are_wrapped_by_what_is_seen() {
        let snippet = "\u{e000}word\u{e001} ".repeat(40);
        let plain = shown("T", &[], &snippet, "u", false);
        let bold = shown("T", &[], &snippet, "u", true);
        assert_eq!(plain.lines().count(), bold.lines().count());
        assert!(plain.lines().all(|line| line.chars().count() <= 3 + LINE_CHARS_MAX));
        assert_eq!(plain.lines().count(), 2 + 3);
    }

    proptest! {
        #[test]
        fn no_page_reaches_the_terminal(title in ".*", snippet in "(\\PC|[ \n\u{1b}\u{7}\u{202e}\u{e000}\u{e001}]|word ){0,300}", url in ".*") {
            for is_bold in [false, true] {
                let text = shown(&title, &["h\u{1b}[2J"], &snippet, &url, is_bold);
                let left = text.replace(BOLD, "").replace(PLAIN, "");
                prop_assert!(!left.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
                prop_assert!(text.lines().all(|line| !line.contains(BOLD) || line.rfind(PLAIN) > line.rfind(BOLD)));
                prop_assert!(text.len() < 12_000);
            }
        }
    }
}
