//! Documents as they are, and how they are cut.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::testing::{document, options, settings, word_pieces};
use super::tokens::{OpenAiCounter, TokenCounter as _};
use super::{ChunkError, ChunkNotes, ChunkOptions, ChunkSettings, Chunked, chunk};
use crate::failure::StageError as _;
use crate::item::Heading;

static OPEN_AI: LazyLock<OpenAiCounter> = LazyLock::new(|| OpenAiCounter::for_model("text-embedding-3-small").unwrap());

fn shown(chunked: &Chunked) -> String {
    let mut text = String::new();
    for chunk in &chunked.chunks {
        let meta = &chunk.metadata;
        writeln!(
            text,
            "════ {}.{} │ {} │ {} tokens │ {}..{}",
            meta.chunk_index, meta.sub_chunk_index, meta.chunk_title, meta.token_count, meta.span.0, meta.span.1
        )
        .unwrap();
        writeln!(text, "{}", chunk.text_to_embed()).unwrap();
    }
    writeln!(text, "════ {:?}", chunked.notes).unwrap();
    text
}

#[test]
fn a_tutorial_reads_well() {
    let mut page = document(include_str!("testdata/tutorial.md"));
    page.title = "Backing up a database - Kettle".to_owned();
    insta::assert_snapshot!(shown(&chunk("k", &page, &*OPEN_AI, &options(150, 25, 200)).unwrap()));
}

#[test]
fn a_reference_reads_well() {
    let mut page = document(include_str!("testdata/reference.md"));
    page.title = "Buffer in kettle::buffer - Rust".to_owned();
    insta::assert_snapshot!(shown(&chunk("k", &page, &*OPEN_AI, &options(150, 25, 200)).unwrap()));
}

/// The contents of the chunks of `markdown`, at most 40 word pieces each.
fn contents(markdown: &str, overlap: usize) -> Vec<String> {
    let settings = ChunkSettings { context: false, ..settings(40, overlap, 64) };
    let chunked = chunk("k", &document(markdown), &word_pieces(), &ChunkOptions::new(settings).unwrap()).unwrap();
    chunked.chunks.into_iter().map(|chunk| chunk.content).collect()
}

#[test]
fn an_empty_document_has_no_chunks() {
    for empty in ["", " \n\t\n", "\u{a0}\n"] {
        let chunked = chunk("k", &document(empty), &word_pieces(), &options(40, 0, 64)).unwrap();
        assert_eq!(chunked, Chunked { chunks: Vec::new(), notes: ChunkNotes::default() });
    }
}

#[test]
fn a_cut_code_block_has_its_fence_around_each_piece() {
    let lines: String = (1..=7).map(|line| format!("  value of {line} = code;\n")).collect();
    let pieces = contents(&format!("- item\n\n  ````rust\n{lines}\n  last line\n  ````\n"), 0);
    assert!(pieces.len() > 1, "{pieces:?}");
    for piece in &pieces {
        assert_eq!(piece.matches("````").count(), 2, "{piece}");
        assert!(piece.contains("````rust\n") && piece.trim_end().ends_with("\n  ````"), "{piece}");
        assert!(piece.lines().all(|line| !line.contains("value") || line.ends_with("code;")), "{piece}");
    }
}

#[test]
fn a_cut_table_has_its_header_over_each_piece() {
    let rows: String = (1..=9).map(|row| format!("> | {row} | value of a |\n")).collect();
    let pieces = contents(&format!("> | a | b |\n> |--|--|\n{rows}"), 0);
    assert!(pieces.len() > 1, "{pieces:?}");
    for piece in &pieces {
        assert!(piece.starts_with("> | a | b |\n> |--|--|\n> |"), "{piece}");
        assert_eq!(piece.matches("|--|--|").count(), 1, "{piece}");
        assert!(piece.lines().all(|line| line.ends_with('|')), "{piece}");
    }
}

#[test]
fn whole_blocks_stay_whole_and_an_introduction_stays_with_them() {
    let filler = "The value of a text is that it is a text. ".repeat(2);
    let code = "```\nvalue of code for this function\nreturns error not value\n```";
    let pieces = contents(&format!("{filler}\n\nWith this code:\n\n{code}\n"), 0);
    assert_eq!(pieces, [filler.trim(), &format!("With this code:\n\n{code}")]);
}

