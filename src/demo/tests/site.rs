//! The handbook holds together as a site.

use std::collections::{BTreeMap, BTreeSet};

use docmill_stages::crawl::fetch::Media;
use docmill_stages::crawl::raw::{RawPage, raw_item};
use docmill_stages::crawl::robots::RobotRules;
use docmill_stages::process::{ProcessOptions, process};

use super::*;
use crate::demo::QUESTIONS;

/// Elements that have no end tag.
const VOID: [&str; 6] = ["meta", "link", "img", "br", "hr", "input"];

#[test]
fn the_binary_holds_the_folder() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample-site");
    let mut on_disk = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                on_disk.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    let embedded: BTreeSet<String> = names().into_iter().collect();
    assert_eq!(embedded, on_disk, "files came or went: touch src/demo/site.rs, so that they are embedded anew");
    let bytes: u64 = on_disk.iter().map(|name| root.join(name).metadata().unwrap().len()).sum();
    assert!(bytes < 300_000, "{bytes} bytes are many for a handbook inside the program");
}

#[test]
fn every_link_leads_somewhere_but_the_one() {
    let site = Site::new();
    let mut broken = BTreeSet::new();
    for (path, facts) in pages() {
        for link in &facts.links {
            assert_eq!(link.url.host_key(), url("/").host_key(), "{path} links to another host");
            let target = link.url.path_and_query().to_owned();
            match site.find(&target) {
                Found::File(_) => {}
                Found::Moved(to) => assert!(is_there(&site, &to), "{target} has moved to {to}, which is not there"),
                Found::Missing(_) => drop(broken.insert(target)),
            }
            assert!(!link.text.is_empty(), "{path}: a link without text");
        }
    }
    assert_eq!(broken, BTreeSet::from([BROKEN.to_owned()]));
    assert!(text("/about/this-handbook.html").contains("This link is broken on purpose"));
}

