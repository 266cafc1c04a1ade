//! Code blocks: the text byte for byte, the language from class names.

use super::Walk;
use super::escape::longest_run;
use super::inline::Place;
use crate::process::chrome::is_line_number;
use crate::process::content::is_block;
use crate::process::dom::{Dom, NodeId};

/// How far above a `<pre>` its language may be named.
const ANCESTORS_MAX: usize = 3;
/// A language's name is no longer.
const LANGUAGE_BYTES_MAX: usize = 32;

/// Names that say that there is no language.
const NO_LANGUAGE: &[&str] =
    &["none", "default", "nohighlight", "no-highlight", "plaintext", "text", "txt", "plain", "raw"];

/// Languages that stand as a class of their own on a `<pre>` or `<code>`.
const BARE: &[&str] = &[
    "asm",
    "awk",
    "bash",
    "c",
    "clojure",
    "cmake",
    "console",
    "cpp",
    "csharp",
    "css",
    "dart",
    "diff",
    "dockerfile",
    "elixir",
    "elm",
    "erlang",
    "fish",
    "fortran",
    "go",
    "graphql",
    "groovy",
    "haskell",
    "hcl",
    "html",
    "ini",
    "java",
    "javascript",
    "js",
    "json",
    "julia",
    "kotlin",
    "latex",
    "lisp",
    "lua",
    "makefile",
    "markdown",
    "nginx",
    "nix",
    "ocaml",
    "perl",
    "php",
    "powershell",
    "proto",
    "protobuf",
    "python",
    "python3",
    "r",
    "ruby",
    "rust",
    "sass",
    "scala",
    "scheme",
    "scss",
    "sh",
    "shell",
    "sql",
    "swift",
    "tcl",
    "terraform",
    "toml",
    "ts",
    "tsx",
    "typescript",
    "vim",
    "xml",
    "yaml",
    "zig",
    "zsh",
];

impl Walk<'_> {
    pub(super) fn code_block(&mut self, pre: NodeId) {
        let code = self.code_text(pre);
        if code.trim().is_empty() {
            return;
        }
        if self.dom.has_class(pre, "verse") || self.dom.has_class(pre, "synopsis-text") {
            return self.verse(&code);
        }
        let language = language(self.dom, pre);
        let fence = "`".repeat(longest_run(&code, '`').max(2) + 1);
        self.out.begin();
        self.out.push(&fence);
        self.out.push(&language);
        // The line feed that ends the code is the one before the fence.
        for line in code.strip_suffix('\n').unwrap_or(&code).split('\n') {
            self.out.next_line(line.is_empty());
            self.out.push(line);
        }
        self.out.next_line(false);
        self.out.push(&fence);
        self.last_list = None;
    }

    /// Preformatted prose: a paragraph that keeps its lines.
    fn verse(&mut self, text: &str) {
        let mut run = super::Run::default();
        for line in text.lines() {
            run.text(line);
            run.line_break();
        }
        self.out.block(&run.write(Place::Paragraph));
        self.last_list = None;
    }

    /// The text of a `<pre>`, without line numbers and buttons. Elements that
    /// make lines of their own (`<div>` for a line) end lines here, too.
    pub(super) fn code_text(&self, pre: NodeId) -> String {
        let mut code = String::new();
        self.code_of(pre, &mut code);
        code
    }

    fn code_of(&self, parent: NodeId, code: &mut String) {
        for id in self.dom.children(parent) {
            if let Some(text) = self.dom.text(id) {
                code.push_str(text);
                continue;
            }
            let tag = self.dom.tag(id);
            if self.is_left_out(id) || is_line_number(self.dom, id) {
                continue;
            }
            if tag == "br" {
                code.push('\n');
                continue;
            }
            let is_line = is_block(tag) && !matches!(tag, "td" | "th" | "tbody" | "table" | "pre");
            if is_line && !code.is_empty() && !code.ends_with('\n') {
                code.push('\n');
            }
            self.code_of(id, code);
            let is_last = self.dom.next_sibling(id).is_none();
            if is_line && !code.ends_with('\n') && !(is_last && tag != "tr" && tag != "li") {
                code.push('\n');
            }
        }
    }
}

/// The language of a `<pre>`, as its highlighter names it; may be empty.
fn language(dom: &Dom, pre: NodeId) -> String {
    let inner = dom.descendants(pre).skip(1).take(8).filter(|&id| dom.tag(id) == "code").take(1);
    let own = inner.chain([pre]);
    for (distance, id) in own.map(|id| (0, id)).chain(dom.ancestors(pre).take(ANCESTORS_MAX).map(|id| (1, id))) {
        // Something that holds more than this code block says nothing of it.
        if distance > 0 && matches!(dom.tag(id), "body" | "main" | "article" | "section" | "li" | "td" | "blockquote") {
            if dom.tag(id) != "td" {
                break;
            }
            continue;
        }
        if let Some(name) = language_of(dom, id, distance == 0) {
            return name;
        }
    }
    String::new()
}

/// The language that one element names; the empty one for "none".
fn language_of(dom: &Dom, id: NodeId, is_own: bool) -> Option<String> {
    let attribute = ["data-lang", "data-language", "data-code-lang"].iter().find_map(|name| dom.attribute(id, name));
    if let Some(name) = attribute.and_then(clean) {
        return Some(name);
    }
    let classes: Vec<&str> = dom.classes(id).collect();
    for (index, class) in classes.iter().enumerate() {
        let named = ["language-", "lang-", "highlight-source-", "highlight-text-", "highlight-", "src-", "brush:"]
            .iter()
            .find_map(|prefix| class.strip_prefix(prefix));
        let next = classes.get(index + 1).copied();
        let name = match (named, *class) {
            (Some(""), "brush:") => next,
            (Some(name), _) => Some(name),
            (None, "sourceCode" | "hljs" | "src") if is_own => next,
            (None, class) if is_own && BARE.contains(&class) => Some(class),
            _ => None,
        };
        if let Some(name) = name.and_then(clean) {
            return Some(name);
        }
    }
    None
}

/// A language's name as it may stand behind a fence.
fn clean(name: &str) -> Option<String> {
    let name = name.split([',', ';', ':', '{']).next()?.trim().to_ascii_lowercase();
    let is_name = (1..=LANGUAGE_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'#' | b'-' | b'_' | b'.'));
    if !is_name || matches!(name.as_str(), "wrapper" | "block" | "container" | "inline") {
        return None;
    }
    Some(if NO_LANGUAGE.contains(&name.as_str()) { String::new() } else { name })
}
