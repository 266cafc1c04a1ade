//! What a page says of itself beside its text.

use url::Url;

use super::content::body;
use super::dom::{Dom, NodeId};
use super::look::{collapse, letters};

/// What stands between a page's title and its site's name.
const TITLE_SEPARATORS: [&str; 8] = [" - ", " – ", " — ", " | ", " · ", " :: ", " » ", " • "];
/// First breadcrumbs that stand for the site itself.
const HOME: [&str; 10] = ["home", "homepage", "index", "start", "docs", "documentation", "main page", "top", "⌂", "🏠"];
/// More breadcrumbs are no path.
const BREADCRUMBS_MAX: usize = 16;
/// A language tag is no longer (RFC 5646).
const LANGUAGE_BYTES_MAX: usize = 35;

/// What a page says of itself; nothing is checked against the raw item.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PageMetadata {
    /// `<title>` as it stands.
    pub(super) title: Option<String>,
    pub(super) og_title: Option<String>,
    pub(super) site_name: Option<String>,
    pub(super) language: Option<String>,
    /// Absolute.
    pub(super) canonical: Option<String>,
    pub(super) last_updated: Option<String>,
    pub(super) breadcrumbs: Vec<String>,
}

/// Reads what the page says of itself.
pub(super) fn read(dom: &Dom, base: &Url) -> PageMetadata {
    let mut page = PageMetadata::default();
    for id in dom.descendants(NodeId::DOCUMENT) {
        match dom.tag(id) {
            "html" => {
                page.language = dom.attribute(id, "lang").or_else(|| dom.attribute(id, "xml:lang")).and_then(language)
            }
            "title" if page.title.is_none() && !dom.is_foreign(id) => page.title = some_text(dom, id),
            "meta" => read_meta(dom, id, &mut page),
            "link" => {
                let is_canonical =
                    |rel: &str| rel.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("canonical"));
                if page.canonical.is_none() && dom.attribute(id, "rel").is_some_and(is_canonical) {
                    page.canonical = dom.attribute(id, "href").and_then(|href| absolute(base, href));
                }
            }
            "time" if page.last_updated.is_none() => page.last_updated = modified(dom, id),
            _ => {}
        }
    }
    page.last_updated = page.last_updated.or_else(|| updated_line(dom));
    page.breadcrumbs = breadcrumbs(dom);
    page
}

/// The URL against which the page's links are resolved.
pub(super) fn base(dom: &Dom, url: &Url) -> Url {
    let base =
        dom.descendants(NodeId::DOCUMENT).find(|&id| dom.tag(id) == "base" && dom.attribute(id, "href").is_some());
    let href = base.and_then(|id| dom.attribute(id, "href"));
    href.and_then(|href| url.join(href.trim()).ok())
        .filter(|base| matches!(base.scheme(), "http" | "https"))
        .unwrap_or_else(|| url.clone())
}

fn read_meta(dom: &Dom, id: NodeId, page: &mut PageMetadata) {
    let Some(content) = dom.attribute(id, "content").map(collapse).filter(|content| !content.is_empty()) else {
        return;
    };
    let name = dom.attribute(id, "property").or_else(|| dom.attribute(id, "name"));
    let name = name.or_else(|| dom.attribute(id, "itemprop")).or_else(|| dom.attribute(id, "http-equiv"));
    let slot = match name.unwrap_or_default().to_ascii_lowercase().as_str() {
        "og:title" => &mut page.og_title,
        "og:site_name" => &mut page.site_name,
        "og:locale" | "content-language" | "language" => {
            page.language = page.language.take().or_else(|| language(&content));
            return;
        }
        "article:modified_time"
        | "og:updated_time"
        | "datemodified"
        | "last-modified"
        | "last-updated"
        | "dcterms.modified"
        | "dc.date.modified"
        | "revised" => &mut page.last_updated,
        _ => return,
    };
    slot.get_or_insert(content);
}

fn some_text(dom: &Dom, id: NodeId) -> Option<String> {
    Some(dom.plain_text(id)).filter(|text| !text.is_empty())
}

