//! The stage as a whole: whole pages, real pages, hostile pages.

use std::process::Command;

use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::*;

const URL: &str = "https://example.com/guide/page.html";

fn raw(html: &str) -> RawItem {
    serde_json::from_value(serde_json::json!({ "url": URL, "title": "", "html_content": html })).unwrap()
}

fn run(html: &str) -> Processed {
    process(&raw(html), URL, &ProcessOptions::default()).unwrap()
}

/// Everything of a document that a reader sees, for snapshots.
fn shown(html: &str) -> String {
    let Processed { document, notes } = run(html);
    let metadata = &document.metadata;
    let headings = metadata.headings.iter().map(|h| format!("{} {} #{:?} @{}", h.level, h.text, h.anchor, h.offset));
    format!(
        "{}\n---\ntitle: {}\nbreadcrumbs: {:?}\ncategory: {:?}\nlocale: {:?}\ncanonical: {:?}\nlast updated: {:?}\nlinks: {:?}\nheadings: {:#?}\nfound by: {:?}",
        document.markdown_content,
        document.title,
        metadata.breadcrumbs,
        metadata.category,
        metadata.locale,
        metadata.canonical_url,
        document.last_updated,
        metadata.related_links.iter().map(|link| format!("{} {}", link.text, link.url)).collect::<Vec<_>>(),
        headings.collect::<Vec<_>>(),
        notes.extraction,
    )
}

#[test]
fn a_page_in_the_style_of_mdbook() {
    insta::assert_snapshot!(shown(include_str!("testdata/mdbook.html")));
}

#[test]
fn a_page_in_the_style_of_sphinx() {
    insta::assert_snapshot!(shown(include_str!("testdata/sphinx.html")));
}

#[test]
fn a_page_in_the_style_of_docusaurus() {
    insta::assert_snapshot!(shown(include_str!("testdata/docusaurus.html")));
}

#[test]
fn every_rule_for_a_generator_finds_its_content() {
    for (name, page) in [
        ("rustdoc", "<nav>n</nav><main><section id=main-content class=content><h1>T</h1>BODY</section></main>"),
        (
            "docusaurus",
            "<main><nav>n</nav><article><div class='theme-doc-markdown markdown'><h1>T</h1>BODY</div></article></main>",
        ),
        ("vitepress", "<main><div class='vp-doc _x'><h1>T</h1>BODY</div><div>next</div></main>"),
        ("vuepress", "<main class=page><div class='theme-default-content'><h1>T</h1>BODY</div><div>next</div></main>"),
        (
            "mkdocs-material",
            "<main><article class='md-content__inner md-typeset'><h1>T</h1>BODY</article><div>toc</div></main>",
        ),
        ("antora", "<main><article class=doc><h1>T</h1>BODY</article><div>toc</div></main>"),
        ("sphinx-book", "<main><article class=bd-article><h1>T</h1>BODY</article><div>toc</div></main>"),
        ("starlight", "<main><div>d</div><h1 id=_top>T</h1><div class=sl-markdown-content>BODY</div></main>"),
        ("docsy", "<main><div class=td-content><h1>T</h1>BODY</div><div>toc</div></main>"),
        (
            "mediawiki",
            "<div id=content><h1 id=firstHeading>T</h1><div id=siteSub>From</div><div id=mw-content-text>BODY</div></div>",
        ),
        ("mandoc", "<table class=head><tr><td>LS(1)<td>LS(1)</table><main class=manual-text><h1>T</h1>BODY</main>"),
        ("main", "<div>top</div><main><h1>T</h1>BODY</main>"),
        ("role-main", "<div>top</div><div role=main><h1>T</h1>BODY</div>"),
        ("article-body", "<div>top</div><div itemprop=articleBody><h1>T</h1>BODY</div>"),
        ("article", "<div>top</div><article><h1>T</h1>BODY</article>"),
        (
            "asciidoctor",
            "<div id=header><h1>T</h1><div id=toc>t</div></div><div id=content>BODY</div><div id=footer>f</div>",
        ),
        ("markdown-body", "<div>top</div><div class=markdown-body><h1>T</h1>BODY</div>"),
    ] {
        let body = "<p>One sentence of the text.</p><p>And one more.</p>";
        let processed = run(&page.replace("BODY", body));
        assert_eq!(processed.notes.extraction, Some(Extraction::Rule(name)));
        assert_eq!(
            processed.document.markdown_content, "# T\n\nOne sentence of the text.\n\nAnd one more.\n",
            "{name}"
        );
    }
    assert_eq!(rules::RULES.len(), 17, "a rule without a page here");
}

