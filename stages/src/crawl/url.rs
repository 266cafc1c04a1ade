//! URLs in the one form in which the crawler knows them.
//!
//! Two spellings of one address become the same text, so that a page is
//! fetched once; the text is the page's identity everywhere in docmill.
//! Normalising twice changes nothing.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::failure::one_line;

/// Scrapy's `URLLENGTH_LIMIT`, in bytes.
pub const URL_BYTES_MAX: usize = 2_083;
/// How much of a refused URL an error shows, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

/// How URLs are normalised; the same for a whole crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlRules {
    /// Whether the parameters of a query are put in order (stable, by name).
    pub sort_query: bool,
    /// Longer URLs are refused, in bytes.
    pub bytes_max: usize,
}

impl Default for UrlRules {
    fn default() -> Self {
        Self { sort_query: true, bytes_max: URL_BYTES_MAX }
    }
}

/// Why a text is no URL that can be crawled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be parsed.
    #[error("{url:?} is not a URL ({reason}); write it like https://example.com/docs/")]
    Invalid {
        /// The text, shortened.
        url: String,
        /// What the parser said.
        reason: String,
    },
    /// It is neither http nor https.
    #[error("{url:?} is not an http or https address; only these can be crawled")]
    Scheme {
        /// The text, shortened.
        url: String,
    },
    /// It holds a user name or password.
    #[error("the URL of {host:?} holds a user name or password; take it out")]
    Credentials {
        /// The URL's host; the rest would show the secret.
        host: String,
    },
    /// It is too long.
    #[error("{url:?} has {bytes} bytes, more than URLLENGTH_LIMIT={bytes_max}; raise the limit to crawl it")]
    TooLong {
        /// The text, shortened.
        url: String,
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
}

/// A normalised absolute http or https URL without fragment.
///
/// Ordered as its text, byte by byte, which is also the frontier's order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NormalUrl(Url);

impl NormalUrl {
    /// Normalises an absolute URL.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str, rules: &UrlRules) -> Result<Self, UrlError> {
        let text = bounded(text, rules)?;
        normalise(Url::parse(text).map_err(|error| invalid(text, error))?, rules)
    }

    /// Reads back what a normalised URL was written as, whatever the length
    /// that is allowed today.
    pub(super) fn stored(text: &str) -> Result<Self, UrlError> {
        Self::parse(text, &UrlRules { sort_query: false, bytes_max: usize::MAX })
    }

    /// Resolves `link` as it stands on this page, and normalises it.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn join(&self, link: &str, rules: &UrlRules) -> Result<Self, UrlError> {
        Self::resolve(&self.0, link, rules)
    }

    /// Resolves `link` against a base that need not be normalised, such as a
    /// page's `<base href>`.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn resolve(base: &Url, link: &str, rules: &UrlRules) -> Result<Self, UrlError> {
        let link = bounded(link, rules)?;
        normalise(base.join(link).map_err(|error| invalid(link, error))?, rules)
    }

    /// The URL's text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The parsed form.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Host and port, without the port where it is the scheme's own: what
    /// politeness is kept by. `http` and `https` of one host are alike.
    pub fn host_key(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Scheme, host and port: what a robots.txt holds for.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.0.scheme(), self.host_key())
    }

    /// Path and query, as they go over the wire.
    pub fn path_and_query(&self) -> &str {
        &self.0[url::Position::BeforePath..]
    }
}

impl fmt::Display for NormalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text, if the parser may see it. Percent-encoding can triple a text, so
/// the length is looked at again when it is known.
fn bounded<'a>(text: &'a str, rules: &UrlRules) -> Result<&'a str, UrlError> {
    let text = text.trim();
    if text.len() > rules.bytes_max.saturating_mul(3) { Err(too_long(text, rules)) } else { Ok(text) }
}

fn normalise(mut url: Url, rules: &UrlRules) -> Result<NormalUrl, UrlError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlError::Scheme { url: shown(url.as_str()) });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials { host: shown(url.host_str().unwrap_or_default()) });
    }
    url.set_fragment(None);
    let path = normal_escapes(url.path());
    if path != url.path() {
        url.set_path(&path);
    }
    if let Some(query) = url.query() {
        let query = normal_query(query, rules.sort_query);
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    }
    if url.as_str().len() > rules.bytes_max {
        return Err(too_long(url.as_str(), rules));
    }
    Ok(NormalUrl(url))
}

/// Percent-encoding in one form: what needs none is decoded, and the digits
/// of the rest are upper case. An incomplete escape is left as it is.
pub(super) fn normal_escapes(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let start = text.len() - rest.len() + at;
        normal.push_str(&rest[..at]);
        match escaped_byte(&bytes[start + 1..]) {
            Some(byte) if is_unreserved(byte) => normal.push(char::from(byte)),
            Some(byte) => normal.push_str(&format!("%{byte:02X}")),
            None => {
                normal.push('%');
                rest = &text[start + 1..];
                continue;
            }
        }
        rest = &text[start + 3..];
    }
    normal.push_str(rest);
    normal
}

fn escaped_byte(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    // Two hex digits always fit into a byte.
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// RFC 3986, section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn normal_query(query: &str, sort: bool) -> String {
    let query = normal_escapes(query);
    if !sort {
        return query;
    }
    let mut parameters: Vec<&str> = query.split('&').filter(|parameter| !parameter.is_empty()).collect();
    // Values of one name keep their order: it may mean something.
    parameters.sort_by_key(|parameter| parameter.split('=').next());
    parameters.join("&")
}

