//! Which file is the index.
//!
//! `index.db`, until a run with another model has filled an `index-*.db`
//! beside it: then `index.current` names that one. A database is never
//! renamed, so that readers and its write-ahead log keep what they have.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::super::LoadError;
use crate::store::write_atomically;

const FIRST: &str = "index.db";
const POINTER: &str = "index.current";
/// Hex digits that tell models' files apart.
const DIGITS: usize = 8;

/// The index that readers use; it need not exist.
pub(super) fn current(folder: &Path) -> Result<PathBuf, LoadError> {
    let path = folder.join(POINTER);
    let mut name = String::new();
    match fs::File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(folder.join(FIRST)),
        Err(source) => return Err(LoadError::Place { path, source }),
        Ok(file) => {
            if file.take(100).read_to_string(&mut name).is_err() || !is_index(name.trim_end()) {
                return Err(LoadError::Pointer { path });
            }
        }
    }
    Ok(folder.join(name.trim_end()))
}

/// Where the index of the model with this fingerprint is built while another
/// model's is in use.
pub(super) fn beside(folder: &Path, fingerprint: &str) -> PathBuf {
    let hash = hex::encode(Sha256::digest(fingerprint.as_bytes()));
    folder.join(format!("index-{}.db", &hash[..DIGITS]))
}

/// Every index in `folder`: the one that readers use, and one that is built
/// beside it.
pub(super) fn all(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |source| LoadError::Place { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().is_some_and(is_index) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// Makes `path`, an index in `folder`, the one that readers use.
pub(super) fn point_to(folder: &Path, path: &Path) -> Result<(), LoadError> {
    let pointer = folder.join(POINTER);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or(FIRST);
    write_atomically(&pointer, |file| writeln!(file, "{name}"))
        .map_err(|source| LoadError::Place { path: pointer, source })
}

/// Removes every index in `folder` but `kept`, as far as it can: what is left
/// is in nobody's way and goes next time.
pub(super) fn remove_others(folder: &Path, kept: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path == kept || !entry.file_name().to_str().is_some_and(is_index) {
            continue;
        }
        // The database last: as long as it is there, its log is too.
        for ending in ["-wal", "-shm", ""] {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            if let Err(error) = fs::remove_file(&name)
                && error.kind() != ErrorKind::NotFound
            {
                log::warn!("cannot remove the old index {}: {error}", path.display());
            }
        }
    }
}

fn is_index(name: &str) -> bool {
    let digits = name.strip_prefix("index-").and_then(|rest| rest.strip_suffix(".db"));
    name == FIRST
        || digits.is_some_and(|digits| {
            digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pointer_names_an_index_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(current(root).unwrap(), root.join(FIRST));
        let other = beside(root, "a model");
        point_to(root, &other).unwrap();
        assert_eq!(current(root).unwrap(), other);
        for hostile in ["../index.db", "", "state.db", "index-ABCDEF01.db", "index-0123.db\0", &"x".repeat(1_000)] {
            fs::write(root.join(POINTER), hostile).unwrap();
            assert!(matches!(current(root), Err(LoadError::Pointer { .. })), "{hostile:?}");
        }
    }

    #[test]
    fn only_indexes_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let names =
            ["index.db", "index.db-wal", "index-01234567.db", "index-01234567.db-shm", "index-mine.db", "state.db"];
        for name in names {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_others(folder.path(), &folder.path().join("index.db"));
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["index-mine.db", "index.db", "index.db-wal", "state.db"]);
    }
}
