//! A page's place in its site, as the page shows it.
//!
//! Asked in this order: JSON-LD, microdata, a `nav` that is labelled so, and
//! the first element with a class that is named so.

use select::document::Document;
use select::node::Node;

use super::json_ld::JsonLd;
use super::{TEXT_CHARS_MAX, one_line, text_of};

/// How many are kept.
const BREADCRUMBS_MAX: usize = 20;

/// The breadcrumbs, outermost first.
pub(super) fn read(document: &Document, json_ld: &JsonLd) -> Vec<String> {
    let of_json: Vec<String> =
        json_ld.breadcrumbs.iter().filter_map(|name| one_line(name, TEXT_CHARS_MAX)).take(BREADCRUMBS_MAX).collect();
    if !of_json.is_empty() {
        return of_json;
    }
    let mut places = [None; 3];
    for node in (0..document.nodes.len()).filter_map(|index| document.nth(index)) {
        if let Some(rank) = rank(node) {
            places[rank] = places[rank].or(Some(node));
        }
    }
    places.into_iter().flatten().map(names).find(|names| !names.is_empty()).unwrap_or_default()
}

fn rank(node: Node<'_>) -> Option<usize> {
    let name = node.name()?;
    let holds =
        |attribute: &str| node.attr(attribute).is_some_and(|value| value.to_ascii_lowercase().contains("breadcrumb"));
    if node.attr("itemtype").is_some_and(|kind| kind.trim_end_matches('/').ends_with("schema.org/BreadcrumbList")) {
        Some(0)
    } else if name == "nav" && (holds("aria-label") || holds("class")) {
        Some(1)
    } else if matches!(name, "nav" | "div" | "ul" | "ol" | "p" | "section" | "header")
        && (holds("class") || holds("id"))
    {
        Some(2)
    } else {
        None
    }
}

/// The list items' texts; without a list, those of the links and of what
/// stands between them.
fn names(place: Node<'_>) -> Vec<String> {
    let items: Vec<Node<'_>> =
        place.descendants().filter(|node| node.name() == Some("li") && !is_aside(*node)).collect();
    let texts: Vec<String> = if items.is_empty() {
        place.descendants().filter_map(|node| node.as_text()).flat_map(split).collect()
    } else {
        items.into_iter().filter_map(|item| text_of(item, TEXT_CHARS_MAX)).flat_map(|text| trimmed(&text)).collect()
    };
    texts.into_iter().take(BREADCRUMBS_MAX).collect()
}

/// Sphinx puts "Edit this page" into the same list.
fn is_aside(item: Node<'_>) -> bool {
    item.attr("class").is_some_and(|class| class.contains("aside"))
}

fn split(text: &str) -> Vec<String> {
    text.split(['›', '»', '→', '>', '»']).filter_map(trimmed).collect()
}

/// The text without separators at its ends; `None` if it is nothing else.
fn trimmed(text: &str) -> Option<String> {
    let is_separator = |character: char| {
        character.is_whitespace() || matches!(character, '/' | '›' | '»' | '→' | '>' | '·' | '|' | '•' | '\\')
    };
    one_line(text.trim_matches(is_separator), TEXT_CHARS_MAX)
}