#[test]
fn a_page_without_rules_is_found_by_its_text() {
    let text = "<p>The text of the page is long enough to be found by itself, whatever stands around it.</p>".repeat(3);
    let html = format!(
        "<div class=top><a href=/a>Home</a> <a href=/b>Docs</a> <a href=/c>Download</a></div>\
         <div class=wrap><div><h1>T</h1>{text}</div></div><div>© 2024</div>"
    );
    let processed = run(&html);
    assert_eq!(processed.notes.extraction, Some(Extraction::General));
    assert!(processed.document.markdown_content.starts_with("# T\n\nThe text"), "{processed:?}");
    assert!(!processed.document.markdown_content.contains("Download"));
}

#[test]
fn a_rule_that_keeps_too_little_is_not_taken() {
    let text = "All of the text stands outside of the element that says it is the main one. ".repeat(5);
    let processed = run(&format!("<main><p>Loading</p></main><div><p>{text}</p></div>"));
    assert!(!matches!(processed.notes.extraction, Some(Extraction::Rule(_))), "{:?}", processed.notes);
    assert!(processed.document.markdown_content.contains("outside of the element"));
}

#[test]
fn a_page_without_text_is_an_empty_document() {
    for html in ["", " ", "<html></html>", "<main></main>", "<script>x()</script>", "\u{0}", "<!--", "<p>"] {
        assert_eq!(run(html).document.markdown_content.trim(), "", "{html}");
    }
}

#[test]
fn what_cannot_be_processed_says_why() {
    let error = process(&raw("<p>four"), URL, &ProcessOptions { html_bytes_max: 6 }).unwrap_err();
    assert!(error.to_string().contains("DOWNLOAD_MAXSIZE=6") && !error.can_retry(), "{error}");
    assert_eq!(process(&raw("x"), "not a url", &ProcessOptions::default()).unwrap_err().kind(), "bad_url");
    let nothing: RawItem = serde_json::from_str(r#"{"url":"u","title":"t"}"#).unwrap();
    assert_eq!(process(&nothing, URL, &ProcessOptions::default()).unwrap_err().kind(), "no_content");
    let mut tombstone = nothing;
    tombstone.metadata.change_status = Some("removed".to_owned());
    assert_eq!(process(&tombstone, URL, &ProcessOptions::default()).unwrap().document.markdown_content, "");
}

#[test]
fn the_raw_item_wins_over_the_page() {
    let item: RawItem = serde_json::from_value(serde_json::json!({
        "url": "https://example.com/Raw", "title": "  Raw   title ", "last_updated": "yesterday",
        "breadcrumbs": ["Home", "Guides", "Here"], "scraped_at": "2024-01-01",
        "related_links": [{"text": "a", "url": "https://e/a"}, {"text": "b", "url": "https://e/a"}, {"text": "me", "url": URL}],
        "metadata": {"locale": "en_GB", "article_id": "../x", "page_hash": "p", "canonical_url": "https://e/c"},
        "html_content": "<html lang=de><title>Page title</title><link rel=canonical href=/x><p>text",
    }))
    .unwrap();
    let document = process(&item, URL, &ProcessOptions::default()).unwrap().document;
    let metadata = &document.metadata;
    assert_eq!((document.title.as_str(), document.url.as_str()), ("Raw title", URL));
    assert_eq!(metadata.source_url, "https://example.com/Raw");
    assert_eq!(metadata.category.as_deref(), Some("Guides"));
    assert_eq!(metadata.related_links.len(), 1);
    assert_eq!(metadata.locale.as_deref(), Some("en-GB"));
    assert_eq!(metadata.canonical_url.as_deref(), Some("https://e/c"));
    assert_eq!(metadata.article_id, None);
    assert_eq!(document.last_updated.as_deref(), Some("yesterday"));
}

#[test]
fn a_title_loses_its_sites_name() {
    for (title, more, expected) in [
        ("Install - The Book", "<h1>Install</h1>", "Install"),
        ("The Book | Install", "<h1>Install<a href=#i>¶</a></h1>", "Install"),
        ("Install – The Book", "<meta property=og:site_name content='The Book'>", "Install"),
        ("A - B", "<h1>C</h1>", "A - B"),
        ("", "<h1>C</h1>", "C"),
        ("", "<meta property=og:title content=O><h1>C</h1>", "O"),
        ("", "<h2>D</h2>", "D"),
        ("", "", ""),
    ] {
        assert_eq!(run(&format!("<title>{title}</title>{more}<p>x")).document.title, expected, "{title} {more}");
    }
}

/// The text of a Markdown's code blocks.
fn code_blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for event in Parser::new_ext(markdown, headings::markdown_options()) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                assert!(matches!(kind, CodeBlockKind::Fenced(_)), "an indented code block");
                open = Some(String::new());
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            Event::Text(text) => {
                if let Some(code) = &mut open {
                    code.push_str(&text);
                }
            }
            _ => {}
        }
    }
    blocks
}

