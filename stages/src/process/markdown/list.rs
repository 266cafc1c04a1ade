//! Lists, nested and not, and definition lists.

use super::Walk;
use super::inline::{Mark, Place, Run};
use super::writer::Gap;
use crate::process::content::is_block;
use crate::process::dom::NodeId;

/// CommonMark reads no longer numbers.
const NUMBER_MAX: u64 = 999_999_999;

impl Walk<'_> {
    pub(super) fn list(&mut self, list: NodeId) {
        let is_ordered = self.dom.tag(list) == "ol";
        if !is_ordered && self.content.holds_heading[list.index()] {
            // javadoc's sections: a list in name only.
            return self.blocks(list);
        }
        let mut number = self.number(list, "start").unwrap_or(1);
        // Two lists in a row would be one if their markers were the same.
        let marker = match (is_ordered, self.last_list) {
            (false, Some('-')) => '*',
            (false, _) => '-',
            (true, Some('.')) => ')',
            (true, _) => '.',
        };
        let item_gap = if self.is_tight(list) { Gap::Line } else { Gap::Blank };
        // Only a list that begins with 1 may follow a paragraph closely.
        let first_gap = if is_ordered && number != 1 || self.last_list.is_some() { Gap::Blank } else { self.out.gap() };
        let outer_gap = self.out.gap();
        let mut has_items = false;
        let mut next = self.dom.first_child(list);
        while let Some(item) = next {
            next = self.dom.next_sibling(item);
            if self.is_left_out(item) || self.dom.text(item).is_some_and(|text| text.trim().is_empty()) {
                continue;
            }
            number = self.number(item, "value").unwrap_or(number);
            let first = if is_ordered { format!("{number}{marker} ") } else { format!("{marker} ") };
            let rest = " ".repeat(first.len());
            self.out.open(first, rest);
            self.out.set_gap(item_gap);
            self.out.set_next_gap(if has_items { item_gap } else { first_gap });
            self.last_list = None;
            self.item(item);
            if self.out.close() {
                has_items = true;
                number = (number + 1).min(NUMBER_MAX);
            }
        }
        self.out.set_gap(outer_gap);
        self.last_list = has_items.then_some(marker);
    }

    fn item(&mut self, item: NodeId) {
        match self.dom.tag(item) {
            "li" => self.blocks(item),
            tag if is_block(tag) || self.holds_block(item) => self.block(item),
            _ => {
                let mut run = Run::default();
                self.inline(item, &mut run);
                self.paragraph(run);
            }
        }
    }

    fn number(&self, id: NodeId, attribute: &str) -> Option<u64> {
        self.dom.attribute(id, attribute)?.trim().parse().ok().filter(|&number| number <= NUMBER_MAX)
    }

    /// Whether each item is one paragraph, with lists below it at most.
    fn is_tight(&self, list: NodeId) -> bool {
        self.dom.children(list).filter(|&item| !self.is_left_out(item)).all(|item| {
            let mut has_list = false;
            let mut paragraphs = 0;
            let mut in_run = false;
            for child in self.dom.children(item).filter(|&child| !self.is_left_out(child)) {
                match self.dom.tag(child) {
                    "" if self.dom.text(child).is_some_and(|text| text.trim().is_empty()) => continue,
                    "ul" | "ol" | "menu" | "dir" => has_list = true,
                    "p" if !has_list && !self.holds_block(child) => {
                        paragraphs += 1;
                        in_run = false;
                        continue;
                    }
                    tag if is_block(tag) || self.holds_block(child) || has_list => return false,
                    _ if !in_run => {
                        paragraphs += 1;
                        in_run = true;
                        continue;
                    }
                    _ => continue,
                }
                in_run = false;
            }
            paragraphs <= 1
        })
    }

    /// A definition list: a list of `**term**: definition` where each
    /// definition is one paragraph, else terms with blocks below them.
    pub(super) fn definitions(&mut self, list: NodeId) {
        let entries = self.entries(list);
        let is_simple = !entries.is_empty() && entries.iter().all(|entry| self.is_simple(entry));
        if !is_simple {
            for entry in entries {
                self.entry(&entry);
            }
            return;
        }
        let gap = self.out.gap();
        for (index, entry) in entries.iter().enumerate() {
            self.out.open("- ".to_owned(), "  ".to_owned());
            self.out.set_next_gap(if index == 0 { Gap::Blank } else { Gap::Line });
            self.simple_entry(entry);
            self.out.close();
        }
        self.out.set_gap(gap);
        self.last_list = Some('-');
    }

    /// Terms with their definitions; `<div>`s around groups are looked into.
    fn entries(&self, list: NodeId) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut at = self.dom.after(list, list, true);
        while let Some(id) = at {
            let is_left_out = self.is_left_out(id);
            let tag = self.dom.tag(id);
            let is_blank = self.dom.text(id).is_some_and(|text| text.trim().is_empty());
            if !is_left_out && !is_blank && tag != "div" {
                match entries.last_mut() {
                    Some(entry) if tag == "dt" && entry.definitions.is_empty() => entry.terms.push(id),
                    Some(entry) if tag != "dt" => entry.definitions.push(id),
                    _ if tag == "dt" => entries.push(Entry { terms: vec![id], definitions: Vec::new() }),
                    _ => entries.push(Entry { terms: Vec::new(), definitions: vec![id] }),
                }
            }
            at = self.dom.after(id, list, !is_left_out && tag == "div");
        }
        entries
    }

    fn is_simple(&self, entry: &Entry) -> bool {
        let holds_block = |id: NodeId| {
            let mut children = self.dom.children(id).filter(|&child| {
                !self.is_left_out(child) && !self.dom.text(child).is_some_and(|text| text.trim().is_empty())
            });
            match (children.next(), children.next()) {
                (Some(only), None) if self.dom.tag(only) == "p" => self.holds_block(only),
                _ => self.holds_block(id),
            }
        };
        entry.definitions.len() == 1
            && !entry.terms.is_empty()
            && !entry.terms.iter().any(|&term| self.holds_block(term))
            && !entry.definitions.iter().any(|&id| holds_block(id))
    }

    fn simple_entry(&mut self, entry: &Entry) {
        let mut run = Run::default();
        self.terms(entry, &mut run);
        let has_terms = !run.is_empty();
        let mut definition = Run::default();
        for &id in &entry.definitions {
            self.inline_children(id, &mut definition, false);
        }
        let definition = definition.write(Place::Paragraph);
        if has_terms && !definition.is_empty() && !self.ends_with_colon(entry) {
            run.text(":");
        }
        let mut text = run.write(Place::Paragraph);
        if !text.is_empty() && !definition.is_empty() {
            text.push(' ');
        }
        text.push_str(&definition);
        if !text.is_empty() {
            self.out.block(&text);
        }
    }

    fn terms(&mut self, entry: &Entry, run: &mut Run) {
        for (index, &term) in entry.terms.iter().enumerate() {
            if index > 0 {
                run.text(", ");
            }
            self.term(term, run);
        }
    }

    fn term(&mut self, term: NodeId, run: &mut Run) {
        if self.is_signature(term) {
            return self.inline_code(term, run);
        }
        run.open(Mark::Strong);
        self.inline_children(term, run, false);
        run.close(Mark::Strong);
    }

    fn ends_with_colon(&self, entry: &Entry) -> bool {
        entry.terms.last().is_some_and(|&term| self.dom.plain_text(term).ends_with(':'))
    }

    fn entry(&mut self, entry: &Entry) {
        if entry.terms.iter().any(|&term| self.holds_block(term)) {
            entry.terms.iter().for_each(|&term| self.blocks(term));
        } else {
            let mut run = Run::default();
            self.terms(entry, &mut run);
            self.paragraph(run);
        }
        for &definition in &entry.definitions {
            if self.dom.element(definition).is_some() {
                self.blocks(definition);
            } else {
                let mut run = Run::default();
                self.inline(definition, &mut run);
                self.paragraph(run);
            }
        }
    }
}

/// Terms and what defines them.
#[derive(Debug)]
struct Entry {
    terms: Vec<NodeId>,
    definitions: Vec<NodeId>,
}
