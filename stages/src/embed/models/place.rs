//! Files come into place whole and checked, or not at all.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::known::PinnedFile;
use super::{ModelError, ModelRequest, Progress, VerifiedFile};
use crate::{fault, room};

/// How the names of files and folders begin that are not whole yet.
pub(super) const PARTIAL_PREFIX: &str = ".partial-";
/// Bytes that are read at a time.
const READ_BYTES: usize = 1 << 18;
/// Least bytes between two reports of progress.
const REPORT_BYTES: u64 = 1 << 20;

/// Makes a folder and those above it.
pub(super) fn make_folder(folder: &Path) -> Result<(), ModelError> {
    std::fs::create_dir_all(folder).map_err(|error| ModelError::io(folder, error))
}

/// That there is room for `files`, before anything is fetched.
///
/// # Errors
/// There is not.
pub(super) fn check_room(what: &str, files: &[&PinnedFile], folder: &Path) -> Result<(), ModelError> {
    let bytes = files.iter().map(|file| file.bytes).sum();
    if room::free_bytes(folder).is_some_and(|free| free < bytes) {
        return Err(no_room(what, bytes, folder));
    }
    Ok(())
}

fn no_room(what: &str, bytes: u64, folder: &Path) -> ModelError {
    ModelError::NoRoom { what: what.to_owned(), folder: folder.to_owned(), bytes, free: room::free_text(folder) }
}

/// Size and checksum of a file.
pub(super) fn digest_file(path: &Path) -> Result<VerifiedFile, ModelError> {
    let failed = |error: io::Error| ModelError::io(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(VerifiedFile { path: path.to_owned(), sha256: hex::encode(hasher.finalize()), bytes })
}

/// A file on its way into `folder`. Dropped before the end it leaves nothing.
pub(super) struct Placing<'a> {
    pinned: &'a PinnedFile,
    folder: &'a Path,
    temporary: NamedTempFile,
    hasher: Sha256,
    done: u64,
    reported: u64,
    progress: &'a dyn Fn(Progress<'_>),
}

impl<'a> Placing<'a> {
    pub(super) fn begin(
        pinned: &'a PinnedFile,
        folder: &'a Path,
        progress: &'a dyn Fn(Progress<'_>),
    ) -> Result<Self, ModelError> {
        let temporary = tempfile::Builder::new()
            .prefix(PARTIAL_PREFIX)
            .tempfile_in(folder)
            .map_err(|error| ModelError::io(folder, error))?;
        Ok(Self { pinned, folder, temporary, hasher: Sha256::new(), done: 0, reported: 0, progress })
    }

    /// Takes the next bytes; more than the file has are an error at once.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.done += bytes.len() as u64;
        if self.done > self.pinned.bytes {
            return Err(ModelError::Way(format!("{} has more than {} bytes", self.pinned.name, self.pinned.bytes)));
        }
        self.hasher.update(bytes);
        fault::point("models.write").map_err(|fault| ModelError::io(self.folder, io::Error::from(fault)))?;
        self.temporary.write_all(bytes).map_err(|error| match room::is_full(&error) {
            true => no_room(self.pinned.name, self.pinned.bytes, self.folder),
            false => ModelError::io(self.folder, error),
        })?;
        if self.done - self.reported >= REPORT_BYTES || self.done == self.pinned.bytes {
            self.reported = self.done;
            (self.progress)(Progress::Bytes { file: self.pinned.name, done: self.done, total: self.pinned.bytes });
        }
        Ok(())
    }

    /// Takes all of `source`.
    pub(super) fn write_all_of(&mut self, source: &mut dyn Read, request: &ModelRequest) -> Result<(), ModelError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            request.check_cancelled()?;
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => self.write(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ModelError::Way(format!("{}: {error}", self.pinned.name))),
            }
        }
    }

    /// Checks the bytes and puts the file in its place.
    pub(super) fn finish(self) -> Result<(), ModelError> {
        let (name, found) = (self.pinned.name, hex::encode(self.hasher.finalize()));
        if self.done != self.pinned.bytes || found != self.pinned.sha256 {
            return Err(ModelError::Way(format!(
                "{name} has {} bytes and the SHA-256 {found} instead of {} and {}",
                self.done, self.pinned.bytes, self.pinned.sha256
            )));
        }
        let place = self.folder.join(name);
        let failed = |error: io::Error| ModelError::io(&place, error);
        fault::point("models.place").map_err(|fault| failed(fault.into()))?;
        self.temporary.as_file().sync_all().map_err(failed)?;
        self.temporary.persist(&place).map_err(|error| failed(error.error))?;
        fault::point("models.placed").map_err(|fault| failed(fault.into()))?;
        sync_folder(self.folder)?;
        (self.progress)(Progress::Placed { path: &place });
        Ok(())
    }
}

/// Makes a rename in `folder` survive a power cut, where the system can.
fn sync_folder(folder: &Path) -> Result<(), ModelError> {
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(|error| ModelError::io(folder, error))?;
    }
    Ok(())
}
