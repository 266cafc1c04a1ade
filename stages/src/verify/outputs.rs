//! Each done item: its files as they were written, and the index equal to
//! them.

use crate::db::Connection;
use crate::item::{Chunk, Document, EmbeddedDocument};
use crate::ledger::{self, Booked, BookedOutput, ItemState};
use crate::load::files::{self, FILE_BYTES_MAX, chunks_name, processed_name};
use crate::load::index::Reader;
use crate::load::{LoadError, check_names, check_vector};
use crate::store::{Folder, StoreError};
use crate::watch;

use super::{Finding, FindingKind, Mend, Places, Report, VerifyError};

pub(super) const RAW_FIRST: &str =
    "its raw item is not there to make it anew: put the file back, or crawl the page again with `docmill run`";

type Fault = (FindingKind, String);

pub(super) fn check(
    places: Places<'_>,
    state: &Connection,
    indexes: &[Reader],
    report: &mut Report,
) -> Result<(), VerifyError> {
    for item in ledger::booked(state)?.into_iter().filter(is_output) {
        report.items += 1;
        let Some((kind, why)) = fault(places, &item, indexes)? else { continue };
        // A run may be at it: only what did not move says anything.
        if ledger::booked_as(state, &item.key)?.is_none_or(|now| now != item) {
            report.in_motion += 1;
            continue;
        }
        let mend = if can_be_made(places, &item) { Mend::WaitAgain { key: item.key } } else { Mend::ByHand(RAW_FIRST) };
        report.findings.push(Finding::new(kind, &item.url, &why, mend));
    }
    Ok(())
}

/// Whether an item stands for a document.
pub(super) fn is_output(item: &Booked) -> bool {
    item.state == ItemState::Done && !item.tombstone
}

/// Whether its raw item is there.
pub(super) fn can_be_made(places: Places<'_>, item: &Booked) -> bool {
    matches!(watch::fetch(places.store, &item.location, &item.content_hash), Ok(Some(_)))
}

/// What is wrong with a done item, if anything.
fn fault(places: Places<'_>, item: &Booked, indexes: &[Reader]) -> Result<Option<Fault>, VerifyError> {
    let Some(written) = item.files.as_ref().filter(|written| written.content_hash == item.content_hash) else {
        return Ok(Some((FindingKind::FilesMissing, "the ledger knows of no files of its newest content".to_owned())));
    };
    if let Some(fault) = size_fault(places, written)? {
        return Ok(Some(fault));
    }
    let embedded = match read(places, item, written) {
        Ok(Ok(embedded)) => embedded,
        Ok(Err(fault)) => return Ok(Some(fault)),
        Err(error) => return Err(error),
    };
    if item.index.as_ref() != Some(&item.content_hash) {
        let why = "the ledger knows of no document of its newest content in the index";
        return Ok(Some((FindingKind::IndexMissing, why.to_owned())));
    }
    // While another model's index is filled there are two, and a done item
    // stands in one of them as in its files.
    let mut first = None;
    for index in indexes {
        match index_fault(index, &embedded)? {
            None => return Ok(None),
            fault => first = first.or(fault),
        }
    }
    Ok(first.or_else(|| Some((FindingKind::IndexMissing, "there is no index".to_owned()))))
}

fn size_fault(places: Places<'_>, written: &BookedOutput) -> Result<Option<Fault>, VerifyError> {
    let mut size = 0;
    let files = [(Folder::Processed, processed_name(&written.stem)), (Folder::Chunks, chunks_name(&written.stem))];
    for (folder, name) in &files {
        match places.store.stat(*folder, name)? {
            Some(entry) => size += entry.size,
            None => return Ok(Some((FindingKind::FilesMissing, format!("{}/{name} is not there", folder.name())))),
        }
    }
    Ok((size != written.bytes).then(|| {
        let (processed, chunks) = (&files[0].1, &files[1].1);
        let why = format!("processed/{processed} and chunks/{chunks} have {size} bytes, not {}", written.bytes);
        (FindingKind::FilesDamaged, why)
    }))
}

