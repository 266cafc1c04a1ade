//! A run of inline content: collected as tokens, then written as Markdown.
//!
//! The tokens come first because Markdown's marks depend on what stands
//! beside them: white space must move out of emphasis, code spans that touch
//! would become one mess, and a star is only a star where it can be no mark.

use super::escape::{Around, escape_into, escape_line_starts, longest_run};
use super::settle::{drop_marks, drop_unseen_end, has_risky_mark, reads_back, settle_marks};
use crate::process::look::is_invisible;

/// A piece of inline content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Text(String),
    Code(String),
    Open(Mark),
    Close(Mark),
    LinkStart,
    /// The end of a link, and where it leads.
    LinkEnd(String),
    Image {
        alt: String,
        source: String,
    },
    Break,
    /// Two breaks or more: a new paragraph.
    Paragraph,
    /// Markdown that stands as it is.
    Raw(&'static str),
}

/// Emphasis of some kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Strong,
    Emphasis,
    Strike,
}

impl Mark {
    fn text(self) -> &'static str {
        match self {
            Self::Strong => "**",
            Self::Emphasis => "*",
            Self::Strike => "~~",
        }
    }
}

/// Where a run stands, which decides how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Paragraph,
    Heading,
    Cell,
}

/// A run of inline content that is being collected.
#[derive(Debug, Default)]
pub(super) struct Run {
    tokens: Vec<Token>,
    /// White space was seen that is written only if something follows.
    has_space: bool,
    /// How many marks and links are open.
    depth: usize,
    is_in_link: bool,
}

impl Run {
    /// Adds text, with its white space collapsed as a browser would.
    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() {
                self.has_space = true;
            } else if !is_invisible(character) {
                self.character(character);
            }
        }
    }

    fn character(&mut self, character: char) {
        self.space();
        match self.tokens.last_mut() {
            Some(Token::Text(text)) => text.push(character),
            _ => self.tokens.push(Token::Text(character.to_string())),
        }
    }

    /// Writes the space that was held back, unless a line starts here.
    fn space(&mut self) {
        if std::mem::take(&mut self.has_space) && self.has_visible() {
            match self.tokens.last_mut() {
                Some(Token::Break | Token::Paragraph) => {}
                Some(Token::Text(text)) => text.push(' '),
                _ => self.tokens.push(Token::Text(" ".to_owned())),
            }
        }
    }

    fn has_visible(&self) -> bool {
        self.tokens.iter().rev().any(|token| !matches!(token, Token::Open(_) | Token::LinkStart))
    }

    /// Adds a code span; code that touches it joins it.
    pub(super) fn code(&mut self, code: &str) {
        if code.is_empty() {
            return;
        }
        self.space();
        match self.tokens.last_mut() {
            Some(Token::Code(before)) => before.push_str(code),
            _ => self.tokens.push(Token::Code(code.to_owned())),
        }
    }

    pub(super) fn line_break(&mut self) {
        self.has_space = false;
        match self.tokens.last() {
            // Marks do not reach over paragraphs.
            Some(Token::Break) if self.depth == 0 => {
                self.tokens.pop();
                self.tokens.push(Token::Paragraph);
            }
            Some(Token::Break | Token::Paragraph) => {}
            _ if self.has_visible() => self.tokens.push(Token::Break),
            _ => {}
        }
    }

    /// A break, unless the run ends in one.
    pub(super) fn break_once(&mut self) {
        if !matches!(self.tokens.last(), Some(Token::Break | Token::Paragraph)) {
            self.line_break();
        }
    }

    pub(super) fn image(&mut self, alt: String, source: String) {
        self.space();
        self.tokens.push(Token::Image { alt, source });
    }

    pub(super) fn raw(&mut self, markdown: &'static str) {
        self.space();
        self.tokens.push(Token::Raw(markdown));
    }

    /// Begins emphasis or a link: white space before it is written first.
    pub(super) fn open(&mut self, mark: Mark) {
        self.space();
        self.depth += 1;
        self.tokens.push(Token::Open(mark));
    }

    pub(super) fn close(&mut self, mark: Mark) {
        self.depth = self.depth.saturating_sub(1);
        self.tokens.push(Token::Close(mark));
    }

    /// Begins a link; false inside another, where none can be.
    pub(super) fn link_start(&mut self) -> bool {
        if std::mem::replace(&mut self.is_in_link, true) {
            return false;
        }
        self.space();
        self.depth += 1;
        self.tokens.push(Token::LinkStart);
        true
    }

    pub(super) fn link_end(&mut self, target: String) {
        self.is_in_link = false;
        self.depth = self.depth.saturating_sub(1);
        self.tokens.push(Token::LinkEnd(target));
    }

    /// Whether nothing was collected that can be seen.
    pub(super) fn is_empty(&self) -> bool {
        !self.tokens.iter().any(is_seen)
    }

    /// Puts all that was collected into one link.
    pub(super) fn link_whole(&mut self, target: &str) {
        if !self.tokens.iter().any(|token| matches!(token, Token::LinkStart)) {
            // A link does not reach over paragraphs.
            for token in self.tokens.iter_mut().filter(|token| **token == Token::Paragraph) {
                *token = Token::Break;
            }
            self.tokens.insert(0, Token::LinkStart);
            self.tokens.push(Token::LinkEnd(target.to_owned()));
        }
    }

    /// The last character of the text so far, if it ends in text.
    pub(super) fn last_character(&self) -> Option<char> {
        match self.tokens.last()? {
            Token::Text(text) if !self.has_space => text.chars().next_back(),
            _ => None,
        }
    }

    /// The run as Markdown; a break is a line of its own in a paragraph.
    pub(super) fn write(self, place: Place) -> String {
        let mut tokens = settle_marks(self.tokens);
        drop_unseen_end(&mut tokens);
        if tokens.iter().any(|token| matches!(token, Token::Code(code) if code.contains("]:")))
            && finish(&tokens, place).split('\n').any(|line| line.starts_with("\\["))
        {
            // In [`]:`](…) at a line's start the code would not be read as
            // code, and with its bracket escaped the link not as a link.
            tokens.retain(|token| !matches!(token, Token::LinkStart | Token::LinkEnd(_)));
        }
        let text = finish(&tokens, place);
        let is_sound = || match place {
            Place::Paragraph | Place::Heading => reads_back(&text, &tokens),
            // Outside of a table its pipes have no backslashes.
            Place::Cell => reads_back(&finish(&tokens, Place::Heading), &tokens),
        };
        if !has_risky_mark(&tokens) || is_sound() {
            return text;
        }
        // Marks in a row can be read in more ways than one.
        drop_marks(&mut tokens);
        finish(&tokens, place)
    }
}

