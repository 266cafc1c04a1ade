//! How a ticket ends.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::accounts;
use super::admit::to_sql;
use super::dead::VERSION;
use super::outputs::{Output, forget_outputs, record_output};
use crate::db::DbError;
use crate::failure::Failure;
use crate::fault;

/// The end of one ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The item.
    pub key: String,
    /// The ticket's generation; a stale one changes nothing.
    pub generation: u64,
    /// The content the ticket stood for.
    pub content_hash: String,
    /// How it ended.
    pub verdict: Verdict,
}

/// How a ticket ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Its outputs are in every sink.
    Done {
        /// One for each sink.
        outputs: Vec<Output>,
        /// How many chunks the document has.
        chunks: usize,
    },
    /// Its page is out of every sink.
    Removed,
    /// Batch: the stage's output is stored; so many stages' outputs are now.
    Stored {
        /// 1 after the processor, 2 after the chunker, 3 after the embedder.
        stage: u32,
    },
    /// There was nothing to do, and the reason.
    Skipped(String),
    /// The bytes are not those admitted any more: the file is read anew, and
    /// until then the item waits.
    Superseded {
        /// Until when at least, in milliseconds since 1970.
        not_before_ms: i64,
    },
    /// A stage call began and failed.
    Failed {
        /// Where.
        stage: String,
        /// What happened.
        failure: Failure,
        /// What this means for the item.
        attempt: Attempt,
    },
    /// The ticket was dropped, or no stage call began: burns nothing.
    Dropped,
}

/// What a failed attempt means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// After so many burnt attempts the item is dead.
    pub attempts_max: u32,
    /// Otherwise it waits until then (milliseconds since 1970).
    pub not_before_ms: i64,
}

/// Writes how a ticket ended; says whether it was still the current one.
pub fn settle(db: &Connection, settlement: &Settlement) -> Result<bool, DbError> {
    let row: Option<(String, u32)> = db
        .prepare_cached(
            "SELECT content_hash, attempts FROM item WHERE key = ?1 AND generation = ?2 AND state = 'in_flight'",
        )?
        .query_row(params![settlement.key, to_sql(settlement.generation)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((content_hash, attempts)) = row else { return Ok(false) };
    fault::point("ledger.settle")?;
    let is_newest = content_hash == settlement.content_hash;
    match &settlement.verdict {
        Verdict::Done { outputs, chunks } => {
            for output in outputs {
                record_output(db, &settlement.key, &settlement.content_hash, output)?;
            }
            finish(db, &settlement.key, if is_newest { "done" } else { "waiting" }, *chunks)?;
        }
        Verdict::Removed => {
            forget_outputs(db, &settlement.key)?;
            finish(db, &settlement.key, if is_newest { "done" } else { "waiting" }, 0)?;
        }
        Verdict::Stored { stage } => store_stage(db, &settlement.key, if is_newest { *stage } else { 0 })?,
        Verdict::Skipped(reason) => {
            finish(db, &settlement.key, if is_newest { "skipped" } else { "waiting" }, 0)?;
            note_error(db, &settlement.key, None, Some("skipped"), Some(reason))?;
        }
        Verdict::Superseded { not_before_ms } => {
            read_file_anew(db, &settlement.key)?;
            wait_again(db, &settlement.key, Some(*not_before_ms))?;
        }
        Verdict::Dropped => wait_again(db, &settlement.key, None)?,
        Verdict::Failed { stage, failure, attempt } if is_newest => {
            fail(db, &settlement.key, stage, failure, attempts, *attempt)?;
        }
        // It failed on content that is no longer wanted.
        Verdict::Failed { .. } => wait_again(db, &settlement.key, None)?,
    }
    accounts::add_up(db)?;
    Ok(true)
}

fn fail(
    db: &Connection,
    key: &str,
    stage: &str,
    failure: &Failure,
    attempts_before: u32,
    attempt: Attempt,
) -> Result<(), DbError> {
    note_error(db, key, Some(stage), Some(failure.kind), Some(&failure.message))?;
    if failure.outage {
        return wait_again(db, key, Some(attempt.not_before_ms));
    }
    let attempts = attempts_before + 1;
    let is_dead = !failure.transient || attempts >= attempt.attempts_max;
    db.prepare_cached("UPDATE item SET attempts = ?2, state = ?3, not_before = ?4, died_in = ?5 WHERE key = ?1")?
        .execute(params![
            key,
            attempts,
            if is_dead { "dead" } else { "waiting" },
            if is_dead { 0 } else { attempt.not_before_ms },
            is_dead.then_some(VERSION)
        ])?;
    Ok(())
}

pub(super) fn finish(db: &Connection, key: &str, state: &str, chunks: usize) -> Result<(), DbError> {
    db.prepare_cached(
        "UPDATE item SET state = ?2, chunks = ?3, stored_stage = 0, attempts = 0, not_before = 0, crashes = 0,
                stage = NULL, error_kind = NULL, error = NULL
         WHERE key = ?1",
    )?
    .execute(params![key, state, to_sql(chunks as u64)])?;
    Ok(())
}

fn store_stage(db: &Connection, key: &str, stage: u32) -> Result<(), DbError> {
    db.prepare_cached("UPDATE item SET state = 'waiting', stored_stage = ?2, not_before = 0 WHERE key = ?1")?
        .execute(params![key, stage])?;
    Ok(())
}

fn wait_again(db: &Connection, key: &str, not_before_ms: Option<i64>) -> Result<(), DbError> {
    db.prepare_cached("UPDATE item SET state = 'waiting', not_before = COALESCE(?2, not_before) WHERE key = ?1")?
        .execute(params![key, not_before_ms])?;
    Ok(())
}

/// Makes the next scan read the item's raw file, even if it looks unchanged.
fn read_file_anew(db: &Connection, key: &str) -> Result<(), DbError> {
    db.prepare_cached("DELETE FROM raw_file WHERE name = (SELECT file FROM item WHERE key = ?1)")?.execute([key])?;
    Ok(())
}

fn note_error(
    db: &Connection,
    key: &str,
    stage: Option<&str>,
    kind: Option<&str>,
    error: Option<&str>,
) -> Result<(), DbError> {
    db.prepare_cached("UPDATE item SET stage = ?2, error_kind = ?3, error = ?4 WHERE key = ?1")?
        .execute(params![key, stage, kind, error])?;
    Ok(())
}
