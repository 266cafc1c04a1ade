//! `docmill models`: which there are, fetched before they are needed, and
//! checked.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use docmill_stages::embed::models::{self, CheckedFile, FOLDER_NEEDS, FileState, Stored};
use docmill_stages::failure::one_line;
use indicatif::HumanBytes;
use serde_json::{Value, json};

use super::Refusal;
use super::model::{fetch, refusal, request};
use super::show::print;
use super::signals::cancel_on_signals;
use crate::cli::ModelsCommand;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::settings::Settings;

pub(super) fn models(settings: &Settings, command: &ModelsCommand, progress: &Progress) -> Result<Exit, Refusal> {
    match command {
        ModelsCommand::List(args) => Ok(list(settings, args.json)),
        ModelsCommand::Pull(_) => pull(settings, progress),
        ModelsCommand::Verify(_) => verify(settings),
    }
}

fn list(settings: &Settings, as_json: bool) -> Exit {
    let cache = settings.model_cache_dir.join("models");
    let (models, runtime) = (models::stored_models(&cache), models::stored_runtime(&cache));
    if as_json {
        let value = json!({
            "cache": cache.display().to_string(),
            "models": models.iter().map(json_of).collect::<Vec<_>>(),
            "runtime": runtime.as_ref().map(json_of),
            "embedding_model": settings.embed.model,
            "folder_needs": FOLDER_NEEDS,
        });
        return print(&format!("{value:#}\n"));
    }
    let mut text = String::new();
    for stored in models.iter().chain(&runtime) {
        // Writing to a text cannot fail.
        let _never_fails = writeln!(text, "{}", line_of(stored));
    }
    text.push_str(&format!(
        "\nEMBEDDING_MODEL takes one of these names, or a folder with {}.\n",
        FOLDER_NEEDS.join(", or with ")
    ));
    print(&text)
}

fn line_of(stored: &Stored) -> String {
    let folder = stored.folder.display();
    let size = HumanBytes(stored.bytes());
    let window = stored.window.map(|window| format!(", {window} tokens a text")).unwrap_or_default();
    let state = match state_of(stored) {
        "cached" => format!("in the cache, {size}{window}: {folder}"),
        "partial" => format!("not whole in the cache; `docmill models pull` mends it: {folder}"),
        _ => format!("not in the cache yet; {size} to fetch{window}"),
    };
    format!("{:<20} {state}", stored.name)
}

fn state_of(stored: &Stored) -> &'static str {
    if stored.is_whole() {
        "cached"
    } else if stored.files.iter().any(|file| file.bytes_found.is_some()) {
        "partial"
    } else {
        "absent"
    }
}

fn json_of(stored: &Stored) -> Value {
    let files = stored.files.iter().map(
        |file| json!({"name": file.name, "bytes": file.bytes, "sha256": file.sha256, "bytes_found": file.bytes_found}),
    );
    json!({
        "name": stored.name,
        "repository": stored.repository,
        "window": stored.window,
        "state": state_of(stored),
        "folder": stored.folder.display().to_string(),
        "bytes": stored.bytes(),
        "files": files.collect::<Vec<_>>(),
    })
}

fn pull(settings: &Settings, progress: &Progress) -> Result<Exit, Refusal> {
    refuse_service(settings)?;
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_signals(&cancelled)?;
    let files = fetch(&request(settings, &cancelled), progress)?;
    let folder = |path: &Path| path.parent().unwrap_or(path).display().to_string();
    let bytes = files.all().map(|file| file.bytes).sum::<u64>() - files.runtime.bytes;
    Ok(print(&format!(
        "{} ({}) is in {}\nONNX Runtime ({}) is {}\n",
        one_line(&files.name, 200),
        HumanBytes(bytes),
        folder(&files.weights.path),
        HumanBytes(files.runtime.bytes),
        files.runtime.path.display()
    )))
}

/// A service keeps its models itself.
fn refuse_service(settings: &Settings) -> Result<(), Refusal> {
    if !settings.embed.provider.is_service() {
        return Ok(());
    }
    let why = "EMBEDDING_PROVIDER names a service, which keeps its models itself; for a model on this machine set it to local";
    Err(Refusal::said(Exit::Usage, why))
}

/// Tells of each file; one that is damaged or missing makes it end with 69.
fn verify(settings: &Settings) -> Result<Exit, Refusal> {
    refuse_service(settings)?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let files = models::check(&request(settings, &cancelled)).map_err(|error| refusal(&error, &cancelled))?;
    let mut text = String::new();
    for file in &files {
        // Writing to a text cannot fail.
        let _never_fails = writeln!(text, "{}", checked_line(file));
    }
    let printed = print(&text);
    let bad: Vec<String> =
        files.iter().filter(|file| is_bad(file)).map(|file| file.path.display().to_string()).collect();
    if bad.is_empty() {
        return Ok(printed);
    }
    let model = one_line(&settings.embed.model, 500);
    let mends = if Path::new(&model).is_dir() { "put it there again" } else { "`docmill models pull` fetches it anew" };
    Err(Refusal::said(Exit::Unavailable, format!("{}: damaged or missing; {mends}", bad.join(", "))))
}

fn is_bad(file: &CheckedFile) -> bool {
    matches!(file.state, FileState::Missing | FileState::Damaged { .. })
}

fn checked_line(file: &CheckedFile) -> String {
    let path = file.path.display();
    match &file.state {
        FileState::Whole => format!("whole    {path}"),
        FileState::Missing => format!("missing  {path}"),
        FileState::Unknown { sha256 } => format!("readable {path} (SHA-256 {sha256}; docmill knows of no other)"),
        FileState::Damaged { expected, found } => format!("damaged  {path} (SHA-256 {found} instead of {expected})"),
    }
}
