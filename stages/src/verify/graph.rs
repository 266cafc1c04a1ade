//! The graph in Neo4j, where there is one: each done item's document equal to
//! its files, with its edges, and nothing that no item stands for.

use std::collections::HashMap;

use crate::db::Connection;
use crate::item::{Chunk, Document, EmbeddedDocument};
use crate::ledger::{self, Booked, BookedOutput};
use crate::load::check_vector;
use crate::load::neo4j::{GraphReader, Standing as Found};

use super::orphans::{Standing, standing};
use super::outputs::{self, RAW_FIRST, can_be_made, difference, is_output};
use super::{Finding, FindingKind, Mend, Places, Report, VerifyError};

/// So many documents are asked for at a time.
const AT_ONCE: usize = 20;
/// What findings about the whole graph are about.
const GRAPH: &str = "the graph in Neo4j";

/// The graph, if the settings have one.
#[derive(Debug, Clone, Copy)]
pub enum Graph<'a> {
    /// It has been loaded into.
    Holds(&'a GraphReader),
    /// It holds nothing of docmill's.
    Empty,
}

pub(super) fn check(
    places: Places<'_>,
    state: &Connection,
    judge_orphans: bool,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let Some(graph) = places.graph else { return Ok(()) };
    report.graph = true;
    let items: Vec<Booked> = ledger::booked(state)?.into_iter().filter(is_output).collect();
    let graph = match graph {
        Graph::Holds(graph) => graph,
        Graph::Empty if items.is_empty() => return Ok(()),
        Graph::Empty => {
            let why = "it holds nothing of docmill's";
            let mend = Mend::ByHand("`docmill load` fills it");
            report.findings.push(Finding::new(FindingKind::GraphMissing, GRAPH, why, mend));
            return Ok(());
        }
    };
    let outputs = ledger::outputs_of(state, &graph.sink_id())?;
    let noted: HashMap<String, String> =
        outputs.into_iter().map(|(key, content_hash, _)| (key, content_hash)).collect();
    for some in items.chunks(AT_ONCE) {
        let keys: Vec<String> = some.iter().map(|item| item.key.clone()).collect();
        let found: HashMap<String, Found> =
            graph.standing(&keys)?.into_iter().map(|found| (found.key.clone(), found)).collect();
        for item in some {
            let noted = noted.get(&item.key);
            let Some((kind, why)) = fault(places, graph, item, noted, found.get(&item.key))? else { continue };
            // A run may be at it: only what did not move says anything.
            if ledger::booked_as(state, &item.key)?.is_none_or(|now| now != *item) {
                report.in_motion += 1;
                continue;
            }
            let again = Mend::LoadAgain { key: item.key.clone(), sink: graph.sink_id() };
            let mend = if can_be_made(places, item) { again } else { Mend::ByHand(RAW_FIRST) };
            report.findings.push(Finding::new(kind, &item.url, &why, mend));
        }
    }
    strays(state, graph, judge_orphans, report)
}

/// How the graph differs from the files, if it does. What is wrong with the
/// files is somebody else's finding.
fn fault(
    places: Places<'_>,
    graph: &GraphReader,
    item: &Booked,
    noted: Option<&String>,
    found: Option<&Found>,
) -> Result<Option<(FindingKind, String)>, VerifyError> {
    let missing = |why: &str| Ok(Some((FindingKind::GraphMissing, why.to_owned())));
    let differs = |why: &str| Ok(Some((FindingKind::GraphDiffers, why.to_owned())));
    let is_newest = |written: &&BookedOutput| written.content_hash == item.content_hash;
    let Some(written) = item.files.as_ref().filter(is_newest) else { return Ok(None) };
    let Ok(files) = outputs::read(places, item, written)? else { return Ok(None) };
    if noted != Some(&item.content_hash) {
        return missing("the ledger knows of no document of its newest content in the graph");
    }
    let Some(found) = found else { return missing("it is not in the graph") };
    if found.content_hash.as_ref() != Some(&item.content_hash) {
        return missing("the graph holds it as it was made of other content");
    }
    match &found.read {
        Err(error) => differs(&error.to_string()),
        Ok((document, chunks)) => {
            Ok(document_fault(graph, found, (document, chunks), &files).map(|why| (FindingKind::GraphDiffers, why)))
        }
    }
}

fn document_fault(
    graph: &GraphReader,
    found: &Found,
    (document, chunks): (&Document, &[Chunk]),
    files: &EmbeddedDocument,
) -> Option<String> {
    if let Some(why) = difference("graph", (document, chunks), (&files.document, &files.chunks)) {
        return Some(why);
    }
    let dimension = graph.model().dimension;
    let vector = chunks.iter().find_map(|chunk| check_vector(&chunk.id, &chunk.embedding, dimension).err());
    vector.map(|error| error.to_string()).or_else(|| found.edge_fault(chunks).map(str::to_owned))
}

fn strays(
    state: &Connection,
    graph: &GraphReader,
    judge_orphans: bool,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let strays = graph.strays()?;
    if strays > 0 {
        let why = format!("{strays} chunks belong to no document");
        report.findings.push(Finding::new(FindingKind::GraphStrays, GRAPH, &why, Mend::RemoveGraphStrays));
    }
    let mut unknown = 0;
    for key in graph.standing_keys()? {
        let (why, keep) = match standing(state, &key)? {
            Standing::Known => continue,
            Standing::Unknown if !judge_orphans => {
                unknown += 1;
                continue;
            }
            Standing::Unknown => ("it is in the graph, and no item stands for it", true),
            Standing::Gone => ("it is in the graph, and its page was taken out", false),
        };
        // It may have gone meanwhile.
        let Some(found) = graph.standing(std::slice::from_ref(&key))?.pop() else { continue };
        let url = found.read.map_or_else(|_| format!("the document with the key {key}"), |(document, _)| document.url);
        let mend = Mend::TakeOutOfGraph { key, keep };
        report.findings.push(Finding::new(FindingKind::OrphanDocument, &url, why, mend));
    }
    if unknown > 0 {
        report.notes.push(format!("{unknown} documents in the graph have no item yet; `docmill process` reads raw/"));
    }
    Ok(())
}
