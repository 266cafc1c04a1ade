//! Cuts the blocks of a section into units: the largest pieces that fit in a
//! chunk, and that packing then puts together.
//!
//! Units follow each other without a gap, so that whatever packing does with
//! them, no byte is lost: white space, list marks and quote marks belong to
//! the unit after them.

use std::ops::Range;

use super::parse::{Block, Kind};
use super::sections::Section;
use super::sentences::sentence_ends;
use super::unit::{Frame, Joint, Size, Source, Unit, Units, trimmed};

/// Cuts `section`. A chunk holds at most `first` if it begins with the
/// section's heading, else at most `rest`.
pub(super) fn units(source: Source<'_>, section: &Section, first: Size, rest: Size) -> Units {
    let lead = section.span.start..section.text_start;
    let mut cutter = Cutter { source, first, rest, at: section.span.start, text_from: lead.end, out: Units::default() };
    if !source.size(lead.clone()).fits(first.half()) {
        // A heading of half a chunk is text like any other.
        cutter.text_from = lead.start;
        cutter.block(&Block::leaf(Kind::Text, lead.clone()), lead.end, Joint::Block);
    }
    cutter.blocks(&section.blocks, section.text_start..section.span.end, Joint::Block, Joint::Block);
    cutter.out
}

struct Cutter<'a> {
    source: Source<'a>,
    first: Size,
    rest: Size,
    /// Where the next unit starts.
    at: usize,
    /// Where text starts in the next unit: after the heading.
    text_from: usize,
    out: Units,
}

