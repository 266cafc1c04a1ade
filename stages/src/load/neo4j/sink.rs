//! The graph as a sink: documents in groups, a transaction a group.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use neo4rs::query;

use super::connection::{Connection, column};
use super::write::{Prepared, Replace};
use super::{LoadDocument, Model, Neo4j, Neo4jError, Outcome, Sink, StillCurrent, links, rows};
use crate::failure::StageError as _;
use crate::load::LoadError;

/// Changes when the same document would stand in the graph otherwise.
const CODE_VERSION: u32 = 1;
/// Documents of one transaction at most.
const DOCUMENTS_MAX: usize = 200;
/// Transactions of one call that are under way at a time.
const GROUPS_AT_ONCE: usize = 4;

/// Loads documents into a graph that is ready for them.
#[derive(Debug, Clone)]
pub struct Neo4jSink {
    graph: Neo4j,
    model: Model,
}

impl Neo4jSink {
    pub(super) fn new(graph: Neo4j, model: Model) -> Self {
        Self { graph, model }
    }
}

impl Sink for Neo4jSink {
    /// A store that was wiped and made anew has another id; an address or a
    /// password that changes is none of its business.
    fn id(&self) -> String {
        self.graph.sink_id()
    }

    fn fingerprint(&self) -> String {
        format!("neo4j-{CODE_VERSION}-{}", self.graph.connection.options().layout.name())
    }

    /// Documents go in groups; where a group fails for one of them, each goes
    /// alone.
    fn replace<'a>(
        &'a self,
        documents: &'a [Arc<LoadDocument>],
        current: &'a StillCurrent,
    ) -> BoxFuture<'a, Vec<Result<Outcome, LoadError>>> {
        let (connection, dimension) = (Arc::clone(&self.graph.connection), self.model.dimension);
        let (loads, current) = (documents.to_vec(), Arc::clone(current));
        let work = async move { Ok(replace_all(&connection, dimension, &loads, &current).await) };
        async move {
            match self.graph.wire.run(work).await {
                Ok(outcomes) => outcomes,
                Err(error) => documents.iter().map(|_| Err(error.clone().into())).collect(),
            }
        }
        .boxed()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), LoadError>> {
        async move { Ok(self.graph.probe().await?) }.boxed()
    }

    /// A document counts that still has all of its chunks.
    fn loaded(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, LoadError>> {
        let connection = Arc::clone(&self.graph.connection);
        let work = async move {
            let statement = format!(
                "MATCH (d:Document) WHERE d.content_hash IS NOT NULL AND d.key IS NOT NULL
                     AND d.chunk_count = COUNT {{ {} }}
                 RETURN d.key AS key, d.content_hash AS hash",
                connection.options().layout.edge()
            );
            let rows = connection.ask(query(&statement)).await?;
            rows.iter().map(|row| Ok((column(row, "key")?, column(row, "hash")?))).collect()
        };
        async move { Ok(self.graph.wire.run(work).await?) }.boxed()
    }

    fn remove<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<usize, LoadError>> {
        async move { Ok(self.graph.remove(keys.to_vec()).await?) }.boxed()
    }
}

type Outcomes = Vec<Option<Result<Outcome, LoadError>>>;

async fn replace_all(
    connection: &Connection,
    dimension: usize,
    loads: &[Arc<LoadDocument>],
    current: &StillCurrent,
) -> Vec<Result<Outcome, LoadError>> {
    let mut outcomes: Outcomes = Vec::with_capacity(loads.len());
    let mut prepared = Vec::new();
    for (place, load) in loads.iter().enumerate() {
        let row = load.check(dimension).and_then(|()| rows::document(load));
        outcomes.push(row.map(|row| prepared.push((place, Prepared { load: Arc::clone(load), row }))).err().map(Err));
    }
    prepared.sort_by(|(_, one), (_, other)| one.url().cmp(other.url()));
    let groups = groups(&prepared);
    // A document that is there twice goes in the order of the call.
    let has_twins = prepared.windows(2).any(|two| two[0].1.url() == two[1].1.url());
    let at_once = if has_twins { 1 } else { connection.options().connections_max.clamp(1, GROUPS_AT_ONCE) };
    let mut work: Vec<BoxFuture<'_, Vec<_>>> = Vec::with_capacity(groups.len());
    for group in groups {
        work.push(replace_group(connection, group, current).boxed());
    }
    let written = stream::iter(work).buffered(at_once);
    for (place, outcome) in written.collect::<Vec<_>>().await.into_iter().flatten() {
        outcomes[place] = Some(outcome);
    }
    let unknown = || LoadError::from(Neo4jError::Answer("a document was left over".to_owned()));
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(unknown()))).collect()
}

