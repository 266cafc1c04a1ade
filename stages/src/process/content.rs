//! Which parts of a page are its content.
//!
//! One pass over the tree counts what can be read below each node, link text
//! apart, with what is chrome by name left out. Then the rules for known
//! generators and for `<main>` and its like are asked; a rule's choice is
//! taken if it keeps enough of what can be read. Else the general way: from
//! the body down while one child holds nearly all of the text.

use super::chrome::{heading_level, is_chrome};
use super::dom::{Dom, NodeId};
use super::look::letters;
use super::rules::{RULES, Rule, Selector};

/// A rule must keep this much, in percent, of the body's text outside links.
const RULE_KEEPS_PERCENT: u64 = 30;
/// The general way steps into a child that holds this much of the text.
const DESCEND_PERCENT: u64 = 90;
/// What the general way keeps at least, or the whole body is taken.
const GENERAL_KEEPS_PERCENT: u64 = 70;
/// A block before the first heading is a menu if links are this much of it.
const MENU_LINK_PERCENT: u64 = 75;

/// How a page's content was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extraction {
    /// By the named rule.
    Rule(&'static str),
    /// By where the text is; no rule applied or none kept enough.
    General,
    /// Not at all: everything but obvious chrome was kept.
    WholeBody,
}

/// A page's content.
#[derive(Debug)]
pub(super) struct Content {
    /// The elements that hold it, in the order of the page; none in another.
    pub(super) roots: Vec<NodeId>,
    /// How they were found.
    pub(super) extraction: Extraction,
    /// By node: whether it and all below it is left out.
    pub(super) left_out: Vec<bool>,
    /// By node: whether an element below it makes a block of its own.
    pub(super) holds_block: Vec<bool>,
    /// By node: whether a heading stands below it.
    pub(super) holds_heading: Vec<bool>,
}

/// What can be read below a node, in characters that are no white space.
#[derive(Debug, Clone, Copy, Default)]
struct Readable {
    /// Outside links.
    text: u32,
    links: u32,
}

/// Finds the content of a page.
pub(super) fn find(dom: &Dom) -> Content {
    let mut survey = Survey::new(dom);
    let body = body(dom);
    let all = survey.readable[body.index()];
    let by_rule = RULES.iter().find_map(|rule| survey.try_rule(dom, body, rule, all));
    let (mut roots, extraction) = match by_rule {
        Some((rule, roots)) => {
            survey.leave_out(dom, &roots, rule.chrome);
            (roots, Extraction::Rule(rule.name))
        }
        None => survey.generally(dom, body),
    };
    if let Some(title) = survey.title_outside(dom, body, &roots) {
        roots.insert(0, title);
    }
    let Survey { left_out, holds_block, holds_heading, .. } = survey;
    Content { roots, extraction, left_out, holds_block, holds_heading }
}

/// The page's body, or the document itself where it has none.
pub(super) fn body(dom: &Dom) -> NodeId {
    let html = dom.children(NodeId::DOCUMENT).find(|&id| dom.tag(id) == "html");
    let inside = html.unwrap_or(NodeId::DOCUMENT);
    dom.children(inside).find(|&id| dom.tag(id) == "body").unwrap_or(inside)
}

struct Survey {
    readable: Vec<Readable>,
    left_out: Vec<bool>,
    holds_block: Vec<bool>,
    holds_heading: Vec<bool>,
}

impl Survey {
    fn new(dom: &Dom) -> Self {
        let mut survey = Self {
            readable: vec![Readable::default(); dom.len()],
            left_out: vec![false; dom.len()],
            holds_block: vec![false; dom.len()],
            holds_heading: vec![false; dom.len()],
        };
        let mut order = Vec::with_capacity(dom.len());
        let mut at = Some(NodeId::DOCUMENT);
        while let Some(id) = at {
            let is_left_out = is_chrome(dom, id);
            survey.left_out[id.index()] = is_left_out;
            if !is_left_out {
                order.push(id);
            }
            at = dom.after(id, NodeId::DOCUMENT, !is_left_out);
        }
        for &id in order.iter().rev() {
            survey.count(dom, id);
        }
        survey
    }

    /// Adds a node, whose children are counted, to its parent.
    fn count(&mut self, dom: &Dom, id: NodeId) {
        let own = &mut self.readable[id.index()];
        if let Some(text) = dom.text(id) {
            let letters = text.chars().filter(|character| !character.is_whitespace()).count();
            own.text = u32::try_from(letters).unwrap_or(u32::MAX);
        } else if dom.tag(id) == "a" && dom.attribute(id, "href").is_some() {
            *own = Readable { text: 0, links: own.text.saturating_add(own.links) };
        }
        let own = *own;
        let holds_block = self.holds_block[id.index()] || is_block(dom.tag(id));
        let holds_heading = self.holds_heading[id.index()] || heading_level(dom.tag(id)).is_some();
        if let Some(parent) = dom.parent(id) {
            let sum = &mut self.readable[parent.index()];
            sum.text = sum.text.saturating_add(own.text);
            sum.links = sum.links.saturating_add(own.links);
            self.holds_block[parent.index()] |= holds_block;
            self.holds_heading[parent.index()] |= holds_heading;
        }
    }

    fn of(&self, roots: &[NodeId]) -> Readable {
        roots.iter().map(|root| self.readable[root.index()]).fold(Readable::default(), |sum, one| Readable {
            text: sum.text.saturating_add(one.text),
            links: sum.links.saturating_add(one.links),
        })
    }

