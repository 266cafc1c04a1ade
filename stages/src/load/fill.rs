//! Loads what is done into a sink that lacks it: one that is new, was wiped,
//! or was off. Reads the documents' files and makes nothing anew; a document
//! that is loaded is noted at once, so that this can be stopped and begun
//! again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::files::{self, FILE_BYTES_MAX};
use super::gone::take_out_gone;
use super::index::Reader;
use super::{Fingerprints, LoadDocument, LoadError, Outcome, Sink, StillCurrent, fingerprint_in};
use crate::db::{DbError, Writer};
use crate::failure::{StageError, chain, one_line};
use crate::item::EmbeddedDocument;
use crate::ledger::{self, OUTPUT_FILES, Output};
use crate::store::Store;

/// Documents that are handed to the sink at a time, to make several
/// transactions of.
const DOCUMENTS: usize = 400;
/// Bytes of their files, about, in the same hand.
const BYTES: u64 = 32 << 20;

/// An error that ended it.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// Of the ledger.
    #[error(transparent)]
    Ledger(#[from] DbError),
    /// Of the sink, or of the index.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// How it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Documents that were there already.
    pub there: usize,
    /// Documents that were loaded.
    pub loaded: usize,
    /// Documents whose files or index rows are not as the ledger has them;
    /// the next run makes them anew.
    pub left: usize,
    /// Documents that were taken out, for their pages are gone.
    pub gone: usize,
    /// Whether it was stopped before it was through.
    pub stopped: bool,
}

/// From where to where.
pub struct Fill<'a> {
    /// state.db.
    pub state: &'a Writer,
    /// Where the files lie.
    pub store: &'a dyn Store,
    /// Says what each document was made with.
    pub index: &'a Reader,
    /// What lacks documents.
    pub sink: &'a dyn Sink,
}

impl Fill<'_> {
    /// Loads what is missing, and takes out what is gone. `go_on` is asked between two hands, with how
    /// many of how many are through.
    ///
    /// # Errors
    /// The ledger or the sink failed; what was loaded is noted.
    pub async fn run(&self, mut go_on: impl FnMut(usize, usize) -> bool) -> Result<Filled, FillError> {
        let loaded = self.sink.loaded().await?;
        let gone = take_out_gone(self.state, self.sink, &loaded).await?;
        let (missing, there) = self.missing(loaded).await?;
        let mut filled = Filled { there, gone, ..Filled::default() };
        let mut rest = missing.as_slice();
        while !rest.is_empty() {
            if !go_on(missing.len() - rest.len(), missing.len()) {
                return Ok(Filled { stopped: true, ..filled });
            }
            let mut bytes = 0;
            let fits = rest.iter().take(DOCUMENTS).take_while(|(_, _, output)| {
                bytes += output.bytes;
                bytes <= BYTES
            });
            let (some, others) = rest.split_at(fits.count().max(1));
            let loaded = self.load(some).await?;
            filled.loaded += loaded;
            filled.left += some.len() - loaded;
            rest = others;
        }
        Ok(filled)
    }

    /// What the files hold and the sink does not: key, content hash, the
    /// files' entry in the ledger. And how many it holds.
    async fn missing(
        &self,
        loaded: Vec<(String, String)>,
    ) -> Result<(Vec<(String, String, Output)>, usize), FillError> {
        let id = self.sink.id();
        let (made, noted) = self
            .state
            .call(move |db| Ok((ledger::outputs_of(db, OUTPUT_FILES)?, ledger::outputs_of(db, &id)?)))
            .await?;
        let loaded: HashSet<(String, String)> = loaded.into_iter().collect();
        let noted: HashMap<String, (String, String)> =
            noted.into_iter().map(|(key, hash, output)| (key, (hash, output.fingerprint))).collect();
        let all = made.len();
        let is_missing = |(key, hash, output): &(String, String, Output)| {
            let wanted = (hash.clone(), fingerprint_in(&output.fingerprint, self.sink));
            noted.get(key) != Some(&wanted) || !loaded.contains(&(key.clone(), hash.clone()))
        };
        let missing: Vec<_> = made.into_iter().filter(is_missing).collect();
        let there = all - missing.len();
        Ok((missing, there))
    }

    async fn load(&self, some: &[(String, String, Output)]) -> Result<usize, FillError> {
        let mut documents = Vec::new();
        let mut notes = Vec::new();
        for (key, hash, files) in some {
            match self.read(key, hash, files) {
                Ok(Some(document)) => {
                    documents.push(Arc::new(document));
                    let fingerprint = fingerprint_in(&files.fingerprint, self.sink);
                    let output = Output { sink: self.sink.id(), stem: files.stem.clone(), fingerprint, bytes: 0 };
                    notes.push((key.clone(), hash.clone(), output));
                }
                Ok(None) => log::warn!("{key} is not in the files and the index as the ledger has it"),
                Err(error) if error.is_outage() || error.is_store_outage() => return Err(error.into()),
                Err(error) => log::warn!("{}", one_line(&chain(&error), 1_000)),
            }
        }
        let current: StillCurrent = Arc::new(|_| true);
        let outcomes = self.sink.replace(&documents, &current).await;
        let mut done = Vec::new();
        let mut failed = None;
        for (note, outcome) in notes.into_iter().zip(outcomes) {
            match outcome {
                Ok(Outcome::Written) => done.push(note),
                Ok(Outcome::Superseded) => {}
                Err(error) if error.is_outage() => failed = Some(error),
                Err(error) => log::warn!("{}: {}", note.0, one_line(&chain(&error), 1_000)),
            }
        }
        let loaded = done.len();
        self.state
            .call(move |db| done.iter().try_for_each(|(key, hash, output)| ledger::note_output(db, key, hash, output)))
            .await?;
        failed.map_or(Ok(loaded), |error| Err(error.into()))
    }

    /// The document as the files hold it; `None` where they are not whole, or
    /// the index has another version.
    fn read(&self, key: &str, hash: &str, output: &Output) -> Result<Option<LoadDocument>, LoadError> {
        let made_with = self.index.loaded(key)?.filter(|loaded| loaded.content_hash == hash);
        let document = files::read_document(self.store, &output.stem, FILE_BYTES_MAX)?;
        let chunks = files::read_chunks(self.store, &output.stem, FILE_BYTES_MAX)?;
        let (Some(made_with), Some(document), Some(chunks)) = (made_with, document, chunks) else { return Ok(None) };
        let fingerprints = Fingerprints { sink: self.sink.fingerprint(), ..made_with.fingerprints };
        let embedded = EmbeddedDocument { key: key.to_owned(), content_hash: hash.to_owned(), document, chunks };
        Ok(Some(LoadDocument { embedded, fingerprints }))
    }
}
