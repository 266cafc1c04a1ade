//! What the crawler reads out of a page: title, links, breadcrumbs, robots
//! tags and the rest of its metadata. The content itself is the processor's.
//!
//! The tree is select's; what it is built from has its nesting bounded first,
//! because the library recurses.

mod breadcrumbs;
mod dates;
mod json_ld;
mod links;
mod robots_tag;

use select::document::Document;
use select::node::Node;

use self::json_ld::JsonLd;
pub use self::links::{LINKS_MAX, PageLink};
pub use self::robots_tag::RobotsTag;
use super::url::{NormalUrl, UrlRules};
use crate::item;
use crate::process::bound_nesting;

/// Deeper tags are left out before the tree is built.
const DEPTH_MAX: usize = 512;
/// How long a title may be, in characters.
const TITLE_CHARS_MAX: usize = 1_000;
/// How long other texts out of a page's head may be, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// What one page says beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageFacts {
    /// The title on one line; empty where the page has none.
    pub title: String,
    /// The page's links in its order, each URL once, itself left out.
    pub links: Vec<PageLink>,
    /// How many links were left out beyond [`LINKS_MAX`].
    pub links_cut: usize,
    /// The page's place in its site, outermost first.
    pub breadcrumbs: Vec<String>,
    /// What the page lets robots do, by its tags and headers together.
    pub robots: RobotsTag,
    /// What the page names as its own URL, absolute.
    pub canonical: Option<NormalUrl>,
    /// Language tag, such as `en`.
    pub language: Option<String>,
    /// When the page says it was last changed, as it says it.
    pub last_updated: Option<String>,
    /// The site's own name for the page; see [`item::article_id`].
    pub article_id: Option<String>,
}

/// Reads a page of HTML that came from `url`.
///
/// `robots_headers` are the values of `X-Robots-Tag`; `product_token` is the
/// name that robots tags may know us by.
pub fn read_page(
    html: &str,
    url: &NormalUrl,
    robots_headers: &[String],
    product_token: &str,
    rules: &UrlRules,
) -> PageFacts {
    let document = Document::from(&*bound_nesting(html, DEPTH_MAX));
    let head = Head::read(&document, product_token);
    let json_ld = JsonLd::read(&head.json_ld);
    let base = head.base.and_then(|href| url.as_url().join(href.trim()).ok());
    let base = base.as_ref().filter(|base| matches!(base.scheme(), "http" | "https")).unwrap_or(url.as_url());
    let (links, links_cut) = links::read(&document, base, url, rules);
    PageFacts {
        title: head.title(),
        links,
        links_cut,
        breadcrumbs: breadcrumbs::read(&document, &json_ld),
        robots: head.robots.and(RobotsTag::of_headers(robots_headers, product_token)),
        canonical: head.canonical.and_then(|href| NormalUrl::resolve(base, href, rules).ok()),
        language: head.language,
        last_updated: dates::read(&document, &head.updated, &json_ld),
        article_id: head.article_id,
    }
}

/// What a page of plain text or Markdown says: the headers alone.
pub fn read_plain(robots_headers: &[String], product_token: &str) -> PageFacts {
    PageFacts { robots: RobotsTag::of_headers(robots_headers, product_token), ..PageFacts::default() }
}

/// What one walk over the page's elements finds.
#[derive(Default)]
struct Head<'a> {
    base: Option<&'a str>,
    title: Option<String>,
    title_og: Option<String>,
    heading: Option<String>,
    canonical: Option<&'a str>,
    language: Option<String>,
    robots: RobotsTag,
    article_id: Option<String>,
    /// Dates of `<meta>`, by rank; see [`dates`].
    updated: Vec<(usize, &'a str)>,
    json_ld: Vec<&'a str>,
}

