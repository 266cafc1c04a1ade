//! What holds for every Markdown, tokenizer and size.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;

use super::testing::{document, options, settings, tokenizer_json, word_pieces};
use super::tokens::{HuggingFaceCounter, OpenAiCounter, TokenCounter};
use super::{ChunkOptions, ChunkSettings, Chunked, chunk};
use crate::item::{Chunk, Document, chunk_id};

static WORD_PIECES: LazyLock<HuggingFaceCounter> = LazyLock::new(word_pieces);
static OPEN_AI: LazyLock<OpenAiCounter> = LazyLock::new(|| OpenAiCounter::for_model("text-embedding-3-small").unwrap());

/// Cuts `document` and checks all that holds whatever it is.
fn cut(document: &Document, tokens: &dyn TokenCounter, options: &ChunkOptions) -> Chunked {
    let chunked = chunk("0123456789ab", document, tokens, options).unwrap();
    let markdown = document.markdown_content.as_str();
    let mut covered = 0;
    let mut last_start = 0;
    for (index, chunk) in chunked.chunks.iter().enumerate() {
        let (start, end) = chunk.metadata.span;
        assert!(last_start <= start && covered <= end && start < end, "span {start}..{end} of chunk {index}");
        if start > covered {
            let gap = &markdown[covered..start];
            assert!(gap.trim().is_empty(), "{gap:?} is in no chunk");
        }
        assert!(chunk.content.contains(&markdown[start..end]), "{chunk:?}");
        assert_eq!(chunk.id, chunk_id("0123456789ab", index));
        assert_eq!(chunk.metadata.chunk_index, index);
        check_sizes(chunk, tokens, options);
        (last_start, covered) = (start, end);
    }
    assert!(markdown[covered..].trim().is_empty(), "{:?} is in no chunk", &markdown[covered..]);
    chunked
}

fn check_sizes(chunk: &Chunk, tokens: &dyn TokenCounter, options: &ChunkOptions) {
    let embedded = chunk.text_to_embed();
    assert_eq!(chunk.metadata.token_count, tokens.count(embedded) + tokens.special(), "{embedded:?}");
    assert!(chunk.metadata.token_count <= options.window, "{embedded:?}");
    assert!(chunk.content.chars().count() <= options.chars_max, "{embedded:?}");
    assert!(!chunk.content.trim().is_empty() && embedded.ends_with(&chunk.content));
    if tokens.adds_up() {
        assert!(tokens.count(&chunk.content) <= options.tokens_max, "{:?}", chunk.content);
    }
}

