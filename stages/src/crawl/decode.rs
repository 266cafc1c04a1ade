//! From a page's bytes to text, by the charset that the page has.
//!
//! Asked in this order: a byte order mark, the `charset` of `Content-Type`,
//! the page's own `<meta>` (in its first 1,024 bytes), and at last a guess
//! from all the bytes. Decoding never fails: what is no text in the charset
//! becomes U+FFFD, and the caller is told.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Where a page's `<meta charset>` must stand, by the HTML standard.
const META_BYTES_MAX: usize = 1_024;

/// Text, and how it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without byte order mark.
    pub text: String,
    /// The charset's name by the Encoding Standard, such as `UTF-8`.
    pub charset: &'static str,
    /// Whether some bytes were no text in this charset.
    pub had_errors: bool,
}

/// Decodes `bytes`. `declared` is the `charset` of `Content-Type`, and
/// `is_html` says whether a `<meta>` may name one.
pub fn decode(bytes: &[u8], declared: Option<&str>, is_html: bool) -> Decoded {
    let by_mark = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let by_header = || declared.and_then(|label| Encoding::for_label(label.as_bytes()));
    let by_meta = || if is_html { charset_of_meta(bytes) } else { None };
    let encoding = by_mark.or_else(by_header).or_else(by_meta).unwrap_or_else(|| guess(bytes));
    let (text, charset, had_errors) = encoding.decode(bytes);
    Decoded { text: text.into_owned(), charset: charset.name(), had_errors }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

/// The charset that a `<meta>` names, as browsers look for it: in the raw
/// bytes, outside of comments, before anything is decoded.
fn charset_of_meta(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(META_BYTES_MAX)];
    let head: String = head.iter().map(|&byte| char::from(byte).to_ascii_lowercase()).collect();
    let mut rest = head.as_str();
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            // An unclosed comment hides all that follows.
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some(tag) = rest.strip_prefix("meta").filter(|tag| tag.starts_with([' ', '\t', '\n', '\r', '/']))
            && let Some(encoding) = charset_of_tag(tag.split('>').next().unwrap_or(tag))
        {
            return Some(encoding);
        }
    }
    None
}

/// `charset=…` of one tag, be it the attribute or inside of `content="…"`.
fn charset_of_tag(tag: &str) -> Option<&'static Encoding> {
    for (at, name) in tag.match_indices("charset") {
        let Some(value) = tag[at + name.len()..].trim_start().strip_prefix('=') else { continue };
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        let end = value.find(['"', '\'', ';', ' ', '\t', '\n', '\r', '/']).unwrap_or(value.len());
        if let Some(encoding) = Encoding::for_label(&value.as_bytes()[..end]) {
            return Some(plausible(encoding));
        }
    }
    None
}

/// A page whose `<meta>` could be read as ASCII is not UTF-16, and
/// `x-user-defined` means nothing here: both as the HTML standard says.
fn plausible(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else if encoding == encoding_rs::X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], declared: Option<&str>, charset: &str, text: &str) {
        let decoded = decode(bytes, declared, true);
        assert_eq!((decoded.charset, decoded.text.as_str()), (charset, text));
    }

    #[test]
    fn a_mark_wins_over_the_header_and_the_header_over_the_meta() {
        check(b"\xef\xbb\xbf\xc3\xa9", Some("iso-8859-1"), "UTF-8", "é");
        check(b"\xff\xfea\0", Some("utf-8"), "UTF-16LE", "a");
        check(b"<meta charset=utf-8>\xe9", Some("ISO-8859-1"), "windows-1252", "<meta charset=utf-8>é");
        check(b"<meta charset=utf-8>\xc3\xa9", Some("no-such-charset"), "UTF-8", "<meta charset=utf-8>é");
    }

    #[test]
    fn a_meta_is_found_in_all_its_spellings() {
        for meta in [
            "<meta charset=koi8-r>",
            "<META CHARSET='KOI8-R'/>",
            "<meta\nhttp-equiv=Content-Type content=\"text/html; charset = koi8-r\">",
            "<!-- <meta charset=utf-8> --><meta name=x content=y><meta charset=\"koi8-r\">",
            "<meta content='charset;charset=koi8-r'>",
        ] {
            let mut bytes = meta.as_bytes().to_vec();
            bytes.push(0xc1);
            check(&bytes, None, "KOI8-R", &format!("{meta}а"));
        }
    }

    #[test]
    fn a_meta_that_cannot_be_right_is_not_believed() {
        check("<meta charset=utf-16>é".as_bytes(), None, "UTF-8", "<meta charset=utf-16>é");
        for hidden in ["<!-- <meta charset=koi8-r>é", "<metadata charset=koi8-r>é", "<p>charset=koi8-r é"] {
            check(hidden.as_bytes(), None, "UTF-8", hidden);
        }
        let late = format!("{}<meta charset=koi8-r>é", " ".repeat(META_BYTES_MAX));
        check(late.as_bytes(), None, "UTF-8", &late);
        assert_eq!(decode("<meta charset=koi8-r>é".as_bytes(), None, false).charset, "UTF-8");
    }

    #[test]
    fn without_any_word_of_the_page_a_guess_is_made() {
        let russian = "Программа читает документы и отвечает на вопросы";
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(russian);
        check(&bytes, None, "windows-1251", russian);
        check("naïve".as_bytes(), None, "UTF-8", "naïve");
        assert!(decode(b"a\xff\xfe\xfd", Some("utf-8"), true).had_errors);
    }

    proptest! {
        #[test]
        fn any_bytes_become_text(bytes in prop::collection::vec(any::<u8>(), 0..300), is_html in any::<bool>()) {
            let decoded = decode(&bytes, None, is_html);
            prop_assert!(decoded.text.len() <= bytes.len() * 3 + 3);
        }
    }
}