#[test]
fn sentences_are_repeated_from_the_chunk_before_and_no_halves() {
    let sentences: Vec<String> = (0..12).map(|n| format!("The value {n} is in this text.")).collect();
    let pieces = contents(&sentences.join(" "), 20);
    assert!(pieces.len() > 2, "{pieces:?}");
    for pair in pieces.windows(2) {
        let repeated = sentences.iter().filter(|sentence| pair[0].contains(*sentence) && pair[1].contains(*sentence));
        assert!((1..=2).contains(&repeated.count()), "{pair:?}");
        assert!(pair[1].starts_with("The value"), "{pair:?}");
    }
    let other_section = contents("# A\n\nThe value.\n\n# B\n\nThe text.", 20);
    assert_eq!(other_section, ["# A\n\nThe value.", "# B\n\nThe text."]);
}

#[test]
fn a_chunk_knows_where_it_is() {
    let mut page = document("# A\n\nThe text.\n\n## B\n\nThe value.\n");
    let anchor = |offset, anchor: Option<&str>| Heading {
        level: 1,
        text: String::new(),
        anchor: anchor.map(str::to_owned),
        offset,
    };
    page.metadata.headings = vec![anchor(0, Some("a")), anchor(16, Some("b"))];
    let chunked = chunk("k", &page, &word_pieces(), &options(40, 0, 64)).unwrap();
    let [first, second] = &chunked.chunks[..] else { panic!("{chunked:?}") };
    assert_eq!(first.embedded_text.as_deref(), Some("The title\n\n# A\n\nThe text."));
    assert_eq!(second.embedded_text.as_deref(), Some("The title > A\n\n## B\n\nThe value."));
    assert_eq!(second.content, "## B\n\nThe value.");
    let meta = &second.metadata;
    assert_eq!((meta.h1.as_deref(), meta.h2.as_deref(), meta.h3.as_deref()), (Some("A"), Some("B"), None));
    assert_eq!(meta.headings, ["A", "B"]);
    assert_eq!((meta.chunk_index, meta.sub_chunk_index, meta.span), (1, 0, (16, 32)));
    assert_eq!((meta.chunk_id.as_str(), second.id.as_str()), ("k_1", "k_1"));
    assert_eq!(
        (meta.doc_id.as_str(), meta.source_url.as_str()),
        ("https://example.com/page", "https://example.com/page#b")
    );
    assert_eq!((meta.chunk_title.as_str(), meta.document_title.as_str()), ("B", "The title"));
    assert_eq!(meta.locale.as_deref(), Some("en"));
}

#[test]
fn what_is_embedded_may_be_the_content_itself() {
    let mut page = document("# The title\n\nThe text.");
    page.title = "the  Title".to_owned();
    let chunked = chunk("k", &page, &word_pieces(), &options(40, 0, 64)).unwrap();
    assert_eq!(chunked.chunks[0].embedded_text.as_deref(), Some("the Title\n\n# The title\n\nThe text."));
    page.title.clear();
    let chunked = chunk("k", &page, &word_pieces(), &options(40, 0, 64)).unwrap();
    assert_eq!(chunked.chunks[0].embedded_text, None);
}

#[test]
fn what_limits_cut_is_counted() {
    let page =
        document(&format!("# {}\n\n{}.\n\n```\n{}```\n", "h ".repeat(250), "word ".repeat(100), "code\n".repeat(100)));
    let notes = chunk("k", &page, &word_pieces(), &options(40, 0, 64)).unwrap().notes;
    assert!(notes.headings_shortened == 1 && notes.contexts_cut == 1, "{notes:?}");
    assert!(notes.blocks_cut == 1 && notes.sentences_cut > 0, "{notes:?}");
}

#[test]
fn a_window_without_room_is_an_error_that_no_retry_heals() {
    let error = chunk("k", &document("text"), &word_pieces(), &options(16, 0, 33)).unwrap_err();
    assert!(matches!(error, ChunkError::Options(_)) && !error.can_retry(), "{error}");
    assert!(word_pieces().adds_up() && !OPEN_AI.adds_up());
}