/// The text of `<pre><code>` as the HTML has it, by a plain search of the
/// source: mdBook writes no tag inside its code but `<span class="boring">`.
fn code_of_mdbook(html: &str) -> Vec<String> {
    let main = html.split_once("<main>").unwrap().1.split_once("</main>").unwrap().0;
    let mut blocks = Vec::new();
    for rest in main.split("<pre").skip(1) {
        let code = rest.split_once("<code").unwrap().1.split_once('>').unwrap().1.split_once("</code>").unwrap().0;
        let mut text = String::new();
        for part in code.split('<') {
            // What begins a part is the tag that the cut took the `<` of.
            text.push_str(if text.is_empty() && code.starts_with(part) {
                part
            } else {
                part.split_once('>').unwrap().1
            });
        }
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'");
        blocks.push(text.replace("&#39;", "'").replace("&#x2F;", "/").replace("&amp;", "&"));
    }
    blocks
}

#[test]
fn the_code_blocks_of_the_rust_book_are_whole() {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().ok().filter(|run| run.status.success());
    let book = sysroot.map(|run| {
        std::path::PathBuf::from(String::from_utf8_lossy(&run.stdout).trim()).join("share/doc/rust/html/book")
    });
    let Some(book) = book.filter(|book| book.is_dir()) else {
        eprintln!("SKIPPED: the toolchain has no book: rustup component add rust-docs");
        return;
    };
    let mut compared = 0;
    let mut pages: Vec<_> = std::fs::read_dir(book).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    for page in pages.iter().filter(|page| page.file_name().unwrap().to_string_lossy().starts_with("ch")) {
        let html = std::fs::read_to_string(page).unwrap();
        if !html.contains("<main>") {
            continue;
        }
        let document = run(&html).document;
        let mut expected = code_of_mdbook(&html);
        // A fence ends with a line feed of its own.
        expected.iter_mut().filter(|code| !code.ends_with('\n')).for_each(|code| code.push('\n'));
        assert_eq!(code_blocks(&document.markdown_content), expected, "{}", page.display());
        assert_headings_are_there(&document);
        compared += expected.len();
    }
    assert!(compared > 500, "only {compared} code blocks in the book");
}

fn assert_headings_are_there(document: &Document) {
    for heading in &document.metadata.headings {
        let line = &document.markdown_content[heading.offset..];
        let marks = format!("{} ", "#".repeat(usize::from(heading.level)));
        assert!(line.starts_with(&marks), "{heading:?} in {:?}", line.lines().next());
    }
}

