//! `DATA_DIR`: made if it is not there, written to by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The lock's file name under `DATA_DIR`.
const LOCK: &str = ".lock";
/// Left by a process that a person ended at once.
const ENDED: &str = ".ended";

/// Why `DATA_DIR` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made or written.
    #[error("cannot write to DATA_DIR {}: {source}; make it writable, or set DATA_DIR to another folder", path.display())]
    NotWritable {
        /// As it was set.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another run owns it.
    #[error("DATA_DIR {} is in use by another docmill (process {owner}); wait for its end, stop it, or set DATA_DIR to another folder", path.display())]
    InUse {
        /// As it was set.
        path: PathBuf,
        /// Its process id, as it wrote it.
        owner: String,
    },
}

/// The right to write to a `DATA_DIR`, for as long as it lives. A process
/// that dies gives it back.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the folder if need be and takes its lock.
    ///
    /// # Errors
    /// It cannot be written, or another process has it.
    pub fn own(path: &Path) -> Result<Self, DataDirError> {
        let failed = |source| DataDirError::NotWritable { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { path: path.to_owned(), owner: owner(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether a person ended the process that owned the folder before; asked
    /// once, it is forgotten.
    pub fn was_ended_by_a_person(&self) -> bool {
        fs::remove_file(self.path.join(ENDED)).is_ok()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Notes for the next start that a person ended the process, so that no item
/// that was being worked on is suspected of having ended it.
pub fn note_ended_by_a_person(path: &Path) {
    // There is no time left to do anything about a failure.
    let _best_effort = fs::write(path.join(ENDED), "");
}

/// Whether a process owns the folder now.
pub fn is_owned(path: &Path) -> bool {
    let lock = OpenOptions::new().read(true).open(path.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// What the owner wrote of itself; digits only.
fn owner(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.take(20).read_to_string(&mut text));
    text.retain(|character| character.is_ascii_digit());
    if read.is_err() || text.is_empty() { "unknown".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_owns_a_folder_until_it_lets_go() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new/folder");
        let owned = DataDir::own(&path).unwrap();
        let refused = DataDir::own(&path).unwrap_err();
        assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
        assert!(is_owned(&path));
        drop(owned);
        assert!(!is_owned(&path));
        DataDir::own(&path).unwrap();
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        fs::write(&path, "").unwrap();
        let error = DataDir::own(&path).unwrap_err();
        assert!(error.to_string().contains("DATA_DIR"), "{error}");
    }
}
