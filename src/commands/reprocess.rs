//! `docmill reprocess`: what is done, skipped or dead waits again, and is
//! processed.

use std::collections::HashSet;

use docmill_actors::pipeline::Parameters;
use docmill_stages::db::{Connection, DbError};
use docmill_stages::dead::{self, Picked, Replayed, Selection};
use docmill_stages::failure::one_line;
use docmill_stages::ledger;
use docmill_stages::store::Folder;
use regex::Regex;

use super::Refusal;
use super::run::{self, Scope};
use crate::cli::ReprocessArgs;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::settings::Settings;

pub(super) fn reprocess(settings: &Settings, args: &ReprocessArgs, progress: &mut Progress) -> Result<Exit, Refusal> {
    let scope = Scope { crawl: false, process: true, stay: false };
    run::go(settings, progress, scope, |parameters| put_back(parameters, args))
}

/// What matches waits again; a page whose raw file is gone could not be made
/// again and is left as it is.
fn put_back(parameters: &Parameters, args: &ReprocessArgs) -> Result<(), Refusal> {
    let there: HashSet<String> = parameters.store.list(Folder::Raw)?.into_iter().map(|entry| entry.name).collect();
    let patterns = args.patterns.clone();
    let is_all = patterns.is_empty();
    let Replayed { count, gone } = if args.dead {
        let picked = Picked::Selected(Selection { urls: patterns, ..Selection::default() });
        parameters.state.call_blocking(move |db| dead::replay(db, &picked, &there))?
    } else {
        parameters.state.call_blocking(move |db| put_back_any(db, &patterns, &there))?
    };
    for (url, file) in &gone {
        let (url, file) = (one_line(url, 300), one_line(file, 300));
        log::warn!("{url} is left as it is: raw/{file} is gone; crawl the page again");
    }
    if count == 0 && !is_all {
        return Err(Refusal::said(
            Exit::WithErrors,
            "no page that is done, skipped or dead matches the pattern; what waits needs only `docmill process`",
        ));
    }
    log::info!("{count} items wait again");
    Ok(())
}

fn put_back_any(db: &Connection, patterns: &[Regex], there: &HashSet<String>) -> Result<Replayed, DbError> {
    let mut replayed = Replayed::default();
    for page in ledger::pages(db)? {
        if !patterns.is_empty() && !patterns.iter().any(|pattern| pattern.is_match(&page.url)) {
            continue;
        }
        if there.contains(&page.location.file) {
            replayed.count += usize::from(ledger::reprocess(db, &page.key)?);
        } else {
            replayed.gone.push((page.url, page.location.file));
        }
    }
    if patterns.is_empty() {
        replayed.count += ledger::read_refused_anew(db)?;
    }
    Ok(replayed)
}
