//! Dead letters: under `dead/` a file `KEY.json` for each item that is dead,
//! for people and programs that look into folders.
//!
//! The ledger is the truth and the letters follow it: written after the
//! ledger has committed, removed when their item is no longer dead, and at
//! each start compared with it whole. So a crash between the two costs
//! nothing, nor does a letter that somebody deleted or wrote over.

mod follow;
mod pick;

pub use follow::{Followed, align, follow};
pub use pick::{Picked, Replayed, Selection, drop_all, each, replay};

use crate::db::DbError;
use crate::failure::StageError;
use crate::item::{KEY_LEN, KEY_LEN_LONG};
use crate::ledger::DeadItem;
use crate::store::StoreError;

/// An error of bringing the letters in step.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// Of state.db.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Of the folder.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StageError for LetterError {
    fn can_retry(&self) -> bool {
        true
    }

    fn kind(&self) -> &'static str {
        "dead_letter"
    }

    fn is_store_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_store_outage(),
            Self::Store(error) => error.is_store_outage(),
        }
    }
}

/// File name of an item's letter.
pub fn letter_name(key: &str) -> String {
    format!("{key}.json")
}

/// Whether a file of this name would be a letter; others in the folder are
/// left alone.
fn is_letter_name(name: &str) -> bool {
    let Some(key) = name.strip_suffix(".json") else { return false };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    [KEY_LEN, KEY_LEN_LONG].contains(&key.len()) && key.bytes().all(is_hex)
}

/// The letter's bytes: one JSON object, a line a field.
fn letter(item: &DeadItem) -> Result<Vec<u8>, LetterError> {
    let mut bytes = serde_json::to_vec_pretty(item).map_err(|error| DbError::Value(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests;
