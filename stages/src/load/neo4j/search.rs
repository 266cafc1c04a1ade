//! Search in the graph: the index's own way of asking and fusing
//! ([`crate::load::search`]), with Neo4j's two indexes.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use neo4rs::{Row, query};
use serde::{Deserialize, Serialize};

use super::connection::column;
use super::layout::KEYWORD_INDEX;
use super::read::GraphReader;
use super::{Neo4jError, rows};
use crate::load::search::{Answer, Found, Hit, Words, candidates, fused};
use crate::load::{LoadError, check_vector};

/// So many linked pages are shown of one hit.
const LINKED_MAX: usize = 10;

/// What stands around a hit in the graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    /// Text of the chunk before it.
    pub previous: Option<String>,
    /// Text of the chunk after it.
    pub next: Option<String>,
    /// Pages that its page links to.
    pub linked: Vec<LinkedPage>,
}

/// A page that another links to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedPage {
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: String,
}

impl GraphReader {
    /// Finds the chunks that answer `question` best, as
    /// [`crate::load::index::Reader::search`] does. With `is_wide` each hit
    /// has what stands around it.
    ///
    /// # Errors
    /// The vector cannot be the model's, or the graph cannot be read.
    pub async fn search(
        &self,
        question: &str,
        vector: Option<&[f32]>,
        hits_max: NonZeroUsize,
        is_wide: bool,
    ) -> Result<Answer, LoadError> {
        if let Some(vector) = vector {
            check_vector("the question", vector, self.model().dimension)?;
        }
        let count = candidates(hits_max);
        let words = Words::of(question);
        let mut lists = Vec::new();
        if let Some(expression) = &words.expression {
            lists.push(self.by_words(expression, count).await?);
        }
        if let Some(vector) = vector {
            lists.push(self.by_vector(vector, count).await?);
        }
        let best = fused(&lists, hits_max);
        let ids: Vec<&str> = best.iter().map(|(found, _)| found.chunk_id.as_str()).collect();
        let mut hits = self.hits(&ids, is_wide).await?;
        let hits = best.iter().zip(1..).filter_map(|((found, score), rank)| {
            // One may have gone meanwhile.
            let hit = hits.remove(&found.chunk_id)?;
            Some(Hit { rank, score: *score, ..hit })
        });
        Ok(Answer {
            query: question.to_owned(),
            hits: hits.collect(),
            model: self.model().clone(),
            words_left_out: words.left_out,
        })
    }

    /// `expression` holds words in quotes with OR between them, which Lucene
    /// reads as the index's full text search does.
    async fn by_words(&self, expression: &str, count: usize) -> Result<Vec<Found>, Neo4jError> {
        let text = self.graph.connection.options().layout.text();
        let weighed = format!("{text}:({expression}) OR title:({expression})^2 OR headings:({expression})^2");
        let nearest = format!("CALL db.index.fulltext.queryNodes('{KEYWORD_INDEX}', $what, {{limit: $limit}})");
        self.list(&nearest, rows::text(&weighed), count).await
    }

    async fn by_vector(&self, vector: &[f32], count: usize) -> Result<Vec<Found>, Neo4jError> {
        let index = self.graph.connection.options().layout.vector_index();
        let nearest = format!("CALL db.index.vector.queryNodes('{index}', $limit, $what)");
        self.list(&nearest, rows::vector(vector), count).await
    }

    /// Of exact duplicates only the page with the smallest URL stays.
    async fn list(&self, nearest: &str, what: neo4rs::BoltType, count: usize) -> Result<Vec<Found>, Neo4jError> {
        let statement = format!(
            "{nearest} YIELD node AS c, score MATCH {} WHERE d:Document AND d.content_hash IS NOT NULL
                 AND NOT EXISTS {{ MATCH (t:Document {{text_hash: d.text_hash}}) WHERE t.url < d.url }}
             RETURN c.id AS id, score",
            self.graph.connection.options().layout.edge()
        );
        let limit = i64::try_from(count.saturating_mul(2)).unwrap_or(i64::MAX);
        let found = self.ask(query(&statement).param("what", what).param("limit", limit)).await?;
        let mut list = Vec::with_capacity(found.len());
        for row in &found {
            list.push(Found::new(column(row, "id")?, -column::<f64>(row, "score")?));
        }
        Ok(Found::nearest_first(list, count))
    }

    async fn hits(&self, ids: &[&str], is_wide: bool) -> Result<HashMap<String, Hit>, Neo4jError> {
        let layout = self.graph.connection.options().layout;
        let (text, edge) = (layout.text(), layout.edge());
        let around = if is_wide {
            format!(
                ", {{previous: head(COLLECT {{ MATCH (p)-[:NEXT_CHUNK]->(c) RETURN p.{text} }}),
                    next: head(COLLECT {{ MATCH (c)-[:NEXT_CHUNK]->(n) RETURN n.{text} }}),
                    linked: COLLECT {{ MATCH (d)-[:LINKS_TO]->(t:Document)
                        RETURN {{url: t.url, title: coalesce(t.title, '')}} ORDER BY t.url LIMIT {LINKED_MAX} }}}} AS around"
            )
        } else {
            String::new()
        };
        let statement = format!(
            "UNWIND $ids AS id MATCH (c:Chunk {{id: id}}) MATCH {edge} WHERE d:Document
             RETURN id, c.url AS url, coalesce(c.title, '') AS title, coalesce(c.headings, []) AS headings,
                 c.{text} AS text{around}"
        );
        let found = self.ask(query(&statement).param("ids", rows::texts(ids.iter().copied()))).await?;
        let hit = |row: &Row| {
            let chunk_id: String = column(row, "id")?;
            let around = if is_wide { Some(column(row, "around")?) } else { None };
            let hit = Hit {
                rank: 0,
                score: 0.0,
                url: column(row, "url")?,
                title: column(row, "title")?,
                headings: column(row, "headings")?,
                text: column(row, "text")?,
                chunk_id: chunk_id.clone(),
                around,
            };
            Ok((chunk_id, hit))
        };
        found.iter().map(hit).collect()
    }
}
