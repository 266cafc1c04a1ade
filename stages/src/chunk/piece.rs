//! The text of one chunk: context, what is repeated, and its part of the
//! Markdown.

use std::ops::Range;

use super::context::{Context, GAP};
use super::unit::{Frame, Source};

/// Spaces in front of a chunk's first line of code that are kept.
const INDENT_BYTES_MAX: usize = 200;

/// A chunk's text and where it comes from.
#[derive(Debug)]
pub(super) struct Piece {
    /// Of the content, without what was repeated around it.
    pub(super) span: Range<usize>,
    /// Where the content begins that the chunk before does not have.
    pub(super) own_start: usize,
    pub(super) content: String,
    /// What is embedded, where it differs.
    pub(super) embedded: Option<String>,
    /// Tokens of what is embedded, special tokens included.
    pub(super) tokens: usize,
}

/// What a chunk's content is made of.
pub(super) struct Content<'a> {
    pub(super) span: Range<usize>,
    pub(super) open: Option<&'a Frame>,
    pub(super) close: Option<&'a Frame>,
}

impl Content<'_> {
    /// Puts the text together and counts its tokens: by adding up where that
    /// is exact, else by counting all of it.
    pub(super) fn piece(self, source: Source<'_>, own_start: usize, context: &Context) -> Piece {
        let open = self.open.map_or("", |frame| &frame.open);
        let close = self.close.map_or("", |frame| &frame.close);
        let content = [open, &source.markdown[self.span.clone()], close].concat();
        let embedded = (!context.text.is_empty()).then(|| [&context.text, GAP, &content].concat());
        let tokens = if source.map.is_exact(source.markdown, &self.span) {
            let open = self.open.map_or(0, |frame| frame.open_size.tokens);
            let close = self.close.map_or(0, |frame| frame.close_size.tokens);
            context.tokens + open + source.map.count(self.span.clone()) + close
        } else {
            source.tokens.count(embedded.as_deref().unwrap_or(&content))
        };
        Piece { span: self.span, own_start, content, embedded, tokens: tokens + source.tokens.special() }
    }
}

/// The end of `space` moved to the start of its line, if that is in `space`
/// and at most `chars_max` are between: they matter in code.
pub(super) fn with_indent(markdown: &str, space: Range<usize>, chars_max: usize) -> usize {
    let before = markdown.get(space.clone()).unwrap_or_default();
    let indent = before.len() - before.rfind('\n').map_or(0, |line_end| line_end + 1);
    if indent <= chars_max.min(INDENT_BYTES_MAX) { space.end - indent } else { space.end }
}
