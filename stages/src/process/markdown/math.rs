//! Formulas as TeX, where the page has their source.

use crate::process::dom::{Dom, NodeId};
use crate::process::look::collapse;

impl Dom {
    /// The text of a script, which counts as none elsewhere.
    pub(super) fn raw_text_of_script(&self, id: NodeId) -> String {
        self.children(id).filter_map(|child| self.text(child)).collect()
    }
}

/// A formula between dollar signs.
pub(super) fn tex(source: &str) -> String {
    let source = collapse(source);
    if source.is_empty() { source } else { format!("${source}$") }
}

/// A formula that may stand in MathJax's delimiters, `\(x\)` or `\[x\]`.
pub(super) fn delimited(source: &str) -> String {
    let source = source.trim();
    let inner = |open, close| source.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    match inner("\\(", "\\)").or_else(|| inner("\\[", "\\]")) {
        Some(inner) => tex(inner),
        None => collapse(source),
    }
}

/// A MathML element's TeX annotation, else its text.
pub(super) fn mathml(dom: &Dom, math: NodeId) -> String {
    let annotation = dom.descendants(math).find(|&id| {
        dom.tag(id) == "annotation"
            && matches!(dom.attribute(id, "encoding"), Some("application/x-tex" | "TeX" | "LaTeX" | "text/x-tex"))
    });
    match (annotation, dom.attribute(math, "alttext")) {
        (Some(annotation), _) => tex(&dom.raw_text(annotation)),
        (None, Some(source)) => tex(source),
        (None, None) => collapse(&dom.raw_text(math)),
    }
}
