//! `docmill dead replay` and `docmill dead drop`: beside a run through the
//! ledger, which the run takes it from; else as the folder's owner.

use std::collections::HashSet;
use std::path::Path;

use docmill_stages::db::{self, Writer};
use docmill_stages::dead::{self, LetterError, Picked};
use docmill_stages::failure::one_line;
use docmill_stages::ledger::Named;
use docmill_stages::state;
use docmill_stages::store::{Folder, LocalStore, Store as _};
use serde_json::{Value, json};

use super::super::show::print;
use super::super::{Refusal, setup};
use super::{find, not_dead, nothing_to_read, open_ledger, see_list, selection};
use crate::cli::DeadPickArgs;
use crate::data_dir::{DataDir, DataDirError};
use crate::exit::Exit;
use crate::progress::summary::folder_flag;
use crate::settings::Settings;

/// URLs that are named where there are many.
const NAMED_MAX: usize = 20;

impl From<LetterError> for Refusal {
    fn from(error: LetterError) -> Self {
        match error {
            LetterError::Db(error) => error.into(),
            LetterError::Store(error) => error.into(),
        }
    }
}

/// The ledger to write.
struct Ledger {
    writer: Writer,
    store: LocalStore,
    /// `None` where another docmill has the folder, and sees to the letters.
    owned: Option<DataDir>,
}

impl Ledger {
    fn open(folder: &Path) -> Result<Self, Refusal> {
        let file = folder.join(state::FILE);
        if !file.exists() {
            return Err(nothing_to_read(folder, false));
        }
        let (owned, store) = match DataDir::own(folder) {
            Ok(owned) => (Some(owned), LocalStore::prepare(folder)?),
            Err(DataDirError::InUse { .. }) => {
                // Of another version it is left alone while that one runs.
                open_ledger(folder)?;
                (None, LocalStore::open(folder))
            }
            Err(error) => return Err(error.into()),
        };
        let writer = setup::writer(db::open(&file, state::SCHEMA)?)?;
        Ok(Self { writer, store, owned })
    }

    fn is_beside(&self) -> bool {
        self.owned.is_none()
    }

    fn letters_follow(&self) -> Result<(), Refusal> {
        if !self.is_beside() {
            dead::follow(&self.store, &self.writer, &|| true)?;
        }
        Ok(())
    }
}

/// What the command line names, and what of it is not dead.
fn pick(ledger: &Ledger, settings: &Settings, args: &DeadPickArgs) -> Result<(Picked, Vec<String>), Refusal> {
    if args.items.is_empty() {
        return Ok((Picked::Selected(selection(&args.filter)), Vec::new()));
    }
    let (typed, urls) = (args.items.clone(), setup::url_rules(settings));
    let found = ledger.writer.call_blocking(move |db| {
        let found = typed.into_iter().map(|typed| find(db, &urls, &typed).map(|found| (typed, found)));
        found.collect::<Result<Vec<_>, _>>()
    })?;
    let (mut keys, mut others) = (Vec::new(), Vec::new());
    for (typed, found) in found {
        match found {
            Named::Dead(item) => keys.push(item.key),
            other => others.push(not_dead(&typed, &other)),
        }
    }
    Ok((Picked::Named(keys), others))
}

pub(super) fn replay(settings: &Settings, args: &DeadPickArgs) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    let ledger = Ledger::open(folder)?;
    let (picked, others) = pick(&ledger, settings, args)?;
    let raw_files: HashSet<String> = ledger.store.list(Folder::Raw)?.into_iter().map(|entry| entry.name).collect();
    let replayed = ledger.writer.call_blocking(move |db| dead::replay(db, &picked, &raw_files))?;
    ledger.letters_follow()?;
    for (url, file) in replayed.gone.iter().take(NAMED_MAX) {
        let (url, file) = (one_line(url, 300), one_line(file, 300));
        eprintln!("{url} is left dead: raw/{file} is gone; crawl the page again");
    }
    let next = match (replayed.count, ledger.is_beside()) {
        (0, _) => None,
        (_, true) => {
            Some("nothing to type: the docmill that works in this folder takes them up, if it processes".to_owned())
        }
        (_, false) => Some(format!("docmill process{}", folder_flag(folder))),
    };
    let printed = if args.json {
        let gone: Vec<&String> = replayed.gone.iter().map(|(url, _)| url).collect();
        let value = json!({
            "replayed": replayed.count, "raw_gone": gone, "not_dead": others, "running": ledger.is_beside(), "next": next,
        });
        print(&format!("{value}\n"))
    } else {
        let next = next.map(|next| format!("next: {next}\n")).unwrap_or_default();
        print(&format!("{}\n{next}", counted(replayed.count, "wait again")))
    };
    ended(settings, &others, printed)
}

pub(super) fn drop_items(settings: &Settings, args: &DeadPickArgs) -> Result<Exit, Refusal> {
    let ledger = Ledger::open(&settings.storage.data_dir)?;
    let (picked, others) = pick(&ledger, settings, args)?;
    let (count, older) = ledger.writer.call_blocking(move |db| dead::drop_all(db, &picked))?;
    ledger.letters_follow()?;
    let printed = if args.json {
        let value: Value = json!({ "dropped": count, "older_version_stays": older, "not_dead": others });
        print(&format!("{value}\n"))
    } else {
        let flag = folder_flag(&settings.storage.data_dir);
        let mut text = format!("{}\n", counted(count, "dropped; newer content of a page brings it back"));
        for url in older.iter().take(NAMED_MAX) {
            let url = one_line(url, 2_000);
            text.push_str(&format!(
                "an older version stays in the index: {url} (docmill remove URL{flag} takes it out)\n"
            ));
        }
        if older.len() > NAMED_MAX {
            text.push_str(&format!("and of {} more; --json names all\n", older.len() - NAMED_MAX));
        }
        print(&text)
    };
    ended(settings, &others, printed)
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => "no dead item matches".to_owned(),
        1 => format!("1 item: {what}"),
        _ => format!("{count} items: {what}"),
    }
}

fn ended(settings: &Settings, others: &[String], printed: Exit) -> Result<Exit, Refusal> {
    if others.is_empty() {
        return Ok(printed);
    }
    Err(Refusal::said(Exit::WithErrors, format!("{}; {}", others.join("; "), see_list(settings))))
}
