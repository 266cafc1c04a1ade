//! Which raw files have to be read.

use std::collections::HashMap;

use crate::store::{Entry, Folder, Store, StoreError};

/// What a look at the raw folder found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Files that are new or have changed since they were read, by name.
    pub changed: Vec<Entry>,
    /// All files that may hold items.
    pub files: usize,
}

/// Compares the raw folder with what was read of it: `seen` maps a file's
/// name to its stamp at that time.
///
/// # Errors
/// The folder cannot be listed.
pub fn scan(store: &dyn Store, seen: &HashMap<String, String>) -> Result<Scan, StoreError> {
    let mut entries = store.list(Folder::Raw)?;
    entries.retain(|entry| may_hold_items(&entry.name));
    let files = entries.len();
    entries.retain(|entry| seen.get(&entry.name) != Some(&entry.stamp));
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Scan { changed: entries, files })
}

/// Whether a name is that of a raw file: raw items are JSON whatever else their names say.
pub fn may_hold_items(name: &str) -> bool {
    name.ends_with(".json")
}
