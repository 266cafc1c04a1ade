//! When a page says it was last changed.

use select::document::Document;
use select::node::Node;

use super::json_ld::JsonLd;
use super::{TEXT_CHARS_MAX, one_line, text_of};

/// How far above a `<time>` a class may say what time it is.
const ANCESTORS_MAX: usize = 3;

/// Names of `<meta>` that hold the date, the most telling first.
const META_NAMES: [&str; 8] = [
    "article:modified_time",
    "og:updated_time",
    "datemodified",
    "dcterms.modified",
    "dc.date.modified",
    "last-modified",
    "last_updated",
    "updated_at",
];

/// The rank of a `<meta>`'s name (lower case) among those that hold the date.
pub(super) fn meta_rank(name: &str) -> Option<usize> {
    META_NAMES.iter().position(|known| *known == name)
}

/// The date as the page writes it: of its `<meta>`s (with their ranks), else
/// of its JSON-LD, else of a `<time>` that is marked as such.
pub(super) fn read(document: &Document, metas: &[(usize, &str)], json_ld: &JsonLd) -> Option<String> {
    let of_meta = metas.iter().min_by_key(|(rank, _)| *rank).map(|(_, content)| *content);
    of_meta
        .or(json_ld.modified.as_deref())
        .and_then(|date| one_line(date, TEXT_CHARS_MAX))
        .or_else(|| (0..document.nodes.len()).filter_map(|index| document.nth(index)).find_map(of_time))
}

fn of_time(node: Node<'_>) -> Option<String> {
    if node.name() != Some("time") {
        return None;
    }
    let near = std::iter::successors(Some(node), Node::parent).take(ANCESTORS_MAX + 1);
    let is_marked = node.attr("itemprop") == Some("dateModified")
        || near.into_iter().any(|node| {
            let class = node.attr("class").unwrap_or_default().to_ascii_lowercase();
            class.contains("updated") || class.contains("modified")
        });
    let date = || node.attr("datetime").and_then(|date| one_line(date, TEXT_CHARS_MAX));
    is_marked.then(|| date().or_else(|| text_of(node, TEXT_CHARS_MAX))).flatten()
}
