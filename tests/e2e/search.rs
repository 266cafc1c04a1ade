//! Questions and answers.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::support::data::Hit;
use crate::support::model::needs_model;
use crate::support::program::Docmill;

/// One small index for all questions.
fn library() -> &'static Docmill {
    static LIBRARY: OnceLock<Docmill> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let docmill = Docmill::new();
        let pages = [
            ("ovens", "# Ovens\n\n## Bread\n\nBake the loaf at 230 degrees until its crust is brown.\n\n## Cleaning\n\nScrub the oven with soda once a month."),
            ("flags", "# Flags\n\n## Features\n\nPass `--no-default-features` to leave the telescope out of the build.\n"),
            ("birds", "# Birds\n\n## Migration\n\nStorks fly south over the strait in late summer, and return in spring.\n"),
            ("odd", "# Odd \u{1b}[31m title\n\nText with a control character \u{7} and \"quotes\" AND brackets (x OR y) NEAR*.\n"),
        ];
        for (name, text) in pages {
            let title = text.lines().next().unwrap().trim_start_matches("# ");
            let item = serde_json::json!({"url": format!("https://a.example/{name}"), "title": title, "content": text});
            docmill.put_raw(&format!("item_{name}.json"), serde_json::to_vec(&[item]).unwrap());
        }
        docmill.run(&["process"]).expect(0);
        docmill
    })
}

fn first_path(question: &str) -> String {
    library().search(question).first().unwrap_or_else(|| panic!("nothing found for {question:?}")).path()
}

#[test]
fn words_and_meaning_both_find_the_page() {
    needs_model!();
    assert_eq!(first_path("storks"), "/birds");
    assert_eq!(first_path("how hot does it have to be for making pastry"), "/ovens");
    assert_eq!(first_path("--no-default-features"), "/flags");
}

#[test]
fn hits_have_the_documented_shape() {
    needs_model!();
    let finished = library().run(&["search", "--json", "-k", "3", "crust of the loaf"]).expect(0);
    let answer = finished.json();
    assert_eq!(finished.stdout.lines().count(), 1);
    assert_eq!(answer["query"], "crust of the loaf");
    let hits = library().search("crust of the loaf");
    assert_eq!(hits[0].rank, 1);
    assert_eq!((hits[0].title.as_str(), hits[0].headings.last().map(String::as_str)), ("Ovens", Some("Bread")));
    assert!(hits[0].text.contains("230 degrees"), "{:?}", hits[0]);
    assert!(hits.iter().zip(1..).all(|(hit, rank)| hit.rank == rank));
    // The best chunk of each page comes first, then the rest, both by score.
    let pages: BTreeSet<String> = hits.iter().map(Hit::path).collect();
    let (first, rest) = hits.split_at(pages.len());
    assert_eq!(first.iter().map(Hit::path).collect::<BTreeSet<_>>(), pages, "{hits:#?}");
    for group in [first, rest] {
        assert!(group.windows(2).all(|two| two[0].score >= two[1].score), "{hits:#?}");
    }
    assert!(hits[0].score > 0.0 && hits[0].score <= 1.0);
    assert!(!hits[0].chunk_id.is_empty());
    assert_eq!(answer["hits"].as_array().unwrap().len(), 3);
}

#[test]
fn a_person_sees_title_snippet_and_link() {
    needs_model!();
    let shown = library().run(&["search", "-k1", "crust of the loaf"]).expect(0);
    shown.prints(&["Ovens > Bread", "230 degrees", "https://a.example/ovens"]);
}

