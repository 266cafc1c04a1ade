//! Questions on small indexes: words, vectors, snippets.

use proptest::prelude::*;

use super::*;
use crate::load::LoadDocument;
use crate::load::index::Index;
use crate::load::samples::{self, assemble, load_all, model};

fn loaded(loads: &[LoadDocument]) -> (tempfile::TempDir, Reader) {
    let folder = tempfile::tempdir().unwrap();
    load_all(&Index::open(folder.path(), &model("f")).unwrap(), loads);
    let reader = Reader::open(folder.path()).unwrap().unwrap();
    (folder, reader)
}

fn page(path: &str, title: &str, sections: &[(&str, &str, [f32; 4])]) -> LoadDocument {
    let texts: Vec<_> = sections.iter().map(|(heading, text, _)| ((*heading).to_owned(), (*text).to_owned())).collect();
    assemble(&format!("https://a.example/{path}"), title, &texts, |index| sections[index].2.to_vec())
}

fn site() -> Vec<LoadDocument> {
    vec![
        page(
            "errors",
            "Error handling",
            &[
                ("Result", "Use `Result` to recover.", [1.0, 0.0, 0.0, 0.0]),
                ("Panic", "A panic unwinds the stack.", [0.0, 1.0, 0.0, 0.0]),
            ],
        ),
        page(
            "files",
            "Files",
            &[
                ("Reading", "Call `std::fs::read_to_string(path)` to read.", [0.0, 0.0, 1.0, 0.0]),
                ("Words", "A string, a path, to read; std and fs.", [0.0, 0.0, 0.0, 1.0]),
            ],
        ),
        page("empty", "Empty", &[]),
    ]
}

fn texts(reader: &Reader, question: &str, vector: Option<&[f32]>) -> Vec<String> {
    reader.search(question, vector, HITS).unwrap().hits.into_iter().map(|hit| hit.text).collect()
}

#[test]
fn words_find_and_an_identifier_in_one_piece_comes_first() {
    let (_folder, reader) = loaded(&site());
    assert_eq!(texts(&reader, "how do I PANIC", None), ["A panic unwinds the stack."]);
    assert_eq!(texts(&reader, "fs::read_to_string", None)[0], "Call `std::fs::read_to_string(path)` to read.");
    assert_eq!(texts(&reader, "error handling", None).len(), 2, "by title");
    assert_eq!(texts(&reader, "zebra", None), [""; 0]);
    assert_eq!(texts(&reader, "?!", None), [""; 0]);
}

#[test]
fn vectors_find_what_shares_no_word_and_both_lists_are_fused() {
    let (_folder, reader) = loaded(&site());
    let near_panic: &[f32] = &[0.1, 0.9, 0.0, 0.0];
    assert_eq!(texts(&reader, "zebra", Some(near_panic))[0], "A panic unwinds the stack.");
    let answer = reader.search("recover", Some(near_panic), HITS).unwrap();
    // First by words and second by vectors beats first by vectors alone.
    assert_eq!(answer.hits[0].text, "Use `Result` to recover.");
    // The second of that page comes after the best of every other page.
    assert_eq!(answer.hits[1].text, "Call `std::fs::read_to_string(path)` to read.");
    assert_eq!(answer.hits[2].text, "A panic unwinds the stack.");
    let expected = (1.0 / 61.0 + 1.0 / 62.0) / (2.0 / 61.0);
    assert!((answer.hits[0].score - expected).abs() < 1e-12, "{}", answer.hits[0].score);
    assert_eq!(answer.hits.len(), 4);
    assert!(answer.hits.iter().map(|hit| hit.rank).eq(1..=4));
}

#[test]
fn an_answer_in_json_has_the_promised_fields_in_their_order() {
    let (_folder, reader) = loaded(&site());
    let answer = reader.search("panic", None, HITS).unwrap();
    let json = serde_json::to_string(&answer).unwrap();
    let id = &answer.hits[0].chunk_id;
    let expected = format!(
        r#"{{"query":"panic","hits":[{{"rank":1,"score":1.0,"url":"https://a.example/errors#section-1","title":"Error handling","headings":["Error handling","Panic"],"text":"A panic unwinds the stack.","chunk_id":"{id}"}}]}}"#
    );
    assert_eq!(json, expected);
}

