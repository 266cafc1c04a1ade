//! Documents and files that no item stands for.
//!
//! Files of other programs are never orphans: one is docmill's own where its
//! name holds the key of the URL that it names inside.

use std::collections::HashSet;

use crate::db::Connection;
use crate::item::{KEY_LEN, KEY_LEN_LONG, key_of_url};
use crate::ledger::{self, ItemState};
use crate::load::files::{self, CHUNKS_ENDING, FILE_BYTES_MAX, PROCESSED_ENDING};
use crate::load::index::Reader;
use crate::store::Folder;

use super::{Finding, FindingKind, Mend, Places, Report, VerifyError};

/// What the ledger says of a key.
pub(super) enum Standing {
    /// It may have a document: one is made, or an older one stays until then.
    Known,
    /// No item has it.
    Unknown,
    /// Its page is gone, and was taken out.
    Gone,
}

/// With `judge` off what would be orphans are only counted: raw files that
/// were not read yet may stand for them.
pub(super) fn check(
    places: Places<'_>,
    state: &Connection,
    indexes: &[Reader],
    judge: bool,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let mut found = Vec::new();
    for index in indexes {
        documents(state, index, &mut found)?;
    }
    let stems = ledger::booked_stems(state)?;
    for (folder, ending) in [(Folder::Processed, PROCESSED_ENDING), (Folder::Chunks, CHUNKS_ENDING)] {
        files_of(places, state, (folder, ending), &stems, &mut found)?;
    }
    let knows_nothing = ledger::counts(state)?.admitted() == 0;
    if judge && !knows_nothing {
        report.findings.append(&mut found);
    } else if !found.is_empty() {
        let count = found.len();
        report.notes.push(format!(
            "{count} documents or files have no item yet; `docmill process` reads raw/, then they can be judged"
        ));
    }
    Ok(())
}

fn documents(state: &Connection, index: &Reader, found: &mut Vec<Finding>) -> Result<(), VerifyError> {
    let mut keys = Vec::new();
    index.each_loaded(|loaded| keys.push(loaded.key))?;
    for key in keys {
        let (why, keep) = match standing(state, &key)? {
            Standing::Known => continue,
            Standing::Unknown => ("it is in the index, and no item stands for it", true),
            Standing::Gone => ("it is in the index, and its page was taken out", false),
        };
        // It may have gone meanwhile.
        let url = match index.document(&key) {
            Ok(Some((document, _))) => document.url,
            Ok(None) => continue,
            Err(_) => format!("the document with the key {key}"),
        };
        found.push(Finding::new(FindingKind::OrphanDocument, &url, why, Mend::TakeOut { key, keep }));
    }
    Ok(())
}

fn files_of(
    places: Places<'_>,
    state: &Connection,
    (folder, ending): (Folder, &str),
    stems: &HashSet<String>,
    found: &mut Vec<Finding>,
) -> Result<(), VerifyError> {
    for entry in places.store.list(folder)? {
        let Some(stem) = entry.name.strip_suffix(ending) else { continue };
        let Some(key) = key_in(stem) else { continue };
        if stems.contains(stem) {
            continue;
        }
        let why = match standing(state, key)? {
            Standing::Known if is_done_elsewhere(state, key, stem)? => "its item's files have another name now",
            Standing::Known => continue,
            Standing::Unknown => "no item stands for it",
            Standing::Gone => "its page was taken out",
        };
        if is_docmills(places, folder, stem, key) {
            let what = format!("{}/{}", folder.name(), entry.name);
            let mend = Mend::SetAside { folder, name: entry.name.clone() };
            found.push(Finding::new(FindingKind::OrphanFile, &what, why, mend));
        }
    }
    Ok(())
}

pub(super) fn standing(state: &Connection, key: &str) -> Result<Standing, VerifyError> {
    Ok(match ledger::booked_as(state, key)? {
        None => Standing::Unknown,
        Some(item) if item.state == ItemState::Done && item.tombstone => Standing::Gone,
        Some(_) => Standing::Known,
    })
}

/// Else a run, or a crash, may have written it before the ledger knew.
fn is_done_elsewhere(state: &Connection, key: &str, stem: &str) -> Result<bool, VerifyError> {
    let item = ledger::booked_as(state, key)?;
    Ok(item.is_some_and(|item| item.state == ItemState::Done && item.files.is_some_and(|written| written.stem != stem)))
}

/// The key that a stem claims.
fn key_in(stem: &str) -> Option<&str> {
    let rest = stem.strip_prefix("item_")?;
    let key = rest.rsplit_once('_').map_or(rest, |(_, key)| key);
    matches!(key.len(), KEY_LEN | KEY_LEN_LONG).then_some(key)
}

/// Whether the URL inside the file has that key. A file that cannot be read
/// may be anybody's.
fn is_docmills(places: Places<'_>, folder: Folder, stem: &str, key: &str) -> bool {
    let url = match folder {
        Folder::Processed => {
            files::read_document(places.store, stem, FILE_BYTES_MAX).ok().flatten().map(|document| document.url)
        }
        _ => files::read_chunks(places.store, stem, FILE_BYTES_MAX)
            .ok()
            .flatten()
            .and_then(|chunks| chunks.into_iter().next())
            .map(|chunk| chunk.metadata.doc_id),
    };
    url.is_some_and(|url| key_of_url(&url, key.len()) == key)
}
