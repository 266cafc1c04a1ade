//! Pages are taken out of everything, by the same door as a page that may no
//! longer be indexed: a tombstone in `raw/`.
//!
//! In this order, and each step can be done twice: the frontier forgets the
//! page's last answer; the tombstone is written; the ledger admits it, so that
//! it waits; index and files lose the page; the ledger says done. From the
//! tombstone on, a start after a crash goes on where this ended.

use std::path::Path;

use rusqlite::Connection;

use crate::batch::{BatchError, WorkFolder};
use crate::clock::iso8601;
use crate::crawl::frontier;
use crate::crawl::raw::raw_file;
use crate::crawl::url::UrlRules;
use crate::db::DbError;
use crate::failure::StageError;
use crate::item::{RawItem, RawMetadata, file_stem};
use crate::ledger::{self, KnownPage};
use crate::load::{LoadError, files, index};
use crate::store::{Folder, Store, StoreError};
use crate::watch::{self, ReadError};

/// An error of taking pages out.
#[derive(Debug, thiserror::Error)]
pub enum TakeOutError {
    /// Of state.db.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Of a file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of a raw file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Of the index.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Of batch mode's files.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The tombstone was not admitted.
    #[error("{url} is still there: its tombstone in {file} does not count; process the raw folder and try again")]
    NotAdmitted {
        /// The page.
        url: String,
        /// The raw file.
        file: String,
    },
}

impl From<rusqlite::Error> for TakeOutError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Db(error.into())
    }
}

impl StageError for TakeOutError {
    fn can_retry(&self) -> bool {
        true
    }

    fn kind(&self) -> &'static str {
        "take_out"
    }

    fn is_store_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_store_outage(),
            Self::Store(error) => error.is_store_outage(),
            Self::Read(error) => error.is_store_outage(),
            Self::Load(error) => error.is_store_outage(),
            Self::Batch(error) => error.is_store_outage(),
            Self::NotAdmitted { .. } => false,
        }
    }
}

/// Takes pages out of a further place, by their keys.
pub type TakeOutToo<'a> = &'a dyn Fn(&[String]) -> Result<(), LoadError>;

/// Where everything is that a page may be in. Owned by this process.
pub struct Places<'a> {
    /// `DATA_DIR`.
    pub data_dir: &'a Path,
    /// Its files.
    pub store: &'a dyn Store,
    /// state.db.
    pub state: &'a Connection,
    /// How URLs are normalised.
    pub urls: &'a UrlRules,
    /// Of one raw file.
    pub raw_bytes_max: u64,
    /// A sink beside the index, where there is one.
    pub too: Option<TakeOutToo<'a>>,
}

impl Places<'_> {
    /// Admits what lies in `raw/` and was not read yet, so that it is known.
    /// A file that cannot be read is left to the watcher.
    ///
    /// # Errors
    /// The folder cannot be listed, or state.db not written.
    pub fn admit_new(&self) -> Result<(), TakeOutError> {
        let seen = ledger::raw_files(self.state)?;
        for entry in watch::scan(self.store, &seen)?.changed {
            match self.admit(&entry.name, &entry.stamp) {
                Err(TakeOutError::Read(error)) if !error.is_store_outage() => {
                    log::warn!("{}", crate::failure::one_line(&crate::failure::chain(&error), 500));
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Takes the pages out.
    ///
    /// # Errors
    /// What could not be written. Those whose tombstone is written go out at
    /// the next start.
    pub fn take_out(&self, pages: &[KnownPage], now_ms: i64) -> Result<(), TakeOutError> {
        // An index that cannot be written is found before anything is changed.
        index::remove_from_all(self.data_dir, &[])?;
        for page in pages {
            frontier::forget_answer(self.state, &page.url)?;
            let file = self.tombstone_file(page)?;
            self.store.put(Folder::Raw, &file, &tombstone(page, now_ms)?)?;
            if let Some(entry) = self.store.stat(Folder::Raw, &file)? {
                self.admit(&entry.name, &entry.stamp)?;
            }
        }
        let keys: Vec<String> = pages.iter().map(|page| page.key.clone()).collect();
        index::remove_from_all(self.data_dir, &keys)?;
        if let Some(too) = self.too {
            too(&keys)?;
        }
        for page in pages {
            let stem = file_stem(&page.key, page.article_id.as_deref());
            for stem in ledger::old_stems(self.state, &page.key, &stem)?.iter().chain([&stem]) {
                files::remove(self.store, stem)?;
            }
            WorkFolder::of(self.data_dir).forget(&page.key)?;
        }
        let transaction = self.state.unchecked_transaction()?;
        for page in pages {
            if !ledger::taken_out(&transaction, &page.key)? {
                let (url, file) = (page.url.clone(), page.location.file.clone());
                return Err(TakeOutError::NotAdmitted { url, file });
            }
        }
        Ok(transaction.commit()?)
    }

    /// Whether the page's raw file holds other items too, and so keeps the
    /// page's bytes.
    ///
    /// # Errors
    /// The store is down.
    pub fn lies_among_others(&self, page: &KnownPage) -> Result<bool, TakeOutError> {
        match watch::read(self.store, &page.location.file, self.raw_bytes_max, self.urls) {
            Ok(file) => Ok(file.found.len() + file.refused.len() > 1),
            Err(error) if error.is_store_outage() => Err(error.into()),
            // Gone, too large, no JSON any more: it is not the page's own.
            Err(_) => Ok(true),
        }
    }

    /// The page's own raw file; beside a file that holds others too, or is
    /// gone, one of its own.
    fn tombstone_file(&self, page: &KnownPage) -> Result<String, TakeOutError> {
        let is_shared = self.lies_among_others(page)?;
        Ok(if is_shared { format!("removed_{}.json", page.key) } else { page.location.file.clone() })
    }

    fn admit(&self, file: &str, stamp: &str) -> Result<(), TakeOutError> {
        let read = watch::read(self.store, file, self.raw_bytes_max, self.urls)?;
        let transaction = self.state.unchecked_transaction()?;
        ledger::admit_file(&transaction, file, stamp, &read)?;
        Ok(transaction.commit()?)
    }
}

/// Newer than whatever is known of the page: it wins wherever else the page
/// lies, also for a ledger that is made anew.
fn tombstone(page: &KnownPage, now_ms: i64) -> Result<Vec<u8>, TakeOutError> {
    let after = if page.scraped_at == i64::MIN { i64::MIN } else { page.scraped_at / 1_000 + 1 };
    let item = RawItem {
        url: page.url.clone(),
        title: String::new(),
        content: None,
        html_content: None,
        text_content: None,
        last_updated: None,
        breadcrumbs: Vec::new(),
        related_links: Vec::new(),
        things_to_know: Vec::new(),
        things_to_do: Vec::new(),
        things_to_avoid: Vec::new(),
        metadata: RawMetadata {
            article_id: page.article_id.clone(),
            change_status: Some("removed".to_owned()),
            ..RawMetadata::default()
        },
        scraped_at: Some(iso8601(now_ms.max(after))),
    };
    raw_file(&item).map_err(|error| TakeOutError::Db(DbError::Value(error.to_string())))
}
