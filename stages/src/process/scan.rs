//! Where the tags of an HTML text begin and end, without building anything.
//!
//! The scanner cuts the text into pieces in one pass, in step with html5ever's
//! tokenizer: whoever drives it says in which state the tokenizer stands
//! (ordinary text, or the raw text of a `<script>` and its like), because
//! only the tree builder knows that. So a piece is exactly one tag, comment
//! or run of text, and its driver can decide on a tag before the tree builder
//! sees it.

use std::ops::Range;

/// How the tokenizer reads the text that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextState {
    /// Ordinary text with tags.
    Data,
    /// `<title>`, `<textarea>`, `<style>` and the like: ends at its end tag.
    Raw,
    /// `<script>`: as `Raw`, with the oddities of comments in scripts.
    Script,
    /// `<plaintext>`: never ends.
    Plaintext,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// Text, a comment, a doctype, or a tag that the text's end cut off.
    Other,
    /// A start tag.
    Start {
        /// The tag's name as it is written.
        name: Range<usize>,
        /// The surplus of its attributes beyond the bound, if any.
        surplus: Option<Range<usize>>,
    },
    /// An end tag and its name as it is written.
    End {
        /// The tag's name as it is written.
        name: Range<usize>,
        /// As for a start tag.
        surplus: Option<Range<usize>>,
    },
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its bytes.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) kind: PieceKind,
}

/// Cuts a text into pieces; see the module.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    html: &'a str,
    at: usize,
    attributes_max: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the text's start. A tag's attributes beyond
    /// `attributes_max` (at least 1) are told as its surplus.
    pub(super) fn new(html: &'a str, attributes_max: usize) -> Self {
        Self { html, at: 0, attributes_max: attributes_max.max(1) }
    }

    /// The next piece. `raw_name` is the name of the element whose raw text
    /// is read; `cdata` says whether `<![CDATA[` is one here.
    pub(super) fn next(&mut self, state: TextState, raw_name: &str, cdata: bool) -> Option<Piece> {
        let start = self.at;
        if start >= self.html.len() {
            return None;
        }
        let piece = match state {
            TextState::Data => self.data(start, cdata),
            TextState::Raw | TextState::Script => {
                let end = if state == TextState::Raw {
                    raw_end(self.html, start, raw_name)
                } else {
                    script_end(self.html, start)
                };
                if end == start { self.markup(start, cdata) } else { other(start..end) }
            }
            TextState::Plaintext => other(start..self.html.len()),
        };
        self.at = piece.span.end;
        Some(piece)
    }

    fn data(&self, start: usize, cdata: bool) -> Piece {
        let bytes = self.html.as_bytes();
        if opens_markup(bytes, start) {
            return self.markup(start, cdata);
        }
        let mut at = start;
        while let Some(found) = self.html[at..].find('<') {
            at += found;
            if opens_markup(bytes, at) {
                return other(start..at);
            }
            at += 1;
        }
        other(start..bytes.len())
    }

    /// The tag, comment or declaration at `start`.
    fn markup(&self, start: usize, cdata: bool) -> Piece {
        let rest = &self.html[start..];
        let bytes = rest.as_bytes();
        match bytes.get(1) {
            Some(b'/') if bytes.get(2).is_some_and(u8::is_ascii_alphabetic) => self.tag(start, start + 2),
            Some(letter) if letter.is_ascii_alphabetic() => self.tag(start, start + 1),
            _ if rest.starts_with("<!--") => other(start..start + comment_len(rest)),
            _ if cdata && rest.starts_with("<![CDATA[") => {
                other(start..rest.find("]]>").map_or(self.html.len(), |end| start + end + 3))
            }
            _ => other(start..rest.find('>').map_or(self.html.len(), |end| start + end + 1)),
        }
    }

    fn tag(&self, start: usize, name_start: usize) -> Piece {
        let bytes = self.html.as_bytes();
        let name_end = skip_until(bytes, name_start, |byte| is_space(byte) || byte == b'/' || byte == b'>');
        let mut at = name_end;
        let mut attributes = 0;
        let mut bound_end = None;
        loop {
            at = skip_until(bytes, at, |byte| !is_space(byte) && byte != b'/');
            match bytes.get(at) {
                None => return other(start..bytes.len()),
                Some(b'>') => break,
                Some(_) => at = attribute_end(bytes, at),
            }
            attributes += 1;
            if attributes == self.attributes_max {
                bound_end = Some(at);
            }
        }
        let surplus = bound_end.filter(|_| attributes > self.attributes_max).map(|end| end..at);
        let name = name_start..name_end;
        let kind =
            if name_start == start + 1 { PieceKind::Start { name, surplus } } else { PieceKind::End { name, surplus } };
        Piece { span: start..at + 1, kind }
    }
}

fn other(span: Range<usize>) -> Piece {
    Piece { span, kind: PieceKind::Other }
}

/// Whether the `<` at `at`, if it is one, opens a tag or a comment.
fn opens_markup(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&b'<')
        && bytes.get(at + 1).is_some_and(|&next| next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?'))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn skip_until(bytes: &[u8], from: usize, stop: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|&byte| stop(byte)).map_or(bytes.len(), |found| from + found)
}

