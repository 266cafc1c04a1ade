//! Packs the units of a section into chunks.
//!
//! A chunk ends at the best joint in the upper half of its size. Among equal
//! joints a hash of the text after them decides, not how full the chunk is:
//! after an edit the packing so falls back into its old step within a chunk or
//! two, where filling each chunk to the brim would shift every later one.

use std::ops::Range;

use super::context::Context;
use super::cut::cut_point;
use super::options::ChunkOptions;
use super::piece::{Content, Piece, with_indent};
use super::sentences::sentence_ends;
use super::unit::{Frame, Joint, Size, Source, Unit, Units, trimmed};

/// Bytes of a unit that its hash is made of.
const HASHED_BYTES: usize = 256;

/// Packs one section.
pub(super) struct Packer<'a> {
    pub(super) source: Source<'a>,
    pub(super) options: &'a ChunkOptions,
    /// Tokens of the window for context and content.
    pub(super) room: usize,
    /// In front of the section's first chunk, which begins with its heading.
    pub(super) first: &'a Context,
    /// In front of the others.
    pub(super) rest: &'a Context,
    pub(super) parts: Units,
    /// Sentences, lines and rows that had to be cut.
    pub(super) cuts: usize,
}

/// A single character, at this offset, is larger than a chunk.
#[derive(Debug)]
pub(super) struct TooLarge(pub(super) usize);

/// The room for content behind `context`.
pub(super) fn limit(options: &ChunkOptions, room: usize, context: &Context) -> Size {
    Size { tokens: options.tokens_max.min(room.saturating_sub(context.tokens)), chars: options.chars_max }
}