/// All words of a Markdown text, as a reader sees them.
fn words(markdown: &str) -> String {
    let mut text = String::new();
    for event in Parser::new_ext(markdown, headings::markdown_options()) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak | Event::Start(_) | Event::End(_) | Event::InlineHtml(_) => {
                text.push(' ')
            }
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn hostile_pages_end_in_time_and_depth() {
    let n = 10_000;
    let attributes: String = (0..n).map(|i| format!(" a{i}=x")).collect();
    let cells: String = (0..n).map(|i| format!("<td colspan=9999>{i}")).collect();
    for html in [
        "<p>x".repeat(n),
        format!("<div{attributes}>x</div>"),
        format!("<table><tr>{cells}</table>"),
        format!("<table>{}</table>", "<tr><td rowspan=9999>x<td>y".repeat(n)),
        format!("{}x", "<div><ul><li><b><a href=x><table><td>".repeat(n / 3)),
        format!("{}x", "<blockquote>".repeat(n)),
        format!("<p>{}", "<b>x</i>".repeat(n)),
        format!("<p>{}", "<br>".repeat(n)),
        format!("<p>{}", "<b> </b>".repeat(n)),
        format!("<pre>{}", "<span>`</span>".repeat(n)),
        format!("<pre>{}</pre>", "<div>".repeat(n)),
        format!("<p>{}", "*_`[]<&\\~!".repeat(n)),
        format!("<p>{}", "[".repeat(n)),
        format!("<p>{}", "<a href=x>y</a>".repeat(n)),
        format!("<h1>{}", "<a name=x>".repeat(n)),
        "<h2>x</h2>".repeat(n),
        "<dl><dt>a<dd>b".repeat(n),
        "<ul><li>a</ul>".repeat(n),
        format!("<div style='{}'>x</div>", "a:b;".repeat(n)),
        "last updated ".repeat(n),
        format!("<base href='/{}/'>{}", "b".repeat(2_000), "<a href=x>y</a> ".repeat(n)),
        format!("<a href='/{}'>{}", "b".repeat(2_000), "<p>y</p>".repeat(n)),
        format!("<ol start=999999999>{}{}", "<li><ol start=999999999>".repeat(50), "x<br>".repeat(n)),
        format!("<table><tr>{}{}", "<td>x".repeat(200), "<tr><td>y".repeat(n)),
    ] {
        let processed = run(&html);
        assert_headings_are_there(&processed.document);
        assert!(processed.document.markdown_content.len() < 16 * html.len() + 100_000, "{}", &html[..30]);
    }
}

#[test]
fn the_deepest_page_fits_a_small_stack() {
    let tags = ["<div>", "<ul><li>", "<blockquote>", "<span>", "<div><b>", "<table><tr><td>", "<dl><dd>", "<pre><div>"];
    let walk = move || tags.map(|tags| run(&format!("{}x", tags.repeat(3_000))).document.markdown_content.len());
    // An actor's thread has four times as much.
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(walk).unwrap();
    assert!(thread.join().unwrap().iter().all(|&len| len > 0));
}

/// What pages are made of.
const PIECES: &[&str] = &[
    "<div>",
    "</div>",
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<i>",
    "</i>",
    "<a href='x y'>",
    "</a>",
    "<table>",
    "<tr>",
    "<td>",
    "<th colspan=2>",
    "</table>",
    "<ul>",
    "<ol start=7>",
    "<li>",
    "</ul>",
    "</ol>",
    "<dl>",
    "<dt>",
    "<dd>",
    "</dl>",
    "<pre>",
    "</pre>",
    "<code>",
    "</code>",
    "<h2 id=h>",
    "</h2>",
    "<blockquote>",
    "</blockquote>",
    "<br>",
    "<hr>",
    "<img alt=i src=s>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<svg>",
    "</svg>",
    "<math>",
    "</math>",
    "<sup>2</sup>",
    "word ",
    "a_b ",
    "* x ",
    "# h ",
    "1. n ",
    "- l ",
    "> q ",
    "`",
    "``` ",
    "~~~ ",
    "[x](y) ",
    "[a]: b ",
    "&lt;b&gt; ",
    "&amp;lt; ",
    "\\",
    "|",
    "---",
    "===",
    "\n",
    "\n\n",
    "    ",
    "\u{a0}",
    "\u{ad}",
    "é",
    "中文",
    "_",
    "*",
    "~",
    "!",
    "[",
    "]",
    "(",
    "www.e.com",
    "<main>",
    "</main>",
    "<nav>",
    "</nav>",
    "<input type=checkbox>",
    "<details><summary>",
    "<del>",
    "</del>",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..50).prop_map(|pieces| pieces.concat())
}

