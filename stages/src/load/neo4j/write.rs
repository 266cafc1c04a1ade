//! One transaction that replaces documents, or takes them out.
//!
//! Nodes are locked in the order of their URLs, so that two loaders rarely
//! wait for each other in a circle; where they do, the server ends one of the
//! two and it is tried again.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use neo4rs::{BoltType, query};

use super::connection::{Tx, Work};
use super::layout::Layout;
use super::{LoadDocument, Neo4jError, Outcome, StillCurrent, links, rows};

/// Ids of one statement at most, where a row is no more than a few of them.
const IDS_MAX: usize = 5_000;

/// Documents that become as given, in one transaction. In the order of their
/// URLs.
pub(super) struct Replace<'a> {
    pub(super) layout: Layout,
    pub(super) documents: Vec<&'a Prepared>,
    pub(super) current: &'a StillCurrent,
}

/// A document, and its row.
pub(super) struct Prepared {
    pub(super) load: Arc<LoadDocument>,
    pub(super) row: BoltType,
}

impl Prepared {
    pub(super) fn url(&self) -> &str {
        &self.load.embedded.document.url
    }

    fn key(&self) -> &str {
        &self.load.embedded.key
    }
}

impl Work for Replace<'_> {
    type Output = Vec<Outcome>;

    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<Vec<Outcome>, Neo4jError>> {
        async move {
            let wanted: Vec<bool> = self.documents.iter().map(|document| (self.current)(document.key())).collect();
            let live: Vec<&Prepared> =
                self.documents.iter().zip(&wanted).filter(|(_, wanted)| **wanted).map(|(one, _)| *one).collect();
            if !live.is_empty() {
                self.replace(tx, &live).await?;
            }
            if !live.iter().all(|document| (self.current)(document.key())) {
                return Err(Neo4jError::Overtaken);
            }
            let outcome = |wanted| if wanted { Outcome::Written } else { Outcome::Superseded };
            Ok(wanted.into_iter().map(outcome).collect())
        }
        .boxed()
    }
}

impl Replace<'_> {
    async fn replace(&self, tx: &mut Tx<'_>, live: &[&Prepared]) -> Result<(), Neo4jError> {
        let edge = self.layout.edge();
        let documents = || rows::list(live.iter().map(|document| document.row.clone()));
        let remove_chunks =
            format!("UNWIND $urls AS url MATCH (d:Document {{url: url}}) MATCH {edge} WHERE c:Chunk DETACH DELETE c");
        let urls = || rows::texts(live.iter().map(|document| document.url()));
        tx.run(query(links::LOCK).param("urls", urls())).await?;
        tx.run(query(&remove_chunks).param("urls", urls())).await?;
        let merge = "UNWIND $rows AS row MERGE (d:Document {url: row.url}) SET d += row.props";
        tx.run(query(merge).param("rows", documents())).await?;
        self.add_chunks(tx, live).await?;
        let first = "UNWIND $rows AS row MATCH (d:Document {url: row.url}) MATCH (c:Chunk {id: row.first})
            CREATE (d)-[:FIRST_CHUNK]->(c)";
        tx.run(query(first).param("rows", documents())).await?;
        let loads: Vec<&LoadDocument> = live.iter().map(|document| document.load.as_ref()).collect();
        links::remove_stale(tx, &loads).await?;
        let missing = links::missing(tx, &loads).await?;
        links::make(tx, &missing).await
    }

    async fn add_chunks(&self, tx: &mut Tx<'_>, live: &[&Prepared]) -> Result<(), Neo4jError> {
        let loads = || live.iter().map(|document| document.load.as_ref());
        let edge = self.layout.edge();
        let add = format!(
            "UNWIND $rows AS row MATCH (d:Document {{url: row.document}})
             MERGE (c:Chunk {{id: row.id}}) SET c += row.props MERGE {edge}
             WITH c, row CALL db.create.setNodeVectorProperty(c, 'embedding', row.embedding)"
        );
        for batch in rows::chunk_batches(loads()) {
            let chunks =
                batch.into_iter().map(|(load, chunk)| rows::chunk(load, chunk, &rows::revision(load), self.layout));
            tx.run(query(&add).param("rows", rows::list(chunks))).await?;
        }
        let pairs: Vec<(&str, &str)> = loads()
            .flat_map(|load| load.embedded.chunks.windows(2).map(|two| (two[0].id.as_str(), two[1].id.as_str())))
            .collect();
        let next = "UNWIND $pairs AS pair MATCH (c:Chunk {id: pair[0]}) MATCH (n:Chunk {id: pair[1]})
            CREATE (c)-[:NEXT_CHUNK]->(n)";
        for some in pairs.chunks(IDS_MAX) {
            let some = rows::list(some.iter().map(|(one, two)| rows::texts([*one, *two])));
            tx.run(query(next).param("pairs", some)).await?;
        }
        Ok(())
    }
}

/// Documents that go, by key; says how many there were.
pub(super) struct Remove {
    pub(super) layout: Layout,
    pub(super) keys: Vec<String>,
}

impl Work for Remove {
    type Output = usize;

    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<usize, Neo4jError>> {
        let chunks = format!(
            "UNWIND $keys AS key MATCH (d:Document {{key: key}}) MATCH {} WHERE c:Chunk DETACH DELETE c",
            self.layout.edge()
        );
        let documents = "UNWIND $keys AS key MATCH (d:Document {key: key}) DETACH DELETE d RETURN key";
        async move {
            let keys = || rows::texts(self.keys.iter().map(String::as_str));
            tx.run(query(&chunks).param("keys", keys())).await?;
            Ok(tx.rows(query(documents).param("keys", keys())).await?.len())
        }
        .boxed()
    }
}
