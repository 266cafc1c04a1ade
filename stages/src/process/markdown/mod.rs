//! A page's content as GitHub-flavoured Markdown.
//!
//! A walk over the tree: inline content is collected into runs
//! ([`inline`]), blocks are written as they come ([`writer`]). The walk
//! recurses, so the tree's depth must be bounded; `parse` sees to that.

mod code;
mod escape;
mod heading;
mod inline;
mod links;
mod list;
mod math;
mod phrase;
mod settle;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use url::Url;

pub(super) use self::escape::longest_run;
use self::inline::{Mark, Place, Run};
use self::links::Links;
use self::writer::Writer;
use super::chrome::heading_level;
use super::content::{Content, is_block};
use super::dom::{Dom, NodeId};
use crate::item::Link;

/// A page's content, written.
#[derive(Debug)]
pub(super) struct Written {
    /// Markdown; ends in a line feed unless it is empty.
    pub(super) markdown: String,
    /// Where each heading's `#` stands, and its anchor.
    pub(super) anchors: Vec<(usize, Option<String>)>,
    /// The links to other pages in their order, each URL once.
    pub(super) links: Vec<Link>,
}

/// Writes `content`, of a page of `html_bytes`, as Markdown; links are
/// resolved against `base`.
pub(super) fn write(dom: &Dom, content: &Content, base: &Url, html_bytes: usize) -> Written {
    let mut walk = Walk {
        dom,
        content,
        base,
        out: Writer::new(),
        anchors: Vec::new(),
        links: Links::new(html_bytes),
        block_links: Vec::new(),
        last_list: None,
    };
    for &root in &content.roots {
        if heading_level(dom.tag(root)).is_some() { walk.block(root) } else { walk.blocks(root) }
    }
    Written { markdown: walk.out.finish(), anchors: walk.anchors, links: walk.links.noted }
}

struct Walk<'a> {
    dom: &'a Dom,
    content: &'a Content,
    base: &'a Url,
    out: Writer,
    anchors: Vec<(usize, Option<String>)>,
    links: Links,
    /// Targets of the links that hold blocks, outermost first.
    block_links: Vec<String>,
    /// The marker of the list that was written last, if nothing followed it.
    last_list: Option<char>,
}

impl Walk<'_> {
    fn is_left_out(&self, id: NodeId) -> bool {
        self.content.left_out[id.index()]
    }

    fn holds_block(&self, id: NodeId) -> bool {
        self.content.holds_block[id.index()]
    }

    /// Writes all that `parent` holds.
    fn blocks(&mut self, parent: NodeId) {
        let mut run = Run::default();
        let mut next = self.dom.first_child(parent);
        while let Some(id) = next {
            next = self.dom.next_sibling(id);
            if self.is_left_out(id) {
                continue;
            }
            if is_block(self.dom.tag(id)) || self.holds_block(id) {
                self.paragraph(std::mem::take(&mut run));
                self.block(id);
            } else {
                self.inline(id, &mut run);
            }
        }
        self.paragraph(run);
    }

    fn paragraph(&mut self, mut run: Run) {
        if run.is_empty() {
            return;
        }
        self.link_whole(&mut run);
        self.out.block(&run.write(Place::Paragraph));
        self.last_list = None;
    }

    /// Makes the run a link, inside a link that holds blocks.
    fn link_whole(&mut self, run: &mut Run) {
        if let Some(target) = self.block_links.last()
            && self.links.may_write(target)
        {
            run.link_whole(target);
        }
    }

    fn block(&mut self, id: NodeId) {
        let tag = self.dom.tag(id);
        match tag {
            "pre" | "listing" | "xmp" | "plaintext" => self.code_block(id),
            "ul" | "ol" | "menu" | "dir" => self.list(id),
            "dl" => self.definitions(id),
            "table" => self.table(id),
            "blockquote" => self.quote(id),
            "hr" => {
                // Three stars: three dashes below text would make it a heading.
                self.out.block("***");
                self.last_list = None;
            }
            "a" => self.link_of_blocks(id),
            "p" | "div" if self.is_admonition_title(id) => {
                let mut run = Run::default();
                self.marked(id, Mark::Strong, &mut run);
                self.paragraph(run);
            }
            "div" if self.is_formula(id) => {
                let mut run = Run::default();
                run.text(&math::delimited(&self.dom.raw_text(id)));
                self.paragraph(run);
            }
            "div" if self.is_signature(id) => {
                let mut run = Run::default();
                self.signature(id, &mut run);
                self.paragraph(run);
            }
            _ => match heading_level(tag) {
                Some(level) => self.heading(id, level),
                None => self.blocks(id),
            },
        }
    }

    /// Signatures that documentation generators write with a link on every
    /// type: rustdoc, Sphinx, javadoc.
    fn is_signature(&self, id: NodeId) -> bool {
        self.dom.classes(id).any(|class| matches!(class, "code-header" | "sig" | "member-signature" | "type-signature"))
    }

    /// A formula's source as MathJax finds it in the page.
    fn is_formula(&self, id: NodeId) -> bool {
        self.dom.classes(id).any(|class| matches!(class, "math" | "arithmatex"))
            && self.dom.children(id).all(|child| self.dom.text(child).is_some())
    }

    fn is_admonition_title(&self, id: NodeId) -> bool {
        self.dom.classes(id).any(|class| {
            matches!(class, "admonition-title" | "custom-block-title" | "callout-title" | "markdown-alert-title")
                || class.starts_with("admonitionHeading")
        })
    }

    fn quote(&mut self, id: NodeId) {
        let gap = self.out.gap();
        self.out.open("> ".to_owned(), "> ".to_owned());
        self.out.set_gap(writer::Gap::Blank);
        self.last_list = None;
        self.blocks(id);
        self.out.set_gap(gap);
        self.out.close();
        self.last_list = None;
    }

    /// A link around blocks: each run in them becomes that link.
    fn link_of_blocks(&mut self, id: NodeId) {
        match self.target(id) {
            Some(target) => {
                let text = self.dom.plain_text(id);
                self.links.note(&text, &target);
                self.block_links.push(target);
                self.blocks(id);
                self.block_links.pop();
            }
            None => self.blocks(id),
        }
    }
}

/// A paragraph of plain text, whose lines stay.
pub(super) fn paragraph_of_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let around = escape::Around { next: None, in_link: false };
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            escaped.push('\n');
        }
        escape::escape_into(&mut escaped, line.trim(), around);
    }
    escape::escape_line_starts(&escaped)
}
