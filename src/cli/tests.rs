//! Command lines as people type them.

use super::*;
use crate::settings::source::Source as _;
use clap::CommandFactory as _;
use proptest::prelude::*;

fn parse_line(words: &[&str]) -> Result<Cli, Ended> {
    parse(std::iter::once("docmill").chain(words.iter().copied()).map(OsString::from))
}

fn search(words: &[&str]) -> SearchArgs {
    let words: Vec<&str> = std::iter::once("search").chain(words.iter().copied()).collect();
    match parse_line(&words).map(|cli| cli.command) {
        Ok(Command::Search(search)) => search,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn refused(words: &[&str]) -> String {
    let ended = parse_line(words).unwrap_err();
    assert_eq!((ended.exit, ended.asked_for), (Exit::Usage, false), "{words:?}");
    ended.text.to_string()
}

#[test]
fn the_shape_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_question_may_hold_anything() {
    for question in [
        "--no-default-features",
        "-Zunstable",
        "--",
        "-",
        "-x -k",
        "--json is what?",
        "--set=5 x",
        "-k means what",
        "--help me",
        "a\nb",
        "é",
    ] {
        let separated = search(&["--json", "-k", "3", "--", question]);
        assert_eq!(separated.question(), question);
        assert!(separated.json && separated.hits == 3);
    }
    for question in [
        "--no-default-features",
        "-Zunstable",
        "--json is what?",
        "-k means what",
        "--help me",
        "C++ && \"x\"",
        "-hello",
    ] {
        for (before, after) in
            [(vec!["--json"], vec![]), (vec![], vec!["--json"]), (vec!["--json", "-k", "2"], vec!["--data-dir", "d"])]
        {
            let words: Vec<&str> = before.into_iter().chain([question]).chain(after).collect();
            let found = search(&words);
            assert_eq!(found.question(), question, "{words:?}");
            assert!(found.json, "{words:?}");
        }
    }
}

#[test]
fn a_question_without_quotes_is_joined() {
    let found = search(&["how", "do", "I", "--json", "-k7"]);
    assert_eq!((found.question().as_str(), found.json, found.hits), ("how do I", true, 7));
    assert!(search(&["-"]).is_from_stdin() && search(&["-", "--json"]).is_from_stdin());
    assert!(!search(&["--x"]).is_from_stdin());
    assert!(refused(&["search", " "]).contains("question is empty"));
    assert!(refused(&["search", "-k", "0", "x"]).contains("1..=1000"));
    assert!(refused(&["search", "--json"]).contains("docmill search -- --json"));
}

#[test]
fn a_text_to_embed_may_hold_anything() {
    let embed = |words: &[&str]| match parse_line(words).map(|cli| cli.command) {
        Ok(Command::Embed(embed)) => embed,
        other => panic!("{words:?}: {other:?}"),
    };
    for text in ["--no-default-features", "-Zunstable", "--json is what?", "a\nb"] {
        let found = embed(&["embed", text, "--json", "--question"]);
        assert!(found.text() == text && found.json && found.question, "{text}");
    }
    assert_eq!(embed(&["embed", "--", "--json"]).text(), "--json");
    assert!(embed(&["embed", "-"]).is_from_stdin() && !embed(&["embed", "-", "x"]).is_from_stdin());
    assert!(refused(&["embed", " "]).contains("text is empty"));
    refused(&["embed", "--json"]);
}

#[test]
fn what_to_take_out_is_named() {
    assert!(refused(&["remove"]).contains("--site"));
    refused(&["reprocess", "("]);
    let flags = parse_line(&["models", "pull", "some/folder"]).unwrap().flags();
    assert_eq!(flags.get("EMBEDDING_MODEL").unwrap().value.unwrap(), "some/folder");
}

#[test]
fn docs2vectors_modes_are_answered_with_what_to_type() {
    for (words, typed) in [
        (vec!["--mode", "full"], "type docmill run URL"),
        (vec!["run", "--mode", "full", "https://a.example"], "type docmill run URL"),
        (vec!["run", "--mode=scrape"], "type docmill crawl URL"),
        (vec!["--mode", "process"], "type docmill process"),
        (vec!["--mode", "embed"], "type docmill process"),
        (vec!["--mode", "batch"], "type docmill run --mode batch URL"),
    ] {
        let text = refused(&words);
        assert!(text.contains(typed), "{words:?}: {text}");
    }
    let own = refused(&["run", "--mode", "batch", "--no-such-flag"]);
    assert!(!own.contains("docs2vector"), "{own}");
    assert!(refused(&["run", "--mode", "turbo"]).contains("streaming, batch"));
}

#[test]
fn usage_errors_end_with_64_and_help_with_0() {
    assert!(refused(&["https://docs.example.com/"]).contains("type docmill run https://docs.example.com/"));
    assert!(refused(&["run", "docs.example.com"]).contains("expected an address that begins with https://"));
    refused(&["run", "ftp://docs.example.com"]);
    refused(&["frobnicate"]);
    refused(&[]);
    assert!(refused(&["config", "--set", "CHUNK_TOKENS"]).contains("NAME=VALUE"));
    for words in [&["--help"][..], &["--version"], &["run", "--help"], &["search", "-h"]] {
        let ended = parse_line(words).unwrap_err();
        assert_eq!((ended.exit, ended.asked_for), (Exit::Done, true), "{words:?}");
    }
}

#[test]
fn flags_reach_their_settings() {
    let words = [
        "run",
        "https://a.example/x,y",
        "https://b.example",
        "--mode",
        "batch",
        "--allow",
        r"/a{1,2}/",
        "--allow",
        "b",
        "--deny",
        "c",
        "--depth",
        "3",
        "--pages",
        "10",
        "--delay",
        "1s",
        "--data-dir",
        "d",
        "--log-level",
        "warning",
        "--set",
        "chunk_tokens=99",
        "--set",
        "CRAWL_DENY=",
    ];
    let flags = parse_line(&words).unwrap().flags();
    let value = |name| flags.get(name).unwrap().value.unwrap();
    assert_eq!(value("START_URLS"), "https://a.example/x,y https://b.example/");
    assert_eq!(value("CRAWL_ALLOW"), r"/a{1,2}/ b");
    assert_eq!(value("PIPELINE_MODE"), "batch");
    assert_eq!(value("CHUNK_TOKENS"), "99");
    // A flag of its own is nearer than the general one.
    assert_eq!(value("CRAWL_DENY"), "c");
    let loaded =
        crate::settings::load_from(&flags, &crate::settings::source::MapSource::default(), &Default::default(), 2);
    let settings = loaded.unwrap().settings;
    assert_eq!(
        (settings.crawl.start_urls.len(), settings.crawl.allow.len(), settings.crawl.page_count_max),
        (2, 2, std::num::NonZeroU64::new(10))
    );
}

proptest! {
    #[test]
    fn no_command_line_panics(words in proptest::collection::vec(prop_oneof!["(run|search|config|--mode|--set|-k[0-9]*|-|--|full)", ".*"], 0..6)) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Err(ended) = parse_line(&words) {
            prop_assert!(!ended.text.to_string().is_empty());
        }
    }

    #[test]
    fn any_question_comes_through_behind_two_dashes(question in "\\PC*[^ \\pC]\\PC*") {
        prop_assert_eq!(search(&["--", &question]).question(), question);
    }
}
