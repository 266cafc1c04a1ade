//! The chunk stage: cuts a [`Document`] into [`Chunk`]s that fit the embedding
//! model's window, and lose no text (invariant 10).
//!
//! Markdown in, pieces of it out. A document is cut at its headings first; a
//! section that is too long, at its blocks, items, sentences, words and, when
//! nothing else is left, characters. A code block or table stays whole while
//! it fits, else its pieces each get the fence or the header. A chunk never
//! reaches over two sections (one without any text goes with the next), so
//! that an edit in one section leaves the others' chunks as they were, and a
//! link to a chunk lands on its own heading.
//!
//! What is embedded is the chunk's content with the document's title and the
//! headings above it in front. By the tokenizer's own count, special tokens
//! included, it never exceeds the window. The chunks' spans are in order and
//! together cover all of the Markdown but white space.
//!
//! The steps, a file each: `nesting` and `parse` read the structure,
//! `sections` sorts it, `units` cuts blocks to what fits (by `sentences`),
//! `pack` puts units together (and has `cut` cut what is too large), `piece`
//! writes the text; [`tokens`] counts, and `token_map` remembers.

mod context;
mod cut;
mod link;
mod nesting;
mod options;
mod pack;
mod parse;
mod piece;
#[cfg(test)]
mod properties;
mod sections;
mod sentences;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token_map;
pub mod tokens;
mod unit;
mod units;

pub use self::options::{CHARS_MIN, ChunkOptions, ChunkSettings, OptionsError, TOKENS_MIN, fingerprint};

use self::context::{Context, Contexts, shortened, shortened_headings};
use self::link::Anchors;
use self::pack::{Packer, TooLarge, limit};
use self::parse::{Heading, parse};
use self::piece::Piece;
use self::sections::{Section, sections};
use self::token_map::TokenMap;
use self::tokens::TokenCounter;
use self::unit::Source;
use self::units::units;
use crate::failure::{StageError, one_line};
use crate::item::{Chunk, ChunkMetadata, Document, chunk_id};

/// The chunks of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunked {
    /// In the order of the document; none for an empty one.
    pub chunks: Vec<Chunk>,
    /// What had to be cut to fit.
    pub notes: ChunkNotes,
}

/// What limits did to a document. Nothing of its text is lost by any of them,
/// but each is a place where a chunk may read worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChunkNotes {
    /// Code blocks and tables that did not fit in one chunk.
    pub blocks_cut: usize,
    /// Places where a sentence, a line of code or a table's row was cut.
    pub sentences_cut: usize,
    /// Fences and table headers that were too long to be repeated.
    pub frames_left_out: usize,
    /// Sections whose heading path was too long to be embedded whole.
    pub contexts_cut: usize,
    /// Titles and headings that stand shortened in the chunks' metadata.
    pub headings_shortened: usize,
}

/// Why a document cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// The settings leave no room in the model's window.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// One character is more than fits.
    #[error(
        "{url}: the character at byte {offset} of its Markdown alone is over the size of a chunk: set CHUNK_TOKENS higher"
    )]
    CharacterTooLarge {
        /// The document.
        url: String,
        /// Where the character is.
        offset: usize,
    },
}

impl StageError for ChunkError {
    fn can_retry(&self) -> bool {
        false
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Options(_) => "bad_chunk_options",
            Self::CharacterTooLarge { .. } => "character_too_large",
        }
    }
}

