//! A folder as a web site.

use std::path::{Component, Path};
use std::time::UNIX_EPOCH;

use super::Answer;

/// The file that `path` (with its query, if any) means, if it is there.
pub(super) fn answer(root: &Path, path: &str) -> Option<Answer> {
    let path = path.split(['?', '#']).next()?.trim_start_matches('/');
    let relative = Path::new(path);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let mut file = root.join(relative);
    if file.is_dir() {
        if !path.is_empty() && !path.ends_with('/') {
            return Some(Answer::redirect(301, &format!("/{path}/")));
        }
        file.push("index.html");
    }
    let metadata = file.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let etag = format!("\"{:x}-{changed:x}\"", metadata.len());
    Some(Answer::body(content_type(&file), std::fs::read(&file).ok()?).header("ETag", etag))
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
