//! Headings: their text without the marks of their anchors, and the fragment
//! that leads to each.

use super::Walk;
use super::inline::{Place, Run};
use super::phrase::is_pilcrow;
use crate::process::dom::NodeId;

impl Walk<'_> {
    pub(super) fn heading(&mut self, id: NodeId, level: u8) {
        let mut run = Run::default();
        if self.is_signature(id) {
            self.signature(id, &mut run);
        } else {
            self.inline_children(id, &mut run, true);
        }
        if run.is_empty() {
            return;
        }
        self.link_whole(&mut run);
        let text = run.write(Place::Heading);
        let anchor = self.anchor(id);
        let at = self.out.begin();
        self.out.push(&"######"[..usize::from(level)]);
        self.out.push(" ");
        self.out.push(&text);
        self.anchors.push((at, anchor));
        self.last_list = None;
    }

    /// The fragment that leads to a heading: its own id, one inside it, that
    /// of an empty anchor before it, or that of the section it begins.
    fn anchor(&self, heading: NodeId) -> Option<String> {
        let named = |id: NodeId| {
            let name = self.dom.attribute(id, "id").or_else(|| {
                let is_anchor = self.dom.tag(id) == "a";
                self.dom.attribute(id, "name").filter(|_| is_anchor)
            });
            name.filter(|name| !name.is_empty()).map(str::to_owned)
        };
        let own = named(heading).or_else(|| self.dom.descendants(heading).find_map(named));
        own.or_else(|| {
            let before = self.element_before(heading);
            match before {
                Some(before) => {
                    let inside = std::iter::once(before).chain(self.dom.children(before).take(1));
                    let is_empty = self.dom.plain_text(before).is_empty();
                    inside.filter(|_| is_empty).find_map(named)
                }
                None => self.section_of(heading).and_then(named),
            }
        })
    }

    /// The element just before `id`, if only white space stands between.
    fn element_before(&self, id: NodeId) -> Option<NodeId> {
        let mut before = self.dom.previous_sibling(id);
        while let Some(found) = before {
            match self.dom.text(found) {
                Some(text) if text.trim().is_empty() => before = self.dom.previous_sibling(found),
                Some(_) => return Some(found),
                None => return Some(found),
            }
        }
        None
    }

    /// The section, or wrapper with a name, that `heading` is the first in.
    fn section_of(&self, heading: NodeId) -> Option<NodeId> {
        let mut at = heading;
        while self.element_before(at).is_none() {
            at = self.dom.parent(at)?;
            if self.dom.attribute(at, "id").is_some_and(|name| !name.is_empty()) {
                return Some(at);
            }
            if self.content.roots.contains(&at) {
                return None;
            }
        }
        None
    }

    pub(super) fn holds_link(&self, id: NodeId) -> bool {
        self.dom.tag(id) == "span" && self.dom.children(id).any(|child| self.dom.tag(child) == "a")
    }

    /// A link in a heading: one to the heading itself is no link, and where
    /// it is only a mark, no text.
    pub(super) fn heading_link(&mut self, id: NodeId, run: &mut Run) {
        let leads_here = self.dom.attribute(id, "href").is_none_or(|target| target.starts_with('#'));
        if !leads_here {
            return self.inline(id, run);
        }
        let text = self.dom.plain_text(id);
        if !is_anchor_mark(&text) {
            self.inline_children(id, run, true);
        }
    }
}

fn is_anchor_mark(text: &str) -> bool {
    is_pilcrow(text)
        || matches!(text, "Permalink" | "permalink" | "Link to this heading" | "Anchor" | "anchor" | "link" | "Link")
}