/// Cuts `document`, whose key is `key`, into chunks. The same arguments give
/// the same chunks, whatever else happens; time is about linear in the length
/// of the Markdown.
///
/// # Errors
/// If the model's window is too small for any text.
pub fn chunk(
    key: &str,
    document: &Document,
    tokens: &dyn TokenCounter,
    options: &ChunkOptions,
) -> Result<Chunked, ChunkError> {
    let room = options.room(tokens)?;
    let markdown = document.markdown_content.as_str();
    let parsed = parse(markdown);
    let (sections, headings) = sections(markdown, parsed.parts);
    let (heading_texts, headings_shortened) = shortened_headings(&headings);
    let (title, is_title_cut) = shortened(&document.title);
    let context_max = if options.context { room / 2 } else { 0 };
    let mut writer = Writer {
        key,
        document,
        options,
        room,
        headings,
        heading_texts,
        contexts: Contexts::new(&title, context_max, tokens),
        title,
        anchors: Anchors::new(document),
        out: Chunked { chunks: Vec::new(), notes: ChunkNotes::default() },
    };
    writer.out.notes.headings_shortened = headings_shortened + usize::from(is_title_cut);
    for section in &sections {
        let map = TokenMap::new(markdown, section.span.clone(), tokens);
        writer.section(section, Source { markdown, unbroken: &parsed.unbroken, tokens, map: &map })?;
    }
    Ok(writer.out)
}

/// Writes the chunks of one document.
struct Writer<'a> {
    key: &'a str,
    document: &'a Document,
    options: &'a ChunkOptions,
    room: usize,
    headings: Vec<Heading>,
    /// Of `headings`, shortened.
    heading_texts: Vec<String>,
    contexts: Contexts<'a>,
    /// Shortened.
    title: String,
    anchors: Anchors<'a>,
    out: Chunked,
}

impl Writer<'_> {
    fn section(&mut self, section: &Section, source: Source<'_>) -> Result<(), ChunkError> {
        // Headings in the first chunk's own text need not stand in front of it.
        let first = self.context(section, |heading| heading.span.start < section.span.start);
        let rest = self.context(section, |_| true);
        let limits = (limit(self.options, self.room, &first), limit(self.options, self.room, &rest));
        let parts = units(source, section, limits.0, limits.1);
        let notes = &mut self.out.notes;
        notes.contexts_cut += usize::from(rest.is_cut);
        notes.blocks_cut += parts.blocks_cut;
        notes.frames_left_out += parts.frames_left_out;
        let mut packer =
            Packer { source, options: self.options, room: self.room, first: &first, rest: &rest, parts, cuts: 0 };
        let pieces = packer.pack().map_err(|TooLarge(offset)| ChunkError::CharacterTooLarge {
            url: one_line(&self.document.url, 500),
            offset,
        })?;
        notes.sentences_cut += packer.cuts;
        for (index, piece) in pieces.into_iter().enumerate() {
            self.push(section, index, piece);
        }
        Ok(())
    }

    fn context(&mut self, section: &Section, is_wanted: impl Fn(&Heading) -> bool) -> Context {
        if !self.options.context {
            return Context::default();
        }
        let path = section.path.iter().filter(|&&index| is_wanted(&self.headings[index]));
        let path: Vec<&str> = path.map(|&index| self.heading_texts[index].as_str()).collect();
        self.contexts.of(&path)
    }

    fn push(&mut self, section: &Section, sub_chunk_index: usize, piece: Piece) {
        let chunk_index = self.out.chunks.len();
        let id = chunk_id(self.key, chunk_index);
        let at_level = |level: usize| {
            let index = section.path.iter().copied().find(|&index| self.headings[index].level == level);
            index.map(|index| self.heading_texts[index].clone()).filter(|text| !text.is_empty())
        };
        let path = section.path.iter().map(|&index| self.heading_texts[index].clone());
        let headings: Vec<String> = path.filter(|text| !text.is_empty()).collect();
        let metadata = ChunkMetadata {
            h1: at_level(1),
            h2: at_level(2),
            h3: at_level(3),
            h4: at_level(4),
            chunk_index,
            sub_chunk_index,
            chunk_title: headings.last().unwrap_or(&self.title).clone(),
            chunk_id: id.clone(),
            doc_id: self.document.url.clone(),
            source_url: self.anchors.link(piece.own_start),
            document_title: self.title.clone(),
            headings,
            token_count: piece.tokens,
            span: (piece.span.start, piece.span.end),
            locale: self.document.metadata.locale.clone(),
        };
        let embedding = Vec::new();
        self.out.chunks.push(Chunk { id, content: piece.content, embedded_text: piece.embedded, embedding, metadata });
    }
}
