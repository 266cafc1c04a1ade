//! What can be mended without losing anything.
//!
//! Raw files are never touched. What is no longer wanted under its name is
//! moved to `DATA_DIR/set-aside/` or gets the ending `.aside`; what is made of
//! raw items waits again. Done twice, it does what it does once.

use std::fs;
use std::path::{Path, PathBuf};

use crate::db::{self, Connection, DbError, damage};
use crate::item::{Chunk, Document, EmbeddedDocument};
use crate::ledger;
use crate::load::{files, index};
use crate::state;
use crate::store::{Folder, LocalStore};

use super::{Finding, Graph, Mend, Places, Report, VerifyError, look};

/// The folder under `DATA_DIR` that orphans are moved to.
pub const SET_ASIDE: &str = "set-aside";
/// One mend may bring another to light: a ledger that is begun anew, an index
/// that is put aside.
const PASSES_MAX: usize = 4;
/// Names that are tried for a file before it is left where it is.
const NAMES_MAX: usize = 10_000;

/// What was done, and what is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// What was mended.
    pub mended: Vec<Finding>,
    /// The data as it is now.
    pub left: Report,
}

/// Looks, mends, and looks again. Only the process that owns the folder may
/// call this.
///
/// # Errors
/// A place cannot be read or written. What was mended before stays so.
pub fn repair(places: Places<'_>) -> Result<Repaired, VerifyError> {
    let mut repaired = Repaired { mended: Vec::new(), left: look(places, true)? };
    let knows_its_items = !repaired.left.findings.iter().any(|finding| finding.mend == Mend::BeginLedger);
    for _ in 0..PASSES_MAX {
        let findings = std::mem::take(&mut repaired.left.findings);
        let (automatic, by_hand): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.mend.is_automatic());
        if automatic.is_empty() {
            repaired.left.findings = by_hand;
            break;
        }
        mend(places, &automatic)?;
        repaired.mended.extend(automatic);
        repaired.left = look(places, knows_its_items)?;
    }
    Ok(repaired)
}

fn mend(places: Places<'_>, findings: &[Finding]) -> Result<(), VerifyError> {
    let path = places.data_dir.join(state::FILE);
    if findings.iter().any(|finding| finding.mend == Mend::BeginLedger) {
        begin_ledger(&path)?;
    }
    for finding in findings {
        match &finding.mend {
            Mend::PutAside { path } => drop(damage::put_aside(path)?),
            Mend::RemoveStrays { path } => index::remove_strays(path)?,
            Mend::TakeOut { key, keep } => take_out(places, key, *keep)?,
            Mend::SetAside { folder, name } => set_aside(places.data_dir, *folder, name)?,
            Mend::Remove { path } => remove(path)?,
            Mend::TakeOutOfGraph { key, keep } => take_out_of_graph(places, key, *keep)?,
            Mend::RemoveGraphStrays => {
                if let Some(Graph::Holds(graph)) = places.graph {
                    graph.remove_strays()?;
                }
            }
            Mend::WaitAgain { .. } | Mend::LoadAgain { .. } | Mend::Recount | Mend::BeginLedger | Mend::ByHand(_) => {}
        }
    }
    let changes_ledger = |mend: &Mend| matches!(mend, Mend::WaitAgain { .. } | Mend::LoadAgain { .. } | Mend::Recount);
    if findings.iter().any(|finding| changes_ledger(&finding.mend)) {
        let state = db::open(&path, state::SCHEMA)?;
        for finding in findings {
            if let Mend::WaitAgain { key } = &finding.mend {
                clear_the_way(places, &state, key)?;
            }
        }
        mend_ledger(&state, findings)?;
    }
    Ok(())
}

/// An index of the tables may be all that is damaged: then it is made anew,
/// and nothing is lost.
fn begin_ledger(path: &Path) -> Result<(), VerifyError> {
    if path.symlink_metadata().is_ok() {
        let reindexed = Connection::open(path).and_then(|connection| connection.execute_batch("REINDEX"));
        if reindexed.is_ok() && db::fault(path)?.is_none() {
            return Ok(());
        }
        damage::put_aside(path)?;
    }
    db::open(path, state::SCHEMA)?;
    Ok(())
}

