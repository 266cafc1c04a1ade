//! The links of a page.

use std::collections::HashMap;

use select::document::Document;
use url::Url;

use super::super::url::{NormalUrl, UrlRules};
use super::{TEXT_CHARS_MAX, has_token, text_of};

/// How many different links of one page are kept.
pub const LINKS_MAX: usize = 10_000;

/// One link of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageLink {
    /// Where it leads.
    pub url: NormalUrl,
    /// Its text on one line; may be empty.
    pub text: String,
    /// Whether it may be followed: false where all links to this URL say
    /// `rel=nofollow`.
    pub followed: bool,
}

/// The links in the order of the page, each URL once and `page` itself left
/// out, and how many different ones were too many.
pub(super) fn read(document: &Document, base: &Url, page: &NormalUrl, rules: &UrlRules) -> (Vec<PageLink>, usize) {
    let mut links: Vec<PageLink> = Vec::new();
    let mut places: HashMap<NormalUrl, usize> = HashMap::new();
    let mut cut = 0;
    for node in (0..document.nodes.len()).filter_map(|index| document.nth(index)) {
        // A frame of a frameset is a page of its own; an iframe seldom is.
        let address = match node.name() {
            Some("a" | "area") => node.attr("href"),
            Some("frame") => node.attr("src"),
            _ => continue,
        };
        let Some(url) = address.and_then(|href| NormalUrl::resolve(base, href, rules).ok()) else { continue };
        if url == *page {
            continue;
        }
        let followed = !has_token(node, "rel", "nofollow");
        let text = || text_of(node, TEXT_CHARS_MAX).or_else(|| node.attr("alt").map(str::to_owned)).unwrap_or_default();
        match places.get(&url) {
            Some(&place) => {
                let link = &mut links[place];
                link.followed |= followed;
                if link.text.is_empty() {
                    link.text = text();
                }
            }
            None if links.len() >= LINKS_MAX => cut += 1,
            None => {
                places.insert(url.clone(), links.len());
                links.push(PageLink { url, text: text(), followed });
            }
        }
    }
    (links, cut)
}
