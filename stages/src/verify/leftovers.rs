//! What a crash left half written.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::batch::WorkFolder;
use crate::store::{Folder, TEMPORARY};

use super::{Finding, FindingKind, Mend, Places, Report, VerifyError};

/// Beside a run they are its own.
pub(super) fn check(places: Places<'_>, report: &mut Report) -> Result<(), VerifyError> {
    if places.is_running {
        return Ok(());
    }
    let folders = Folder::ALL.iter().map(|folder| places.data_dir.join(folder.name()));
    let work = WorkFolder::of(places.data_dir).folders();
    for folder in folders.chain(work).chain([places.data_dir.to_owned()]) {
        for path in temporaries(&folder)? {
            let name = path.strip_prefix(places.data_dir).unwrap_or(&path).display().to_string();
            let mend = Mend::Remove { path: path.clone() };
            report.findings.push(Finding::new(FindingKind::Leftover, &name, "a crash left it half written", mend));
        }
    }
    Ok(())
}

fn temporaries(folder: &Path) -> Result<Vec<PathBuf>, VerifyError> {
    let failed = |source| VerifyError::Io { place: folder.display().to_string(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // A file of a folder's name holds nothing.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
