//! Markdown that is written block by block: what begins each line (list
//! markers, quote marks) and what stands between two blocks.

/// The markers of nested containers take no more of a line than this: deeper
/// ones are written into the container around them.
const PREFIX_BYTES_MAX: usize = 40;

/// How far two blocks stand apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// On the next line: the items of a tight list.
    Line,
    /// A blank line between.
    Blank,
}

/// What begins the lines inside one container.
#[derive(Debug)]
struct Prefix {
    first: String,
    rest: String,
    is_used: bool,
}

/// Markdown as far as it is written.
#[derive(Debug)]
pub(super) struct Writer {
    text: String,
    prefixes: Vec<Prefix>,
    /// The gap before blocks of the innermost container.
    gap: Gap,
    /// The gap before the next block, where it is another.
    next_gap: Option<Gap>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { text: String::new(), prefixes: Vec::new(), gap: Gap::Blank, next_gap: None }
    }

    /// The Markdown, ending in a line feed unless it is empty.
    pub(super) fn finish(mut self) -> String {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text
    }

    pub(super) fn gap(&self) -> Gap {
        self.gap
    }

    pub(super) fn set_gap(&mut self, gap: Gap) {
        self.gap = gap;
    }

    /// The next block stands `gap` apart, whatever the container says.
    pub(super) fn set_next_gap(&mut self, gap: Gap) {
        self.next_gap = Some(gap);
    }

    /// Opens a container: its first line begins with `first`, the others with
    /// `rest`. Nothing is written before its first block.
    pub(super) fn open(&mut self, mut first: String, mut rest: String) {
        let width: usize = self.prefixes.iter().map(|prefix| prefix.rest.len()).sum();
        if width + rest.len() > PREFIX_BYTES_MAX {
            first.clear();
            rest.clear();
        }
        self.prefixes.push(Prefix { first, rest, is_used: false });
    }

    /// Closes the innermost container; tells whether it holds anything.
    pub(super) fn close(&mut self) -> bool {
        self.next_gap = None;
        self.prefixes.pop().is_some_and(|prefix| prefix.is_used)
    }

    /// Begins a block and returns where its first character will stand.
    pub(super) fn begin(&mut self) -> usize {
        let gap = self.next_gap.take().unwrap_or(self.gap);
        let is_first = self.text.is_empty();
        // A container's first block shares the line of its marker, and the
        // gap before the marker is the one before the container.
        if !is_first {
            self.text.push('\n');
            if gap == Gap::Blank {
                self.blank_prefix();
                self.text.push('\n');
            }
        }
        self.prefix();
        self.text.len()
    }

    /// Writes a part of the current line.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Ends the line and begins the next one of the same block.
    pub(super) fn next_line(&mut self, is_blank: bool) {
        self.text.push('\n');
        if is_blank { self.blank_prefix() } else { self.prefix() }
    }

    /// Writes a block of one or more lines; returns where it begins.
    pub(super) fn block(&mut self, lines: &str) -> usize {
        let at = self.begin();
        for (index, line) in lines.split('\n').enumerate() {
            if index > 0 {
                self.next_line(line.is_empty());
            }
            self.text.push_str(line);
        }
        at
    }

    fn prefix(&mut self) {
        for prefix in &mut self.prefixes {
            if std::mem::replace(&mut prefix.is_used, true) {
                self.text.push_str(&prefix.rest);
            } else {
                self.text.push_str(&prefix.first);
            }
        }
    }

    /// The prefix of a blank line: without the containers that have not
    /// begun, and without spaces at its end.
    fn blank_prefix(&mut self) {
        let start = self.text.len();
        for prefix in self.prefixes.iter().take_while(|prefix| prefix.is_used) {
            self.text.push_str(&prefix.rest);
        }
        let kept = self.text[start..].trim_end().len();
        self.text.truncate(start + kept);
    }
}
