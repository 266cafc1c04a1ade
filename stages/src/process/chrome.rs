//! What is no content wherever it stands: navigation, edit links, cookie
//! bars, copy buttons, the anchors' pilcrows.

use super::dom::{Dom, NodeId};
use super::look::is_unseen;

/// Classes and ids of parts that are no content, on whatever element.
const NAMES: &[&str] = &[
    "anchorjs-link",
    "article-footer",
    "back-to-top",
    "backlink",
    "breadcrumb",
    "breadcrumbs",
    "btn-copy",
    "clipboard",
    "consent",
    "cookie-banner",
    "cookie-bar",
    "cookie-consent",
    "cookie-notice",
    "cookies",
    "copy-button",
    "copybtn",
    "edit-link",
    "edit-page",
    "edit-page-link",
    "edit-this-page",
    "feedback",
    "gdpr",
    "genindextable-jump",
    "github-edit",
    "hash-link",
    "header-anchor",
    "headerlink",
    "heading-anchor",
    "linkback",
    "local-toc",
    "md-content__button",
    "md-source-file",
    "md-top",
    "mobile-nav-chapters",
    "nav-chapters",
    "nav-wide-wrapper",
    "nav-wrapper",
    "navbar",
    "navfooter",
    "navheader",
    "next-prev",
    "nextprev",
    "on-this-page",
    "page-nav",
    "page-toc",
    "pager",
    "pagination",
    "pagination-nav",
    "permalink",
    "prev-next",
    "prevnext",
    "print-only",
    "related-pages",
    "rst-footer-buttons",
    "screen-reader-text",
    "search-box",
    "searchbox",
    "share",
    "sidebar",
    "sidenav",
    "skip-link",
    "skip-to-content",
    "skip-to-main",
    "skiplink",
    "skipnav",
    "social-share",
    "sphinxsidebar",
    "sr-only",
    "table-of-contents",
    "tableofcontents",
    "theme-doc-breadcrumbs",
    "theme-doc-footer",
    "theme-doc-toc-mobile",
    "theme-doc-version-badge",
    "theme-edit-this-page",
    "toc",
    "toolbar",
    "visually-hidden",
    "wy-breadcrumbs",
];

/// Parts whose class begins so.
const PREFIXES: &[&str] =
    &["cookie-", "cookieconsent", "onetrust", "edit-this-", "tableOfContents", "theme-last-updated"];

/// Columns of line numbers in code.
const LINE_NUMBERS: &[&str] = &[
    "linenos",
    "lineno",
    "linenodiv",
    "line-numbers",
    "line-numbers-rows",
    "line-number",
    "linenumber",
    "linenumbers",
    "codelineno",
    "LineNumbers",
    "gutter",
    "rouge-gutter",
    "hljs-ln-numbers",
    "ln",
    "lnt",
    "blob-num",
    "src-line-numbers",
    "react-syntax-highlighter-line-number",
    "ec-line-number",
];

/// Classes by which an `<aside>` says that it belongs to the text.
const ASIDES: &[&str] = &[
    "admonition",
    "note",
    "tip",
    "warning",
    "caution",
    "danger",
    "important",
    "info",
    "hint",
    "callout",
    "footnote",
    "footnotes",
    "footnote-list",
    "starlight-aside",
    "topic",
    "example",
    "alert",
    "notice",
    "message",
    "citation",
];

/// Whether the element and all in it are left out of the text.
pub(super) fn is_chrome(dom: &Dom, node: NodeId) -> bool {
    let tag = dom.tag(node);
    if tag.is_empty() {
        return false;
    }
    if is_unseen(tag) && !is_math_script(dom, node) {
        return true;
    }
    let Some(element) = dom.element(node) else { return false };
    if element.attributes.is_empty() {
        return matches!(tag, "nav" | "footer" | "aside" | "menuitem");
    }
    is_landmark(dom, node, tag)
        || is_hidden(dom, node, tag)
        || (!matches!(tag, "pre" | "code") && has_chrome_name(dom, node))
        || is_line_number(dom, node)
}

fn is_landmark(dom: &Dom, node: NodeId, tag: &str) -> bool {
    match tag {
        "nav" | "footer" | "menuitem" => true,
        "aside" if is_sphinx_sidebar(dom, node) => false,
        "aside" => {
            !dom.classes(node).any(|class| ASIDES.iter().any(|known| class.to_ascii_lowercase().contains(known)))
        }
        _ => matches!(
            dom.attribute(node, "role"),
            Some(
                "navigation"
                    | "search"
                    | "contentinfo"
                    | "banner"
                    | "complementary"
                    | "dialog"
                    | "alertdialog"
                    | "toolbar"
            )
        ),
    }
}

/// Panels of tabs are hidden until they are chosen, and are content.
fn is_hidden(dom: &Dom, node: NodeId, tag: &str) -> bool {
    if dom.attribute(node, "role") == Some("tabpanel") {
        return false;
    }
    dom.attribute(node, "hidden").is_some_and(|value| value != "until-found")
        || (dom.attribute(node, "aria-hidden") == Some("true") && !matches!(tag, "pre" | "code" | "table"))
        || dom.attribute(node, "style").is_some_and(|style| {
            let style: String = style.chars().filter(|character| !character.is_whitespace()).collect();
            style.to_ascii_lowercase().split(';').any(|rule| matches!(rule, "display:none" | "visibility:hidden"))
        })
}

fn has_chrome_name(dom: &Dom, node: NodeId) -> bool {
    let is_known =
        |name: &str| NAMES.binary_search(&name).is_ok() || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    dom.classes(node).any(|class| is_known(class) && !(class == "sidebar" && is_sphinx_sidebar(dom, node)))
        // A heading keeps its own name, which may be any word.
        || (!is_heading(dom.tag(node))
            && !matches!(dom.tag(node), "section" | "article" | "main" | "body" | "a" | "dt" | "span")
            && dom.attribute(node, "id").is_some_and(is_known))
}

/// Sphinx writes a box of the text's own under the name of a sidebar.
fn is_sphinx_sidebar(dom: &Dom, node: NodeId) -> bool {
    dom.children(node).any(|child| dom.has_class(child, "sidebar-title"))
}

/// Whether the element is a line number of code, or a column of them.
pub(super) fn is_line_number(dom: &Dom, node: NodeId) -> bool {
    dom.classes(node).any(|class| LINE_NUMBERS.contains(&class)) && !matches!(dom.tag(node), "pre" | "code" | "table")
        || dom.attribute(node, "data-nosnippet").is_some_and(|_| dom.tag(node) == "a")
}

/// MathJax keeps the source of a formula in a script.
pub(super) fn is_math_script(dom: &Dom, node: NodeId) -> bool {
    dom.tag(node) == "script" && dom.attribute(node, "type").is_some_and(|kind| kind.starts_with("math/tex"))
}

/// The level of a heading's tag.
pub(super) fn heading_level(tag: &str) -> Option<u8> {
    match tag.as_bytes() {
        [b'h', digit @ b'1'..=b'6'] => Some(digit - b'0'),
        _ => None,
    }
}

fn is_heading(tag: &str) -> bool {
    heading_level(tag).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(NAMES.is_sorted());
    }
}
