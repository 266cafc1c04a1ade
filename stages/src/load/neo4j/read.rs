//! The graph as readers see it: document by document, as it was loaded.

use std::sync::Arc;

use neo4rs::query;

use super::connection::column;
use super::{Model, Neo4j, Neo4jError, rows};
use crate::item::{Chunk, Document};

/// Reads a graph that docmill has filled.
#[derive(Debug, Clone)]
pub struct GraphReader {
    pub(super) graph: Neo4j,
    model: Model,
}

/// How much the graph holds of docmill's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GraphCounts {
    /// Documents, also those without text.
    pub documents: u64,
    /// Chunks.
    pub chunks: u64,
    /// LINKS_TO.
    pub links: u64,
}

/// A document with its chunks, by key.
pub(in crate::load) type Read = (String, Document, Vec<Chunk>);

impl GraphReader {
    pub(super) fn new(graph: Neo4j, model: Model) -> Self {
        Self { graph, model }
    }

    /// The model whose vectors it holds: a question is embedded by this one.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// How much it holds.
    ///
    /// # Errors
    /// The graph cannot be read.
    pub async fn counts(&self) -> Result<GraphCounts, Neo4jError> {
        let statement = format!(
            "RETURN COUNT {{ MATCH (d:Document) WHERE d.content_hash IS NOT NULL }} AS documents,
                COUNT {{ MATCH {} WHERE d:Document AND c:Chunk AND d.content_hash IS NOT NULL }} AS chunks,
                COUNT {{ MATCH (:Document)-[:LINKS_TO]->(:Document) }} AS links",
            self.graph.connection.options().layout.edge()
        );
        let rows = self.ask(query(&statement)).await?;
        let Some(row) = rows.first() else { return Ok(GraphCounts::default()) };
        let count = |name| column(row, name);
        Ok(GraphCounts { documents: count("documents")?, chunks: count("chunks")?, links: count("links")? })
    }

    /// The keys of all documents, in order.
    pub(in crate::load) async fn keys(&self) -> Result<Vec<String>, Neo4jError> {
        let statement = "MATCH (d:Document) WHERE d.content_hash IS NOT NULL AND d.key IS NOT NULL RETURN d.key AS key";
        let rows = self.ask(query(statement)).await?;
        let mut keys: Vec<String> = rows.iter().map(|row| column(row, "key")).collect::<Result<_, _>>()?;
        keys.sort_unstable();
        Ok(keys)
    }

    /// The documents of these keys that are there, in order of key.
    pub(in crate::load) async fn documents(&self, keys: &[String]) -> Result<Vec<Read>, Neo4jError> {
        let layout = self.graph.connection.options().layout;
        let statement = format!(
            "UNWIND $keys AS key MATCH (d:Document {{key: key}})
             RETURN key, d.url AS url, d.title AS title, d.last_updated AS last_updated, d.markdown AS markdown,
                 d.docmill AS docmill, COLLECT {{
                     MATCH {} WHERE c:Chunk RETURN {{id: c.id, text: c.{}, embedding: c.embedding}} }} AS chunks",
            layout.edge(),
            layout.text()
        );
        let keys = rows::texts(keys.iter().map(String::as_str));
        let found = self.ask(query(&statement).param("keys", keys)).await?;
        let mut documents = Vec::with_capacity(found.len());
        for row in &found {
            let (document, chunks) = rows::read_document(row)?;
            documents.push((column::<String>(row, "key")?, document, chunks));
        }
        documents.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        Ok(documents)
    }

    /// The links that begin at these documents, by keys, in order.
    pub(in crate::load) async fn links_from(&self, keys: &[String]) -> Result<Vec<(String, String)>, Neo4jError> {
        let statement = "UNWIND $keys AS key MATCH (d:Document {key: key})-[:LINKS_TO]->(t:Document)
            WHERE t.key IS NOT NULL AND t <> d RETURN key AS source, t.key AS target";
        let keys = rows::texts(keys.iter().map(String::as_str));
        let found = self.ask(query(statement).param("keys", keys)).await?;
        let pairs = found.iter().map(|row| Ok((column(row, "source")?, column(row, "target")?)));
        let mut pairs: Vec<(String, String)> = pairs.collect::<Result<_, Neo4jError>>()?;
        pairs.sort_unstable();
        Ok(pairs)
    }

    pub(super) async fn ask(&self, query: neo4rs::Query) -> Result<Vec<neo4rs::Row>, Neo4jError> {
        let connection = Arc::clone(&self.graph.connection);
        self.graph.wire.run(async move { connection.ask(query).await }).await
    }
}
