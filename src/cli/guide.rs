//! What to say to somebody who typed what another program takes.

use std::ffi::OsString;

use docmill_stages::failure::one_line;

/// docs2vector's modes, and what to type here.
const DOCS2VECTOR_MODES: &[(&str, &str)] = &[
    ("full", "docmill run URL"),
    ("scrape", "docmill crawl URL"),
    ("crawl", "docmill crawl URL"),
    ("process", "docmill process"),
    ("chunk", "docmill process"),
    ("embed", "docmill process"),
    ("load", "docmill load"),
    ("search", "docmill search \"your question\""),
    ("incremental", "docmill run"),
    ("streaming", "docmill run --mode streaming URL"),
    ("batch", "docmill run --mode batch URL"),
];

/// For a command line that clap refused: what the person may have meant.
pub(super) fn what_to_type(words: &[OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().skip(1).filter_map(|word| word.to_str()).collect();
    if let Some(guidance) = docs2vector_mode(&words) {
        return Some(guidance);
    }
    if words.contains(&"search") && !words.contains(&"--") && words.iter().skip(1).all(|word| word.starts_with('-')) {
        let text = "the question is missing: type docmill search \"your question\"; where it is spelt like a flag, \
                    put -- before it, as in docmill search -- --json";
        return Some(text.to_owned());
    }
    let first = words.iter().find(|word| !word.starts_with('-'))?;
    if first.starts_with("http://") || first.starts_with("https://") {
        let url = one_line(first, 200);
        return Some(format!("a command is missing before the URL: type docmill run {url}"));
    }
    None
}

fn docs2vector_mode(words: &[&str]) -> Option<String> {
    let at = words.iter().position(|word| *word == "--mode" || word.starts_with("--mode="))?;
    let typed = match words[at].split_once('=') {
        Some((_, mode)) => mode,
        None => words.get(at + 1)?,
    };
    // Where a command takes a mode, its own modes are no mistake.
    let has_command = words[..at].iter().any(|word| matches!(*word, "run" | "process" | "reprocess"));
    let is_own = matches!(typed, "streaming" | "batch");
    let (mode, instead) = DOCS2VECTOR_MODES.iter().find(|(mode, _)| mode.eq_ignore_ascii_case(typed))?;
    if has_command && is_own {
        return None;
    }
    Some(format!(
        "--mode {mode} is docs2vector's: type {instead}\n\n\
         In docmill the step is a command (run, crawl, process, search), and --mode says how\n\
         the steps of `run` and `process` go: streaming (all at once, the default) or batch."
    ))
}

/// Writes `-k5` as `-k 5` in a search: clap takes the first for the question,
/// since a question may begin with `-`. What follows `--` is left alone.
pub(super) fn split_attached_count(words: Vec<OsString>) -> Vec<OsString> {
    let mut split = Vec::with_capacity(words.len() + 1);
    let mut is_search = false;
    let mut is_open = true;
    for word in words {
        is_open &= word != "--";
        let count = word.to_str().and_then(|text| text.strip_prefix("-k")).filter(|count| {
            is_search && is_open && !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit())
        });
        match count {
            Some(count) => split.extend(["-k".into(), count.into()]),
            None => {
                is_search |= word == "search";
                split.push(word);
            }
        }
    }
    split
}