/// The end of the attribute that starts at `at`, its value included.
fn attribute_end(bytes: &[u8], at: usize) -> usize {
    // The first character belongs to the name whatever it is, even `=`.
    let name_end = skip_until(bytes, at + 1, |byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='));
    let equals = skip_until(bytes, name_end, |byte| !is_space(byte));
    if bytes.get(equals) != Some(&b'=') {
        return name_end;
    }
    let value = skip_until(bytes, equals + 1, |byte| !is_space(byte));
    match bytes.get(value) {
        Some(&quote @ (b'"' | b'\'')) => (skip_until(bytes, value + 1, |byte| byte == quote) + 1).min(bytes.len()),
        _ => skip_until(bytes, value, |byte| is_space(byte) || byte == b'>'),
    }
}

/// Length of the comment that `rest` starts with.
fn comment_len(rest: &str) -> usize {
    if rest.starts_with("<!-->") {
        return 5;
    }
    if rest.starts_with("<!--->") {
        return 6;
    }
    let mut at = 4;
    while let Some(found) = rest[at..].find("--") {
        at += found;
        let tail = &rest[at + 2..];
        if tail.starts_with('>') {
            return at + 3;
        }
        if tail.starts_with("!>") {
            return at + 4;
        }
        at += 1;
    }
    rest.len()
}

/// Whether an end tag of `name` stands at `at`.
fn ends_element(html: &str, at: usize, name: &str) -> bool {
    let bytes = &html.as_bytes()[at..];
    bytes.starts_with(b"</")
        && bytes.get(2..2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        && bytes.get(2 + name.len()).is_some_and(|&byte| is_space(byte) || byte == b'/' || byte == b'>')
}

/// Where the raw text that starts at `from` ends: at its end tag.
fn raw_end(html: &str, from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(found) = html[at..].find("</") {
        at += found;
        if ends_element(html, at, name) {
            return at;
        }
        at += 2;
    }
    html.len()
}

/// Where the script that starts at `from` ends. Inside `<!--` a further
/// `<script>` hides the next `</script>`.
fn script_end(html: &str, from: usize) -> usize {
    let bytes = html.as_bytes();
    let mut at = from;
    let (mut escaped, mut hidden) = (false, false);
    while at < bytes.len() {
        match bytes[at] {
            b'<' if !hidden && ends_element(html, at, "script") => return at,
            b'<' if hidden && ends_element(html, at, "script") => {
                hidden = false;
                at += 8;
            }
            b'<' if !escaped && bytes[at..].starts_with(b"<!--") => {
                escaped = true;
                // The two dashes may already be those of a `-->`.
                at += 2;
            }
            b'<' if escaped && !hidden && opens_script(&bytes[at..]) => {
                hidden = true;
                at += 7;
            }
            b'-' if escaped && bytes[at..].starts_with(b"-->") => {
                (escaped, hidden) = (false, false);
                at += 3;
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

fn opens_script(bytes: &[u8]) -> bool {
    bytes.get(1..7).is_some_and(|name| name.eq_ignore_ascii_case(b"script"))
        && bytes.get(7).is_some_and(|&byte| is_space(byte) || byte == b'/' || byte == b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(html: &str) -> Vec<&str> {
        let mut scanner = Scanner::new(html, 64);
        std::iter::from_fn(|| scanner.next(TextState::Data, "", false)).map(|piece| &html[piece.span]).collect()
    }

    #[test]
    fn tags_comments_and_text_are_told_apart() {
        for (html, expected) in [
            ("a<b>c</b>", vec!["a", "<b>", "c", "</b>"]),
            ("1 < 2 <<p>", vec!["1 < 2 <", "<p>"]),
            (r#"<p a=">" b='>' c=d>x"#, vec![r#"<p a=">" b='>' c=d>"#, "x"]),
            ("<p =a=b/ c>x", vec!["<p =a=b/ c>", "x"]),
            ("<!-- a > b --><!--><!---><!--x--!>y", vec!["<!-- a > b -->", "<!-->", "<!--->", "<!--x--!>", "y"]),
            ("<!DOCTYPE html><?x?></ z>t", vec!["<!DOCTYPE html>", "<?x?>", "</ z>", "t"]),
            ("x<p a='", vec!["x", "<p a='"]),
            ("x<", vec!["x<"]),
            ("é<é>", vec!["é<é>"]),
        ] {
            assert_eq!(pieces(html), expected, "{html}");
        }
    }

    #[test]
    fn raw_text_ends_at_its_own_end_tag_only() {
        for (html, state, name, end) in [
            ("a</b></TITLE >", TextState::Raw, "title", 5),
            ("a</titles>", TextState::Raw, "title", 10),
            ("a<!-- </script>", TextState::Script, "script", 6),
            ("<!-- <script> </script> --></script>", TextState::Script, "script", 27),
            ("<!--></script>", TextState::Script, "script", 5),
        ] {
            let piece = Scanner::new(html, 64).next(state, name, false).unwrap();
            assert_eq!(piece.span, 0..end, "{html}");
        }
    }

    #[test]
    fn surplus_attributes_are_told() {
        let piece = Scanner::new("<p a b=1 c d='>'>x", 2).next(TextState::Data, "", false).unwrap();
        assert_eq!(piece.kind, PieceKind::Start { name: 1..2, surplus: Some(8..16) });
    }
}
