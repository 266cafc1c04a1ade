//! The texts: chunks as docmill cuts them, out of real documentation.

use std::path::{Path, PathBuf};
use std::process::Command;

use docmill_stages::chunk::tokens::HuggingFaceCounter;
use docmill_stages::chunk::{ChunkOptions, ChunkSettings, chunk};
use docmill_stages::embed::Provider;
use docmill_stages::item::{RawItem, key_of_url};
use docmill_stages::process::{ProcessOptions, process};

use crate::Result;

/// Pages that are read at most.
const PAGES_MAX: usize = 1_000;
/// mdBook's page of all pages, which would bring every text twice.
const WHOLE_BOOK: &str = "print.html";

/// `count` chunks, evenly spread over all pages below `pages`; fewer if there
/// are no more.
pub(crate) fn chunks(pages: &Path, tokenizer: &Path, model: &dyn Provider, count: usize) -> Result<Vec<String>> {
    let counter = HuggingFaceCounter::from_bytes(&std::fs::read(tokenizer)?)?;
    let settings = ChunkSettings {
        tokens_max: 200.try_into()?,
        overlap_tokens: 32,
        chars_max: None,
        overlap_chars: None,
        window: model.info().window,
        context: true,
    };
    let options = ChunkOptions::new(settings)?;
    let folder = resolve(pages)?;
    let mut texts = Vec::new();
    for path in html_files(&folder)? {
        let url = format!("https://docs.example.com/{}", path.strip_prefix(&folder)?.display());
        // A page that is not UTF-8 or has nothing is none to measure on.
        let Ok(html) = std::fs::read_to_string(&path) else { continue };
        let raw: RawItem =
            serde_json::from_value(serde_json::json!({ "url": url, "title": "", "html_content": html }))?;
        let document = process(&raw, &url, &ProcessOptions::default())?.document;
        let chunked = chunk(&key_of_url(&url, 12), &document, &counter, &options)?;
        texts.extend(chunked.chunks.iter().map(|chunk| chunk.text_to_embed().to_owned()));
    }
    println!("{} chunks in {}", texts.len(), folder.display());
    let (all, count) = (texts.len(), count.min(texts.len()));
    Ok((0..count).map(|index| std::mem::take(&mut texts[index * all / count])).collect())
}

/// A folder as it is named, or by its name in Rust's documentation; where that
/// is not installed, the handbook.
fn resolve(pages: &Path) -> Result<PathBuf> {
    if pages.is_dir() {
        return Ok(pages.to_owned());
    }
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let folder = Path::new(&sysroot).join("share/doc/rust/html").join(pages);
    if folder.is_dir() {
        return Ok(folder);
    }
    println!("{} is not there; docmill's handbook is taken instead", folder.display());
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample-site"))
}

fn html_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            if kind.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") && !path.ends_with(WHOLE_BOOK) {
                files.push(path);
            }
        }
    }
    files.sort();
    files.truncate(PAGES_MAX);
    Ok(files)
}
