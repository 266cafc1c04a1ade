//! Links that land on the section a chunk comes from.

use url::Url;

use crate::item::{Document, Heading};

/// Bytes of an anchor that is worth repeating in every chunk.
const ANCHOR_BYTES_MAX: usize = 1_000;

/// The anchors of a document, by where they are.
pub(super) struct Anchors<'a> {
    url: &'a str,
    /// Ascending.
    anchors: Vec<(usize, &'a str)>,
}

impl<'a> Anchors<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        let anchor = |heading: &'a Heading| {
            let anchor = heading.anchor.as_deref().filter(|anchor| (1..=ANCHOR_BYTES_MAX).contains(&anchor.len()));
            anchor.map(|anchor| (heading.offset, anchor))
        };
        let mut anchors: Vec<_> = document.metadata.headings.iter().filter_map(anchor).collect();
        anchors.sort_by_key(|&(offset, _)| offset);
        // The normalised URL has no fragment; one from elsewhere may.
        let url = document.url.split_once('#').map_or(document.url.as_str(), |(page, _)| page);
        Self { url, anchors }
    }

    /// The URL that leads to the text at `offset`: to the nearest anchor at or
    /// before it.
    pub(super) fn link(&self, offset: usize) -> String {
        let after = self.anchors.partition_point(|&(anchor, _)| anchor <= offset);
        match after.checked_sub(1).and_then(|index| self.anchors.get(index)) {
            Some((_, anchor)) => format!("{}#{}", self.url, encoded(anchor)),
            None => self.url.to_owned(),
        }
    }
}

/// `fragment` percent-encoded as browsers do.
fn encoded(fragment: &str) -> String {
    // A URL is nothing but a way to reach the standard's own encoder.
    Url::parse("x:/")
        .ok()
        .and_then(|mut url| {
            url.set_fragment(Some(fragment));
            url.fragment().map(str::to_owned)
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_anchor_before_is_encoded_as_browsers_do() {
        let heading = |offset, anchor: Option<&str>| Heading {
            level: 2,
            text: String::new(),
            anchor: anchor.map(str::to_owned),
            offset,
        };
        let mut document = super::super::testing::document("");
        document.metadata.headings =
            vec![heading(30, Some("größe a\"b<c>")), heading(10, Some("a")), heading(40, None)];
        let anchors = Anchors::new(&document);
        assert_eq!(anchors.link(9), "https://example.com/page");
        assert_eq!(anchors.link(10), "https://example.com/page#a");
        assert_eq!(anchors.link(100), "https://example.com/page#gr%C3%B6%C3%9Fe%20a%22b%3Cc%3E");
    }
}