#[test]
fn questions_may_hold_anything() {
    needs_model!();
    let long = "storks ".repeat(5_000);
    let odd = [
        "--json",
        "-k",
        "--",
        "\"unbalanced",
        "\"storks\" AND",
        "NEAR(",
        "*",
        "title:storks",
        "💥",
        "'; DROP TABLE chunk; --",
        "a\u{301}\u{200b}\u{1b}[2J",
        "?",
        "col:x OR (",
        long.as_str(),
    ];
    let finished = library().run_with_input(&["search", "-k", "2", "-"], &odd.join("\n")).expect(0).says(&[]);
    let answers = finished.json_lines();
    assert_eq!(answers.len(), odd.len());
    for (question, answer) in odd.iter().zip(&answers) {
        assert_eq!(answer["query"], *question);
        assert!((1..=2).contains(&answer["hits"].as_array().unwrap().len()), "{answer}");
    }
    assert!(answers[4]["hits"][0]["url"].as_str().unwrap().contains("/birds"), "{}", answers[4]);
    // As words of the command line too, with and without a word before them.
    for question in ["--json", "-k", "\"unbalanced"] {
        let answer = library().run(&["search", "--json", "--", question]).expect(0).json();
        assert_eq!(answer["query"], question);
    }
    library().run(&["search", "--no-default-features"]).expect(0).prints(&["/flags"]);
}

#[test]
fn what_a_page_says_cannot_move_the_cursor() {
    needs_model!();
    let shown = library().run(&["search", "control character quotes"]).expect(0);
    assert!(!shown.stdout.chars().any(|c| c.is_control() && c != '\n'), "{shown}");
    assert!(shown.stdout.contains("/odd"), "{shown}");
}

#[test]
fn questions_come_from_standard_input_a_line_each() {
    needs_model!();
    let input = "storks\n\n--no-default-features\r\nhow do I bake bread";
    let answers = library().run_with_input(&["search", "-k", "1", "-"], input).expect(0).json_lines();
    let questions: Vec<&str> = answers.iter().map(|answer| answer["query"].as_str().unwrap()).collect();
    assert_eq!(questions, ["storks", "", "--no-default-features", "how do I bake bread"]);
    let first = |index: usize| answers[index]["hits"][0]["url"].as_str().unwrap_or_default().to_owned();
    assert!(first(0).contains("/birds") && first(2).contains("/flags") && first(3).contains("/ovens"), "{answers:?}");
}

#[test]
fn without_an_index_it_says_how_to_make_one() {
    let docmill = Docmill::new();
    for words in [&["search", "x"][..], &["digest"], &["status"]] {
        docmill.run(words).expect(69).says(&["DATA_DIR", "docmill run"]);
    }
}

#[test]
fn an_empty_question_is_told_what_to_type() {
    for words in [&["search"][..], &["search", ""], &["search", " "], &["search", "--json"]] {
        let finished = Docmill::new().run(words);
        finished.expect(64).says(&["docmill search"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_only_be_read_is_read() {
    use std::os::unix::fs::PermissionsExt;

    needs_model!();
    let mut docmill = Docmill::new();
    docmill.put_raw("item_a.json", br#"[{"url":"https://a.example/a","title":"A","content":"Storks fly south."}]"#);
    docmill.run(&["process"]).expect(0);
    docmill.bind_by_modes();
    let data = docmill.data_dir();
    let set_modes = |folder: u32, file: u32| {
        for entry in std::fs::read_dir(&data).unwrap() {
            let path = entry.unwrap().path();
            let mode = if path.is_dir() { folder } else { file };
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        }
        std::fs::set_permissions(&data, PermissionsExt::from_mode(folder)).unwrap();
    };
    // As a run leaves the databases, and as a program does that closes them.
    for round in 0..2 {
        set_modes(0o555, 0o444);
        assert_eq!(docmill.search("storks").len(), 1, "round {round}");
        assert_eq!(docmill.status().items("done"), 1, "round {round}");
        assert_eq!(docmill.digest().documents, 1, "round {round}");
        docmill.run(&["process"]).expect(78).says(&["DATA_DIR"]);
        set_modes(0o755, 0o644);
        for name in ["index.db", "state.db"] {
            let db = docmill_stages::db::Connection::open(data.join(name)).unwrap();
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        for name in ["index.db", "state.db"].iter().flat_map(|name| ["-wal", "-shm"].map(|end| format!("{name}{end}")))
        {
            let _may_not_be_there = std::fs::remove_file(data.join(name));
        }
    }
}
