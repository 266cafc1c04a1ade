//! Inline elements: emphasis, code spans, links, images, formulas.

use super::inline::{Mark, Run};
use super::{Walk, links, math};
use crate::process::chrome::is_math_script;
use crate::process::content::is_block;
use crate::process::dom::NodeId;
use crate::process::look::{collapse, is_invisible};

impl Walk<'_> {
    pub(super) fn inline_children(&mut self, parent: NodeId, run: &mut Run, in_heading: bool) {
        let mut next = self.dom.first_child(parent);
        while let Some(id) = next {
            next = self.dom.next_sibling(id);
            if self.is_left_out(id) {
                continue;
            }
            if in_heading && self.dom.tag(id) == "a" {
                self.heading_link(id, run);
            } else if in_heading && self.holds_link(id) {
                self.inline_children(id, run, true);
            } else {
                self.inline(id, run);
            }
        }
    }

    pub(super) fn inline(&mut self, id: NodeId, run: &mut Run) {
        if let Some(text) = self.dom.text(id) {
            return run.text(text);
        }
        if self.is_left_out(id) {
            return;
        }
        match self.dom.tag(id) {
            "math" if self.dom.is_foreign(id) => run.text(&math::mathml(self.dom, id)),
            "script" if is_math_script(self.dom, id) => run.text(&math::tex(&self.dom.raw_text_of_script(id))),
            "svg" if self.dom.is_foreign(id) => {}
            "br" => run.line_break(),
            "wbr" => {}
            "img" => self.image(id, run),
            "input" => self.task_box(id, run),
            "code" | "kbd" | "samp" | "tt" => self.inline_code(id, run),
            "b" | "strong" => self.marked(id, Mark::Strong, run),
            "i" | "em" | "cite" | "dfn" | "var" => self.marked(id, Mark::Emphasis, run),
            "s" | "del" | "strike" => self.marked(id, Mark::Strike, run),
            "q" => {
                run.text("“");
                self.inline_children(id, run, false);
                run.text("”");
            }
            "sup" => self.superscript(id, run),
            "label" => {
                // The labels of tabs stand side by side without a space.
                run.text(" ");
                self.inline_children(id, run, false);
                run.text(" ");
            }
            _ if self.is_formula(id) => run.text(&math::delimited(&self.dom.raw_text(id))),
            "a" => self.link(id, run),
            tag if is_block(tag) => {
                // A block in a heading or a cell: a space apart at least.
                run.text(" ");
                self.inline_children(id, run, false);
                run.text(" ");
            }
            _ => self.inline_children(id, run, false),
        }
    }

    pub(super) fn marked(&mut self, id: NodeId, mark: Mark, run: &mut Run) {
        run.open(mark);
        self.inline_children(id, run, false);
        run.close(mark);
    }

    /// `10<sup>6</sup>` must not read as 106.
    fn superscript(&mut self, id: NodeId, run: &mut Run) {
        let text = self.dom.plain_text(id);
        let is_power =
            text.chars().all(|character| character.is_alphanumeric() || matches!(character, '+' | '-' | '−'));
        let is_plain = self.dom.descendants(id).all(|inside| self.dom.tag(inside) != "a");
        if is_power && is_plain && run.last_character().is_some_and(char::is_alphanumeric) && !is_ordinal(&text) {
            run.text("^");
        }
        self.inline_children(id, run, false);
    }

    /// A signature as one code span.
    pub(super) fn signature(&self, id: NodeId, run: &mut Run) {
        run.code(collapse_code(&self.code_of_inline(id)).trim());
    }

    pub(super) fn inline_code(&mut self, id: NodeId, run: &mut Run) {
        let text = collapse_code(&self.code_of_inline(id));
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return run.text(&text);
        }
        if text.starts_with(' ') {
            run.text(" ");
        }
        run.code(trimmed);
        if text.ends_with(' ') {
            run.text(" ");
        }
    }

    fn code_of_inline(&self, root: NodeId) -> String {
        let mut text = String::new();
        let mut at = self.dom.after(root, root, true);
        while let Some(id) = at {
            let is_left_out = self.is_left_out(id);
            match self.dom.text(id) {
                Some(run) => text.push_str(run),
                None if self.dom.tag(id) == "br" => text.push(' '),
                None => {}
            }
            at = self.dom.after(id, root, !is_left_out);
        }
        text
    }

    fn link(&mut self, id: NodeId, run: &mut Run) {
        let Some(target) = self.target(id) else { return self.inline_children(id, run, false) };
        let text = self.dom.plain_text(id);
        if is_pilcrow(&text) && self.dom.attribute(id, "href").is_some_and(|href| href.starts_with('#')) {
            return;
        }
        self.links.note(&text, &target);
        if !self.block_links.is_empty() || !self.links.may_write(&target) || !run.link_start() {
            return self.inline_children(id, run, false);
        }
        self.inline_children(id, run, false);
        run.link_end(target);
    }

    /// Where a link leads, absolute; nothing if it is no link to a page.
    pub(super) fn target(&self, id: NodeId) -> Option<String> {
        links::resolve(self.base, self.dom.attribute(id, "href")?)
    }

    fn image(&mut self, id: NodeId, run: &mut Run) {
        let alt = collapse(self.dom.attribute(id, "alt").unwrap_or_default());
        if alt.is_empty() {
            return;
        }
        let source = self.dom.attribute(id, "src").and_then(|source| links::resolve(self.base, source));
        match source.filter(|source| source.starts_with("http") && self.links.may_write(source)) {
            Some(source) => run.image(alt, source),
            None => run.text(&alt),
        }
    }

    /// The box of a task in a list.
    fn task_box(&mut self, id: NodeId, run: &mut Run) {
        let is_box = self.dom.attribute(id, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("checkbox"));
        let in_item = self.dom.ancestors(id).take(3).any(|above| self.dom.tag(above) == "li");
        if is_box && in_item && run.is_empty() {
            run.raw(if self.dom.attribute(id, "checked").is_some() { "[x]" } else { "[ ]" });
            run.text(" ");
        }
    }
}

/// White space in a code span: runs of it are one space, its ends are kept.
fn collapse_code(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for character in text.chars().filter(|&character| !is_invisible(character)) {
        if !character.is_whitespace() {
            collapsed.push(character);
        } else if !collapsed.ends_with(' ') {
            collapsed.push(' ');
        }
    }
    collapsed
}

/// Whether a link's text is only the mark of an anchor, or of the way back
/// from a footnote.
pub(super) fn is_pilcrow(text: &str) -> bool {
    matches!(text, "¶" | "#" | "§" | "🔗" | "⚓" | "⚓\u{fe0e}" | "↩" | "↩\u{fe0e}" | "")
}

fn is_ordinal(text: &str) -> bool {
    matches!(text, "st" | "nd" | "rd" | "th" | "TM" | "tm" | "R")
}
