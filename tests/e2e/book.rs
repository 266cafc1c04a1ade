//! The Rust book: real documentation, as a site.

use std::collections::BTreeSet;

use select::document::Document as Html;
use select::predicate::{And, Name, Predicate as _};

use crate::support::book;
use crate::support::data::path_of;
use crate::support::model::needs_model;
use crate::support::program::Docmill;
use crate::support::random::is_soak;
use crate::support::server::Server;

/// Pages of the short form.
const PAGES: [&str; 12] = [
    "ch01-02-hello-world",
    "ch03-02-data-types",
    "ch04-01-what-is-ownership",
    "ch08-02-strings",
    "ch09-00-error-handling",
    "ch09-01-unrecoverable-errors-with-panic",
    "ch09-02-recoverable-errors-with-result",
    "ch10-03-lifetime-syntax",
    "ch13-01-closures",
    "ch16-02-message-passing",
    "appendix-02-operators",
    "ch17-00-async-await",
];

/// The model's window, in tokens.
const WINDOW: usize = 256;

#[test]
fn the_book_is_crawled_cut_and_found() {
    needs_model!();
    let Some(folder) = book::folder() else { return };
    let server = Server::of_folder(&folder);
    let docmill = Docmill::new();
    let mut words = vec!["run".to_owned(), server.url("/")];
    if !is_soak() {
        let pages: Vec<String> = PAGES.iter().map(|page| server.url(&format!("/{page}.html"))).collect();
        let allow = format!("^/({}|print)\\.html$", PAGES.join("|"));
        words = ["run".to_owned()].into_iter().chain(pages).chain([server.url("/print.html")]).collect();
        words.extend(["--allow".to_owned(), allow]);
    }
    let finished = docmill.run(&words).expect(0).prints(&["Errors=0"]);
    let status = docmill.status();
    assert_eq!(status.items("done"), status.items("admitted"), "{finished}");
    let documents = docmill.documents();
    let pages: BTreeSet<String> = documents.keys().map(|url| path_of(url)).collect();
    assert!(pages.len() >= if is_soak() { 100 } else { PAGES.len() }, "{pages:?}");

    // print.html says noindex: it was asked for, followed, and not indexed.
    assert_eq!(server.count("/print.html"), 1);
    assert!(!pages.contains("/print.html"));
    assert!(status.left_out("noindex") >= 1);

    let chunks = docmill.chunks();
    for chunk in &chunks {
        assert!((1..=WINDOW).contains(&chunk.metadata.token_count), "{} has {}", chunk.id, chunk.metadata.token_count);
        let document = &documents[&chunk.metadata.doc_id];
        let (start, end) = chunk.metadata.span;
        assert!(document.markdown_content.get(start..end).is_some(), "{}: no text at {start}..{end}", chunk.id);
    }
    let blocks = PAGES.iter().map(|page| {
        let html = std::fs::read_to_string(folder.join(format!("{page}.html"))).unwrap();
        let markdown = &documents[&server.url(&format!("/{page}.html"))].markdown_content;
        check_code_blocks(page, &html, markdown)
    });
    assert!(blocks.sum::<usize>() > 50);
    let hits = docmill.search("what does the question mark operator do");
    let chapter = "/ch09-02-recoverable-errors-with-result.html";
    assert!(hits.iter().take(2).any(|hit| hit.path() == chapter), "{hits:#?}");
    let linked = hits.iter().find(|hit| hit.path() == chapter).unwrap();
    assert!(linked.url.contains('#'), "the link lands on no section: {}", linked.url);
}

/// Every code block of the page stands in the Markdown with all its lines.
/// How many there are.
fn check_code_blocks(page: &str, html: &str, markdown: &str) -> usize {
    let html = Html::from(html);
    let blocks = html.find(Name("main").descendant(Name("pre")).descendant(And(Name("code"), Name("code"))));
    let mut count = 0;
    for block in blocks {
        count += 1;
        let code = block.text();
        let mut lines = markdown.lines().map(str::trim_end);
        // In order, though other lines may stand between (list indents differ).
        for line in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let is_there = lines.any(|markdown| markdown.trim() == line);
            assert!(is_there, "{page}: the line {line:?} of a code block is not there\n{code}");
        }
        let whole = indented_alike(&code);
        assert!(
            markdown.contains(&whole) || markdown.contains(code.trim_end()),
            "{page}: a code block lost its shape\n{code}"
        );
    }
    count
}

/// The block without the blanks that all its lines begin with.
fn indented_alike(code: &str) -> String {
    let lines: Vec<&str> = code.trim_end().lines().collect();
    let indent =
        lines.iter().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len()).min();
    let cut = |line: &&str| line.get(indent.unwrap_or(0)..).unwrap_or_default().to_owned();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}
