//! What is embedded in front of a chunk's content: the document's title and
//! the headings above it, so that "Usage" of one page is not "Usage" of
//! another.

use std::collections::HashMap;

use super::parse::Heading;
use super::tokens::TokenCounter;

/// Between the elements of a path.
const SEPARATOR: &str = " > ";

/// Between the context and the content.
pub(super) const GAP: &str = "\n\n";

/// Characters of a title or heading that are kept wherever it is repeated in
/// every chunk: a heading of a megabyte must not be there a thousand times.
pub(super) const HEADING_CHARS_MAX: usize = 300;

/// A path and its tokens, without special tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Context {
    /// Empty where there is nothing to say.
    pub(super) text: String,
    pub(super) tokens: usize,
    /// Whether outer elements had to go.
    pub(super) is_cut: bool,
}

/// Builds the contexts of one document's sections.
pub(super) struct Contexts<'a> {
    tokens: &'a dyn TokenCounter,
    title: String,
    /// Tokens of a context at most.
    tokens_max: usize,
    /// Sections of one parent have contexts alike.
    known: HashMap<String, Context>,
}

impl<'a> Contexts<'a> {
    pub(super) fn new(title: &str, tokens_max: usize, tokens: &'a dyn TokenCounter) -> Self {
        Self { tokens, title: shortened(title).0, tokens_max, known: HashMap::new() }
    }

    /// The context of the headings `path` (outermost first, shortened).
    pub(super) fn of(&mut self, path: &[&str]) -> Context {
        let elements = elements(&self.title, path);
        let key = elements.join(SEPARATOR);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let context = self.fitting(&elements);
        // Bounds the memory; siblings follow each other.
        if self.known.len() >= 1_000 {
            self.known.clear();
        }
        self.known.insert(key, context.clone());
        context
    }

    /// Drops elements from the outermost side until the rest fits, and cuts
    /// the innermost if it does not fit alone.
    fn fitting(&self, elements: &[&str]) -> Context {
        for from in 0..elements.len() {
            let text = elements[from..].join(SEPARATOR);
            let tokens = self.tokens.count(&text);
            if tokens <= self.tokens_max {
                return Context { text, tokens, is_cut: from > 0 };
            }
        }
        let innermost = elements.last().copied().unwrap_or_default();
        let mut end = innermost.len();
        while end > 0 {
            let text = innermost[..end].trim_end();
            let tokens = self.tokens.count(text);
            if tokens <= self.tokens_max {
                return Context { text: text.to_owned(), tokens, is_cut: true };
            }
            end = innermost.floor_char_boundary((end - 1).min(end * self.tokens_max / tokens));
            if !innermost[end..].starts_with(' ') {
                end = innermost[..end].rfind(' ').unwrap_or(end);
            }
        }
        Context { is_cut: !elements.is_empty(), ..Context::default() }
    }
}

/// Title and headings without what is empty or says again what is before it.
fn elements<'a>(title: &'a str, path: &[&'a str]) -> Vec<&'a str> {
    let mut elements: Vec<&str> = Vec::new();
    for element in std::iter::once(title).chain(path.iter().copied()) {
        if !element.is_empty() && elements.last().is_none_or(|last| !says(last, element)) {
            elements.push(element);
        }
    }
    elements
}

/// Whether `outer` is `inner`, or begins with it as titles do that go on with
/// the site's name (`Usage - The Handbook`).
fn says(outer: &str, inner: &str) -> bool {
    let outer = outer.to_lowercase();
    outer.strip_prefix(&inner.to_lowercase()).is_some_and(|rest| {
        let mark = rest.trim_start().chars().next();
        mark.is_none_or(|mark| rest.starts_with(' ') && matches!(mark, '-' | '–' | '—' | '|' | '·' | '•'))
    })
}

/// A title or heading on one line, of at most [`HEADING_CHARS_MAX`]
/// characters, and whether that cut it.
pub(super) fn shortened(text: &str) -> (String, bool) {
    let mut short = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        let gap = usize::from(!short.is_empty());
        if gap > 0 {
            short.push(' ');
        }
        let room = HEADING_CHARS_MAX.saturating_sub(chars + gap);
        match word.char_indices().nth(room) {
            None => short.push_str(word),
            Some((at, _)) => {
                short.push_str(&word[..at]);
                short.push('…');
                return (short, true);
            }
        }
        chars += gap + word.chars().count();
    }
    (short, false)
}

/// The texts of `headings`, each [`shortened`], and how many that cut.
pub(super) fn shortened_headings(headings: &[Heading]) -> (Vec<String>, usize) {
    let mut cut = 0;
    let texts = headings.iter().map(|heading| {
        let (text, is_cut) = shortened(&heading.text);
        cut += usize::from(is_cut);
        text
    });
    let texts = texts.collect();
    (texts, cut)
}

#[cfg(test)]
mod tests {
    use super::super::testing::word_pieces;
    use super::*;

    fn check(title: &str, path: &[&str], tokens_max: usize, expected: &str) {
        let counter = word_pieces();
        let context = Contexts::new(title, tokens_max, &counter).of(path);
        assert_eq!(context.text, expected);
        assert_eq!(context.tokens, counter.count(&context.text));
    }

    #[test]
    fn a_path_says_nothing_twice() {
        check("Usage", &["usage", "Flags"], 100, "Usage > Flags");
        check("Usage - The Handbook", &["Usage", "Flags"], 100, "Usage - The Handbook > Flags");
        check("Usage notes", &["Usage", "Usage"], 100, "Usage notes > Usage");
        check(" A\n b ", &[], 100, "A b");
        check("", &["", "B"], 100, "B");
        check("", &[], 100, "");
    }

    #[test]
    fn a_long_path_is_cut_from_the_outermost_side() {
        check("The whole title", &["Part one", "Part two"], 5, "Part one > Part two");
        check("The whole title", &["Part one", "Part two"], 4, "Part two");
        check("Title", &["one two three four"], 2, "one two");
    }

    #[test]
    fn a_heading_is_repeated_in_a_bounded_length() {
        assert_eq!(shortened(" a\n b "), ("a b".to_owned(), false));
        let (short, is_cut) = shortened(&"é".repeat(1_000_000));
        assert!(is_cut && short.chars().count() == HEADING_CHARS_MAX + 1);
        assert!(!shortened(&"é".repeat(HEADING_CHARS_MAX)).1);
    }
}
