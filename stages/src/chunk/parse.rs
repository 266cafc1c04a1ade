//! The structure of a document's Markdown: its headings and its blocks, as
//! byte ranges. Blocks inside quotes and lists are known to a fixed depth.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::nesting;

/// Blocks within blocks that are told apart; what is deeper is one text.
const DEPTH_MAX: usize = 16;

/// What stands on a page's top level, in order.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) parts: Vec<Part>,
    /// Inline code and links: no sentence ends inside one. Ascending.
    pub(super) unbroken: Vec<Range<usize>>,
}

/// A heading or a block of the top level.
#[derive(Debug)]
pub(super) enum Part {
    Heading(Heading),
    Block(Block),
}

#[derive(Debug)]
pub(super) struct Heading {
    /// 1 to 6.
    pub(super) level: usize,
    /// Without markup, on one line.
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    pub(super) children: Vec<Block>,
}

impl Block {
    pub(super) fn leaf(kind: Kind, span: Range<usize>) -> Self {
        Self { kind, span, children: Vec::new() }
    }
}

/// How a block may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// At sentences.
    Text,
    /// At line ends.
    Lines,
    /// A thematic break: says nothing by itself.
    Rule,
    /// At line ends, with the fence repeated if there is one.
    Code { fenced: bool },
    /// At row ends, with the header repeated.
    Table,
    /// Between its children: a list, an item, a quote.
    Group,
}

/// Reads the structure of `markdown`.
pub(super) fn parse(markdown: &str) -> Parsed {
    let flat = nesting::bounded(markdown);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader::default();
    for (event, span) in Parser::new_ext(&flat, options).into_offset_iter() {
        reader.read(event, span);
    }
    Parsed { parts: reader.parts, unbroken: reader.unbroken }
}

#[derive(Default)]
struct Reader {
    parts: Vec<Part>,
    unbroken: Vec<Range<usize>>,
    /// Open blocks, outermost first.
    open: Vec<Block>,
    /// Open blocks beyond [`DEPTH_MAX`].
    deeper: usize,
    heading: Option<Heading>,
}

impl Reader {
    fn read(&mut self, event: Event<'_>, span: Range<usize>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) if self.open.is_empty() => {
                self.heading = Some(Heading { level: depth_of(level), text: String::new(), span });
            }
            Event::End(TagEnd::Heading(_)) if self.open.is_empty() => {
                if let Some(mut heading) = self.heading.take() {
                    heading.text = heading.text.split_whitespace().collect::<Vec<_>>().join(" ");
                    self.parts.push(Part::Heading(heading));
                }
            }
            Event::Start(Tag::Link { link_type: LinkType::Inline | LinkType::Autolink, .. }) => self.keep_whole(span),
            Event::Start(tag) => {
                if let Some(kind) = kind_of(&tag) {
                    self.start(kind, span);
                }
            }
            Event::End(tag) if is_block_end(tag) => self.end(),
            Event::Rule => {
                self.start(Kind::Rule, span);
                self.end();
            }
            Event::Code(text) => {
                self.keep_whole(span);
                self.heading_text(&text);
            }
            Event::Text(text) => self.heading_text(&text),
            Event::SoftBreak | Event::HardBreak => self.heading_text(" "),
            _ => {}
        }
    }

    fn start(&mut self, kind: Kind, span: Range<usize>) {
        if self.open.len() == DEPTH_MAX {
            self.deeper += 1;
        } else {
            self.open.push(Block::leaf(kind, span));
        }
    }

    fn end(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(mut block) = self.open.pop() {
            if block.kind == Kind::Group && block.children.is_empty() {
                block.kind = Kind::Text;
            }
            match self.open.last_mut() {
                Some(parent) => parent.children.push(block),
                None => self.parts.push(Part::Block(block)),
            }
        }
    }

    fn heading_text(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(text);
        }
    }

    /// Links hold code and code ends inside its link: one range is enough.
    fn keep_whole(&mut self, span: Range<usize>) {
        if self.unbroken.last().is_none_or(|last| last.end <= span.start) {
            self.unbroken.push(span);
        }
    }
}

fn kind_of(tag: &Tag<'_>) -> Option<Kind> {
    Some(match tag {
        Tag::Paragraph | Tag::Heading { .. } => Kind::Text,
        Tag::HtmlBlock => Kind::Lines,
        Tag::CodeBlock(kind) => Kind::Code { fenced: matches!(kind, CodeBlockKind::Fenced(_)) },
        Tag::Table(_) => Kind::Table,
        Tag::BlockQuote(_) | Tag::List(_) | Tag::Item => Kind::Group,
        _ => return None,
    })
}

fn is_block_end(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::HtmlBlock
            | TagEnd::CodeBlock
            | TagEnd::Table
            | TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
    )
}

fn depth_of(level: HeadingLevel) -> usize {
    level as usize
}
