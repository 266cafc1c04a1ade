//! The two ranked lists that search fuses.
//!
//! Both are cut so that the same index gives the same list whatever the order
//! in which its documents were loaded: by distance, then by chunk id.

use rusqlite::{Connection, Params, params};

use crate::db::DbError;
use crate::load::index::vector_bytes;

/// How much a word in the title, the headings and the text weighs.
const WEIGHTS: &str = "bm25(2.0, 2.0, 1.0)";
/// So many rows are looked at for one list at most; with more that are
/// duplicates or equally far, the list is shorter or its end is arbitrary.
const ROWS_MAX: usize = 1 << 16;

/// A chunk in a list.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::load) struct Found {
    /// `chunk.id`, the row.
    pub(super) row: i64,
    /// See [`crate::item::chunk_id`].
    pub(in crate::load) chunk_id: String,
    distance: f64,
    /// Of a page that another one with a smaller URL equals.
    is_duplicate: bool,
}

impl Found {
    /// A chunk of a list that was made elsewhere.
    pub(in crate::load) fn new(chunk_id: String, distance: f64) -> Self {
        Self { row: 0, chunk_id, distance, is_duplicate: false }
    }

    /// The `count` nearest, in the order in which lists are fused.
    pub(in crate::load) fn nearest_first(mut list: Vec<Self>, count: usize) -> Vec<Self> {
        list.sort_by(|one, other| {
            one.distance.total_cmp(&other.distance).then_with(|| one.chunk_id.cmp(&other.chunk_id))
        });
        list.truncate(count);
        list
    }
}

/// The chunks in which the words of a full text expression weigh most.
pub(super) fn by_words(db: &Connection, expression: &str, count: usize) -> Result<Vec<Found>, DbError> {
    let sql = list_sql(&format!(
        "SELECT rowid AS row, rank AS distance FROM words WHERE words MATCH ?1 AND rank MATCH '{WEIGHTS}'
         ORDER BY rank LIMIT ?2"
    ));
    nearest(count, |limit| rows(db, &sql, params![expression, limit]))
}

/// The chunks whose vectors lie nearest, by cosine distance.
pub(super) fn by_vector(db: &Connection, vector: &[f32], count: usize) -> Result<Vec<Found>, DbError> {
    let sql = list_sql(
        "SELECT chunk AS row, vec_distance_cosine(vector, ?1) AS distance FROM vector ORDER BY distance LIMIT ?2",
    );
    let bytes = vector_bytes(vector);
    nearest(count, |limit| rows(db, &sql, params![bytes, limit]))
}

/// `nearest_rows` gives row and distance of the nearest; the rest is looked up
/// for these alone.
fn list_sql(nearest_rows: &str) -> String {
    format!(
        "SELECT row, chunk.chunk_id, distance, EXISTS (
             SELECT 1 FROM document twin WHERE twin.text_hash = document.text_hash AND twin.url < document.url)
         FROM ({nearest_rows}) JOIN chunk ON chunk.id = row JOIN document ON document.id = chunk.document
         ORDER BY distance"
    )
}

fn rows(db: &Connection, sql: &str, arguments: impl Params) -> Result<Vec<Found>, DbError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(arguments, |row| {
        Ok(Found { row: row.get(0)?, chunk_id: row.get(1)?, distance: row.get(2)?, is_duplicate: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Asks for more rows until `count` are left that are no duplicates, and none
/// is missing that is as near as the last of them.
fn nearest(count: usize, fetch: impl Fn(usize) -> Result<Vec<Found>, DbError>) -> Result<Vec<Found>, DbError> {
    let mut limit = count.saturating_mul(2).clamp(1, ROWS_MAX);
    loop {
        let mut found = fetch(limit)?;
        let is_all = found.len() < limit || limit == ROWS_MAX;
        if !is_all && let Some(last) = found.last().map(|last| last.distance) {
            // Others as near as the last one may have been cut off.
            found.retain(|row| row.distance < last);
        }
        found.retain(|row| !row.is_duplicate);
        if is_all || found.len() >= count {
            return Ok(Found::nearest_first(found, count));
        }
        limit = (limit * 4).min(ROWS_MAX);
    }
}
