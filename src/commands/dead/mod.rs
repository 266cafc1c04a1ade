//! `docmill dead`: what is dead, and what becomes of it.
//!
//! The ledger answers, never the letters: one that was deleted or written
//! over changes nothing here.

mod change;
mod list;
mod show;

use std::path::Path;

use docmill_stages::crawl::url::{NormalUrl, UrlRules};
use docmill_stages::db::{self, Connection, DbError};
use docmill_stages::dead::Selection;
use docmill_stages::failure::one_line;
use docmill_stages::ledger::{self, Named};
use docmill_stages::state;

use super::Refusal;
use crate::cli::{DeadCommand, DeadFilter};
use crate::exit::Exit;
use crate::progress::summary::folder_flag;
use crate::settings::Settings;

pub(super) fn dead(settings: &Settings, command: &DeadCommand) -> Result<Exit, Refusal> {
    match command {
        DeadCommand::List(args) => list::list(settings, args),
        DeadCommand::Show(args) => show::show(settings, args),
        DeadCommand::Replay(args) => change::replay(settings, args),
        DeadCommand::Drop(args) => change::drop_items(settings, args),
    }
}

/// The ledger to read, beside a run or without one.
pub(super) fn open_ledger(folder: &Path) -> Result<Connection, Refusal> {
    let file = folder.join(state::FILE);
    db::open_read_only(&file, state::SCHEMA)?.ok_or_else(|| nothing_to_read(folder, file.exists()))
}

fn nothing_to_read(folder: &Path, is_older: bool) -> Refusal {
    let shown = folder.display();
    let why = if is_older {
        let flag = folder_flag(folder);
        format!("DATA_DIR {shown} was written by an older docmill; docmill process{flag} brings it up to date")
    } else {
        format!("nothing has run in DATA_DIR {shown} yet; begin with `docmill run URL`")
    };
    Refusal::said(Exit::Unavailable, why)
}

/// A statement's error, with the file in it where the file is to blame.
fn of_state(folder: &Path) -> impl Fn(DbError) -> Refusal {
    let file = folder.join(state::FILE);
    move |error| error.in_file(&file).into()
}

fn selection(filter: &DeadFilter) -> Selection {
    Selection { stage: filter.stage.clone(), kind: filter.kind.clone(), urls: filter.url.clone() }
}

/// What a person typed, as the ledger knows it: a key or `raw-file:NAME` as
/// it is, a URL normalised.
fn find(db: &Connection, urls: &UrlRules, typed: &str) -> Result<Named, DbError> {
    let found = ledger::named(db, typed)?;
    match NormalUrl::parse(typed, urls) {
        Ok(url) if found == Named::Unknown => ledger::named(db, url.as_str()),
        _ => Ok(found),
    }
}

/// Why this is no dead item.
fn not_dead(typed: &str, found: &Named) -> String {
    let typed = one_line(typed, 300);
    match found {
        Named::Not(state) => format!("{typed} is not dead but {}", state.replace('_', " ")),
        _ => format!("no item is known by {typed}"),
    }
}

/// What to type to see which there are.
fn see_list(settings: &Settings) -> String {
    format!("docmill dead list{} names those that are dead", folder_flag(&settings.storage.data_dir))
}