/// Neighbours that fit into one transaction; a document is there once.
fn groups(prepared: &[(usize, Prepared)]) -> Vec<&[(usize, Prepared)]> {
    let mut groups = Vec::new();
    let (mut start, mut rows, mut bytes) = (0, 0, 0);
    for (at, (_, document)) in prepared.iter().enumerate() {
        let (more_rows, more_bytes) = (document.load.embedded.chunks.len(), rows::size(&document.load));
        let is_full = rows + more_rows > rows::ROWS_MAX || bytes + more_bytes > rows::BYTES_MAX;
        let is_twin = at > start && prepared[at - 1].1.url() == document.url();
        if at > start && (is_full || is_twin || at - start == DOCUMENTS_MAX) {
            groups.push(&prepared[start..at]);
            (start, rows, bytes) = (at, 0, 0);
        }
        rows += more_rows;
        bytes += more_bytes;
    }
    if start < prepared.len() {
        groups.push(&prepared[start..]);
    }
    groups
}

/// Each document's place in the call, and what became of it.
async fn replace_group(
    connection: &Connection,
    group: &[(usize, Prepared)],
    current: &StillCurrent,
) -> Vec<(usize, Result<Outcome, LoadError>)> {
    let places = group.iter().map(|(place, _)| *place);
    let error = match write_group(connection, group, current).await {
        Ok(written) => return places.zip(written.into_iter().map(Ok)).collect(),
        Err(error) => error,
    };
    if group.len() == 1 || error.is_outage() {
        return places.map(|place| (place, Err(error.clone().into()))).collect();
    }
    let mut outcomes = Vec::with_capacity(group.len());
    for alone in group.chunks(1) {
        let written = write_group(connection, alone, current).await;
        let outcome = written.map(|written| written.first().copied().unwrap_or(Outcome::Superseded));
        outcomes.push((alone[0].0, outcome.map_err(LoadError::from)));
    }
    outcomes
}

async fn write_group(
    connection: &Connection,
    group: &[(usize, Prepared)],
    current: &StillCurrent,
) -> Result<Vec<Outcome>, Neo4jError> {
    let documents: Vec<&Prepared> = group.iter().map(|(_, document)| document).collect();
    let work = Replace { layout: connection.options().layout, documents, current };
    let outcomes = connection.write(&work).await?;
    let written: Vec<&LoadDocument> = group
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == Outcome::Written)
        .map(|((_, document), _)| document.load.as_ref())
        .collect();
    if !written.is_empty() {
        let missing = connection.read(&links::Look(&written)).await?;
        if !missing.is_empty() {
            connection.write(&links::Make(missing)).await?;
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    #[test]
    fn groups_are_bounded_and_hold_a_document_once() {
        let prepared = |paths: &[(&str, usize)]| -> Vec<(usize, Prepared)> {
            let one = |(place, (path, chunks)): (usize, &(&str, usize))| {
                let url = format!("https://a.example/{path}");
                let load = Arc::new(samples::document(&url, "T", &vec!["text"; *chunks]));
                let row = rows::document(&load).unwrap();
                (place, Prepared { load, row })
            };
            paths.iter().enumerate().map(one).collect()
        };
        let lens =
            |paths: &[(&str, usize)]| groups(&prepared(paths)).iter().map(|group| group.len()).collect::<Vec<_>>();
        assert_eq!(lens(&[("a", 3), ("b", 0), ("c", 4)]), [3]);
        assert_eq!(lens(&[("a", 1), ("a", 2), ("b", 1)]), [1, 2]);
        assert_eq!(lens(&[("a", rows::ROWS_MAX), ("b", 1), ("c", rows::ROWS_MAX * 3), ("d", 1)]), [1, 1, 1, 1]);
        assert!(lens(&[]).is_empty());
    }
}
