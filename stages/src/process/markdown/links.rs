//! Links: where they lead, and how many of them are kept.

use std::collections::HashSet;

use url::Url;

use crate::item::Link;

/// A longer URL is no link, only its text is kept.
const URL_BYTES_MAX: usize = 2_048;
/// More links of a page are not noted.
const NOTED_MAX: usize = 2_000;
/// A noted link's text is cut here.
const TEXT_CHARS_MAX: usize = 300;
/// All targets together may be this many times as long as the page, plus as
/// much again of a small page: a long base would else swell short links.
const TARGETS_PER_BYTE: usize = 2;
const TARGETS_FREE_BYTES: usize = 64 << 10;

/// The links of a page, as far as it is read.
#[derive(Debug)]
pub(super) struct Links {
    /// Links to pages in their order, each URL once, without fragments.
    pub(super) noted: Vec<Link>,
    seen: HashSet<String>,
    target_bytes_left: usize,
}

impl Links {
    pub(super) fn new(html_bytes: usize) -> Self {
        Self {
            noted: Vec::new(),
            seen: HashSet::new(),
            target_bytes_left: html_bytes * TARGETS_PER_BYTE + TARGETS_FREE_BYTES,
        }
    }

    /// Notes a link to another page.
    pub(super) fn note(&mut self, text: &str, target: &str) {
        let page = target.split_once('#').map_or(target, |(page, _)| page);
        if self.noted.len() < NOTED_MAX && page.starts_with("http") && self.seen.insert(page.to_owned()) {
            let text = text.chars().take(TEXT_CHARS_MAX).collect();
            self.noted.push(Link { text, url: page.to_owned() });
        }
    }

    /// Whether one more link to `target` may be written.
    pub(super) fn may_write(&mut self, target: &str) -> bool {
        match self.target_bytes_left.checked_sub(target.len()) {
            Some(left) => {
                self.target_bytes_left = left;
                true
            }
            None => false,
        }
    }
}

/// Where `href` leads, absolute; nothing if it is no link to a page.
pub(super) fn resolve(base: &Url, href: &str) -> Option<String> {
    let href = href.trim();
    if href.len() > URL_BYTES_MAX {
        return None;
    }
    let url = base.join(href).ok()?;
    let leads_somewhere = matches!(url.scheme(), "http" | "https" | "mailto" | "ftp" | "tel");
    (leads_somewhere && url.as_str().len() <= URL_BYTES_MAX).then(|| url.into())
}
