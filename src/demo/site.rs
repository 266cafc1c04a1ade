//! The handbook as a site: what each path leads to.
//!
//! A path is a file's name below `data/sample-site/`, no more and no less;
//! `_redirects` there lists the addresses that have moved.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use rust_embed::EmbeddedFile;

/// Lines of `FROM TO 301`; `#` begins a comment.
const REDIRECTS: &str = "_redirects";
/// What is sent where there is no such page.
const MISSING: &str = "404.html";

#[derive(rust_embed::Embed)]
#[folder = "data/sample-site/"]
struct Files;

/// A file of the site.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) body: Cow<'static, [u8]>,
    pub(super) content_type: &'static str,
    pub(super) sha256: [u8; 32],
    /// When the file was written, where the build knew.
    pub(super) modified: Option<SystemTime>,
}

impl File {
    /// Whether it is a page, and not a picture or the like.
    pub(super) fn is_page(&self) -> bool {
        self.content_type.starts_with("text/html")
    }
}

/// What a path leads to.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// A file.
    File(File),
    /// Another path, for good.
    Moved(String),
    /// Nothing; the page that says so.
    Missing(Option<File>),
}

/// The site, ready to be asked.
#[derive(Debug, Default)]
pub(super) struct Site {
    moved: HashMap<String, String>,
}

impl Site {
    /// Reads the list of what has moved.
    pub(super) fn new() -> Self {
        let list = Files::get(REDIRECTS).map(|file| file.data).unwrap_or_default();
        let moved = String::from_utf8_lossy(&list).lines().filter_map(redirect).collect();
        Self { moved }
    }

    /// What the path of a request, such as `/guide/modes.html`, leads to.
    pub(super) fn find(&self, path: &str) -> Found {
        if let Some(to) = self.moved.get(path) {
            return Found::Moved(to.clone());
        }
        let name = path.strip_prefix('/').filter(|name| !name.starts_with('_') && *name != MISSING);
        match name.and_then(file) {
            Some(file) => Found::File(file),
            None => Found::Missing(file(MISSING)),
        }
    }
}

fn redirect(line: &str) -> Option<(String, String)> {
    let mut words = line.split('#').next()?.split_whitespace();
    let (from, to) = (words.next()?, words.next()?);
    (words.next() == Some("301")).then(|| (from.to_owned(), to.to_owned()))
}

fn file(name: &str) -> Option<File> {
    let EmbeddedFile { data, metadata } = Files::get(name)?;
    let modified = metadata.last_modified().and_then(|s| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s)));
    Some(File { body: data, content_type: content_type(name), sha256: metadata.sha256_hash(), modified })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The names of all files.
#[cfg(test)]
pub(super) fn names() -> Vec<String> {
    Files::iter().map(Cow::into_owned).collect()
}
