//! Bad pages: each is bounded, that page alone is affected, and the run goes
//! on.

use std::fmt::Write as _;

use crate::support::model::needs_model;
use crate::support::program::Docmill;
use crate::support::random::is_soak;
use crate::support::server::{Answer, Server};
use crate::support::site::html_page;

/// Runs on a site with these pages, each at `/docs/NAME`, and a good one.
fn run_on(pages: Vec<(&str, Answer)>) -> (Docmill, Server) {
    let server = Server::start();
    let mut links = String::new();
    for (name, answer) in pages {
        write!(links, "<li><a href=\"{name}\">{name}</a>").unwrap();
        server.put(&format!("/docs/{name}"), answer);
    }
    server.put_html("/docs/", html_page("Start", &format!("<p>Good herons live here.</p><ul>{links}</ul>")));
    let docmill = Docmill::new();
    docmill.run(&["run", &server.url("/docs/")]).expect(0);
    assert_eq!(docmill.search("good herons")[0].path(), "/docs/");
    (docmill, server)
}

#[test]
fn pages_without_text_are_done_with_no_chunks() {
    needs_model!();
    let html = |text: &str| Answer::html(text);
    let (docmill, server) = run_on(vec![
        ("empty.html", html("")),
        ("blank.html", html(" \n\t ")),
        ("bare.html", html("<!doctype html><title>Bare</title><body><script>var x = 1;</script>")),
        ("binary.html", Answer::body("text/html", (0..=255).cycle().take(4096).collect::<Vec<u8>>())),
        ("text.html", html("No tags at all, only a stork.")),
    ]);
    let documents = docmill.documents();
    assert_eq!(documents.len(), 6);
    for name in ["empty.html", "blank.html", "bare.html"] {
        let url = server.url(&format!("/docs/{name}"));
        assert_eq!(documents[&url].markdown_content.trim(), "", "{name}");
        assert!(docmill.chunks().iter().all(|chunk| chunk.metadata.doc_id != url), "{name}");
    }
    assert_eq!(docmill.search("stork")[0].path(), "/docs/text.html");
    assert_eq!(docmill.status().items("done"), 6);
}

#[test]
fn charsets_are_honoured_wherever_they_are_declared() {
    needs_model!();
    let page = |meta: &str, text: &[u8]| {
        let mut page = format!("<!doctype html><html><head>{meta}<title>T</title></head><body><main><p>").into_bytes();
        page.extend_from_slice(text);
        page.extend_from_slice(b"</p></main></body></html>");
        page
    };
    let latin = b"Das gr\xfc\xdfende K\xe4nguru \x80";
    let (docmill, server) = run_on(vec![
        ("header.html", Answer::body("text/html; charset=windows-1252", page("", latin))),
        ("meta.html", Answer::body("text/html", page("<meta charset=iso-8859-1>", latin))),
        (
            "cyrillic.html",
            Answer::body("text/html; charset=koi8-r", page("", b"\xf0\xd2\xc9\xd7\xc5\xd4 \xcd\xc9\xd2")),
        ),
        (
            "sjis.html",
            Answer::body("text/html; charset=Shift_JIS", page("", b"\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x95\xb6")),
        ),
        (
            "bom.html",
            Answer::body(
                "text/html; charset=latin1",
                page("", b"x").iter().fold(b"\xef\xbb\xbf".to_vec(), |mut all, byte| {
                    all.push(*byte);
                    all
                }),
            ),
        ),
        ("wrong.html", Answer::body("text/html; charset=utf-8", page("", b"half \xff\xfe broken"))),
        ("unknown.html", Answer::body("text/html; charset=klingon-8", page("", "Störche".as_bytes()))),
    ]);
    let documents = docmill.documents();
    let text = |name: &str| documents[&server.url(&format!("/docs/{name}"))].markdown_content.trim().to_owned();
    assert_eq!(text("header.html"), "Das grüßende Känguru €");
    assert_eq!(text("meta.html"), "Das grüßende Känguru €");
    assert_eq!(text("cyrillic.html"), "Привет мир");
    assert_eq!(text("sjis.html"), "日本語の文");
    assert_eq!(text("bom.html"), "x");
    assert!(text("wrong.html").starts_with("half ") && text("wrong.html").ends_with(" broken"));
    assert_eq!(text("unknown.html"), "Störche");
}

