//! `docmill reprocess`: what is done, skipped or dead waits again, and is
//! processed.

use std::collections::HashSet;

use docmill_actors::pipeline::Parameters;
use docmill_stages::failure::one_line;
use docmill_stages::ledger;
use docmill_stages::store::Folder;

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
    let (patterns, only_dead) = (args.patterns.clone(), args.dead);
    let matches = move |url: &str| patterns.is_empty() || patterns.iter().any(|pattern| pattern.is_match(url));
    let is_all = args.patterns.is_empty();
    let (put_back, gone) = parameters.state.call_blocking(move |db| {
        let (mut put_back, mut gone) = (0_usize, Vec::new());
        for page in ledger::pages(db)? {
            if !matches(&page.url) || (only_dead && !page.is_dead) {
                continue;
            }
            if there.contains(&page.location.file) {
                put_back += usize::from(ledger::reprocess(db, &page.key)?);
            } else {
                gone.push((page.url, page.location.file));
            }
        }
        if is_all {
            put_back += ledger::read_refused_anew(db)?;
        }
        Ok((put_back, gone))
    })?;
    for (url, file) in &gone {
        let (url, file) = (one_line(url, 300), one_line(file, 300));
        log::warn!("{url} is left as it is: raw/{file} is gone; crawl the page again");
    }
    if put_back == 0 && !is_all {
        return Err(Refusal::said(Exit::WithErrors, "no page that is done, skipped or dead matches the pattern"));
    }
    log::info!("{put_back} items wait again");
    Ok(())
}
