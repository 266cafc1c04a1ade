//! The raw items against the content hashes that were admitted.

use std::collections::HashMap;

use crate::db::Connection;
use crate::failure::{StageError as _, chain};
use crate::ledger::{self, Booked, ItemState};
use crate::store::Folder;
use crate::watch;

use super::{Finding, FindingKind, Mend, Places, Report, VerifyError};

const CRAWL_AGAIN: &str = "put the file back, or crawl the page again with `docmill run`";

/// Looks at the raw item of each page that is done, waits or was in flight.
/// Returns how many raw files were not read yet, or have changed since.
pub(super) fn check(places: Places<'_>, state: &Connection, report: &mut Report) -> Result<usize, VerifyError> {
    let read = ledger::raw_files(state)?;
    for item in ledger::booked(state)? {
        if matches!(item.state, ItemState::Skipped | ItemState::Dead) {
            continue;
        }
        let Some((kind, why)) = fault(places, &item, &read)? else { continue };
        // Newer content may have been admitted meanwhile, or the page removed.
        if ledger::booked_as(state, &item.key)?.is_none_or(|now| now != item) {
            report.in_motion += 1;
            continue;
        }
        report.findings.push(Finding::new(kind, &item.url, &why, Mend::ByHand(CRAWL_AGAIN)));
    }
    let scan = watch::scan(places.store, &read)?;
    let unread = scan.changed.len();
    if unread > 0 {
        report.notes.push(format!("{unread} raw files are new or have changed; `docmill process` reads them"));
    }
    Ok(unread)
}

fn fault(
    places: Places<'_>,
    item: &Booked,
    read: &HashMap<String, String>,
) -> Result<Option<(FindingKind, String)>, VerifyError> {
    let file = &item.location.file;
    match watch::fetch(places.store, &item.location, &item.content_hash) {
        Ok(Some(_)) => Ok(None),
        Ok(None) => {
            let now = places.store.stat(Folder::Raw, file)?;
            let is_read = now.is_some_and(|now| read.get(file) == Some(&now.stamp));
            Ok(is_read
                .then(|| (FindingKind::RawDamaged, format!("raw/{file} no longer holds what was admitted of it"))))
        }
        Err(watch::ReadError::Missing { .. }) => Ok(Some((FindingKind::RawMissing, format!("raw/{file} is gone")))),
        Err(watch::ReadError::Store(error)) if error.is_store_outage() => Err(error.into()),
        Err(error @ watch::ReadError::Store(_)) => Ok(Some((FindingKind::RawDamaged, chain(&error)))),
        Err(error @ watch::ReadError::NotJson { .. }) => Ok(Some((FindingKind::RawDamaged, error.to_string()))),
    }
}
