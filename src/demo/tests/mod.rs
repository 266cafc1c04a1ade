//! The handbook holds together, says what is true, and is served well.

mod served;
mod site;
mod truth;

use std::collections::BTreeMap;

use docmill_stages::crawl::page::{PageFacts, read_page};
use docmill_stages::crawl::url::{NormalUrl, UrlRules};
use regex::Regex;

use super::site::{Found, Site, names};

/// Where the tests have the site stand.
const HOST: &str = "http://127.0.0.1:7375";
/// The one link that is broken on purpose.
const BROKEN: &str = "/guide/not-written.html";
/// The page that may not be indexed.
const NOINDEX: &str = "/reference/commands-print.html";
/// The page that robots.txt keeps robots from.
const DISALLOWED: &str = "/drafts/writing-style.html";
/// What is shown where there is no page; no link leads there.
const MISSING: &str = "/404.html";

/// The text of a page, or of any other file.
fn text(path: &str) -> String {
    let name = path.trim_start_matches('/');
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample-site");
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn url(path: &str) -> NormalUrl {
    NormalUrl::parse(&format!("{HOST}{path}"), &UrlRules::default()).unwrap()
}

/// What the crawler reads out of each page, by path.
fn pages() -> BTreeMap<String, PageFacts> {
    let names = names().into_iter().filter(|name| name.ends_with(".html"));
    names
        .map(|name| {
            let path = format!("/{name}");
            let facts = read_page(&text(&path), &url(&path), &[], "docmill", &UrlRules::default());
            (path, facts)
        })
        .collect()
}

/// Every match of a pattern's first group.
fn all<'t>(pattern: &str, text: &'t str) -> Vec<&'t str> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(text).map(|found| found.get(1).unwrap().as_str()).collect()
}

/// Whether the site has a file there.
fn is_there(site: &Site, path: &str) -> bool {
    matches!(site.find(path), Found::File(_))
}
