//! HTML to a tree, with bounds that hold for any input.
//!
//! html5ever's tree builder is exact but trusting: its work for a tag grows
//! with the number of open elements, formatting elements (`<b>`, `<a>`) that
//! are left open come back in every paragraph, and its tokenizer compares
//! each attribute with all others of the tag. So the tags reach it one by
//! one, cut out by [`super::scan`], and here it is decided which ones:
//!
//! - a start tag that would open an element deeper than `depth_max` is
//!   dropped, and so is its end tag; its text stays;
//! - a tag keeps its first [`ATTRIBUTES_MAX`] attributes;
//! - beyond [`NODES_MAX`] nodes all tags are dropped;
//! - a page whose open formatting elements multiply, or that ends up deeper
//!   than they may make it, is read again without formatting elements.
//!
//! The time is linear in the page's size, with a factor of `depth_max`
//! for hostile pages only.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use html5ever::TokenizerResult;
use html5ever::buffer_queue::BufferQueue;
use html5ever::interface::{ElemName as _, Tracer};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink as _};

use super::dom::{Dom, NodeId};
use super::scan::{Piece, PieceKind, Scanner, TextState};
use super::sink::DomSink;

/// How many attributes of a tag are kept.
const ATTRIBUTES_MAX: usize = 64;
/// How many nodes a tree has at most, but for text between dropped tags.
const NODES_MAX: usize = 4_000_000;
/// How many formatting elements may be open or waiting to come back; one that
/// is both counts twice.
const FORMATTING_MAX: usize = 32;
/// How many elements a tag can open: `<td>` alone implies `<tbody>` and `<tr>`.
const OPENS_MAX: usize = 3;
/// How many elements may come back unasked, beside as many as were asked for.
const REVIVED_MAX: usize = 10_000;
/// How far a raw text element may lie beyond the depth: its text is no markup.
const RAW_DEPTH_EXTRA: usize = 4;

const VOID: [&str; 17] = [
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link",
    "meta", "param", "source", "wbr",
];
const RAW: [&str; 9] = ["iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title", "xmp"];
const FORMATTING: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// A page's tree, and what was left out to get it.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The tree; at most [`deepest`] deep.
    pub(super) dom: Dom,
    /// The bytes of the page that the tree builder was not shown, in order:
    /// tags and surplus attributes, never text.
    pub(super) cuts: Vec<Range<usize>>,
}

/// The depth that no tree of [`parse`] exceeds.
pub(super) fn deepest(depth_max: usize) -> usize {
    depth_max + OPENS_MAX + RAW_DEPTH_EXTRA + FORMATTING_MAX + 1
}

/// The page's tree; see the module. A `depth_max` under 8 counts as 8.
pub(super) fn parse(html: &str, depth_max: usize) -> Parsed {
    let depth_max = depth_max.max(8);
    match Reader::new(html, depth_max, true).read() {
        Some(parsed) if parsed.dom.depth() <= deepest(depth_max) => parsed,
        // Without formatting elements nothing comes back or moves, so the
        // second reading always ends whole.
        _ => Reader::new(html, depth_max, false)
            .read()
            .unwrap_or_else(|| Parsed { dom: DomSink::new().finish(), cuts: Vec::new() }),
    }
}

struct Reader<'a> {
    html: &'a str,
    /// The same text in the tokenizer's own kind of string, which it can cut
    /// without copying.
    tendril: StrTendril,
    depth_max: usize,
    keeps_formatting: bool,
    tokenizer: Tokenizer<Watch>,
    input: BufferQueue,
    /// The name of the element whose raw text is read.
    raw_name: String,
    /// Start tags that were dropped and whose end tags have not come.
    dropped: HashMap<String, usize>,
    last_count: Count,
    /// What was opened since then.
    since: Count,
    /// The value of `tags` at the last count.
    counted_at: usize,
    /// How many tags the tree builder was shown.
    tags: usize,
    cuts: Vec<Range<usize>>,
}

impl<'a> Reader<'a> {
    fn new(html: &'a str, depth_max: usize, keeps_formatting: bool) -> Self {
        let watch = Watch {
            builder: TreeBuilder::new(DomSink::new(), TreeBuilderOpts::default()),
            text: Cell::new(TextState::Data),
        };
        Self {
            html,
            tendril: StrTendril::from_slice(html),
            depth_max,
            keeps_formatting,
            tokenizer: Tokenizer::new(watch, TokenizerOpts::default()),
            input: BufferQueue::default(),
            raw_name: String::new(),
            dropped: HashMap::new(),
            last_count: Count::default(),
            since: Count::default(),
            counted_at: 0,
            tags: 0,
            cuts: Vec::new(),
        }
    }

    /// The tree, or nothing if formatting elements multiply.
    fn read(mut self) -> Option<Parsed> {
        let mut scanner = Scanner::new(self.html, ATTRIBUTES_MAX);
        loop {
            let watch = &self.tokenizer.sink;
            let cdata = watch.builder.adjusted_current_node_present_but_not_in_html_namespace();
            let Some(piece) = scanner.next(watch.text.get(), &self.raw_name, cdata) else { break };
            self.take(piece);
            if self.sink().elements() > self.tags * 2 + REVIVED_MAX {
                return None;
            }
        }
        self.tokenizer.end();
        Some(Parsed { dom: self.tokenizer.sink.builder.sink.finish(), cuts: self.cuts })
    }

