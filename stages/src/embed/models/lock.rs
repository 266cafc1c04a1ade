//! One process at a time fetches into a cache folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::place::{PARTIAL_PREFIX, make_folder};
use super::{ModelError, ModelRequest, Progress};

/// How often another process's lock is looked at.
const POLL: Duration = Duration::from_millis(200);

/// The lock of a cache folder, free again when dropped.
pub(super) struct Lock {
    /// Closing it frees the lock.
    _file: File,
}

/// Waits for the lock of the request's cache folder, and removes what a
/// process that died in the middle left there.
pub(super) fn take(request: &ModelRequest, progress: &dyn Fn(Progress<'_>)) -> Result<Lock, ModelError> {
    let folder = &request.cache_folder;
    make_folder(folder)?;
    let path = folder.join(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| ModelError::io(&path, error))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(ModelError::io(&path, error)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !said {
            progress(Progress::Waiting);
            said = true;
        }
        request.check_cancelled()?;
        std::thread::sleep(POLL);
    }
    remove_leftovers(folder)?;
    Ok(Lock { _file: file })
}

/// Nobody else writes here while the lock is held, so that every partial file
/// is dead.
fn remove_leftovers(folder: &Path) -> Result<(), ModelError> {
    for entry in std::fs::read_dir(folder).map_err(|error| ModelError::io(folder, error))? {
        let path = entry.map_err(|error| ModelError::io(folder, error))?.path();
        if path.is_dir() && !is_partial(&path) {
            remove_partials(&path)?;
        }
    }
    remove_partials(folder)
}

fn remove_partials(folder: &Path) -> Result<(), ModelError> {
    for entry in std::fs::read_dir(folder).map_err(|error| ModelError::io(folder, error))? {
        let path = entry.map_err(|error| ModelError::io(folder, error))?.path();
        if is_partial(&path) {
            let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(|error| ModelError::io(&path, error))?;
        }
    }
    Ok(())
}

fn is_partial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PARTIAL_PREFIX))
}