impl<'a> Head<'a> {
    fn read(document: &'a Document, product_token: &str) -> Self {
        let mut head = Self::default();
        for node in (0..document.nodes.len()).filter_map(|index| document.nth(index)) {
            match node.name() {
                Some("html") => head.language = head.language.or_else(|| language(node.attr("lang"))),
                Some("base") => head.base = head.base.or(node.attr("href")),
                Some("title") if !is_in_svg(node) => head.title = head.title.or_else(|| text_of(node, TITLE_CHARS_MAX)),
                Some("h1") => head.heading = head.heading.or_else(|| text_of(node, TITLE_CHARS_MAX)),
                Some("link") if has_token(node, "rel", "canonical") => {
                    head.canonical = head.canonical.or(node.attr("href"))
                }
                Some("script") if is_json_ld(node) => {
                    head.json_ld.extend(node.first_child().and_then(|text| text.as_text()))
                }
                Some("meta") => head.read_meta(node, product_token),
                _ => {}
            }
        }
        head
    }

    fn read_meta(&mut self, node: Node<'a>, product_token: &str) {
        let Some(content) = node.attr("content").map(str::trim).filter(|content| !content.is_empty()) else { return };
        let name =
            ["name", "property", "itemprop", "http-equiv"].into_iter().find_map(|attribute| node.attr(attribute));
        let name = name.unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "og:title" => self.title_og = self.title_og.take().or_else(|| one_line(content, TITLE_CHARS_MAX)),
            "content-language" => self.language = self.language.take().or_else(|| language(Some(content))),
            "robots" => self.robots = self.robots.and(RobotsTag::of_content(content)),
            _ if !product_token.is_empty() && name == product_token.to_ascii_lowercase() => {
                self.robots = self.robots.and(RobotsTag::of_content(content));
            }
            _ if is_article_id(&name) => {
                let id = self.article_id.take();
                self.article_id = id.or_else(|| item::article_id(Some(content)).map(str::to_owned));
            }
            _ => self.updated.extend(dates::meta_rank(&name).map(|rank| (rank, content))),
        }
    }

    fn title(&self) -> String {
        let titles = [&self.title, &self.title_og, &self.heading];
        titles.into_iter().flatten().next().cloned().unwrap_or_default()
    }
}

fn is_in_svg(node: Node<'_>) -> bool {
    std::iter::successors(node.parent(), Node::parent).any(|ancestor| ancestor.name() == Some("svg"))
}

fn is_json_ld(node: Node<'_>) -> bool {
    node.attr("type").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/ld+json"))
}

/// `article_id`, `article-id`, `articleId`, `doc-id` and so on.
fn is_article_id(name: &str) -> bool {
    let bare: String = name.chars().filter(|character| !matches!(character, '-' | '_' | ':' | '.')).collect();
    matches!(bare.as_str(), "articleid" | "docid" | "documentid")
}

/// A language tag, if it looks like one.
fn language(value: Option<&str>) -> Option<String> {
    let value = value?.trim();
    let is_tag = (2..=35).contains(&value.len())
        && value
            .split(['-', '_'])
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    is_tag.then(|| value.replace('_', "-"))
}

/// Whether a space-separated attribute holds a word, in any case.
fn has_token(node: Node<'_>, attribute: &str, token: &str) -> bool {
    let tokens = node.attr(attribute).unwrap_or_default().split_ascii_whitespace();
    tokens.into_iter().any(|candidate| candidate.eq_ignore_ascii_case(token))
}

/// A node's text on one line, at most `chars_max` characters; `None` where it
/// has none. Looks no further than it needs to, however large the node is.
fn text_of(node: Node<'_>, chars_max: usize) -> Option<String> {
    let mut text = String::new();
    for part in node.descendants().filter_map(|node| node.as_text()) {
        // A character has at most four bytes, and a word between may be cut.
        if text.len() > chars_max * 4 {
            break;
        }
        text.push_str(part);
    }
    one_line(&text, chars_max)
}

/// Runs of white space as one space, and no control characters.
fn one_line(text: &str, chars_max: usize) -> Option<String> {
    let mut line = String::new();
    for (index, word) in text.split(|character: char| character.is_whitespace() || character.is_control()).enumerate() {
        if index > 0 && !line.is_empty() && !word.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > chars_max * 4 {
            break;
        }
    }
    let line: String = line.chars().take(chars_max).collect();
    Some(line.trim_end().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests;
