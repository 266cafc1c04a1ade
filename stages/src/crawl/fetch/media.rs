//! What kind of text an answer is.

use crate::failure::one_line;

/// How much of an unknown media type is kept, in bytes.
const SHOWN_BYTES_MAX: usize = 100;
/// How far into a body without a type its first tag is looked for.
const SNIFFED_BYTES_MAX: usize = 1_024;

/// A `Content-Type` as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// What the body is.
    pub media: Media,
    /// The `charset` parameter as it was written.
    pub charset: Option<String>,
}

/// What a body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// `text/html`.
    Html,
    /// `application/xhtml+xml`.
    Xhtml,
    /// `text/plain`.
    Plain,
    /// `text/markdown`.
    Markdown,
    /// Nothing that we read; shortened and on one line.
    Other(String),
}

impl Media {
    /// The media type's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Html => "text/html",
            Self::Xhtml => "application/xhtml+xml",
            Self::Plain => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Other(name) => name,
        }
    }

    /// Whether the body has tags to read.
    pub fn is_html(&self) -> bool {
        matches!(self, Self::Html | Self::Xhtml)
    }
}

impl ContentType {
    /// Reads a header's value.
    pub fn parse(value: &str) -> Self {
        let mut parts = value.split(';');
        let media = match parts.next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "text/html" => Media::Html,
            "application/xhtml+xml" => Media::Xhtml,
            "text/plain" => Media::Plain,
            "text/markdown" | "text/x-markdown" => Media::Markdown,
            other => Media::Other(one_line(other, SHOWN_BYTES_MAX)),
        };
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches(['"', '\'']);
            (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_owned())
        });
        Self { media, charset }
    }

    /// The type of a body whose server names none: HTML, if it begins like it.
    pub(super) fn of_body(body: &[u8]) -> Option<Self> {
        let head = String::from_utf8_lossy(&body[..body.len().min(SNIFFED_BYTES_MAX)]).to_ascii_lowercase();
        let head = head.trim_start_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
        let is_html = ["<!doctype html", "<html", "<head", "<body", "<!--"].iter().any(|tag| head.starts_with(tag));
        is_html.then_some(Self { media: Media::Html, charset: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_charsets_are_read_in_their_spellings() {
        for (value, media, charset) in [
            ("text/html", "text/html", None),
            ("Text/HTML; Charset=\"UTF-8\"", "text/html", Some("UTF-8")),
            ("application/xhtml+xml;x=y; charset = koi8-r", "application/xhtml+xml", Some("koi8-r")),
            ("text/x-markdown;charset=", "text/markdown", None),
            ("text/plain", "text/plain", None),
            ("application/PDF\u{1b}[31m", "application/pdf [31m", None),
            ("", "", None),
        ] {
            let read = ContentType::parse(value);
            assert_eq!((read.media.name(), read.charset.as_deref()), (media, charset), "{value}");
        }
    }

    #[test]
    fn a_body_without_a_type_is_html_if_it_looks_like_it() {
        assert!(ContentType::of_body(b"\xef\xbb\xbf\n <!DOCTYPE HTML><p>").is_some());
        assert!(ContentType::of_body(b"%PDF-1.4").is_none() && ContentType::of_body(b"").is_none());
    }
}
