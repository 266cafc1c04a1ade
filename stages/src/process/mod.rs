//! The process stage: a raw item in, a document of Markdown and metadata out.
//!
//! The page is read once, into a flat tree whose depth and size are bounded
//! whatever the page does (`parse`); `content` finds the parts that are
//! content, `markdown` writes them, `metadata` reads what the page says of
//! itself. No text of the content is dropped; what nests too deep loses its
//! tags only. Time is linear in the page's size.
//!
//! # Why rules first, and a walk of our own
//!
//! Compared on pages of six generators (every third page of the Rust book, of
//! std's modules and structs, of Python's library, the JDK's `java.util`,
//! git's manual and npm's: 136 pages), against the text, headings and code
//! blocks of each page's main element, in percent: words found / headings
//! found / headings right / code blocks found, and milliseconds a page at
//! `opt-level = 2`.
//!
//! | pages | rules and own walk | the same, rules off | rs-trafilatura 0.2.2 | dom_smoothie 0.19 + htmd 0.5.6 |
//! |---|---|---|---|---|
//! | mdBook | 100 / 100 / 100 / 100, 1.9 | 100 / 100 / 98 / 100 | 85 / 97 / 100 / 50, 9.4 | 100 / 82 / 100 / 100, 2.7 |
//! | rustdoc | 98 / 100 / 100 / 100, 1.1 | 98 / 100 / 100 / 100 | 97 / 32 / 97 / 34, 7.2 | 91 / 46 / 95 / 100, 2.0 |
//! | Sphinx | 100 / 100 / 100 / 99.5, 6.1 | 100 / 100 / 100 / 99.5 | 99 / 93 / 97 / 88, 35 | 97 / 84 / 77 / 0, 7.7 |
//! | javadoc | 100 / 100 / 100 / 100, 3.5 | 100 / 100 / 100 / 100 | 100 / 85 / 100 / 79, 25 | 89 / 82 / 100 / 53, 7.2 |
//! | AsciiDoc | 100 / 100 / 100 / 100, 1.5 | 99 / 85 / 100 / 100 | 99 / 81 / 100 / 100, 9.1 | 72 / 41 / 100 / 63, 1.8 |
//! | npm | 99 / 100 / 93 / 100, 0.8 | 98 / 93 / 99 / 100 | 98 / 92 / 92 / 100, 4.8 | 98 / 92 / 100 / 100, 0.9 |
//!
//! Documentation says where its content is, so asking is better than guessing
//! from densities, and where no rule applies, going down to where the text is
//! does better than the two libraries, which are made for articles (and one of
//! them writes to standard error as it works). htmd alone, given the main
//! element, turns a pilcrow into part of a heading, and a `<pre>` without
//! `<code>` (Sphinx, javadoc) into no code block; it recurses without a bound,
//! and cannot tell where in the Markdown a heading stands.

mod chrome;
mod content;
mod dom;
mod headings;
mod input;
mod look;
mod markdown;
mod metadata;
mod nesting;
mod parse;
mod plain;
mod rules;
mod scan;
mod sink;

use std::collections::HashSet;

use thiserror::Error;
use url::Url;

pub use self::content::Extraction;
use self::input::Source;
pub use self::nesting::bound_nesting;
use crate::failure::{StageError, one_line};
use crate::item::{Document, DocumentMetadata, Link, RawItem, article_id};

/// How deep a page's elements may nest; deeper tags are dropped, their text
/// stays. Real pages stay under 60, and a walk this deep fits a stack of half
/// a MiB in a debug build.
pub const NESTING_MAX: usize = 128;

/// The settings that change a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessOptions {
    /// A page with more bytes of HTML or text is refused (`DOWNLOAD_MAXSIZE`).
    pub html_bytes_max: usize,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self { html_bytes_max: 32 << 20 }
    }
}

/// Changes whenever the same item and options give another document.
const CODE_VERSION: u32 = 1;

/// Names all that decides a document beside its raw item. The size limit does
/// not: a page that is over it has no document.
pub fn fingerprint() -> String {
    format!("process v{CODE_VERSION}")
}

/// A document, and what is worth telling of its making.
#[derive(Debug, Clone, PartialEq)]
pub struct Processed {
    /// The document.
    pub document: Document,
    /// What is no failure.
    pub notes: Notes,
}

/// What is worth telling of a document's making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notes {
    /// How the content was found; nothing where the item is no HTML.
    pub extraction: Option<Extraction>,
    /// Bytes of tags and attributes that were dropped because they nest too
    /// deep or are too many; never text.
    pub tag_bytes_dropped: usize,
}

/// Why an item has no document; trying again cannot help.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The page is over the limit.
    #[error("{url} has {bytes} bytes of text, more than DOWNLOAD_MAXSIZE={max} allows: raise it to process this page")]
    TooLarge {
        /// The item's URL, on one line.
        url: String,
        /// What it has.
        bytes: usize,
        /// The setting.
        max: usize,
    },
    /// The URL cannot be the base of links.
    #[error("{url} is no absolute http(s) URL: mend the field url of the raw item")]
    BadUrl {
        /// The item's URL, on one line.
        url: String,
    },
    /// There is nothing to process, not even an empty text.
    #[error("the raw item of {url} has none of html_content, content and text_content: add one, empty if need be")]
    NoContent {
        /// The item's URL, on one line.
        url: String,
    },
}