/// Pieces of which Markdown that tries everything is put together.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(vec![
            "# A\n", "## B b\n\n", "### `c` [d](e)\n", "####### no\n", "Under\n===\n", "\n", "\n\n", "    ", "> ", ">> ", "- ",
            "1. ", "* * *\n", "```rust\n", "```\n", "~~~~\n", "| a | b |\n|---|---|\n", "| one | two |\n", "|", "[x]: /y\n",
            "<div>\n", "</div>\n", "<!-- ", "-->", "`a. B`", "**", "![i](u \"t\")", "\\", "\r\n", "\t", "\u{b}", "\u{a0}",
            "\u{2028}", "e\u{301}", "👩‍👩‍👧‍👦", "世界。你好。", "[SEP]", "<|endoftext|>", "Introduction:\n\n", "[^1]: note\n", "\0",
        ]).prop_map(str::to_owned),
        3 => "([a-z]{1,9}[,;]? ){1,12}[a-z]{1,5}[.!?] ",
        1 => "[a-z]{1,300}",
        1 => "\\PC{0,20}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn sizes() -> impl Strategy<Value = ChunkOptions> {
    (32_usize..200, 16_usize..200, 0_usize..40, prop::option::of(64_usize..400), any::<bool>()).prop_map(
        |(window, tokens, overlap, chars_max, context)| {
            let tokens = tokens.min(window);
            let overlap = overlap.min(tokens - 1);
            let base = settings(tokens, overlap, window.max(36));
            ChunkOptions::new(ChunkSettings { chars_max, context, ..base }).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_lost_and_no_chunk_is_over_the_window(text in markdown(), options in sizes()) {
        let document = document(&text);
        let once = cut(&document, &*WORD_PIECES, &options);
        prop_assert_eq!(once, cut(&document, &*WORD_PIECES, &options));
        cut(&document, &*OPEN_AI, &options);
    }

    #[test]
    fn any_string_is_cut(text in "\\PC{0,200}|[\\s\\S]{0,200}", options in sizes()) {
        cut(&document(&text), &*WORD_PIECES, &options);
        cut(&document(&text), &*OPEN_AI, &options);
    }

    #[test]
    fn paths_are_right_and_an_edit_stays_in_its_section(
        sections in prop::collection::vec((1_usize..6, 1_usize..60), 1..8),
        edited in any::<prop::sample::Index>(),
        words in 1_usize..90,
    ) {
        let edited = edited.index(sections.len());
        let before = cut(&document(&numbered(&sections)), &*WORD_PIECES, &options(60, 10, 80));
        let mut changed = sections.clone();
        changed[edited].1 = words;
        let after = cut(&document(&numbered(&changed)), &*WORD_PIECES, &options(60, 10, 80));
        for number in 0..sections.len() {
            let (old, new) = (of_section(&before, number), of_section(&after, number));
            prop_assert!(!old.is_empty());
            let path = path_of(&sections, number);
            prop_assert!(old.iter().all(|chunk| chunk.metadata.headings == path), "{:?} is not {:?}", old, path);
            if number != edited {
                let texts = |chunks: &[&Chunk]| chunks.iter().map(|chunk| chunk.text_to_embed().to_owned()).collect::<Vec<_>>();
                prop_assert_eq!(texts(&old), texts(&new));
            }
        }
    }
}

/// Sections of a level and a number of sentences, each of which names it.
fn numbered(sections: &[(usize, usize)]) -> String {
    let section = |(number, &(level, sentences)): (usize, &(usize, usize))| {
        let text: String = (0..sentences).map(|count| format!("Sentence {count} of s{number}s. ")).collect();
        format!("{} H{number}\n\n{text}\n\n", "#".repeat(level))
    };
    sections.iter().enumerate().map(section).collect()
}

fn of_section(chunked: &Chunked, number: usize) -> Vec<&Chunk> {
    let mark = format!(" s{number}s.");
    chunked.chunks.iter().filter(|chunk| chunk.content.contains(&mark)).collect()
}

/// The headings above section `number`, worked out from the levels alone.
fn path_of(sections: &[(usize, usize)], number: usize) -> Vec<String> {
    let mut path = vec![format!("H{number}")];
    let mut level = sections[number].0;
    for above in (0..number).rev() {
        if sections[above].0 < level {
            level = sections[above].0;
            path.insert(0, format!("H{above}"));
        }
    }
    path
}

#[test]
fn hostile_documents_are_cut_in_bounded_time() {
    let cases = [
        ("one paragraph", "word after word ".repeat(20_000)),
        ("one sentence of Chinese", "世界".repeat(30_000)),
        ("one word", "x".repeat(300_000)),
        ("one grapheme", format!("e{}", "\u{301}".repeat(50_000))),
        ("spaces", format!("a{}b", " ".repeat(300_000))),
        ("empty lines of code", format!("```\na{}b\n```", "\n".repeat(100_000))),
        ("headings", (0..10_000).map(|n| format!("## H{n}\n\nText.\n\n")).collect()),
        ("headings alone", "# H\n".repeat(10_000)),
        ("one heading", format!("# {}\n\n{}", "word ".repeat(40_000), "Text here. ".repeat(2_000))),
        ("a table", format!("| a | b |\n|---|---|\n{}", "| one | two three |\n".repeat(10_000))),
        ("a wide table", format!("|{0}\n|{1}\n|{0}\n|{0}\n", " a |".repeat(10_000), "---|".repeat(10_000))),
        ("deep quotes", format!("{} deep\n{}", ">".repeat(10_000), "\n".repeat(20_000))),
        ("deep lists", format!("{}deep\n\n{}", "- ".repeat(10_000), "text\n\n".repeat(5_000))),
        ("stepped lists", (0..400).map(|n| format!("{}- item\n", "  ".repeat(n))).collect()),
        ("brackets", "[".repeat(100_000)),
        ("link targets", (0..5_000).map(|n| format!("[l{n}]: /u{n}\n")).collect()),
        ("a fence", format!("{}\ncode\n", "`".repeat(100_000))),
        ("an info string", format!("```{}\n{}\n```", "i".repeat(50_000), "line of code\n".repeat(500))),
    ];
    for (name, markdown) in cases {
        let chunked = cut(&document(&markdown), &*WORD_PIECES, &options(200, 20, 256));
        assert!(!chunked.chunks.is_empty(), "{name}");
        cut(&document(&markdown), &*OPEN_AI, &options(400, 40, 500));
    }
}

#[test]
fn a_counter_counts_as_the_model_encodes() {
    let tokenizer = crate::tokenizer::read(&tokenizer_json()).unwrap();
    for text in ["", "word", "the value of a [SEP] in two texts, which is not cut at eight tokens", "世界 é \u{b}x"]
    {
        let encoded = tokenizer.encode(text, true).unwrap().len();
        assert_eq!(WORD_PIECES.count(text) + WORD_PIECES.special(), encoded, "{text}");
        for counter in [&*WORD_PIECES as &dyn TokenCounter, &*OPEN_AI] {
            let mut starts = Vec::new();
            counter.starts(text, &mut starts);
            assert!(starts.len() == counter.count(text) && starts.is_sorted(), "{text}: {starts:?}");
        }
    }
}