impl Cutter<'_> {
    /// Cuts blocks that stand in `span`, and whatever text lies between them.
    fn blocks(&mut self, blocks: &[Block], span: Range<usize>, first: Joint, later: Joint) {
        let mut at = span.start;
        let mut joint = first;
        for (index, block) in blocks.iter().enumerate() {
            let start = block.span.start.clamp(at, span.end);
            let before = self.source.markdown.get(at..start).unwrap_or_default();
            // The block's own line: its list mark, quote mark or indentation.
            let own_line = before.rfind('\n').map_or(0, |line_end| line_end + 1);
            if before[..own_line].contains(|character: char| character != '>' && !character.is_whitespace()) {
                // Links' targets on the page, an item's text in front of its blocks.
                let kind = if later == Joint::Block { Kind::Lines } else { Kind::Text };
                let loose = Block::leaf(kind, at..at + own_line);
                self.block(&loose, loose.span.end, joint);
                joint = later;
            }
            let end = block.span.end.clamp(start, span.end);
            let is_last = index + 1 == blocks.len() && self.is_blank(end..span.end);
            let end = if is_last { span.end } else { end };
            self.block(block, end, joint);
            joint = later;
            at = end;
        }
        if at < span.end {
            self.block(&Block::leaf(Kind::Lines, at..span.end), span.end, joint);
        }
    }

    /// Cuts one block, from where the last unit ended to `end`.
    fn block(&mut self, block: &Block, end: usize, joint: Joint) {
        if end <= self.at || self.is_blank(self.at..end) {
            return self.extend_last(end);
        }
        if self.source.size(self.at..end).fits(self.limit()) {
            return self.push(end, joint, is_prose(block), is_indented(block));
        }
        match block.kind {
            Kind::Text | Kind::Rule => self.sentences(end, joint),
            Kind::Lines => self.lines(end, joint),
            Kind::Code { .. } | Kind::Table => self.framed(block, end, joint),
            Kind::Group => self.blocks(&block.children, self.at.max(block.span.start)..end, joint, Joint::Inner),
        }
    }

    fn limit(&self) -> Size {
        if self.out.units.is_empty() { self.first } else { self.rest }
    }

    fn is_blank(&self, range: Range<usize>) -> bool {
        self.source.markdown.get(range).is_none_or(|text| text.trim().is_empty())
    }

    fn sentences(&mut self, end: usize, joint: Joint) {
        let mut joint = joint;
        for sentence_end in sentence_ends(self.source.markdown, self.at..end, self.source.unbroken) {
            self.push(sentence_end, joint, true, false);
            joint = Joint::Sentence;
        }
    }

    fn lines(&mut self, end: usize, joint: Joint) {
        let mut joint = joint;
        for line_end in line_ends(self.source.markdown, self.at..end) {
            self.push(line_end, joint, true, false);
            joint = Joint::Sentence;
        }
    }

    /// Code by lines and tables by rows. The opening fence and a table's
    /// header go with the first of them, the closing fence with the last.
    fn framed(&mut self, block: &Block, end: usize, joint: Joint) {
        let markdown = self.source.markdown;
        let start = block.span.start.max(self.at);
        let body = trimmed(markdown, start..end);
        let mut ends: Vec<usize> =
            line_ends(markdown, start..end).into_iter().filter(|&line| line < body.end).collect();
        let kept_together = match block.kind {
            Kind::Table => 2,
            Kind::Code { fenced: true } => 1,
            _ => 0,
        };
        let frame = self.frame(block, start, ends.get(kept_together.max(1) - 1).copied().unwrap_or(body.end));
        ends.drain(..kept_together.min(ends.len()));
        if block.kind == (Kind::Code { fenced: true }) && is_closing_fence(&markdown[start..body.end]) {
            ends.pop();
        }
        self.out.blocks_cut += 1;
        ends.push(end);
        let mut joint = joint;
        let mut is_start = true;
        let last = ends.len() - 1;
        for (index, line_end) in ends.into_iter().enumerate() {
            let line = markdown[self.at..line_end].trim();
            if !is_start && line.is_empty() {
                joint = Joint::Announced;
            }
            self.push(line_end, joint, false, true);
            if let Some(unit) = self.out.units.last_mut() {
                unit.frame = frame;
                unit.is_frame_start = is_start;
                unit.is_frame_end = index == last;
            }
            joint = if line.is_empty() { Joint::Inner } else { Joint::Sentence };
            is_start = false;
        }
    }

    /// What is repeated around the pieces of a block whose opening lines end
    /// at `open_end`; nothing if it would take more than half of a chunk.
    fn frame(&mut self, block: &Block, start: usize, open_end: usize) -> Option<usize> {
        let markdown = self.source.markdown;
        let line_start = markdown[..start].rfind('\n').map_or(0, |line_end| line_end + 1);
        let margin: String = markdown[line_start..start].chars().map(|c| if c == '>' { '>' } else { ' ' }).collect();
        let head = markdown[start..open_end].trim_end();
        let close = match block.kind {
            Kind::Table => String::new(),
            Kind::Code { fenced: true } => {
                let mark = head.chars().next().unwrap_or('`');
                let fence: String = head.chars().take_while(|&character| character == mark).collect();
                format!("\n{margin}{fence}")
            }
            _ => return None,
        };
        let open = format!("{margin}{head}\n");
        let frame =
            Frame { open_size: self.source.size_of(&open), open, close_size: self.source.size_of(&close), close };
        if !frame.open_size.plus(frame.close_size).fits(self.rest.half()) {
            self.out.frames_left_out += 1;
            return None;
        }
        self.out.frames.push(frame);
        Some(self.out.frames.len() - 1)
    }

    fn push(&mut self, end: usize, joint: Joint, is_prose: bool, is_indented: bool) {
        let span = self.at..end;
        let text_start = self.text_from.clamp(span.start, span.end);
        let chars = self.source.markdown.get(span.clone()).map_or(0, |text| text.chars().count());
        self.out.units.push(Unit {
            span,
            chars,
            joint,
            text_start,
            is_prose,
            frame: None,
            is_frame_start: false,
            is_frame_end: false,
            is_indented,
        });
        self.at = end;
        self.text_from = self.text_from.max(end);
    }

    /// White space at the end of a block or section.
    fn extend_last(&mut self, end: usize) {
        if let Some(last) = self.out.units.last_mut().filter(|_| end > self.at) {
            last.span.end = end;
            self.at = end;
        }
    }
}

/// Whether a block holds text only, so that any of its sentences may stand by
/// itself.
fn is_prose(block: &Block) -> bool {
    match block.kind {
        Kind::Text | Kind::Lines => true,
        Kind::Group => block.children.iter().all(is_prose),
        Kind::Rule | Kind::Code { .. } | Kind::Table => false,
    }
}

fn is_indented(block: &Block) -> bool {
    matches!(block.kind, Kind::Code { .. } | Kind::Table)
}

/// The offsets after each line end within `span`, and its end.
fn line_ends(markdown: &str, span: Range<usize>) -> Vec<usize> {
    let mut at = span.start;
    let ends = markdown.get(span).unwrap_or_default().split_inclusive('\n').map(|line| {
        at += line.len();
        at
    });
    ends.collect()
}

/// Whether the last line of a fenced code block is its fence: a block at the
/// end of its quote or page may have none.
fn is_closing_fence(block: &str) -> bool {
    let mark = if block.starts_with('~') { '~' } else { '`' };
    let Some((_, last)) = block.trim_end().rsplit_once('\n') else { return false };
    let fence = last.trim_start_matches(|character: char| character == '>' || character.is_whitespace());
    fence.len() >= 3 && fence.trim_end().chars().all(|character| character == mark)
}
