//! `docmill dead show`.

use docmill_stages::dead::letter_name;
use docmill_stages::failure::one_line;
use docmill_stages::ledger::{DeadItem, Named};
use docmill_stages::store::{Folder, LocalStore, Store as _};
use serde_json::Value;

use super::super::show::print;
use super::super::{Refusal, setup};
use super::{find, not_dead, of_state, open_ledger, see_list};
use crate::cli::DeadShowArgs;
use crate::exit::Exit;
use crate::progress::summary::folder_flag;
use crate::settings::Settings;

/// How much of the raw item is shown, in bytes.
const HEAD_BYTES: u64 = 1_000;

pub(super) fn show(settings: &Settings, args: &DeadShowArgs) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    let db = open_ledger(folder)?;
    let found = find(&db, &setup::url_rules(settings), &args.item).map_err(of_state(folder))?;
    let Named::Dead(item) = found else {
        let why = format!("{}; {}", not_dead(&args.item, &found), see_list(settings));
        return Err(Refusal::said(Exit::WithErrors, why));
    };
    let store = LocalStore::open(folder);
    let head = head(&store, &item);
    if args.json {
        let mut value = serde_json::to_value(item.as_ref()).unwrap_or_default();
        if let Value::Object(fields) = &mut value {
            fields.insert("raw_head".to_owned(), head.map_or(Value::Null, Value::String));
        }
        return Ok(print(&format!("{value}\n")));
    }
    Ok(print(&text_of(&store, &item, head.as_deref(), &folder_flag(folder))))
}

/// How the raw item begins; `None` where it is gone or cannot be read.
fn head(store: &LocalStore, item: &DeadItem) -> Option<String> {
    let bytes = match item.bytes {
        // The file itself is meant.
        0 => store.stat(Folder::Raw, &item.file).ok()??.size,
        bytes => bytes,
    };
    let head = store.get_range(Folder::Raw, &item.file, item.start, bytes.min(HEAD_BYTES)).ok()??;
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn text_of(store: &LocalStore, item: &DeadItem, head: Option<&str>, folder: &str) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| text.push_str(&format!("{label:<9} {value}\n"));
    line("key", &item.key);
    line("url", &one_line(&item.url, 4_000));
    line("stage", &one_line(&item.stage, 60));
    line("kind", &one_line(&item.kind, 60));
    line("error", &one_line(&item.error, 4_000));
    line("attempts", &format!("{} failed; {} times the program ended meanwhile", item.attempts, item.crashes));
    let version = item.version.as_deref().unwrap_or("an older version");
    let died = item.died_at.as_deref().unwrap_or("at an unknown time");
    line("died", &format!("{died} under docmill {}", one_line(version, 60)));
    let file = one_line(&store.locate(Folder::Raw, &item.file), 1_000);
    let place = match item.bytes {
        0 => file,
        bytes => format!("{file}, item {}: {bytes} bytes from byte {} on", item.position, item.start),
    };
    line("raw item", &place);
    if !item.content_hash.is_empty() {
        line("hash", &one_line(&item.content_hash, 200));
    }
    line("begins", &head.map_or_else(|| "it is gone, or cannot be read".to_owned(), |head| one_line(head, 1_000)));
    line("letter", &one_line(&store.locate(Folder::Dead, &letter_name(&item.key)), 1_000));
    let key = &item.key;
    line(
        "next",
        &format!("docmill dead replay {key}{folder} tries it again, docmill dead drop {key}{folder} gives it up"),
    );
    text
}
