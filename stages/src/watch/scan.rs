//! Which raw files have to be read.

use std::collections::{HashMap, HashSet};

use crate::store::{Entry, Folder, Store, StoreError};

/// What a look at the raw folder found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Files that are new or have changed since they were read, by name.
    pub changed: Vec<Entry>,
    /// Files that were read before and are gone.
    pub gone: Vec<String>,
}

/// Compares the raw folder with what was read of it: `seen` maps a file's
/// name to its stamp at that time.
///
/// # Errors
/// The folder cannot be listed.
pub fn scan(store: &dyn Store, seen: &HashMap<String, String>) -> Result<Scan, StoreError> {
    let mut entries = store.list(Folder::Raw)?;
    entries.retain(|entry| may_hold_items(&entry.name));
    let present: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let gone = seen.keys().filter(|name| !present.contains(name.as_str())).cloned().collect();
    entries.retain(|entry| seen.get(&entry.name) != Some(&entry.stamp));
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Scan { changed: entries, gone })
}

/// Whether a name is that of a raw file: raw items are JSON whatever else their names say.
pub fn may_hold_items(name: &str) -> bool {
    let ending = name.len().checked_sub(".json".len()).and_then(|at| name.get(at..));
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".json"))
}