    fn sink(&self) -> &DomSink {
        &self.tokenizer.sink.builder.sink
    }

    fn take(&mut self, piece: Piece) {
        let span = piece.span;
        match piece.kind {
            PieceKind::Other => self.feed(span),
            PieceKind::Start { name, surplus } => {
                let name = self.html[name].to_ascii_lowercase();
                if self.may_open(&name) {
                    self.feed_tag(span, surplus);
                    self.opened(name);
                } else {
                    if !VOID.contains(&name.as_str()) {
                        *self.dropped.entry(name).or_default() += 1;
                    }
                    self.cut(span);
                }
            }
            PieceKind::End { name, surplus } => {
                self.tokenizer.sink.text.set(TextState::Data);
                let name = self.html[name].to_ascii_lowercase();
                if self.closes_dropped(&name) {
                    self.cut(span);
                } else {
                    self.feed_tag(span, surplus);
                    if !self.dropped.is_empty() {
                        self.forget_dropped_if_left();
                    }
                }
            }
        }
    }

    /// Whether the start tag may reach the tree builder.
    fn may_open(&mut self, name: &str) -> bool {
        let is_formatting = FORMATTING.contains(&name);
        if (is_formatting && !self.keeps_formatting) || self.sink().nodes() >= NODES_MAX {
            return false;
        }
        if VOID.contains(&name) {
            return true;
        }
        // Counting is dear, so it is done only when the last count plus what
        // was opened since could reach a bound. Waiting elements can come
        // back open, and count twice then.
        let (count, since) = (self.last_count, self.since);
        if self.counted_at == self.tags {
            // Nothing was opened or closed since.
        } else if count.all * 2 + since.all * OPENS_MAX >= self.depth_max
            || (is_formatting && count.formatting + since.formatting * 2 >= FORMATTING_MAX)
        {
            self.last_count = self.count_open();
            self.since = Count::default();
            self.counted_at = self.tags;
        }
        let depth_max = if RAW.contains(&name) { self.depth_max + RAW_DEPTH_EXTRA } else { self.depth_max };
        self.last_count.all < depth_max && !(is_formatting && self.last_count.formatting >= FORMATTING_MAX)
    }

    fn opened(&mut self, name: String) {
        if !VOID.contains(&name.as_str()) {
            self.since.all += 1;
            self.since.formatting += usize::from(FORMATTING.contains(&name.as_str()));
            if !RAW.contains(&name.as_str()) {
                // What was dropped lay in an element that has been closed
                // since, or there would have been no room for this one.
                self.dropped.clear();
            }
        }
        self.raw_name = name;
    }

    fn closes_dropped(&mut self, name: &str) -> bool {
        if !self.keeps_formatting && FORMATTING.contains(&name) {
            return true;
        }
        match self.dropped.get_mut(name) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Forgets the dropped tags once the element that they lay in is closed.
    fn forget_dropped_if_left(&mut self) {
        if self.count_open().all < self.last_count.all {
            self.dropped.clear();
        }
    }

    fn count_open(&self) -> Count {
        let counter = Counter { sink: self.sink(), count: Cell::default() };
        self.tokenizer.sink.builder.trace_handles(&counter);
        counter.count.get()
    }

    fn feed_tag(&mut self, span: Range<usize>, surplus: Option<Range<usize>>) {
        self.tags += 1;
        match surplus {
            None => self.feed(span),
            Some(surplus) => {
                self.feed(span.start..surplus.start);
                self.feed(span.end - 1..span.end);
                self.cut(surplus);
            }
        }
    }

    fn feed(&mut self, span: Range<usize>) {
        let (Ok(start), Ok(len)) = (u32::try_from(span.start), u32::try_from(span.len())) else { return };
        self.input.push_back(self.tendril.subtendril(start, len));
        // It stops after each script for whoever would run it.
        while let TokenizerResult::Script(_) = self.tokenizer.feed(&self.input) {}
    }

    fn cut(&mut self, span: Range<usize>) {
        match self.cuts.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => self.cuts.push(span),
        }
    }
}

/// How many elements the tree builder holds open or waiting; those that are
/// both count twice.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    all: usize,
    /// Those that come back in the next paragraph if they are not closed.
    formatting: usize,
}

struct Counter<'a> {
    sink: &'a DomSink,
    count: Cell<Count>,
}

impl Tracer for Counter<'_> {
    type Handle = NodeId;

    fn trace_handle(&self, node: &NodeId) {
        let Count { all, formatting } = self.count.get();
        let is_formatting = FORMATTING.contains(&self.sink.elem_name(node).local_name().as_ref());
        self.count.set(Count { all: all + 1, formatting: formatting + usize::from(is_formatting) });
    }
}

/// The tree builder, and in which state it has put the tokenizer.
struct Watch {
    builder: TreeBuilder<NodeId, DomSink>,
    text: Cell<TextState>,
}

impl TokenSink for Watch {
    type Handle = NodeId;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<NodeId> {
        let result = self.builder.process_token(token, line);
        match &result {
            TokenSinkResult::RawData(RawKind::ScriptData | RawKind::ScriptDataEscaped(_)) => {
                self.text.set(TextState::Script);
            }
            TokenSinkResult::RawData(RawKind::Rcdata | RawKind::Rawtext) => self.text.set(TextState::Raw),
            TokenSinkResult::Plaintext => self.text.set(TextState::Plaintext),
            TokenSinkResult::Continue | TokenSinkResult::Script(_) => {}
        }
        result
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}