fn finish(tokens: &[Token], place: Place) -> String {
    let mut written = Written { text: String::new(), place, link_depth: 0 };
    for (index, token) in tokens.iter().enumerate() {
        written.token(token, tokens.get(index + 1));
    }
    let text = written.text;
    match place {
        Place::Paragraph => escape_line_starts(text.trim()),
        Place::Heading => escape_heading_end(text.trim()),
        // Also inside code: a row is cut at its pipes first.
        Place::Cell => text.trim().replace('|', "\\|"),
    }
}

/// A heading's closing `#`s would be dropped.
fn escape_heading_end(text: &str) -> String {
    let kept = text.trim_end_matches('#');
    if kept.len() == text.len() || !(kept.is_empty() || kept.ends_with(' ')) {
        return text.to_owned();
    }
    format!("{kept}\\{}", &text[kept.len()..])
}

/// Whether a token shows something by itself.
pub(super) fn is_seen(token: &Token) -> bool {
    match token {
        Token::Text(text) => !text.trim().is_empty(),
        Token::Code(_) | Token::Image { .. } | Token::Raw(_) => true,
        Token::Open(_) | Token::Close(_) | Token::LinkStart | Token::LinkEnd(_) => false,
        Token::Break | Token::Paragraph => false,
    }
}

/// The character that a token begins with, as written; marks have none.
pub(super) fn first_character(token: &Token) -> Option<char> {
    match token {
        Token::Text(text) => text.chars().next(),
        Token::Code(_) => Some('`'),
        Token::LinkStart => Some('['),
        Token::LinkEnd(_) => Some(']'),
        Token::Image { .. } => Some('!'),
        Token::Break | Token::Paragraph => Some(' '),
        Token::Raw(markdown) => markdown.chars().next(),
        Token::Open(_) | Token::Close(_) => None,
    }
}

pub(super) fn last_character(token: &Token) -> Option<char> {
    match token {
        Token::Text(text) => text.chars().next_back(),
        Token::Code(_) => Some('`'),
        Token::LinkStart => Some('['),
        Token::LinkEnd(_) | Token::Image { .. } => Some(')'),
        Token::Break | Token::Paragraph => Some(' '),
        Token::Raw(markdown) => markdown.chars().next_back(),
        Token::Open(_) | Token::Close(_) => None,
    }
}

/// Markdown of a run, as far as it is written.
struct Written {
    text: String,
    place: Place,
    link_depth: usize,
}

impl Written {
    fn token(&mut self, token: &Token, following: Option<&Token>) {
        match token {
            Token::Text(text) => {
                let next = match following {
                    Some(Token::Open(_) | Token::Close(_)) => Some('*'),
                    // A break begins with a backslash.
                    Some(Token::Break) => Some('\\'),
                    Some(token) => first_character(token),
                    None => None,
                };
                let around = Around { next, in_link: self.link_depth > 0 };
                escape_into(&mut self.text, text, around);
            }
            Token::Code(code) => self.code(code),
            Token::Open(mark) | Token::Close(mark) => self.text.push_str(mark.text()),
            Token::LinkStart => {
                self.link_depth += 1;
                self.text.push('[');
            }
            Token::LinkEnd(target) => {
                self.link_depth = self.link_depth.saturating_sub(1);
                self.text.push(']');
                self.target(target);
            }
            Token::Image { alt, source } => {
                self.text.push_str("![");
                escape_into(&mut self.text, alt, Around { next: Some(']'), in_link: true });
                self.text.push(']');
                self.target(source);
            }
            Token::Break => match self.place {
                Place::Paragraph => self.text.push_str("\\\n"),
                Place::Heading => self.text.push(' '),
                Place::Cell => self.text.push_str("<br>"),
            },
            Token::Paragraph => match self.place {
                Place::Paragraph => self.text.push_str("\n\n"),
                Place::Heading => self.text.push(' '),
                Place::Cell => self.text.push_str("<br>"),
            },
            Token::Raw(markdown) => self.text.push_str(markdown),
        }
    }

    fn code(&mut self, code: &str) {
        let fence = "`".repeat(longest_run(code, '`') + 1);
        let is_blank = code.trim().is_empty();
        let needs_space =
            code.starts_with('`') || code.ends_with('`') || (!is_blank && code.starts_with(' ') && code.ends_with(' '));
        let space = if needs_space { " " } else { "" };
        self.text.extend([&fence, space, code, space, &fence]);
    }

    fn target(&mut self, url: &str) {
        if url.contains(['(', ')', ' ', '\\']) {
            self.text.extend(["(<", url, ">)"]);
        } else {
            self.text.extend(["(", url, ")"]);
        }
    }
}
