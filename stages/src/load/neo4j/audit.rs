//! The graph held against another place: each document with its chunks and
//! edges as they stand, and what belongs to nothing.
//!
//! What calls this waits on its own thread, outside of any runtime.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use neo4rs::{Row, query};

use super::connection::{Tx, Work, column};
use super::{GraphReader, Layout, Neo4jError, rows};
use crate::item::{Chunk, Document};

/// Chunks of one transaction that go.
const STRAYS_AT_ONCE: i64 = 5_000;

/// A document as it stands in the graph.
pub(crate) struct Standing {
    pub(crate) key: String,
    /// Of the item that it was made of.
    pub(crate) content_hash: Option<String>,
    /// The document and its chunks, or why they cannot be read back.
    pub(crate) read: Result<(Document, Vec<Chunk>), Neo4jError>,
    edges: Edges,
}

/// What hangs on a document.
struct Edges {
    first: Vec<String>,
    next: Vec<(String, String)>,
    links_missing: i64,
    links_stale: i64,
}

impl GraphReader {
    /// Names the database in the ledger.
    pub(crate) fn sink_id(&self) -> String {
        self.graph.sink_id()
    }

    /// The keys of all documents, in order.
    pub(crate) fn standing_keys(&self) -> Result<Vec<String>, Neo4jError> {
        self.graph.wire.wait(self.keys())
    }

    /// The documents of these keys that are there, in no order.
    pub(crate) fn standing(&self, keys: &[String]) -> Result<Vec<Standing>, Neo4jError> {
        let layout = self.graph.connection.options().layout;
        let statement = format!(
            "UNWIND $keys AS key MATCH (d:Document {{key: key}})
             RETURN key, d.url AS url, d.title AS title, d.last_updated AS last_updated, d.markdown AS markdown,
                 d.docmill AS docmill, d.content_hash AS content_hash,
                 COLLECT {{ MATCH {edge} WHERE c:Chunk RETURN {{id: c.id, text: c.{text}, embedding: c.embedding}} }}
                     AS chunks,
                 COLLECT {{ MATCH (d)-[:FIRST_CHUNK]->(c:Chunk) RETURN c.id }} AS first,
                 COLLECT {{ MATCH {edge} MATCH (c)-[:NEXT_CHUNK]->(n:Chunk) RETURN [c.id, n.id] }} AS next,
                 COUNT {{ UNWIND d.links AS link MATCH (t:Document {{url: link}})
                     WHERE t <> d AND NOT EXISTS {{ (d)-[:LINKS_TO]->(t) }} RETURN t }} AS links_missing,
                 COUNT {{ MATCH (d)-[:LINKS_TO]->(t) WHERE NOT coalesce(t.url, '') IN d.links }} AS links_stale",
            edge = layout.edge(),
            text = layout.text(),
        );
        let keys = rows::texts(keys.iter().map(String::as_str));
        let found = self.graph.wire.wait(self.ask(query(&statement).param("keys", keys)))?;
        found.iter().map(standing).collect()
    }

    /// How many chunks of docmill's belong to no document.
    pub(crate) fn strays(&self) -> Result<u64, Neo4jError> {
        let statement = format!("MATCH {} RETURN count(c) AS n", stray(self.graph.connection.options().layout));
        let found = self.graph.wire.wait(self.ask(query(&statement)))?;
        found.first().map_or(Ok(0), |row| column(row, "n"))
    }

    /// Takes those out.
    pub(crate) fn remove_strays(&self) -> Result<(), Neo4jError> {
        let connection = Arc::clone(&self.graph.connection);
        let work = async move {
            let work = RemoveStrays(connection.options().layout);
            while connection.write(&work).await? > 0 {}
            Ok(())
        };
        self.graph.wire.wait(self.graph.wire.run(work))
    }

    /// Takes documents out, by key.
    pub(crate) fn take_out(&self, keys: Vec<String>) -> Result<usize, Neo4jError> {
        self.graph.wire.wait(self.graph.remove(keys))
    }
}

fn standing(row: &Row) -> Result<Standing, Neo4jError> {
    let next: Vec<Vec<String>> = column(row, "next")?;
    let pairs = next.into_iter().filter_map(|pair| <[String; 2]>::try_from(pair).ok()).map(|[one, other]| (one, other));
    Ok(Standing {
        key: column(row, "key")?,
        content_hash: column(row, "content_hash")?,
        read: rows::read_document(row),
        edges: Edges {
            first: column(row, "first")?,
            next: pairs.collect(),
            links_missing: column(row, "links_missing")?,
            links_stale: column(row, "links_stale")?,
        },
    })
}

impl Standing {
    /// What is wrong with the edges of a document with these chunks, if
    /// anything.
    pub(crate) fn edge_fault(&self, chunks: &[Chunk]) -> Option<&'static str> {
        let edges = &self.edges;
        let first: Vec<&str> = edges.first.iter().map(String::as_str).collect();
        if first != chunks.first().map(|chunk| chunk.id.as_str()).as_slice() {
            return Some("its FIRST_CHUNK does not lead to its first chunk alone");
        }
        let mut next: Vec<(&str, &str)> = edges.next.iter().map(|(one, two)| (one.as_str(), two.as_str())).collect();
        let mut wanted: Vec<(&str, &str)> =
            chunks.windows(2).map(|two| (two[0].id.as_str(), two[1].id.as_str())).collect();
        next.sort_unstable();
        wanted.sort_unstable();
        if next != wanted {
            return Some("NEXT_CHUNK does not lead through its chunks in their order");
        }
        if edges.links_missing > 0 || edges.links_stale > 0 {
            return Some("LINKS_TO does not lead to the pages that it links to");
        }
        None
    }
}

fn stray(layout: Layout) -> String {
    format!("(c:Chunk) WHERE c.revision IS NOT NULL AND NOT EXISTS {{ MATCH {} WHERE d:Document }}", layout.edge())
}

/// Says how many went.
struct RemoveStrays(Layout);

impl Work for RemoveStrays {
    type Output = usize;

    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<usize, Neo4jError>> {
        let statement = format!("MATCH {} WITH c LIMIT $limit DETACH DELETE c RETURN 1 AS one", stray(self.0));
        async move { Ok(tx.rows(query(&statement).param("limit", STRAYS_AT_ONCE)).await?.len()) }.boxed()
    }
}
