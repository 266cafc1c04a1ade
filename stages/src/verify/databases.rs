//! The three SQLite files: each whole, page by page.

use crate::db::{self, Connection, DbError};
use crate::load::LoadError;
use crate::load::index::{self, Reader};
use crate::state;
use crate::store::Folder;

use super::{Finding, FindingKind, Mend, Places, Report, VerifyError};

/// The cache of vectors' file name under `DATA_DIR`.
const CACHE: &str = "cache.db";

/// Those that are whole.
pub(super) struct Databases {
    /// The ledger's.
    pub(super) state: Option<Connection>,
    /// The index in use first.
    pub(super) indexes: Vec<Reader>,
    /// Whether no index is damaged: else what is missing from the others says
    /// nothing.
    pub(super) has_every_index: bool,
}

pub(super) fn open_whole(places: Places<'_>, report: &mut Report) -> Result<Databases, VerifyError> {
    let state = state(places, report)?;
    let mut whole = Vec::new();
    let files = index::files(places.data_dir)?;
    for file in &files {
        match db::fault(file)? {
            None => whole.push(file.clone()),
            Some(why) => damaged(places, file, &why, report),
        }
    }
    if let Some(path) = index::pointer_fault(places.data_dir)? {
        let why = "it does not name an index";
        let mend = Mend::PutAside { path };
        report.findings.push(Finding::new(FindingKind::DamagedPointer, "index.current", why, mend));
    }
    let mut indexes = Vec::new();
    for file in &whole {
        match index::readers(places.data_dir, std::slice::from_ref(file)) {
            Ok(readers) => indexes.extend(readers),
            Err(LoadError::Damaged { path, reason }) => damaged(places, &path, &reason, report),
            Err(error) => return Err(error.into()),
        }
    }
    let has_every_index = !report
        .findings
        .iter()
        .any(|finding| finding.kind == FindingKind::DamagedDatabase && finding.what.starts_with("index"));
    for reader in &indexes {
        report.documents += reader.counts()?.documents;
        let strays = reader.strays()?;
        if strays > 0 {
            let why = format!("{strays} rows belong to no document or no chunk");
            let mend = Mend::RemoveStrays { path: reader.path().to_owned() };
            report.findings.push(Finding::new(FindingKind::IndexStrays, &name_of(reader.path()), &why, mend));
        }
    }
    let cache = places.data_dir.join(CACHE);
    if let Some(why) = db::fault(&cache)? {
        damaged(places, &cache, &why, report);
    }
    Ok(Databases { state, indexes, has_every_index })
}

fn state(places: Places<'_>, report: &mut Report) -> Result<Option<Connection>, VerifyError> {
    let path = places.data_dir.join(state::FILE);
    if let Some(why) = db::fault(&path)? {
        report.findings.push(Finding::new(FindingKind::DamagedDatabase, state::FILE, &why, Mend::BeginLedger));
        return Ok(None);
    }
    match db::open_read_only(&path, state::SCHEMA) {
        Ok(None) if path.exists() => {
            report
                .notes
                .push("state.db was made by an older docmill; `docmill process` brings it up to date".to_owned());
            Ok(None)
        }
        Ok(None) => {
            if !places.store.list(Folder::Processed)?.is_empty() || !index::files(places.data_dir)?.is_empty() {
                let why = "it is not there, and there are files or an index";
                report.findings.push(Finding::new(FindingKind::NoLedger, state::FILE, why, Mend::BeginLedger));
            }
            Ok(None)
        }
        Ok(state) => Ok(state),
        Err(DbError::Damaged { reason, .. }) => {
            report.findings.push(Finding::new(FindingKind::DamagedDatabase, state::FILE, &reason, Mend::BeginLedger));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn damaged(places: Places<'_>, path: &std::path::Path, why: &str, report: &mut Report) {
    let name = path.strip_prefix(places.data_dir).unwrap_or(path).display().to_string();
    let mend = Mend::PutAside { path: path.to_owned() };
    report.findings.push(Finding::new(FindingKind::DamagedDatabase, &name, why, mend));
}

fn name_of(path: &std::path::Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