fn inline_soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<code>",
        "</code>",
        "<a href=x>",
        "</a>",
        "<br>",
        "<del>",
        "</del>",
        "<p>",
        "<li>",
        "<blockquote>",
        "<h2>",
        "</h2>",
        "<td>",
        "<tr>",
        "<table>",
        "</table>",
        "<dt>",
        "<dd>",
        "a",
        "b c",
        " ",
        ".",
        "*",
        "**",
        "_",
        "`",
        "[",
        "](",
        "]",
        ")",
        "!",
        "~",
        "~~",
        "\\",
        "&lt;",
        "&gt;",
        "&amp;",
        "lt;",
        "#",
        "1.",
        "-",
        "+",
        "|",
        ":",
        "=",
        "é",
        "\"",
        "http://e",
        "\n",
    ]);
    prop::collection::vec(piece, 0..25).prop_map(|pieces| format!("<main>{}", pieces.concat()))
}

proptest! {
    #[test]
    fn any_soup_gives_a_sound_document(html in soup()) {
        let processed = run(&html);
        prop_assert_eq!(&run(&html), &processed);
        assert_headings_are_there(&processed.document);
    }

    /// No mark that Markdown would not read is left standing, none is lost.
    #[test]
    fn inline_soup_keeps_its_text(html in inline_soup()) {
        let dom = parse::parse(&html, NESTING_MAX).dom;
        let expected: String = dom.raw_text(dom::NodeId::DOCUMENT).split_whitespace().collect();
        let markdown = run(&html).document.markdown_content;
        // Items in a cell have a sign of their own.
        let found: String = words(&markdown).split_whitespace().collect::<String>().replace('•', "");
        prop_assert_eq!(found, expected, "{}\n{}", html, markdown);
    }

    /// Text of whatever characters comes out of a Markdown parser as it went in.
    #[test]
    fn text_survives_as_it_is(text in "[ -~é中]{0,60}") {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        let expected = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for html in [
            format!("<p>{escaped}</p>"),
            format!("<ul><li>{escaped}</li></ul>"),
            format!("<h2>{escaped}</h2>"),
            format!("<table><tr><th>{escaped}<th>x<tr><td>y<td>z</table>").replace("<th>x<tr><td>y<td>z", "<th></th>"),
            format!("<p><code>{escaped}</code></p>"),
        ] {
            let markdown = run(&html).document.markdown_content;
            prop_assert_eq!(words(&markdown), &*expected, "{}\n{}", html, markdown);
        }
        let item: RawItem = serde_json::from_value(serde_json::json!({ "url": URL, "title": "", "text_content": text })).unwrap();
        let markdown = process(&item, URL, &ProcessOptions::default()).unwrap().document.markdown_content;
        prop_assert_eq!(words(&markdown), expected, "{}", markdown);
    }

    #[test]
    fn code_survives_byte_for_byte(code in "[ -~\n\té`]{1,60}") {
        prop_assume!(!code.trim().is_empty());
        let escaped = code.replace('&', "&amp;").replace('<', "&lt;");
        for html in [format!("<pre>\n{escaped}</pre>"), format!("<ul><li>x<pre>\n{escaped}</pre></ul>"), format!("<blockquote><pre>\n{escaped}</pre></blockquote>")] {
            let markdown = run(&html).document.markdown_content;
            let expected = if code.ends_with('\n') { code.clone() } else { format!("{code}\n") };
            prop_assert_eq!(code_blocks(&markdown), vec![expected], "{}", markdown);
        }
    }
}