/// A folder that has the name of an item's file would be in the way for ever.
fn clear_the_way(places: Places<'_>, state: &Connection, key: &str) -> Result<(), VerifyError> {
    let Some(output) = ledger::booked_as(state, key)?.and_then(|item| item.files) else { return Ok(()) };
    let names =
        [(Folder::Processed, files::processed_name(&output.stem)), (Folder::Chunks, files::chunks_name(&output.stem))];
    for (folder, name) in names {
        if places.data_dir.join(folder.name()).join(&name).is_dir() {
            set_aside(places.data_dir, folder, &name)?;
        }
    }
    Ok(())
}

fn mend_ledger(state: &Connection, findings: &[Finding]) -> Result<(), DbError> {
    let transaction = state.unchecked_transaction()?;
    for finding in findings {
        match &finding.mend {
            Mend::WaitAgain { key } => drop(ledger::requeue(&transaction, key)?),
            Mend::LoadAgain { key, sink } => {
                ledger::forget_output(&transaction, key, sink)?;
                ledger::requeue(&transaction, key)?;
            }
            _ => {}
        }
    }
    ledger::recount(&transaction)?;
    Ok(transaction.commit()?)
}

fn take_out(places: Places<'_>, key: &str, keep: bool) -> Result<(), VerifyError> {
    if keep {
        let files = index::files(places.data_dir)?;
        for reader in index::readers(places.data_dir, &files)? {
            // What cannot be read cannot be kept.
            let Ok(Some((document, chunks))) = reader.document(key) else { continue };
            keep_copy(places, key, document, chunks)?;
            break;
        }
    }
    Ok(index::remove_from_all(places.data_dir, &[key.to_owned()])?)
}

fn take_out_of_graph(places: Places<'_>, key: &str, keep: bool) -> Result<(), VerifyError> {
    let Some(Graph::Holds(graph)) = places.graph else { return Ok(()) };
    let key = key.to_owned();
    if keep
        && let Some(found) = graph.standing(std::slice::from_ref(&key))?.pop()
        // What cannot be read cannot be kept.
        && let Ok((document, chunks)) = found.read
    {
        keep_copy(places, &key, document, chunks)?;
    }
    graph.take_out(vec![key])?;
    Ok(())
}

fn keep_copy(places: Places<'_>, key: &str, document: Document, chunks: Vec<Chunk>) -> Result<(), VerifyError> {
    let aside = places.data_dir.join(SET_ASIDE);
    for folder in [Folder::Processed, Folder::Chunks] {
        make_folder(&aside.join(folder.name()))?;
    }
    let aside = LocalStore::open(&aside);
    let embedded = EmbeddedDocument { key: key.to_owned(), content_hash: String::new(), document, chunks };
    files::write(&aside, &format!("item_{key}"), &[], &embedded)?;
    Ok(())
}

fn set_aside(data_dir: &Path, folder: Folder, name: &str) -> Result<(), VerifyError> {
    let aside = data_dir.join(SET_ASIDE).join(folder.name());
    let from = data_dir.join(folder.name()).join(name);
    let failed = |source| VerifyError::Io { place: from.display().to_string(), source };
    make_folder(&aside)?;
    let names = std::iter::once(name.to_owned()).chain((2..NAMES_MAX).map(|number| format!("{name}.{number}")));
    let free: Option<PathBuf> = names.map(|name| aside.join(name)).find(|path| !path.exists());
    match free {
        Some(to) => fs::rename(&from, to).map_err(failed),
        None => Ok(()),
    }
}

fn make_folder(path: &Path) -> Result<(), VerifyError> {
    fs::create_dir_all(path).map_err(|source| VerifyError::Io { place: path.display().to_string(), source })
}

fn remove(path: &Path) -> Result<(), VerifyError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(VerifyError::Io { place: path.display().to_string(), source })
        }
        _ => Ok(()),
    }
}
