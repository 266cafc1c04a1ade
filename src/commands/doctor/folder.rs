//! `DATA_DIR`: there or to be made, and on a file system that keeps docmill's
//! promises.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;

use docmill_stages::db::{self, Schema};
use docmill_stages::failure::chain;
use docmill_stages::room;

use super::check::{Check, within};
use super::{BOUND, Patient};
use crate::data_dir;

/// Of probes; a crash may leave one, which nothing looks at.
pub(super) const PROBE: &str = ".docmill-doctor-";
/// Below this nothing can be begun, in bytes.
const FREE_MIN: u64 = 50_000_000;
/// Below this a site of some thousand pages may fill the disk, in bytes.
const FREE_WISE: u64 = 1_000_000_000;

pub(super) fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let data_dir = &patient.settings().storage.data_dir;
    let Some(place) = existing(data_dir) else {
        return vec![Check::fail("DATA_DIR", format!("{} can never be made", data_dir.display()), ANOTHER)];
    };
    let (shown, probed) = (data_dir.display(), place.clone());
    let probed = within(BOUND, move || probe(&probed));
    let written = match probed {
        None => Check::fail("DATA_DIR", format!("{shown} does not answer"), ANOTHER),
        Some(Err(why)) => Check::fail("DATA_DIR", format!("{shown}: {why}"), ANOTHER),
        Some(Ok(())) if data_dir.is_dir() => {
            Check::ok("DATA_DIR", format!("{shown} can be written; renames, fsync, locks and SQLite work"))
        }
        Some(Ok(())) => Check::ok("DATA_DIR", format!("{shown} is not there yet and can be made")),
    };
    vec![written, owner(data_dir), space(&place)]
}

const ANOTHER: &str = "make it writable, or set DATA_DIR to a folder on a local disk";

/// The folder itself, or the nearest one that it would be made in.
pub(super) fn existing(folder: &Path) -> Option<std::path::PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    absolute.ancestors().find(|ancestor| std::fs::symlink_metadata(ancestor).is_ok()).map(Path::to_owned)
}

/// Does in a folder of its own what a run does.
fn probe(folder: &Path) -> Result<(), String> {
    let said = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let probe = tempfile::Builder::new().prefix(PROBE).tempdir_in(folder).map_err(said("it cannot be written"))?;
    let (first, second) = (probe.path().join("first"), probe.path().join("second"));
    let mut file = File::create(&first).map_err(said("no file can be made"))?;
    file.write_all(b"docmill").map_err(said("no file can be written"))?;
    file.sync_all().map_err(said("fsync does not work"))?;
    std::fs::rename(&first, &second).map_err(said("renames do not work"))?;
    file.try_lock().map_err(|error| format!("locks do not work: {error}"))?;
    let other = File::open(&second).map_err(said("a renamed file is not there"))?;
    match other.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(format!("locks do not work: {error}")),
        Ok(()) => return Err("locks do not hold, so two runs could write at once".to_owned()),
    }
    let database = db::open(&probe.path().join("probe.db"), Schema { migrations: &["CREATE TABLE t (n)"] });
    let database = database.map_err(|error| format!("SQLite does not work: {}", chain(&error)))?;
    let mode = database.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
    match mode.as_deref() {
        Ok("wal") => Ok(()),
        _ => Err("SQLite cannot keep a write-ahead log here, as on a network drive".to_owned()),
    }
}

fn owner(data_dir: &Path) -> Check {
    if data_dir::is_owned(data_dir) {
        Check::ok("owner", "another docmill works in DATA_DIR now; search, status and verify go on beside it")
    } else {
        Check::ok("owner", "no other docmill works in DATA_DIR")
    }
}

fn space(place: &Path) -> Check {
    let text = room::free_text(place);
    let mend = "make room, or set DATA_DIR to a folder on another disk";
    match room::free_bytes(place) {
        Some(free) if free < FREE_MIN => Check::fail("space", text, mend),
        Some(free) if free < FREE_WISE => Check::warn("space", text, mend),
        Some(free) => Check::ok("space", format!("{:.1} GB free", free as f64 / 1e9)),
        None => Check::warn("space", text, ""),
    }
}