/// Both files, which hold together and are those of this item.
pub(super) fn read(
    places: Places<'_>,
    item: &Booked,
    written: &BookedOutput,
) -> Result<Result<EmbeddedDocument, Fault>, VerifyError> {
    let damaged = |why: String| Ok(Err((FindingKind::FilesDamaged, why)));
    let found = files::read_document(places.store, &written.stem, FILE_BYTES_MAX)
        .and_then(|document| Ok(document.zip(files::read_chunks(places.store, &written.stem, FILE_BYTES_MAX)?)));
    let (document, chunks) = match found {
        Ok(Some(both)) => both,
        Ok(None) => return Ok(Err((FindingKind::FilesMissing, format!("files of {} are not there", written.stem)))),
        Err(LoadError::Store(error @ StoreError::Io { .. })) => return Err(error.into()),
        Err(error) => return damaged(error.to_string()),
    };
    if document.url != item.url {
        return damaged(format!("processed/{} is of {}", processed_name(&written.stem), document.url));
    }
    if chunks.len() as u64 != item.chunks {
        let name = chunks_name(&written.stem);
        return damaged(format!("chunks/{name} holds {} chunks, not {}", chunks.len(), item.chunks));
    }
    let (key, content_hash) = (item.key.clone(), item.content_hash.clone());
    let embedded = EmbeddedDocument { key, content_hash, document, chunks };
    match check_names(&embedded) {
        Ok(()) => Ok(Ok(embedded)),
        Err(error) => damaged(format!("chunks/{}: {error}", chunks_name(&written.stem))),
    }
}

/// How the index differs from the files, if it does.
fn index_fault(index: &Reader, files: &EmbeddedDocument) -> Result<Option<Fault>, VerifyError> {
    let key = &files.key;
    let missing = |why: &str| Ok(Some((FindingKind::IndexMissing, why.to_owned())));
    let differs = |why: &str| Ok(Some((FindingKind::IndexDiffers, why.to_owned())));
    let Some(loaded) = index.loaded(key)? else { return missing("it is not in the index") };
    if loaded.content_hash != files.content_hash {
        return missing("the index holds it as it was made of other content");
    }
    let (document, chunks) = match index.document(key) {
        Ok(Some(found)) => found,
        Ok(None) => return missing("it is not in the index"),
        Err(LoadError::Damaged { reason, .. }) => return differs(&reason),
        Err(error) => return Err(error.into()),
    };
    if let Some(why) = difference("index", (&document, &chunks), (&files.document, &files.chunks)) {
        return differs(&why);
    }
    for chunk in &chunks {
        if let Err(error) = check_vector(&chunk.id, &chunk.embedding, index.model().dimension) {
            return differs(&error.to_string());
        }
    }
    match index.row_fault(key, &document)? {
        Some(why) => differs(why),
        None => Ok(None),
    }
}

/// How what a place holds differs from what the files hold, if it does.
pub(super) fn difference(name: &str, place: (&Document, &[Chunk]), files: (&Document, &[Chunk])) -> Option<String> {
    if place.0 != files.0 {
        return Some(format!("the document in the {name} is not the one in its file"));
    }
    if place.1.len() != files.1.len() {
        return Some(format!("the {name} holds {} chunks, the file {}", place.1.len(), files.1.len()));
    }
    let bits = |chunk: &Chunk| chunk.embedding.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for (in_place, in_file) in place.1.iter().zip(files.1) {
        if bits(in_place) != bits(in_file) {
            return Some(format!("the vector of chunk {} in the {name} is not the one in the file", in_file.id));
        }
        if in_place != in_file {
            return Some(format!("chunk {} in the {name} is not the one in the file", in_file.id));
        }
    }
    None
}
