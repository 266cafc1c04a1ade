//! Rules between settings.

use docmill_stages::embed::service::wants_key;
use url::{Host, Url};

use super::collect::{Collector, Problem};
use super::source::Origin;
use super::{StorageMode, Typed};

/// Notes every rule that the settings break.
pub(crate) fn check(typed: &Typed, collector: &mut Collector<'_>) {
    let (chunk, pipeline) = (&typed.chunk, &typed.pipeline);
    if chunk.overlap_tokens >= chunk.tokens.get() {
        refuse(collector, ["CHUNK_OVERLAP_TOKENS", "CHUNK_TOKENS"], "the first must be less than the second");
    }
    if let (Some(overlap), Some(size)) = (chunk.overlap, chunk.size)
        && overlap >= size
    {
        refuse(collector, ["CHUNK_OVERLAP", "CHUNK_SIZE"], "the first must be less than the second");
    }
    if pipeline.retry_backoff_min > pipeline.retry_backoff_max {
        refuse(collector, ["RETRY_BACKOFF_MIN", "RETRY_BACKOFF_MAX"], "the first must not be more than the second");
    }
    if typed.crawl.download_size_max > typed.process.raw_size_max {
        let why = "a page of the first size could be saved and never read: the first must not be more than the second";
        refuse(collector, ["DOWNLOAD_MAXSIZE", "RAW_MAX_BYTES"], why);
    }
    let is_set = |name| collector.entries.iter().any(|entry| entry.row.name == name);
    if typed.storage.mode == StorageMode::Auto && is_set("S3_BUCKET_NAME") {
        let text = "S3_BUCKET_NAME is set, and this version keeps files in DATA_DIR all the same";
        collector.warnings.push(text.to_owned());
    }
}

/// Notes where OpenAI's key is needed and missing. Reads what was found and
/// not what was parsed, so that another bad setting does not hide it.
pub(crate) fn check_key(collector: &mut Collector<'_>) {
    let shown = |name| collector.entries.iter().find(|entry| entry.row.name == name).map(|entry| entry.shown.as_str());
    let is_openai = shown("EMBEDDING_PROVIDER").is_some_and(|provider| provider.eq_ignore_ascii_case("openai"));
    let base = shown("OPENAI_API_BASE").and_then(|base| Url::parse(base).ok());
    if !is_openai || shown("OPENAI_API_KEY").is_none() {
        return;
    }
    let has_key = shown("OPENAI_API_KEY") != Some("");
    match base {
        Some(base) if !has_key && wants_key(&base) => {
            let text = "OPENAI_API_KEY is not set: EMBEDDING_PROVIDER=openai needs a key at api.openai.com; \
                        set it, or OPENAI_API_BASE to a service that needs none";
            collector.problems.push(Problem::Other(text.to_owned()));
        }
        Some(base) if has_key && base.scheme() == "http" && !is_this_machine(&base) => {
            let text = "OPENAI_API_BASE begins with http://: the key can be read by whoever passes it on; use https://";
            collector.warnings.push(text.to_owned());
        }
        _ => {}
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether `EMBEDDING_DIMENSION`, where it is set, is what the model has.
///
/// # Errors
/// The sentence that says what to set.
pub fn check_dimension(wanted: Option<usize>, model: &str, dimension: usize) -> Result<(), Problem> {
    match wanted {
        Some(wanted) if wanted != dimension => Err(Problem::Other(format!(
            "EMBEDDING_DIMENSION={wanted}: the vectors of {model} have {dimension} numbers: set it to {dimension}, or leave it out"
        ))),
        _ => Ok(()),
    }
}

fn refuse(collector: &mut Collector<'_>, names: [&str; 2], why: &str) {
    let shown = names.map(|name| {
        let entry = collector.entries.iter().find(|entry| entry.row.name == name);
        let (shown, origin) = entry.map_or(("", &Origin::Default), |entry| (&entry.shown, &entry.origin));
        format!("{name}={shown} ({origin})")
    });
    collector.problems.push(Problem::Other(format!("{}: {why}", shown.join(" and "))));
}