    fn try_rule<'r>(&self, dom: &Dom, body: NodeId, rule: &'r Rule, all: Readable) -> Option<(&'r Rule, Vec<NodeId>)> {
        let roots = self.outermost(dom, body, rule.content);
        let first = rule.content.first()?;
        let kept = self.of(&roots);
        let is_there = roots.iter().any(|&root| first.matches(dom, root));
        let keeps_enough = at_least(kept.text, RULE_KEEPS_PERCENT, all.text) && kept.text + kept.links > 0;
        (is_there && keeps_enough).then_some((rule, roots))
    }

    /// The outermost elements that match any of the selectors.
    fn outermost(&self, dom: &Dom, body: NodeId, selectors: &[Selector]) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut at = Some(body);
        while let Some(id) = at {
            let is_match = selectors.iter().any(|selector| selector.matches(dom, id));
            let is_left_out = self.left_out[id.index()];
            if is_match && !is_left_out {
                found.push(id);
            }
            at = dom.after(id, body, !is_match && !is_left_out);
        }
        found
    }

    fn leave_out(&mut self, dom: &Dom, roots: &[NodeId], chrome: &[Selector]) {
        if chrome.is_empty() {
            return;
        }
        for &root in roots {
            for id in dom.descendants(root).filter(|&id| id != root) {
                if dom.element(id).is_some() && chrome.iter().any(|selector| selector.matches(dom, id)) {
                    self.left_out[id.index()] = true;
                }
            }
        }
    }

    fn generally(&mut self, dom: &Dom, body: NodeId) -> (Vec<NodeId>, Extraction) {
        let all = self.readable[body.index()];
        let (mut root, mut at) = (body, body);
        while let Some(child) = dom.children(at).find(|&child| {
            leads_to_content(dom.tag(child))
                && self.readable[at.index()].text > 0
                && at_least(self.readable[child.index()].text, DESCEND_PERCENT, self.readable[at.index()].text)
        }) {
            at = child;
            if !matches!(dom.tag(at), "table" | "tbody" | "tr") {
                root = at;
            }
        }
        let kept = self.readable[root.index()].text;
        let (root, extraction) = if root != body && at_least(kept, GENERAL_KEEPS_PERCENT, all.text) {
            (root, Extraction::General)
        } else {
            (body, Extraction::WholeBody)
        };
        self.leave_out_menus(dom, root);
        (vec![root], extraction)
    }

    /// Leaves out blocks of links before the first heading, if there is text
    /// after it.
    fn leave_out_menus(&mut self, dom: &Dom, root: NodeId) {
        let mut menus = Vec::new();
        let mut at = dom.after(root, root, true);
        while let Some(id) = at {
            if heading_level(dom.tag(id)).is_some() {
                let found: u32 = menus.iter().map(|menu: &NodeId| self.readable[menu.index()].text).sum();
                if found < self.readable[root.index()].text {
                    menus.iter().for_each(|menu| self.left_out[menu.index()] = true);
                }
                return;
            }
            let Readable { text, links } = self.readable[id.index()];
            let is_menu =
                matches!(dom.tag(id), "div" | "ul" | "ol" | "table" | "p" | "td" | "tr" | "center" | "header")
                    && links > 0
                    && at_least(links, MENU_LINK_PERCENT, text.saturating_add(links))
                    && !self.holds_heading[id.index()];
            if is_menu {
                menus.push(id);
            }
            at = dom.after(id, root, !is_menu && !self.left_out[id.index()]);
        }
    }

    /// The page's first heading, where it stands outside its content.
    fn title_outside(&self, dom: &Dom, body: NodeId, roots: &[NodeId]) -> Option<NodeId> {
        let mut headings = Vec::new();
        let mut at = Some(body);
        while let Some(id) = at {
            let is_left_out = self.left_out[id.index()];
            if !is_left_out && dom.tag(id) == "h1" && self.readable[id.index()].text > 0 {
                headings.push(id);
            }
            at = dom.after(id, body, !is_left_out);
        }
        let &[only] = headings.as_slice() else { return None };
        let is_inside = roots.contains(&only) || dom.ancestors(only).any(|id| roots.contains(&id));
        // A site's name in its banner is an h1 on some sites; the page's own
        // name comes first in `<title>`.
        let heading = letters(&dom.raw_text(only));
        let title = dom.descendants(NodeId::DOCUMENT).find(|&id| dom.tag(id) == "title");
        let is_page_name = title.is_some_and(|title| letters(&dom.raw_text(title)).starts_with(&heading));
        (!is_inside && is_page_name).then_some(only)
    }
}

/// Whether `part` is at least `percent` of `whole`.
fn at_least(part: u32, percent: u64, whole: u32) -> bool {
    u64::from(part) * 100 >= u64::from(whole) * percent
}

/// Elements that the general way steps into: wrappers, and tables, which lay
/// out the whole of some old pages.
fn leads_to_content(tag: &str) -> bool {
    matches!(tag, "article" | "center" | "div" | "form" | "main" | "section" | "table" | "tbody" | "td" | "tr")
}

/// Elements that make a block of their own.
pub(super) fn is_block(tag: &str) -> bool {
    heading_level(tag).is_some()
        || matches!(
            tag,
            "address"
                | "article"
                | "aside"
                | "blockquote"
                | "body"
                | "caption"
                | "center"
                | "dd"
                | "details"
                | "dir"
                | "div"
                | "dl"
                | "dt"
                | "fieldset"
                | "figcaption"
                | "figure"
                | "footer"
                | "form"
                | "header"
                | "hgroup"
                | "hr"
                | "html"
                | "legend"
                | "li"
                | "listing"
                | "main"
                | "menu"
                | "nav"
                | "ol"
                | "p"
                | "plaintext"
                | "pre"
                | "search"
                | "section"
                | "summary"
                | "table"
                | "tbody"
                | "td"
                | "tfoot"
                | "th"
                | "thead"
                | "tr"
                | "ul"
                | "xmp"
        )
}