fn absolute(base: &Url, href: &str) -> Option<String> {
    let url = base.join(href.trim()).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// A language tag in its usual form (`en_US` is `en-US`), if it is one.
pub(super) fn language(tag: &str) -> Option<String> {
    let tag = tag.trim().replace('_', "-");
    let is_tag = (2..=LANGUAGE_BYTES_MAX).contains(&tag.len())
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && tag.starts_with(|first: char| first.is_ascii_alphabetic());
    is_tag.then_some(tag)
}

fn modified(dom: &Dom, time: NodeId) -> Option<String> {
    let says_so = |id: NodeId| {
        dom.attribute(id, "itemprop") == Some("dateModified")
            || dom.classes(id).any(|class| {
                let class = class.to_ascii_lowercase();
                class.contains("updated") || class.contains("modified") || class.contains("revision")
            })
    };
    let is_modified = says_so(time) || dom.ancestors(time).take(3).any(says_so);
    let date = dom.attribute(time, "datetime").map(collapse).filter(|date| !date.is_empty());
    is_modified.then(|| date.or_else(|| some_text(dom, time))).flatten()
}

/// What stands behind "Last updated" in a footer.
fn updated_line(dom: &Dom) -> Option<String> {
    const SIGNS: [&str; 4] = ["last updated", "last modified", "last update", "last edited"];
    const DATE_CHARS_MAX: usize = 40;
    let body = body(dom);
    for id in dom.descendants(body) {
        let Some(text) = dom.text(id).filter(|text| text.len() < 400) else { continue };
        let line = text.lines().find_map(|line| {
            let lower = line.to_ascii_lowercase();
            let at = SIGNS.iter().find_map(|sign| lower.find(sign).map(|at| at + sign.len()))?;
            let rest = collapse(line.get(at..)?);
            let rest = rest.strip_prefix("on").filter(|rest| !rest.starts_with(char::is_alphabetic)).unwrap_or(&rest);
            let year = rest.as_bytes().windows(4).position(|digits| digits.iter().all(u8::is_ascii_digit))?;
            // The year, or what follows it, ends the sentence.
            let end = rest.get(year..)?.find(". ").map_or(rest.len(), |end| year + end);
            let date = rest[..end].trim_matches([' ', ':', '.', ',']);
            (date.chars().count() <= DATE_CHARS_MAX).then(|| date.to_owned())
        });
        if line.is_some() {
            return line;
        }
    }
    None
}

fn breadcrumbs(dom: &Dom) -> Vec<String> {
    let trail = dom.descendants(body(dom)).find(|&id| {
        dom.classes(id).any(|class| {
            matches!(
                class,
                "breadcrumb" | "breadcrumbs" | "wy-breadcrumbs" | "bd-breadcrumbs" | "theme-doc-breadcrumbs"
            )
        }) || dom.attribute(id, "aria-label").is_some_and(|label| label.to_ascii_lowercase().starts_with("breadcrumb"))
            || dom.attribute(id, "itemtype").is_some_and(|kind| kind.ends_with("/BreadcrumbList"))
    });
    let Some(trail) = trail else { return Vec::new() };
    let items: Vec<NodeId> = dom.descendants(trail).filter(|&id| id != trail && dom.tag(id) == "li").collect();
    let items = if items.is_empty() {
        dom.descendants(trail).filter(|&id| id != trail && matches!(dom.tag(id), "a" | "span")).collect()
    } else {
        items
    };
    let mut crumbs: Vec<String> = Vec::new();
    for id in items {
        let text = dom.plain_text(id);
        let text = text.trim_matches(|character: char| {
            character.is_whitespace()
                || matches!(character, '/' | '>' | '›' | '»' | '→' | '|' | '•' | '·' | '\u{e000}'..='\u{f8ff}')
        });
        if !text.is_empty() && crumbs.last().map(String::as_str) != Some(text) && crumbs.len() < BREADCRUMBS_MAX {
            crumbs.push(text.to_owned());
        }
    }
    crumbs
}

/// The title of the document: the raw item's, without the site's name.
///
/// The raw item's title is taken first, because another program may have
/// chosen it; where it is the page's `<title>`, the part of it that the
/// content's first heading says, or all but the site's name, is the page's
/// own. Without any of them the heading is the title.
pub(super) fn title(raw_title: &str, page: &PageMetadata, first_heading: Option<&str>) -> Option<String> {
    let raw_title = collapse(raw_title);
    let candidates = [Some(raw_title.as_str()), page.title.as_deref(), page.og_title.as_deref(), first_heading];
    let full = candidates.into_iter().flatten().map(str::trim).find(|title| !title.is_empty())?;
    Some(without_site(full, page, first_heading).to_owned())
}

fn without_site<'t>(full: &'t str, page: &PageMetadata, first_heading: Option<&str>) -> &'t str {
    let cuts = TITLE_SEPARATORS.iter().flat_map(|separator| {
        full.match_indices(separator).map(|(at, found)| (full[..at].trim(), full[at + found.len()..].trim()))
    });
    let cuts: Vec<(&str, &str)> = cuts.take(8).filter(|(left, right)| !left.is_empty() && !right.is_empty()).collect();
    let is_same = |one: &str, other: Option<&str>| other.is_some_and(|other| letters(one) == letters(other));
    for &(left, right) in &cuts {
        for own in [left, right] {
            if is_same(own, first_heading) || is_same(own, page.og_title.as_deref()) {
                return own;
            }
        }
    }
    for &(left, right) in &cuts {
        if is_same(right, page.site_name.as_deref()) {
            return left;
        }
        if is_same(left, page.site_name.as_deref()) {
            return right;
        }
    }
    full
}

/// The outermost breadcrumb that is not the site itself.
pub(super) fn category(breadcrumbs: &[String], site_name: Option<&str>) -> Option<String> {
    breadcrumbs
        .iter()
        .find(|crumb| {
            let name = crumb.trim().to_lowercase();
            !name.is_empty()
                && !HOME.contains(&name.as_str())
                && site_name.is_none_or(|site| !site.trim().eq_ignore_ascii_case(&name))
        })
        .cloned()
}
