//! Which dead items are meant, and what a person does with them.

use std::collections::HashSet;

use regex::Regex;
use rusqlite::Connection;

use crate::db::DbError;
use crate::ledger::{self, DeadItem, Dropped, Named};

/// Items between two looks at the ledger.
const PART: usize = 500;

/// Which dead items are meant; what is not set leaves all.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// That died at this stage.
    pub stage: Option<String>,
    /// Of this kind of error.
    pub kind: Option<String>,
    /// Whose URL matches one of these.
    pub urls: Vec<Regex>,
}

impl Selection {
    /// Whether this item is meant.
    pub fn holds(&self, item: &DeadItem) -> bool {
        self.stage.as_ref().is_none_or(|stage| *stage == item.stage)
            && self.kind.as_ref().is_none_or(|kind| *kind == item.kind)
            && (self.urls.is_empty() || self.urls.iter().any(|pattern| pattern.is_match(&item.url)))
    }
}

/// Items picked one by one, or a selection.
#[derive(Debug, Clone)]
pub enum Picked {
    /// Keys or normalised URLs.
    Named(Vec<String>),
    /// All that it holds.
    Selected(Selection),
}

/// Calls `with` for each dead item that is meant, in the order of admission,
/// in memory a part at a time. `with` may change the item.
///
/// # Errors
/// Of the ledger, or of `with`.
pub fn each(
    db: &Connection,
    picked: &Picked,
    mut with: impl FnMut(DeadItem) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let selection = match picked {
        Picked::Selected(selection) => selection,
        Picked::Named(names) => {
            for name in names {
                if let Named::Dead(item) = ledger::named(db, name)? {
                    with(*item)?;
                }
            }
            return Ok(());
        }
    };
    let mut after = i64::MIN;
    loop {
        let part = ledger::dead_after(db, after, PART)?;
        let Some(last) = part.last() else { return Ok(()) };
        after = last.seq;
        for item in part {
            if selection.holds(&item) {
                with(item)?;
            }
        }
    }
}

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Items that wait again.
    pub count: usize,
    /// URL and raw file of those left as they are: the file is gone, so
    /// nothing could be made of them.
    pub gone: Vec<(String, String)>,
}

/// Puts dead items back among those that wait, as if they had never been
/// tried. `raw_files` are the names in the raw folder.
///
/// # Errors
/// Of the ledger.
pub fn replay(db: &Connection, picked: &Picked, raw_files: &HashSet<String>) -> Result<Replayed, DbError> {
    let mut replayed = Replayed::default();
    each(db, picked, |item| {
        if item.is_raw_file() || raw_files.contains(&item.file) {
            replayed.count += usize::from(ledger::revive(db, &item)?);
        } else {
            replayed.gone.push((item.url, item.file));
        }
        Ok(())
    })?;
    Ok(replayed)
}

/// Drops dead items (see [`ledger::drop_dead`]). Returns how many, and the
/// URLs of those of which an older version stays loaded.
///
/// # Errors
/// Of the ledger.
pub fn drop_all(db: &Connection, picked: &Picked) -> Result<(usize, Vec<String>), DbError> {
    let (mut count, mut older) = (0, Vec::new());
    each(db, picked, |item| {
        let dropped = ledger::drop_dead(db, &item.key)?;
        count += usize::from(dropped != Dropped::No);
        if dropped == Dropped::OlderStays {
            older.push(item.url);
        }
        Ok(())
    })?;
    Ok((count, older))
}
