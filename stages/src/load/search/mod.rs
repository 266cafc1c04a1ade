//! Search: full text and vectors, fused by rank.
//!
//! A question becomes words that are looked up in the full text (by BM25) and,
//! embedded by the caller, a vector whose nearest chunks are found. The two
//! lists are fused by reciprocal rank: a chunk's score is the sum of
//! `1 / (60 + rank)` over them, divided by the most that it could be, so that
//! 1 means first in every list. Equal scores are ordered by chunk id.
//!
//! Of exact duplicates only the page with the smallest URL is found.

mod lists;
mod question;
mod snippet;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use rusqlite::Connection;
use serde::Serialize;

pub use snippet::{Marker, SnippetMaker};

pub(super) use self::lists::Found;
pub(super) use self::question::Words;
use super::index::{Model, Reader, from_json};
use super::neo4j::Around;
use super::{LoadError, check_vector};
use crate::db::DbError;
use crate::item::ChunkMetadata;

/// How many hits a person is shown who asks for no number.
pub const HITS: NonZeroUsize = NonZeroUsize::new(5).unwrap();
/// The most hits one question gets.
pub const HITS_MAX: usize = 1_000;
/// Reciprocal rank fusion's constant, as in the paper that introduced it
/// (Cormack, Clarke, Büttcher, SIGIR 2009): how slowly a rank loses weight.
const FUSION_K: f64 = 60.0;
/// How many chunks of each list are fused at least; a chunk far down in one
/// list can still be lifted by the other.
const CANDIDATES_MIN: usize = 100;

/// What a question found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The question, as it was asked.
    pub query: String,
    /// The best chunks, the best first.
    pub hits: Vec<Hit>,
    /// The model of the index, whose vectors were compared.
    #[serde(skip)]
    pub model: Model,
    /// Whether a limit left words of a very long question out of the full
    /// text search.
    #[serde(skip)]
    pub words_left_out: bool,
}

/// One chunk that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// Over 0, and 1 at most.
    pub score: f64,
    /// Link that lands on the section.
    pub url: String,
    /// The document's title.
    pub title: String,
    /// The headings that apply, outermost first.
    pub headings: Vec<String>,
    /// The chunk's Markdown.
    pub text: String,
    /// See [`crate::item::chunk_id`].
    pub chunk_id: String,
    /// What stands around it, where that was asked for: in a graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub around: Option<Around>,
}

impl Reader {
    /// Finds the chunks that answer `question` best, `hits_max` at most (and
    /// never over [`HITS_MAX`]). `vector` is the question embedded by
    /// [`Reader::model`]; without it only words are looked up. A question may
    /// hold anything.
    ///
    /// # Errors
    /// The vector cannot be the model's, or the index cannot be read.
    pub fn search(&self, question: &str, vector: Option<&[f32]>, hits_max: NonZeroUsize) -> Result<Answer, LoadError> {
        if let Some(vector) = vector {
            check_vector("the question", vector, self.model().dimension)?;
        }
        let candidates = candidates(hits_max);
        let words = Words::of(question);
        let hits = self.in_one_state(|db| {
            let mut found = Vec::new();
            if let Some(expression) = &words.expression {
                found.push(lists::by_words(db, expression, candidates)?);
            }
            if let Some(vector) = vector {
                found.push(lists::by_vector(db, vector, candidates)?);
            }
            let hits = fused(&found, hits_max).into_iter().zip(1..);
            hits.map(|((found, score), rank)| hit(db, found, score, rank)).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(Answer { query: question.to_owned(), hits, model: self.model().clone(), words_left_out: words.left_out })
    }
}

/// How many chunks of each list are fused for so many hits.
pub(super) fn candidates(hits_max: NonZeroUsize) -> usize {
    (hits_max.get().min(HITS_MAX) * 4).max(CANDIDATES_MIN)
}

/// The best of the lists' chunks, with their scores.
pub(super) fn fused(lists: &[Vec<Found>], hits_max: NonZeroUsize) -> Vec<(&Found, f64)> {
    let mut fused = best_of_each_page_first(fuse(lists));
    fused.truncate(hits_max.get().min(HITS_MAX));
    fused
}

/// All chunks of the lists with their scores, the best first.
fn fuse(lists: &[Vec<Found>]) -> Vec<(&Found, f64)> {
    let mut scores: BTreeMap<&str, (&Found, f64)> = BTreeMap::new();
    for list in lists {
        for (found, rank) in list.iter().zip(1_u32..) {
            scores.entry(&found.chunk_id).or_insert((found, 0.0)).1 += 1.0 / (FUSION_K + f64::from(rank));
        }
    }
    let best = lists.len() as f64 / (FUSION_K + 1.0);
    let mut fused: Vec<_> = scores.into_values().map(|(found, score)| (found, score / best)).collect();
    // Stable, so that equal scores stay in the map's order of chunk ids.
    fused.sort_by(|one, other| other.1.total_cmp(&one.1));
    fused
}

/// A page that says the same thing in several chunks must not push the other
/// pages out: of each page the best chunk comes first, and what is left of
/// all pages after that, both in order of score. So that scores fall with the
/// rank, one that comes later has at most the score of the one before.
fn best_of_each_page_first(fused: Vec<(&Found, f64)>) -> Vec<(&Found, f64)> {
    let mut pages = BTreeSet::new();
    let (mut first, rest): (Vec<_>, Vec<_>) = fused.into_iter().partition(|(found, _)| {
        // A chunk's id is its page's key and its number.
        let page = found.chunk_id.rsplit_once('_').map_or(found.chunk_id.as_str(), |(key, _)| key);
        pages.insert(page.to_owned())
    });
    first.extend(rest);
    let mut score_max = f64::INFINITY;
    for (_, score) in &mut first {
        score_max = score.min(score_max);
        *score = score_max;
    }
    first
}

fn hit(db: &Connection, found: &Found, score: f64, rank: usize) -> Result<Hit, DbError> {
    let (metadata, text, title): (String, String, String) = db
        .prepare_cached(
            "SELECT chunk.metadata, chunk.content, document.title
             FROM chunk JOIN document ON document.id = chunk.document WHERE chunk.id = ?1",
        )?
        .query_row([found.row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let metadata: ChunkMetadata = from_json(&metadata)?;
    Ok(Hit {
        rank,
        score,
        url: metadata.source_url,
        title,
        headings: metadata.headings,
        text,
        chunk_id: found.chunk_id.clone(),
        around: None,
    })
}