#[test]
fn the_order_of_loading_changes_nothing_and_ties_go_by_chunk_id() {
    // More pages than one list holds, all equally good.
    let mut loads: Vec<_> = (0..260)
        .map(|number| page(&format!("{number}"), &format!("T{number}"), &[("H", "same words", [1.0, 1.0, 0.0, 0.0])]))
        .collect();
    let ask = |loads: &[LoadDocument]| {
        let (_folder, reader) = loaded(loads);
        reader.search("same words", Some(&[1.0, 0.0, 0.0, 0.0]), HITS).unwrap()
    };
    let answer = ask(&loads);
    loads.reverse();
    assert_eq!(answer, ask(&loads));
    let mut ids: Vec<_> = loads.iter().map(|load| load.embedded.chunks[0].id.clone()).collect();
    ids.sort();
    assert!(answer.hits.iter().map(|hit| &hit.chunk_id).eq(&ids[..5]));
}

#[test]
fn of_exact_duplicates_the_smallest_url_is_found() {
    let section = [("H", "the very same text", [1.0, 0.0, 0.0, 0.0])];
    let mut loads: Vec<_> = (0..300).map(|number| page(&format!("copy/{number}"), "Copy", &section)).collect();
    loads.push(page("a-original", "Copy", &section));
    loads.push(page("z", "Other", &[("H", "another same text", [0.0, 1.0, 0.0, 0.0])]));
    let (_folder, reader) = loaded(&loads);
    for vector in [None, Some(&[1.0_f32, 0.0, 0.0, 0.0][..])] {
        let answer = reader.search("same text", vector, HITS).unwrap();
        let mut urls: Vec<_> = answer.hits.iter().map(|hit| hit.url.as_str()).collect();
        urls.sort_unstable();
        assert_eq!(urls, ["https://a.example/a-original#section-0", "https://a.example/z#section-0"]);
    }
}

#[test]
fn a_vector_that_is_not_the_models_is_refused() {
    let (_folder, reader) = loaded(&site());
    for bad in [&[1.0_f32, 0.0][..], &[0.0; 4], &[f32::NAN; 4]] {
        assert!(matches!(reader.search("x", Some(bad), HITS), Err(LoadError::Vector { .. })), "{bad:?}");
    }
}

#[test]
fn a_question_of_a_megabyte_is_answered() {
    let (_folder, reader) = loaded(&site());
    for question in ["panic ".repeat(200_000), "x".repeat(1_000_000), "a-".repeat(500_000), "\"(*".repeat(300_000)] {
        reader.search(&question, Some(&[1.0, 0.0, 0.0, 0.0]), HITS).unwrap();
        SnippetMaker::new(&question).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_question_is_an_error(questions in prop::collection::vec(samples::hostile_text(), 8)) {
        let (_folder, reader) = loaded(&site());
        let marker = Marker { start: "[", end: "]" };
        for question in questions {
            let answer = reader.search(&question, None, HITS).unwrap();
            let maker = SnippetMaker::new(&question).unwrap();
            for hit in &answer.hits {
                prop_assert!(maker.snippet(&hit.text, marker, 20).unwrap().contains('['), "{:?}", question);
            }
        }
    }

    #[test]
    fn hostile_text_is_found_by_its_words(load in samples::hostile_document(), word in "[a-z]{5}") {
        let mut load = load;
        prop_assume!(!load.embedded.chunks.is_empty());
        load.embedded.chunks[0].content.push_str(&format!(" {word} "));
        let (_folder, reader) = loaded(&[load.clone()]);
        let answer = reader.search(&word, None, HITS).unwrap();
        prop_assert!(answer.hits.iter().any(|hit| hit.text == load.embedded.chunks[0].content));
    }
}