fn invalid(text: &str, error: url::ParseError) -> UrlError {
    UrlError::Invalid { url: shown(text), reason: error.to_string() }
}

fn too_long(text: &str, rules: &UrlRules) -> UrlError {
    UrlError::TooLong { url: shown(text), bytes: text.len(), bytes_max: rules.bytes_max }
}

fn shown(text: &str) -> String {
    one_line(text, SHOWN_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> String {
        NormalUrl::parse(text, &UrlRules::default()).unwrap().to_string()
    }

    #[test]
    fn spellings_of_one_address_become_one_text() {
        for (text, expected) in [
            ("http://example.com", "http://example.com/"),
            ("HTTP://EXAMPLE.com:80/a", "http://example.com/a"),
            ("https://example.com:443/", "https://example.com/"),
            ("https://example.com:8443/", "https://example.com:8443/"),
            ("http://example.com/a/./b/../c#part", "http://example.com/a/c"),
            ("http://example.com/%7ejoe/%41%2f%c3%a9", "http://example.com/~joe/A%2F%C3%A9"),
            ("http://example.com/é", "http://example.com/%C3%A9"),
            ("http://example.com/a%2e%2e/%2e%2e/b", "http://example.com/b"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("http://example.com/?", "http://example.com/"),
            ("http://example.com/?b=2&a=1&b=1&&", "http://example.com/?a=1&b=2&b=1"),
            ("http://example.com/?q=%7e%2B+x", "http://example.com/?q=~%2B+x"),
            ("  http://example.com/a\tb  ", "http://example.com/ab"),
            ("http://example.com/100%", "http://example.com/100%"),
            ("http://example.com/%zz%e", "http://example.com/%zz%e"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
        ] {
            assert_eq!(normal(text), expected, "{text}");
        }
    }

    #[test]
    fn the_order_of_a_query_is_kept_where_the_setting_says_so() {
        let rules = UrlRules { sort_query: false, ..UrlRules::default() };
        assert_eq!(NormalUrl::parse("http://e.com/?b=%61&a", &rules).unwrap().as_str(), "http://e.com/?b=a&a");
    }

    #[test]
    fn what_cannot_be_crawled_is_refused_with_its_kind() {
        let refused = |text: &str| NormalUrl::parse(text, &UrlRules::default()).unwrap_err();
        assert!(matches!(refused("docs/"), UrlError::Invalid { .. }));
        assert!(matches!(refused("http://"), UrlError::Invalid { .. }));
        assert!(matches!(refused("mailto:a@b"), UrlError::Scheme { .. }));
        assert!(matches!(refused("file:///etc/passwd"), UrlError::Scheme { .. }));
        let secret = refused("https://me:hunter2@example.com/");
        assert!(matches!(secret, UrlError::Credentials { .. }) && !secret.to_string().contains("hunter2"));
        assert!(matches!(refused(&format!("http://e.com/{}", "a".repeat(3_000))), UrlError::TooLong { .. }));
        assert!(matches!(refused(&format!("http://e.com/{}", "é".repeat(500))), UrlError::TooLong { .. }));
        assert!(!refused("ftp://e.com/\u{1b}[31m").to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_link_is_resolved_against_its_page() {
        let page = NormalUrl::parse("http://e.com/docs/a?x=1", &UrlRules::default()).unwrap();
        for (link, expected) in [
            ("b", "http://e.com/docs/b"),
            ("../b#c", "http://e.com/b"),
            ("//o.com/x", "http://o.com/x"),
            ("?y", "http://e.com/docs/a?y"),
            ("#top", "http://e.com/docs/a?x=1"),
            ("", "http://e.com/docs/a?x=1"),
        ] {
            assert_eq!(page.join(link, &UrlRules::default()).unwrap().as_str(), expected, "{link}");
        }
    }

    #[test]
    fn hosts_are_told_apart_by_port_and_not_by_scheme() {
        let key = |text: &str| NormalUrl::parse(text, &UrlRules::default()).unwrap().host_key();
        assert_eq!(key("http://e.com/"), key("https://e.com:443/"));
        assert_eq!(key("http://e.com:8080/"), "e.com:8080");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(
            path in "[a-z./%A-F0-9?&=#~é ;:@+$*\\\\-]{0,40}",
            sort_query in any::<bool>(),
        ) {
            let rules = UrlRules { sort_query, ..UrlRules::default() };
            let Ok(once) = NormalUrl::parse(&format!("http://e.com/{path}"), &rules) else { return Ok(()) };
            let twice = NormalUrl::parse(once.as_str(), &rules).unwrap();
            prop_assert_eq!(once.as_str(), twice.as_str());
            prop_assert_eq!(&once, &NormalUrl::stored(once.as_str()).unwrap());
        }

        #[test]
        fn any_text_is_either_normalised_or_refused(text in any::<String>()) {
            if let Ok(url) = NormalUrl::parse(&text, &UrlRules::default()) {
                prop_assert!(url.as_str().len() <= URL_BYTES_MAX && !url.as_str().contains('#'));
            }
        }
    }
}