impl StageError for ProcessError {
    fn can_retry(&self) -> bool {
        false
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "page_too_large",
            Self::BadUrl { .. } => "bad_url",
            Self::NoContent { .. } => "no_content",
        }
    }
}

/// What a source gives, before it is put beside the raw item.
#[derive(Debug)]
struct Body {
    markdown: String,
    anchors: Vec<(usize, Option<String>)>,
    links: Vec<Link>,
    page: metadata::PageMetadata,
    notes: Notes,
}

/// Makes a document of a raw item; `url` is its normalised URL.
///
/// The result depends on the item and the options only. A page without text,
/// or a tombstone, gives an empty document.
///
/// # Errors
/// [`ProcessError`]; all are permanent.
pub fn process(raw: &RawItem, url: &str, options: &ProcessOptions) -> Result<Processed, ProcessError> {
    let shown = || one_line(url, 200);
    let page_url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let page_url = page_url.ok_or_else(|| ProcessError::BadUrl { url: shown() })?;
    let source = input::source(raw);
    if let Source::Nothing = source
        && !raw.is_tombstone()
    {
        return Err(ProcessError::NoContent { url: shown() });
    }
    if source.text().len() > options.html_bytes_max {
        return Err(ProcessError::TooLarge { url: shown(), bytes: source.text().len(), max: options.html_bytes_max });
    }
    let mut body = match source {
        Source::Html(html) => body_of_html(html, &page_url),
        Source::Markdown(text) => body_of_text(text.to_owned()),
        Source::Plain(text) => body_of_text(plain::to_markdown(text)),
        Source::Nothing => body_of_text(String::new()),
    };
    if raw.html_content.is_none() {
        input::append_lists(raw, &mut body.markdown);
    }
    Ok(Processed { notes: body.notes, document: document(raw, url, body) })
}

fn body_of_html(html: &str, page_url: &Url) -> Body {
    let parsed = parse::parse(html, NESTING_MAX);
    let dom = &parsed.dom;
    let base = metadata::base(dom, page_url);
    let content = content::find(dom);
    let written = markdown::write(dom, &content, &base, html.len());
    Body {
        markdown: written.markdown,
        anchors: written.anchors,
        links: written.links,
        page: metadata::read(dom, &base),
        notes: Notes {
            extraction: Some(content.extraction),
            tag_bytes_dropped: parsed.cuts.iter().map(ExactSizeIterator::len).sum(),
        },
    }
}

fn body_of_text(markdown: String) -> Body {
    Body {
        markdown,
        anchors: Vec::new(),
        links: Vec::new(),
        page: metadata::PageMetadata::default(),
        notes: Notes { extraction: None, tag_bytes_dropped: 0 },
    }
}

fn document(raw: &RawItem, url: &str, body: Body) -> Document {
    let Body { markdown, anchors, links, page, .. } = body;
    let headings = headings::read(&markdown, &anchors);
    let first_heading = headings.iter().map(|heading| heading.text.as_str()).find(|text| !text.is_empty());
    let title = metadata::title(&raw.title, &page, first_heading).unwrap_or_default();
    let last_updated = some(raw.last_updated.as_deref()).map(str::to_owned).or(page.last_updated);
    let breadcrumbs = if raw.breadcrumbs.is_empty() { page.breadcrumbs } else { raw.breadcrumbs.clone() };
    let related = if raw.related_links.is_empty() { links } else { raw.related_links.clone() };
    let metadata = &raw.metadata;
    Document {
        url: url.to_owned(),
        title: title.clone(),
        last_updated: last_updated.clone(),
        metadata: DocumentMetadata {
            source_url: raw.url.clone(),
            document_title: title,
            last_updated,
            category: metadata::category(&breadcrumbs, page.site_name.as_deref()),
            breadcrumbs,
            related_links: other_pages(related, url),
            scraped_at: raw.scraped_at.clone(),
            article_id: article_id(metadata.article_id.as_deref()).map(str::to_owned),
            locale: metadata.locale.as_deref().and_then(metadata::language).or(page.language),
            page_hash: metadata.page_hash.clone(),
            change_status: metadata.change_status.clone(),
            canonical_url: some(metadata.canonical_url.as_deref()).map(str::to_owned).or(page.canonical),
            headings,
        },
        markdown_content: markdown,
    }
}

fn some(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The links that lead elsewhere, each URL once.
fn other_pages(links: Vec<Link>, url: &str) -> Vec<Link> {
    let mut seen: HashSet<String> = HashSet::from([url.to_owned()]);
    let is_new = |link: &Link| seen.insert(link.url.clone());
    links.into_iter().filter(is_new).collect()
}

#[cfg(test)]
mod tests;
