//! Sites to crawl, made from a seed: pages linked as a tree, with text, code
//! blocks, tables, lists and the furniture that real pages have around them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;

use super::server::{Answer, Server};

/// Children of a page.
const BRANCHES: usize = 4;

const QUALITIES: [&str; 12] = [
    "copper", "silent", "northern", "folding", "amber", "hollow", "spring", "granite", "woven", "distant", "velvet",
    "rapid",
];
const THINGS: [&str; 16] = [
    "lantern",
    "ferry",
    "orchard",
    "compass",
    "kiln",
    "aqueduct",
    "beehive",
    "loom",
    "lighthouse",
    "glacier",
    "telescope",
    "windmill",
    "harbour",
    "archive",
    "foundry",
    "greenhouse",
];
const SENTENCES: [&str; 10] = [
    "The {} is inspected every spring, before the first visitors arrive.",
    "Whoever maintains the {} keeps a record of each repair and its cost.",
    "A {} that stands unused for a winter has to be dried out slowly.",
    "Two people can move the {} if the ground is level.",
    "The oldest {} in the valley was built by a family of carpenters.",
    "Do not paint the {}: the surface must be able to breathe.",
    "When the {} makes an unusual noise, stop and look for loose parts.",
    "Measure the {} twice, since its parts shrink in cold weather.",
    "Visitors ask most often who paid for the {} and why it stands where it does.",
    "A drawing of the {} hangs in the town hall, beside the map of the river.",
];

/// A site of so many pages.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// HTML by path; the first page is at [`Site::ROOT`].
    pub(crate) pages: BTreeMap<String, String>,
    /// What each page is about, in the order in which they were made.
    pub(crate) subjects: Vec<Subject>,
}

/// A page and what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The page's path.
    pub(crate) path: String,
    /// Two or three words that no other page is about.
    pub(crate) name: String,
}

impl Site {
    /// Where it starts.
    pub(crate) const ROOT: &'static str = "/docs/";

    /// Makes one; the same seed makes the same.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut random = Rng::with_seed(seed);
        let subjects: Vec<Subject> =
            (0..count).map(|index| Subject { path: path(index, count), name: name(index) }).collect();
        let pages =
            (0..count).map(|index| (subjects[index].path.clone(), page(&mut random, &subjects, index))).collect();
        Self { pages, subjects }
    }

    /// Gives all pages to a server, each with an `ETag` of its content.
    pub(crate) fn serve_on(&self, server: &Server) {
        for (path, html) in &self.pages {
            server.put(path, with_etag(html));
        }
    }

    /// A server that has just this site.
    pub(crate) fn server(&self) -> Server {
        let server = Server::start();
        self.serve_on(&server);
        server
    }
}

/// An HTML page with a strong `ETag` of its content.
pub(crate) fn with_etag(html: &str) -> Answer {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    html.hash(&mut hasher);
    Answer::html(html).header("ETag", format!("\"{:x}\"", hasher.finish()))
}

/// A page with a title and this inside its `<main>`.
pub(crate) fn html_page(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><nav><a href=\"/docs/\">Home</a></nav>\n<main>\n<h1>{title}</h1>\n{main}\n</main>\n\
         <footer><p>All rights reserved.</p></footer></body></html>\n"
    )
}

/// A page without children is a file, any other a folder; folders nest.
fn path(index: usize, count: usize) -> String {
    if index == 0 {
        return Site::ROOT.to_owned();
    }
    let slug = name(index).replace(' ', "-");
    let has_children = index * BRANCHES + 1 < count;
    let ending = if has_children { "/" } else { ".html" };
    format!("{}{slug}{ending}", path((index - 1) / BRANCHES, count))
}

fn name(index: usize) -> String {
    let (thing, rest) = (THINGS[index % THINGS.len()], index / THINGS.len());
    let (quality, round) = (QUALITIES[(rest + index) % QUALITIES.len()], rest / QUALITIES.len());
    if round == 0 { format!("{quality} {thing}") } else { format!("{quality} {thing} {round}") }
}

fn page(random: &mut Rng, subjects: &[Subject], index: usize) -> String {
    let name = &subjects[index].name;
    let mut main = format!("<p>This page is about the {name}.</p>\n{}", paragraph(random, name));
    for (number, heading) in ["Maintenance", "History", "Measurements"].into_iter().enumerate() {
        write_to(
            &mut main,
            format_args!("<h2 id=\"part-{number}\">{heading} of the {name}</h2>\n{}", paragraph(random, name)),
        );
        match number {
            0 => main.push_str(&code_block(random, name)),
            1 => main.push_str(&paragraph(random, name)),
            _ => main.push_str(&table(random, name)),
        }
    }
    main.push_str("<h2 id=\"more\">More</h2>\n<ul>\n");
    for child in (index * BRANCHES + 1..).take(BRANCHES).take_while(|child| *child < subjects.len()) {
        let Subject { path, name } = &subjects[child];
        write_to(&mut main, format_args!("<li><a href=\"{path}\">About the {name}</a></li>\n"));
    }
    main.push_str("</ul>\n<script>window.visits = (window.visits || 0) + 1;</script>");
    html_page(&capitalised(name), &main)
}

fn paragraph(random: &mut Rng, name: &str) -> String {
    let count = random.usize(3..7);
    let sentences: Vec<String> =
        (0..count).map(|_| SENTENCES[random.usize(..SENTENCES.len())].replace("{}", name)).collect();
    format!("<p>{}</p>\n", sentences.join(" "))
}

fn code_block(random: &mut Rng, name: &str) -> String {
    let mut code = format!("# looks after the {name}\n");
    for step in 0..random.usize(3..9) {
        write_to(
            &mut code,
            format_args!("if check --step {step} --limit {}; then\n    repair\nfi\n", random.u32(1..1000)),
        );
    }
    format!("<pre><code class=\"language-sh\">{}</code></pre>\n", code.replace('<', "&lt;"))
}

fn table(random: &mut Rng, name: &str) -> String {
    let mut rows = String::new();
    for part in ["frame", "roof", "door", "base"] {
        write_to(
            &mut rows,
            format_args!("<tr><td>{part} of the {name}</td><td>{} mm</td></tr>\n", random.u32(10..5000)),
        );
    }
    format!("<table><thead><tr><th>Part</th><th>Width</th></tr></thead><tbody>\n{rows}</tbody></table>\n")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn write_to(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("a string takes all text");
}

#[test]
fn a_site_is_a_tree_of_different_pages_and_the_same_again_from_its_seed() {
    let site = Site::new(7, 250);
    assert_eq!(site.pages.len(), 250, "two pages share a path");
    assert_eq!(site.pages, Site::new(7, 250).pages);
    assert_ne!(site.pages, Site::new(8, 250).pages);
    assert!(site.pages.keys().any(|path| path.matches('/').count() > 4), "it is nested");
    for subject in &site.subjects[1..] {
        let linked = site.pages.values().filter(|html| html.contains(&format!("href=\"{}\"", subject.path))).count();
        assert_eq!(linked, 1, "{}", subject.path);
    }
}
