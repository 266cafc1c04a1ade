//! Letters brought in step with the ledger. These calls block, and only one
//! at a time may be under way for a `DATA_DIR`: by the process that owns it.

use std::collections::HashMap;

use super::{LetterError, is_letter_name, letter, letter_name};
use crate::db::Writer;
use crate::failure::{StageError as _, chain, one_line};
use crate::ledger::{self, DeadItem};
use crate::store::{Folder, Store, StoreError};

/// Letters between two looks at the ledger.
const PART: usize = 200;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Letters written, because they were not there or held something else.
    pub written: usize,
    /// Letters removed.
    pub removed: usize,
    /// Whether somebody wants the raw folder looked at anew.
    pub look: bool,
    /// Whether it ended early: the rest stays to be done.
    pub is_cut: bool,
}

/// Compares every letter with the ledger and puts right what differs: at a
/// start, whatever happened to the folder meanwhile. Ends early where
/// `go_on` says so.
///
/// # Errors
/// The ledger cannot be read, the folder not be listed, or the disk is full.
/// A letter that cannot be written for another reason is reported only.
pub fn align(store: &dyn Store, ledger: &Writer, go_on: &dyn Fn() -> bool) -> Result<Followed, LetterError> {
    let entries = store.list(Folder::Dead)?;
    let mut others: HashMap<String, u64> = entries.into_iter().map(|entry| (entry.name, entry.size)).collect();
    // What was due is done below; what changes from here on is due again.
    let look = ledger.call_blocking(|db| ledger::letters_followed(db, i64::MAX))?;
    let mut followed = Followed { look, ..Followed::default() };
    let mut after = i64::MIN;
    loop {
        let part = ledger.call_blocking(move |db| ledger::dead_after(db, after, PART))?;
        let Some(last) = part.last() else { break };
        after = last.seq;
        for item in &part {
            let size = others.remove(&letter_name(&item.key));
            followed.written += usize::from(!is_right(store, item, size)? && write(store, item)?);
        }
        if !go_on() {
            return Ok(Followed { is_cut: true, ..followed });
        }
    }
    for name in others.keys().filter(|name| is_letter_name(name)) {
        followed.removed += usize::from(remove(store, name)?);
    }
    Ok(followed)
}

/// Does what has become due since the last call: as much work as there were
/// changes, however many items are dead. Ends early where `go_on` says so;
/// the rest stays due.
///
/// # Errors
/// As [`align`].
pub fn follow(store: &dyn Store, ledger: &Writer, go_on: &dyn Fn() -> bool) -> Result<Followed, LetterError> {
    let mut followed = Followed::default();
    loop {
        let due = ledger.call_blocking(|db| ledger::letters_due(db, PART))?;
        let Some(change) = due.last().map(|last| last.change) else { return Ok(followed) };
        for letter in &due {
            match &letter.item {
                Some(item) => followed.written += usize::from(write(store, item)?),
                None => followed.removed += usize::from(remove(store, &letter_name(&letter.key))?),
            }
        }
        followed.look |= ledger.call_blocking(move |db| ledger::letters_followed(db, change))?;
        if !go_on() {
            return Ok(Followed { is_cut: true, ..followed });
        }
    }
}

fn is_right(store: &dyn Store, item: &DeadItem, size: Option<u64>) -> Result<bool, LetterError> {
    let wanted = letter(item)?;
    let len = wanted.len() as u64;
    // One that cannot be read is not right, whyever.
    let holds =
        || store.get(Folder::Dead, &letter_name(&item.key), len).is_ok_and(|found| found.as_ref() == Some(&wanted));
    Ok(size == Some(len) && holds())
}

fn write(store: &dyn Store, item: &DeadItem) -> Result<bool, LetterError> {
    unless_only_reported(store.put(Folder::Dead, &letter_name(&item.key), &letter(item)?).map(|()| true))
}

fn remove(store: &dyn Store, name: &str) -> Result<bool, LetterError> {
    unless_only_reported(store.remove(Folder::Dead, name))
}

/// What stands in the way of one letter (a folder of its name, say) must not
/// hold up the others.
fn unless_only_reported(done: Result<bool, StoreError>) -> Result<bool, LetterError> {
    match done {
        Err(error) if !error.is_store_outage() => {
            log::warn!("dead letter: {}", one_line(&chain(&error), 500));
            Ok(false)
        }
        done => Ok(done?),
    }
}