#[test]
fn every_anchor_is_there() {
    let ids: BTreeMap<String, Vec<String>> = pages()
        .into_keys()
        .map(|path| (path.clone(), all(r#"\bid="([^"]*)""#, &text(&path)).into_iter().map(str::to_owned).collect()))
        .collect();
    for (path, own) in &ids {
        let unique: BTreeSet<_> = own.iter().collect();
        assert_eq!(unique.len(), own.len(), "{path} has an id twice: {own:?}");
        for href in all(r#"\bhref="([^"]*#[^"]*)""#, &text(path)) {
            let target = url(path).as_url().join(href).unwrap();
            let anchor = target.fragment().unwrap().to_owned();
            let there = ids.get(target.path()).unwrap_or_else(|| panic!("{path}: {href}"));
            assert!(there.contains(&anchor), "{path}: {href} leads to no id");
        }
    }
}

#[test]
fn a_crawl_reaches_every_page_as_the_handbook_says() {
    let (site, pages) = (Site::new(), pages());
    let Found::File(file) = site.find("/robots.txt") else { panic!("no robots.txt") };
    let robots = RobotRules::parse(&file.body, "docmill");
    let (mut seen, mut open) = (BTreeSet::from(["/".to_owned()]), vec!["/".to_owned()]);
    let mut outcomes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    while let Some(path) = open.pop() {
        let (outcome, next) = match site.find(&path) {
            _ if !robots.allows(&url(&path)) => ("robots", Vec::new()),
            Found::Missing(_) => ("gone", Vec::new()),
            Found::Moved(to) => ("redirected", vec![to]),
            Found::File(_) => {
                let facts = &pages[&path];
                let links = facts.links.iter().map(|link| link.url.path_and_query().to_owned()).collect();
                (if facts.robots.noindex { "noindex" } else { "indexed" }, links)
            }
        };
        outcomes.entry(outcome).or_default().push(path);
        open.extend(next.into_iter().filter(|path| seen.insert(path.clone())));
    }
    for (outcome, expected) in [("robots", DISALLOWED), ("gone", BROKEN), ("noindex", NOINDEX)] {
        assert_eq!(outcomes[outcome], [expected], "{outcome}");
    }
    let mut redirected = outcomes["redirected"].clone();
    redirected.sort();
    assert_eq!(redirected, ["/", "/start/quickstart.html"]);
    let unreached: Vec<_> = pages.keys().filter(|path| !seen.contains(*path)).collect();
    assert_eq!(unreached, [MISSING]);
    let indexed = outcomes["indexed"].len();
    assert!(indexed >= 15, "{indexed} pages");
    assert!(text("/about/this-handbook.html").contains(&format!("<tr><td>indexed</td><td>{indexed}</td></tr>")));
}

#[test]
fn titles_are_unique_and_breadcrumbs_end_in_them() {
    let mut titles = BTreeMap::new();
    for (path, facts) in pages() {
        let own = facts.title.trim_end_matches(" · docmill handbook");
        assert!(!own.is_empty() && facts.language.as_deref() == Some("en"), "{path}");
        assert!(facts.last_updated.is_some_and(|date| date.len() == 10), "{path}");
        if path != "/index.html" {
            assert_eq!(facts.breadcrumbs.last().map(String::as_str), Some(own), "{path}");
            assert_eq!(facts.breadcrumbs[0], "docmill handbook", "{path}");
        }
        assert_eq!(all(r"<h1>(.*?)</h1>", &text(&path)), [own], "{path}");
        if let Some(other) = titles.insert(facts.title, path.clone()) {
            panic!("{path} and {other} have one title");
        }
    }
}

#[test]
fn every_tag_is_closed_in_its_turn() {
    let tag = Regex::new(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)>").unwrap();
    for path in pages().into_keys() {
        let html = text(&path);
        assert!(html.starts_with("<!DOCTYPE html>\n") && html.ends_with("</html>\n"), "{path}");
        let mut open: Vec<String> = Vec::new();
        for found in tag.captures_iter(&html) {
            let name = found[2].to_owned();
            assert_eq!(found[3].matches('"').count() % 2, 0, "{path}: {}", &found[0]);
            match &found[1] {
                "/" => assert_eq!(open.pop().as_deref(), Some(name.as_str()), "{path}: {}", &found[0]),
                _ if VOID.contains(&name.as_str()) => {}
                _ => open.push(name),
            }
        }
        assert_eq!(open, Vec::<String>::new(), "{path}");
        let rest = tag.replace_all(html.trim_start_matches("<!DOCTYPE html>"), "");
        let rest = rest.replace("<!-- settings -->", "").replace("<!-- /settings -->", "");
        assert!(!rest.contains(['<', '>']), "{path}: a bare < or >");
        for what in ["<script", "<style", "javascript:", "onclick"] {
            assert!(!html.contains(what), "{path}: {what}");
        }
    }
}

#[test]
fn every_page_carries_the_same_chrome() {
    let parts = |path: &str| {
        let html = text(path);
        let parts =
            [r"(?s)<header(.*?)</header>", r"(?s)<nav class=.sidebar.(.*?)</nav>", r"(?s)<footer(.*?)</footer>"];
        parts.map(|part| {
            let found = all(part, &html);
            assert_eq!(found.len(), 1, "{path}: {part}");
            // The same from any depth, and with no page marked as the present one.
            found[0].replace("=\"../", "=\"").replace("=\"/", "=\"").replace(" aria-current=\"page\"", "")
        })
    };
    let expected = parts("/index.html");
    for path in pages().into_keys() {
        assert_eq!(parts(&path), expected, "{path}");
    }
}

#[test]
fn what_is_processed_is_the_content_with_all_its_code_and_no_chrome() {
    for (path, facts) in pages().into_iter().filter(|(path, _)| path != MISSING) {
        let (url, html) = (url(&path), text(&path));
        let page = RawPage {
            url: &url,
            media: &Media::Html,
            text: html.clone(),
            facts: &facts,
            scraped_at: "2026-01-01T00:00:00Z",
            is_known: false,
        };
        let document = process(&raw_item(page), url.as_str(), &ProcessOptions::default()).unwrap().document;
        let markdown = &document.markdown_content;
        // No page's content has these words, and every page's chrome does.
        for chrome in ["Skip to the content", "under the same licences", "Back: ", "Next: ", "[Glossary]("] {
            assert!(!markdown.contains(chrome), "{path}: {chrome}\n{markdown}");
        }
        for id in all(r#"<h[23] id="([^"]*)""#, &html) {
            let heading = document.metadata.headings.iter().find(|heading| heading.anchor.as_deref() == Some(id));
            assert!(heading.is_some(), "{path}: the heading #{id} is gone\n{markdown}");
        }
        let unescape = |code: &str| code.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        for code in all(r#"(?s)<pre><code class="language-[a-z]+">(.*?)</code></pre>"#, &html) {
            assert!(markdown.contains(&unescape(code)), "{path}: the code {code}\n{markdown}");
        }
        for language in all(r#"<code class="language-([a-z]+)">"#, &html).into_iter().filter(|name| *name != "text") {
            assert!(markdown.contains(&format!("```{language}\n")), "{path}: {language}\n{markdown}");
        }
        assert_eq!(markdown.contains("\n| --- |") || markdown.contains("|---"), html.contains("<table"), "{path}");
        assert!(document.title == facts.title.trim_end_matches(" · docmill handbook"), "{path}: {}", document.title);
    }
}

#[test]
fn the_site_has_what_a_crawler_is_to_be_tried_on() {
    let all_text: String = pages().into_keys().map(|path| text(&path)).collect();
    for what in ["<table>", "<dl>", "<blockquote>", "<aside class=\"admonition", "<img ", "<ol>", "<li>An actor whose"]
    {
        assert!(all_text.contains(what), "{what}");
    }
    assert!(all(r#"<img [^>]*\balt="([^"]{20,})""#, &all_text).len() == all_text.matches("<img ").count());
    assert!(Regex::new(r"(?s)<li>[^<]*\n\s*<ul>").unwrap().is_match(&all_text), "no nested list");
}

#[test]
fn the_questions_name_pages_of_the_site() {
    let site = Site::new();
    for question in QUESTIONS {
        assert!(is_there(&site, question.page), "{question:?}");
        assert!(question.is_answered_by(&format!("{HOST}{}#part", question.page)), "{question:?}");
        assert!(!question.is_answered_by(&format!("{HOST}/index.html")) && !question.is_answered_by("nowhere"));
    }
}
