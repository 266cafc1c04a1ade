//! Questions to a page's tree: names, attributes, classes, text.

use html5ever::ns;

use super::dom::{Data, Dom, Element, NodeId};

impl Dom {
    pub(super) fn element(&self, id: NodeId) -> Option<&Element> {
        match self.data(id) {
            Data::Element(element) => Some(element),
            Data::Document | Data::Text(_) => None,
        }
    }

    /// The element's name; empty for what is no element.
    pub(super) fn tag(&self, id: NodeId) -> &str {
        self.element(id).map_or("", |element| &element.name.local)
    }

    /// Whether the element is SVG or MathML.
    pub(super) fn is_foreign(&self, id: NodeId) -> bool {
        self.element(id).is_some_and(|element| element.name.ns != ns!(html))
    }

    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match self.data(id) {
            Data::Text(text) => Some(text),
            Data::Document | Data::Element(_) => None,
        }
    }

    /// The attribute's value, if the element has it.
    pub(super) fn attribute(&self, id: NodeId, name: &str) -> Option<&str> {
        let attributes = &self.element(id)?.attributes;
        attributes.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
    }

    pub(super) fn classes(&self, id: NodeId) -> impl Iterator<Item = &str> {
        self.attribute(id, "class").unwrap_or_default().split_ascii_whitespace()
    }

    pub(super) fn has_class(&self, id: NodeId, class: &str) -> bool {
        self.classes(id).any(|found| found == class)
    }

    pub(super) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.parent(id), |&at| self.parent(at))
    }

    /// All text below `root` as it stands, without scripts and their like.
    pub(super) fn raw_text(&self, root: NodeId) -> String {
        let mut text = String::new();
        let mut at = Some(root);
        while let Some(id) = at {
            if let Some(run) = self.text(id) {
                text.push_str(run);
            }
            at = self.after(id, root, !is_unseen(self.tag(id)));
        }
        text
    }

    /// All text below `root` with each run of white space made one space.
    pub(super) fn plain_text(&self, root: NodeId) -> String {
        collapse(&self.raw_text(root))
    }
}

/// Elements whose content is never part of a page's text.
pub(super) fn is_unseen(tag: &str) -> bool {
    matches!(
        tag,
        "script"
            | "style"
            | "template"
            | "noscript"
            | "iframe"
            | "object"
            | "embed"
            | "applet"
            | "canvas"
            | "audio"
            | "video"
            | "map"
            | "head"
            | "button"
            | "select"
            | "datalist"
            | "textarea"
            | "progress"
            | "meter"
            | "dialog"
            | "noembed"
            | "noframes"
            | "rp"
    )
}

/// `text` with each run of white space made one space, none at its ends, and
/// without characters that only guide line breaking.
pub(super) fn collapse(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.extend(word.chars().filter(|&character| !is_invisible(character)));
    }
    collapsed.truncate(collapsed.trim_end().len());
    collapsed
}

/// Soft hyphen, zero-width space, word joiner and byte order mark.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// `text`'s letters and digits in lower case: what two titles have in common
/// that differ in punctuation only.
pub(super) fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
