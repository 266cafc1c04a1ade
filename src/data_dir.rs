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
///
/// While it is held, the lock's file says by which process. It is emptied as
/// it is given back, which needs no room on the disk: where it is not empty
/// at a start, the process before died in the middle of its work.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
    /// Whether whoever worked here last came to an end.
    is_in_order: bool,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // A panic on this thread is no item's doing: their work is on others.
        if self.is_in_order || std::thread::panicking() {
            // Where it fails, the next start takes it that this process died.
            let _best_effort = self.lock.set_len(0);
        }
    }
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
        let was_ended_by_a_person = fs::remove_file(path.join(ENDED)).is_ok();
        let is_in_order = was_ended_by_a_person || lock.metadata().map_err(failed)?.len() == 0;
        lock.rewind().map_err(failed)?;
        // Written over what is there and only then cut, so that a full disk
        // does not make it look empty.
        let id = std::process::id().to_string();
        lock.write_all(id.as_bytes()).and_then(|()| lock.set_len(id.len() as u64)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), lock, is_in_order })
    }

    /// Whether the process that worked here before came to its end, or a
    /// person ended it: then no item did.
    pub fn was_ended_on_purpose(&self) -> bool {
        self.is_in_order
    }

    /// Work on items begins: from here on an end without a word is suspect.
    pub fn begin_work(&mut self) {
        self.is_in_order = false;
    }

    /// The work has come to an end, whichever.
    pub fn end_work(&mut self) {
        self.is_in_order = true;
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
    fn a_process_that_died_is_told_from_one_that_ended() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path();
        let own = || DataDir::own(path).unwrap();
        for _ in 0..2 {
            let mut owned = own();
            assert!(owned.was_ended_on_purpose());
            owned.begin_work();
            owned.end_work();
        }
        own().begin_work();
        // A start that came to no work does not forget it.
        for _ in 0..2 {
            assert!(!own().was_ended_on_purpose());
        }
        note_ended_by_a_person(path);
        for _ in 0..2 {
            assert!(own().was_ended_on_purpose());
        }
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