impl Packer<'_> {
    /// The chunks of the section, in order.
    pub(super) fn pack(&mut self) -> Result<Vec<Piece>, TooLarge> {
        let mut pieces = Vec::new();
        let mut next = 0;
        let mut before = 0..0;
        while next < self.parts.units.len() {
            let context = if pieces.is_empty() { self.first } else { self.rest };
            let limit = limit(self.options, self.room, context);
            let overlap = self.overlap(before.clone(), limit.half());
            let (piece, end) = self.next_piece(next, overlap, limit, context)?;
            pieces.extend(piece);
            // Empty where a unit was cut: the next chunk begins in the middle
            // of a sentence, so there is no whole one to repeat.
            before = next..end;
            next = end;
        }
        Ok(pieces)
    }

    /// The chunk that starts at unit `next` (`None` if it is blank), and the
    /// unit at which the chunk after it starts: `next` again if it was cut.
    fn next_piece(
        &mut self,
        next: usize,
        overlap: Option<usize>,
        limit: Size,
        context: &Context,
    ) -> Result<(Option<Piece>, usize), TooLarge> {
        for overlap in [overlap, None] {
            let mut asked = limit;
            while asked.tokens > 0
                && let Some(end) = self.choose(next, overlap, asked)
            {
                let piece = self.render(next..end, overlap, context);
                let tokens = piece.tokens - self.source.tokens.special();
                if tokens <= limit.tokens + context.tokens {
                    return Ok(((!piece.span.is_empty()).then_some(piece), end));
                }
                // The parts' counts did not add up: ask for less.
                asked.tokens = shrunk(asked.tokens, tokens, limit.tokens + context.tokens);
            }
        }
        let piece = self.cut(next, limit, context)?;
        Ok(((!piece.span.is_empty()).then_some(piece), next))
    }

    /// The end of the units that make the best chunk from unit `next` on, with
    /// the repeated sentences in front; `None` if not even one fits.
    fn choose(&self, next: usize, overlap: Option<usize>, limit: Size) -> Option<usize> {
        let units = &self.parts.units;
        let start = self.content_span(next..next + 1, overlap).start;
        let own_start = units[next].span.start;
        let between = |from: usize, to: usize| self.source.markdown[from..to].chars().count();
        let repeated = overlap.map_or(Size::default(), |from| Size {
            tokens: self.source.map.count(from..own_start),
            chars: between(start, own_start),
        });
        // Spaces in front of a chunk are left out.
        let mut chars = if overlap.is_some() { repeated.chars } else { 0 };
        let left_out = if overlap.is_some() { 0 } else { between(own_start, start) };
        let least = least_filled(limit, repeated);
        let mut best: Option<(Rank, usize)> = None;
        for (index, unit) in units.iter().enumerate().skip(next) {
            chars += unit.chars - if index == next { left_out } else { 0 };
            let bare = Size { tokens: self.source.map.count(start..unit.span.end), chars };
            if !bare.fits(limit) {
                break;
            }
            let size = bare.plus(self.around(next, index));
            if size.fits(limit) {
                let rank = self.rank(index + 1, size.minus(repeated), least, limit);
                if best.as_ref().is_none_or(|(best_rank, _)| rank >= *best_rank) {
                    best = Some((rank, index + 1));
                }
            }
        }
        best.map(|(_, end)| end)
    }

    /// The size of what is repeated around a chunk of the units from `first`
    /// to `last`.
    fn around(&self, first: usize, last: usize) -> Size {
        let open = self.opened(first).map_or(Size::default(), |frame| frame.open_size);
        open.plus(self.closed(last).map_or(Size::default(), |frame| frame.close_size))
    }

    /// How good it is to end a chunk with `own` new text in front of unit
    /// `index`, when `least` would fill it enough.
    fn rank(&self, index: usize, own: Size, least: Size, limit: Size) -> Rank {
        let units = &self.parts.units;
        let (Some(following), Some(last)) = (units.get(index), units.last()) else { return Rank::All };
        let joint = self.joint(index, limit);
        if own.tokens < least.tokens && own.chars < least.chars {
            return Rank::Small { is_good: joint > Joint::Announced, units: index };
        }
        let rest = following.span.start..last.span.end;
        let quarter = limit.half().half();
        let leaves_enough = rest.len() >= quarter.chars || self.source.map.count(rest) >= quarter.tokens;
        let text = self.source.markdown[trimmed(self.source.markdown, following.span.clone())].bytes();
        Rank::Filled { leaves_enough, joint, hash: fnv1a(text.take(HASHED_BYTES)) }
    }

    /// What a cut in front of unit `index` is worth: an introduction that ends
    /// in a colon stays with what it announces if both fit in one chunk.
    fn joint(&self, index: usize, limit: Size) -> Joint {
        let [before, unit] = &self.parts.units[index - 1..=index] else { return Joint::Block };
        let announces = before.is_prose
            && self.source.markdown[before.span.clone()].trim_end().ends_with([':', '：'])
            && self.source.size(before.span.start..unit.span.end).fits(limit);
        if announces { unit.joint.min(Joint::Announced) } else { unit.joint }
    }

    /// Cuts unit `next`, which no chunk can hold, and leaves the rest of it in
    /// its place.
    fn cut(&mut self, next: usize, limit: Size, context: &Context) -> Result<Piece, TooLarge> {
        let whole = self.parts.units[next].clone();
        let frame = whole.frame.and_then(|frame| self.parts.frames.get(frame));
        let around = frame.map_or(Size::default(), |frame| frame.open_size.plus(frame.close_size));
        let start = self.content_span(next..next + 1, None).start;
        let indent = trimmed(self.source.markdown, start..whole.span.end).start - start;
        let mut asked = limit.minus(around).minus(Size { tokens: 0, chars: indent });
        loop {
            let cut = cut_point(self.source, whole.span.clone(), whole.text_start, asked)
                .ok_or(TooLarge(whole.span.start))?;
            let (taken, rest) = self.halves(&whole, cut);
            self.parts.units[next] = taken;
            let piece = self.render(next..next + 1, None, context);
            let tokens = piece.tokens - self.source.tokens.special();
            if tokens <= limit.tokens + context.tokens {
                self.cuts += usize::from(!self.source.markdown[rest.span.clone()].trim().is_empty());
                self.parts.units[next] = rest;
                return Ok(piece);
            }
            asked.tokens = shrunk(asked.tokens, tokens, limit.tokens + context.tokens);
        }
    }

    /// `unit` cut in two at `cut`.
    fn halves(&self, unit: &Unit, cut: usize) -> (Unit, Unit) {
        let chars = self.source.markdown[unit.span.start..cut].chars().count();
        let taken = Unit { span: unit.span.start..cut, chars, is_frame_end: false, ..unit.clone() };
        let rest = Unit {
            span: cut..unit.span.end,
            chars: unit.chars - chars,
            joint: Joint::Within,
            text_start: cut.max(unit.text_start),
            is_frame_start: false,
            is_indented: false,
            ..unit.clone()
        };
        (taken, rest)
    }

    /// The start of the whole sentences at the end of the units `before`, of
    /// at most the overlap's size and `most`.
    fn overlap(&self, before: Range<usize>, most: Size) -> Option<usize> {
        let most = Size {
            tokens: most.tokens.min(self.options.overlap_tokens),
            chars: most.chars.min(self.options.overlap_chars),
        };
        let end = self.parts.units.get(before.end)?.span.start;
        if self.opened(before.end).is_some() {
            return None;
        }
        let mut start = None;
        for unit in self.parts.units[before].iter().rev() {
            if !unit.is_prose {
                break;
            }
            let text = unit.text_start..unit.span.end;
            let mut starts = sentence_ends(self.source.markdown, text.clone(), self.source.unbroken);
            starts.pop();
            if unit.joint > Joint::Within {
                starts.insert(0, text.start);
            }
            for from in starts.into_iter().rev() {
                if !self.source.size(from..end).fits(most) {
                    return start;
                }
                if !self.source.markdown[from..end].trim().is_empty() {
                    start = Some(from);
                }
            }
            if unit.joint == Joint::Within || text.start > unit.span.start {
                break;
            }
        }
        start
    }

    fn render(&self, units: Range<usize>, overlap: Option<usize>, context: &Context) -> Piece {
        let own = self.parts.units[units.start].span.start..self.parts.units[units.end - 1].span.end;
        let content = Content {
            span: self.content_span(units.clone(), overlap),
            open: self.opened(units.start),
            close: self.closed(units.end - 1),
        };
        content.piece(self.source, trimmed(self.source.markdown, own).start, context)
    }

    /// What a chunk of `units` takes from the Markdown.
    fn content_span(&self, units: Range<usize>, overlap: Option<usize>) -> Range<usize> {
        let markdown = self.source.markdown;
        let (first, last) = (&self.parts.units[units.start], &self.parts.units[units.end - 1]);
        let mut span = trimmed(markdown, overlap.unwrap_or(first.span.start)..last.span.end);
        if overlap.is_none() && first.is_indented {
            span.start = with_indent(markdown, first.span.start..span.start, self.options.chars_max / 4);
        }
        span
    }

    /// The frame that a chunk beginning with unit `index` must open.
    fn opened(&self, index: usize) -> Option<&Frame> {
        let unit = self.parts.units.get(index).filter(|unit| !unit.is_frame_start)?;
        self.parts.frames.get(unit.frame?)
    }

    /// The frame that a chunk ending with unit `index` must close.
    fn closed(&self, index: usize) -> Option<&Frame> {
        let unit = self.parts.units.get(index).filter(|unit| !unit.is_frame_end)?;
        self.parts.frames.get(unit.frame?)
    }
}

/// The rank of a place to end a chunk at, from worst to best.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Not filled enough: the fullest, but no introduction at its end.
    Small {
        is_good: bool,
        units: usize,
    },
    Filled {
        leaves_enough: bool,
        joint: Joint,
        hash: u64,
    },
    /// Nothing is left.
    All,
}

/// What new text fills a chunk enough: half of it, or three quarters of what
/// the repeated sentences leave.
fn least_filled(limit: Size, repeated: Size) -> Size {
    let room = limit.minus(repeated);
    let least = |limit: usize, room: usize| (limit / 2).min(room / 4 * 3);
    Size { tokens: least(limit.tokens, room.tokens), chars: least(limit.chars, room.chars) }
}

/// Less than `asked`, by how much `tokens` are over `allowed`.
fn shrunk(asked: usize, tokens: usize, allowed: usize) -> usize {
    asked.saturating_sub(1).min(asked.saturating_mul(allowed) / tokens.max(1))
}

/// A fast hash that is the same for ever and everywhere.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
