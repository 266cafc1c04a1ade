//! The data of a `DATA_DIR` held against itself: files, index, ledger, and the
//! graph where there is one.
//!
//! Nothing is changed here; [`repair`] does what a [`Finding`] says can be
//! done. Beside a run each item that does not agree is looked at again, and
//! counts as in motion where its ticket has changed meanwhile.
//!
//! The ledger keeps the size of an item's files and no hash of their bytes.
//! None is needed: files and index hold the same document, chunks and vectors
//! from two writes, and are compared to the last bit, as the raw item is with
//! the content hash that was admitted. Damage to either place shows, and which
//! of the two is at fault decides nothing: both are made again. Only the index
//! of words inside the full text is checked for its structure alone.

mod databases;
mod finding;
mod graph;
mod ledger;
mod leftovers;
mod orphans;
mod outputs;
mod raw;
mod repair;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use self::finding::{Finding, FindingKind, Mend};
pub use self::graph::Graph;
pub use self::repair::{Repaired, SET_ASIDE, repair};
use crate::db::DbError;
use crate::failure::StageError;
use crate::load::LoadError;
use crate::load::neo4j::Neo4jError;
use crate::store::{Store, StoreError};

/// An error of looking at the data.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Of state.db or cache.db.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Of a folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of an index.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file could not be moved or removed.
    #[error("cannot move or remove {place}; check that its folder can be written")]
    Io {
        /// Which.
        place: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl From<Neo4jError> for VerifyError {
    fn from(error: Neo4jError) -> Self {
        Self::Load(error.into())
    }
}

impl From<rusqlite::Error> for VerifyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Db(error.into())
    }
}

impl StageError for VerifyError {
    fn can_retry(&self) -> bool {
        match self {
            Self::Db(error) => error.can_retry(),
            Self::Store(error) => error.can_retry(),
            Self::Load(error) => error.can_retry(),
            Self::Io { .. } => true,
        }
    }

    fn kind(&self) -> &'static str {
        "verify"
    }

    fn is_store_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_store_outage(),
            Self::Store(error) => error.is_store_outage(),
            Self::Load(error) => error.is_store_outage(),
            Self::Io { source, .. } => crate::room::is_full(source),
        }
    }
}

/// What is looked at. Whoever looks at a graph does so outside of any runtime.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// `DATA_DIR`.
    pub data_dir: &'a Path,
    /// Its files.
    pub store: &'a dyn Store,
    /// The graph that it is loaded into too.
    pub graph: Option<Graph<'a>>,
    /// Whether a run writes there meanwhile.
    pub is_running: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Items that are done and were looked at.
    pub items: u64,
    /// Documents in every index.
    pub documents: u64,
    /// Whether a graph was looked at.
    pub graph: bool,
    /// What does not agree.
    pub findings: Vec<Finding>,
    /// What is worth knowing and no fault, a line each.
    pub notes: Vec<String>,
    /// Items that changed while they were looked at.
    pub in_motion: u64,
}

/// Looks at everything. Reads every file and every row; one document is in
/// memory at a time, and each item's place in the ledger.
///
/// # Errors
/// A place cannot be read at all. What is damaged is a finding.
pub fn verify(places: Places<'_>) -> Result<Report, VerifyError> {
    look(places, true)
}

/// With `judge_orphans` off nothing is an orphan: the ledger was begun anew a
/// moment ago and knows nothing yet.
fn look(places: Places<'_>, judge_orphans: bool) -> Result<Report, VerifyError> {
    let mut report = Report::default();
    let databases = databases::open_whole(places, &mut report)?;
    if let Some(state) = &databases.state {
        ledger::check(state, &mut report)?;
        let unread = raw::check(places, state, &mut report)?;
        if databases.has_every_index {
            outputs::check(places, state, &databases.indexes, &mut report)?;
        } else {
            report.notes.push("an index is damaged: files and index are compared once it is put aside".to_owned());
        }
        let judge_orphans = judge_orphans && unread == 0;
        orphans::check(places, state, &databases.indexes, judge_orphans, &mut report)?;
        let knows_nothing = crate::ledger::counts(state)?.admitted() == 0;
        graph::check(places, state, judge_orphans && !knows_nothing, &mut report)?;
    }
    leftovers::check(places, &mut report)?;
    Ok(report)
}
