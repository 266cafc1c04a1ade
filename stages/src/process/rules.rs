//! What is known of documentation generators, as data: where a page's content
//! stands, and which parts of it are no content.
//!
//! A generator needs a row here only where the general rules would be wrong;
//! each row has a test page.

use super::dom::{Dom, NodeId};

/// A test of one element: all that is not empty must hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selector {
    tag: &'static str,
    id: &'static str,
    class: &'static str,
    attribute: (&'static str, &'static str),
}

const ANY: Selector = Selector { tag: "", id: "", class: "", attribute: ("", "") };

const fn tag(tag: &'static str) -> Selector {
    Selector { tag, ..ANY }
}

const fn id(id: &'static str) -> Selector {
    Selector { id, ..ANY }
}

const fn class(class: &'static str) -> Selector {
    Selector { class, ..ANY }
}

const fn attribute(name: &'static str, value: &'static str) -> Selector {
    Selector { attribute: (name, value), ..ANY }
}

const fn role(role: &'static str) -> Selector {
    attribute("role", role)
}

const fn tag_class(tag: &'static str, class: &'static str) -> Selector {
    Selector { tag, class, ..ANY }
}

impl Selector {
    pub(super) fn matches(&self, dom: &Dom, node: NodeId) -> bool {
        (self.tag.is_empty() || dom.tag(node) == self.tag)
            && (self.id.is_empty() || dom.attribute(node, "id") == Some(self.id))
            && (self.class.is_empty() || dom.has_class(node, self.class))
            && (self.attribute.0.is_empty() || dom.attribute(node, self.attribute.0) == Some(self.attribute.1))
    }
}

/// Where pages of one kind keep their content.
#[derive(Debug)]
pub(super) struct Rule {
    /// What the pages are made with; for notes.
    pub(super) name: &'static str,
    /// Content: all elements that match any of these, outermost only. The
    /// first must match for the rule to apply.
    pub(super) content: &'static [Selector],
    /// Parts of the content that are none, beside [`super::chrome`]'s.
    pub(super) chrome: &'static [Selector],
}

/// Special before general: the first that applies and keeps enough is taken.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "rustdoc",
        content: &[Selector { tag: "section", id: "main-content", ..ANY }],
        chrome: &[
            tag("rustdoc-toolbar"),
            class("rustdoc-breadcrumbs"),
            class("src"),
            class("since"),
            class("sub-heading"),
            class("hideme"),
            class("rightside"),
            class("tooltip"),
            class("src-line-numbers"),
        ],
    },
    Rule { name: "docusaurus", content: &[class("theme-doc-markdown")], chrome: &[] },
    Rule { name: "vitepress", content: &[class("vp-doc")], chrome: &[] },
    Rule { name: "vuepress", content: &[class("theme-default-content"), class("theme-hope-content")], chrome: &[] },
    Rule { name: "mkdocs-material", content: &[tag_class("article", "md-content__inner")], chrome: &[] },
    Rule { name: "antora", content: &[tag_class("article", "doc")], chrome: &[] },
    Rule { name: "sphinx-book", content: &[class("bd-article")], chrome: &[] },
    Rule {
        name: "starlight",
        content: &[class("sl-markdown-content"), Selector { id: "_top", tag: "h1", ..ANY }],
        chrome: &[],
    },
    Rule { name: "docsy", content: &[class("td-content")], chrome: &[] },
    Rule {
        name: "mediawiki",
        content: &[id("mw-content-text"), id("firstHeading")],
        chrome: &[class("mw-editsection"), class("printfooter"), id("catlinks"), class("mw-jump-link")],
    },
    Rule { name: "mandoc", content: &[class("manual-text")], chrome: &[] },
    Rule { name: "main", content: &[tag("main")], chrome: &[] },
    Rule { name: "role-main", content: &[role("main")], chrome: &[] },
    Rule { name: "article-body", content: &[attribute("itemprop", "articleBody")], chrome: &[] },
    Rule { name: "article", content: &[tag("article")], chrome: &[] },
    Rule { name: "asciidoctor", content: &[id("content"), id("header")], chrome: &[id("toc")] },
    Rule { name: "markdown-body", content: &[class("markdown-body")], chrome: &[] },
];