#[test]
fn nesting_of_a_hundred_thousand_tags_does_no_harm() {
    needs_model!();
    let nested =
        |tag: &str| format!("{}deep stork{}", format!("<{tag}>").repeat(100_000), format!("</{tag}>").repeat(100_000));
    let unclosed = format!("<p>before</p>{}<p>behind the walls", "<div><ul><li><blockquote>".repeat(25_000));
    let (docmill, _server) = run_on(vec![
        ("div.html", Answer::html(nested("div"))),
        ("list.html", Answer::html(nested("ul><li"))),
        ("bold.html", Answer::html(nested("b"))),
        ("table.html", Answer::html("<table><tr><td>".repeat(33_000) + "cell")),
        ("unclosed.html", Answer::html(unclosed)),
    ]);
    assert_eq!(docmill.status().items("done"), 6);
}

#[test]
fn deep_nesting_in_markdown_and_json_does_no_harm() {
    needs_model!();
    let docmill = Docmill::new();
    let item = |name: &str, text: String| serde_json::json!({"url": format!("https://a.example/{name}"), "title": name, "content": text});
    let list = [
        item("quotes", format!("{}deep", "> ".repeat(50_000))),
        item("brackets", "[".repeat(100_000)),
        item("stars", "*a _b ".repeat(10_000)),
        item("lists", (0..3_000).map(|depth| format!("{}- x\n", "  ".repeat(depth.min(400)))).collect()),
        item("fine", "A stork is fine.".to_owned()),
    ];
    docmill.put_raw("raw_data_20240101_000000.json", serde_json::to_vec(&list).unwrap());
    docmill.put_raw("item_deep.json", "[".repeat(200_000));
    docmill.put_raw(
        "item_deeper.json",
        format!(
            "[{{\"url\":\"https://a.example/z\",\"title\":\"z\",\"content\":\"z\",\"x\":{}}}]",
            "[".repeat(100_000)
        ),
    );
    let finished = docmill.run(&["process"]).expect(1).says(&["item_deep.json", "item_deeper.json"]);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (5, 2), "{finished}");
    assert_eq!(docmill.search("stork is fine")[0].path(), "/fine");
}

#[test]
fn a_page_of_fifty_megabytes_is_left_out_or_taken_as_the_limit_says() {
    needs_model!();
    const MIB: usize = 1 << 20;
    let server = Server::start();
    server.put_html("/docs/", html_page("Start", "<p>Good herons.</p><a href=\"large.html\">Large</a>"));
    // Mostly markup that says nothing, so that the text stays small.
    let large = |bytes: usize| {
        let page = html_page("Large", "<p>The stork in the large page.</p>");
        Answer::html(format!("{page}<!-- {} -->", "filler ".repeat(bytes / 7)))
    };
    server.put("/docs/large.html", large(50 * MIB));
    let docmill = Docmill::new();
    docmill.run(&["run", &server.url("/docs/")]).expect(0);
    let status = docmill.status();
    assert_eq!((status.left_out("too_large"), status.items("done")), (1, 1));

    if !is_soak() {
        server.put("/docs/large.html", large(5 * MIB));
    }
    let generous = Docmill::new().env("DOWNLOAD_MAXSIZE", "60MiB");
    generous.run(&["run", &server.url("/docs/")]).expect(0);
    assert_eq!(generous.status().items("done"), 2);
    assert_eq!(generous.search("stork in the large page")[0].path(), "/docs/large.html");
}

#[test]
fn names_from_outside_never_become_paths_or_lines() {
    needs_model!();
    let docmill = Docmill::new();
    let list = serde_json::json!([
        {"url": "https://a.example/../../etc/passwd", "title": "..\n\u{1b}[2J", "content": "One stork.",
         "metadata": {"article_id": "../../../tmp/x"}},
        {"url": "https://a.example/%2e%2e%2f%00", "title": "Two", "content": "Two storks.", "metadata": {"article_id": "a/b"}},
        {"url": "https://a.example/q?'; DROP TABLE item; --", "title": "Three", "content": "Three storks."}
    ]);
    docmill.put_raw("raw_data_20240101_000000.json", list.to_string());
    docmill.put_raw("item_\u{1b}[31m.json", "not json");
    let finished = docmill.run(&["process"]).expect(1);
    assert!(!finished.stderr.contains('\u{1b}') && !finished.stdout.contains('\u{1b}'), "{finished}");
    assert_eq!(docmill.status().items("done"), 3);
    for name in docmill.files("chunks").iter().chain(&docmill.files("processed")) {
        let is_plain = name
            .strip_prefix("item_")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)));
        assert!(is_plain && !name.contains(".."), "{name}");
    }
}
