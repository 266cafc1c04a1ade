//! Objects as files under `DATA_DIR`.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Entry, Folder, Store, StoreError};
use crate::fault;

/// Begins the name of a file that is still being written.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// A store in a folder of the local file system.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// Makes the folders under `root` and removes what a crash left half
    /// written. Only the process that owns `root` may call this.
    ///
    /// # Errors
    /// A folder cannot be made or read.
    pub fn prepare(root: &Path) -> Result<Self, StoreError> {
        let store = Self::open(root);
        for folder in Folder::ALL {
            let path = store.root.join(folder.name());
            fs::create_dir_all(&path).map_err(|source| io_error("write", path.display().to_string(), source))?;
            store.remove_temporaries(&path)?;
        }
        Ok(store)
    }

    /// The store in `root` as it is, for readers beside a run.
    pub fn open(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder's path.
    pub fn folder(&self, folder: Folder) -> PathBuf {
        self.root.join(folder.name())
    }

    fn remove_temporaries(&self, path: &Path) -> Result<(), StoreError> {
        let failed = |source| io_error("list", path.display().to_string(), source);
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fs::remove_file(entry.path())
                    .map_err(|source| io_error("remove", entry.path().display().to_string(), source))?;
            }
        }
        Ok(())
    }

    fn path(&self, folder: Folder, name: &str) -> Result<PathBuf, StoreError> {
        if is_plain(name) {
            Ok(self.root.join(folder.name()).join(name))
        } else {
            Err(StoreError::Name { name: name.to_owned() })
        }
    }
}

impl Store for LocalStore {
    fn put(&self, folder: Folder, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.put_streamed(folder, name, &mut |writer| writer.write_all(bytes))
    }

    fn put_streamed(
        &self,
        folder: Folder,
        name: &str,
        fill: &mut dyn FnMut(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<(), StoreError> {
        let path = self.path(folder, name)?;
        write_atomically(&path, |file| {
            let mut writer = std::io::BufWriter::new(file);
            fill(&mut writer)?;
            writer.flush()
        })
        .map_err(|source| write_error(path.display().to_string(), source))
    }

    fn get(&self, folder: Folder, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(folder, name)?;
        let place = || path.display().to_string();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error("read", place(), source)),
        };
        let size = file.metadata().map_err(|source| io_error("read", place(), source))?.len();
        if size > bytes_max {
            return Err(StoreError::TooLarge { place: place(), size, bytes_max });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // The file may grow while it is read: one byte over the limit tells.
        file.take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| io_error("read", place(), source))?;
        let size = bytes.len() as u64;
        if size > bytes_max {
            return Err(StoreError::TooLarge { place: place(), size, bytes_max });
        }
        Ok(Some(bytes))
    }

    fn get_range(&self, folder: Folder, name: &str, start: u64, bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(folder, name)?;
        let failed = |source| io_error("read", path.display().to_string(), source);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        // Grows as bytes come: a wrong `bytes` must not allocate them.
        let mut range = Vec::new();
        file.take(bytes).read_to_end(&mut range).map_err(failed)?;
        Ok((range.len() as u64 == bytes).then_some(range))
    }

    fn stat(&self, folder: Folder, name: &str) -> Result<Option<Entry>, StoreError> {
        let path = self.path(folder, name)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(entry(name.to_owned(), &metadata))),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read", path.display().to_string(), source)),
        }
    }

    fn list(&self, folder: Folder) -> Result<Vec<Entry>, StoreError> {
        let path = self.folder(folder);
        let failed = |source| io_error("list", path.display().to_string(), source);
        let folder_entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut entries = Vec::new();
        for found in folder_entries {
            let found = found.map_err(failed)?;
            // A name that is not UTF-8 cannot be one of ours or docs2vector's.
            let Ok(name) = found.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            // Through a link too; a file that went away meanwhile is no error.
            if let Ok(metadata) = fs::metadata(found.path())
                && metadata.is_file()
            {
                entries.push(entry(name, &metadata));
            }
        }
        Ok(entries)
    }

    fn remove(&self, folder: Folder, name: &str) -> Result<bool, StoreError> {
        let path = self.path(folder, name)?;
        match fault::point("store.remove").map_err(Into::into).and_then(|()| fs::remove_file(&path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(io_error("remove", path.display().to_string(), source)),
        }
    }

    fn locate(&self, folder: Folder, name: &str) -> String {
        self.folder(folder).join(name).display().to_string()
    }
}

/// Writes a file under a temporary name beside `path`, makes it durable, and
/// only then gives it its name.
///
/// # Errors
/// What `fill` or the file system said; `path` is as it was.
pub(crate) fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fault::point("store.write")?;
    let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
    fill(temporary.as_file_mut())?;
    set_usual_rights(temporary.as_file())?;
    fault::point("store.sync")?;
    temporary.as_file().sync_all()?;
    fault::point("store.rename")?;
    temporary.persist(path).map_err(|error| error.error)?;
    fault::point("store.sync_folder")?;
    sync_folder(folder)
}

/// A name is durable only once its folder is; where a folder cannot be opened
/// the system sees to it.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Temporary files are made readable by their owner alone; data files are
/// read by other programs.
#[cfg(unix)]
fn set_usual_rights(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_usual_rights(_file: &File) -> std::io::Result<()> {
    Ok(())
}

fn entry(name: String, metadata: &fs::Metadata) -> Entry {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Entry {
        name,
        size: metadata.len(),
        stamp: format!("{}-{}-{}", metadata.len(), modified.as_nanos(), identity(metadata)),
    }
}

/// A file renamed over another may have its size and time, but not its inode;
/// one that was made readable has another time of change.
#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!("{}-{}.{:09}", metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_metadata: &fs::Metadata) -> String {
    String::new()
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

/// An object is never to blame for a folder that cannot be written.
fn write_error(place: String, source: std::io::Error) -> StoreError {
    if crate::room::is_unwritable(&source) {
        StoreError::Unwritable { place, source }
    } else {
        io_error("write", place, source)
    }
}

fn io_error(action: &'static str, place: String, source: std::io::Error) -> StoreError {
    if crate::room::is_full(&source) { StoreError::Full { place } } else { StoreError::Io { action, place, source } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_put_listed_read_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(root.path()).unwrap();
        store.put(Folder::Raw, "a.json", b"one").unwrap();
        let first = store.stat(Folder::Raw, "a.json").unwrap().unwrap();
        store.put(Folder::Raw, "a.json", b"two").unwrap();
        let second = store.stat(Folder::Raw, "a.json").unwrap().unwrap();
        assert_ne!(first.stamp, second.stamp);
        assert_eq!(store.list(Folder::Raw).unwrap(), [second]);
        assert_eq!(store.get(Folder::Raw, "a.json", 3).unwrap().unwrap(), b"two");
        assert!(matches!(store.get(Folder::Raw, "a.json", 2), Err(StoreError::TooLarge { size: 3, .. })));
        assert_eq!(store.get_range(Folder::Raw, "a.json", 1, 2).unwrap().unwrap(), b"wo");
        assert_eq!(store.get_range(Folder::Raw, "a.json", 1, 3).unwrap(), None);
        assert!(store.remove(Folder::Raw, "a.json").unwrap());
        assert!(!store.remove(Folder::Raw, "a.json").unwrap());
        assert_eq!(store.get(Folder::Raw, "a.json", 9).unwrap(), None);
    }

    #[test]
    fn a_name_never_leads_out_of_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(root.path()).unwrap();
        for name in ["../x", "a/b", "..", ".hidden", "", "a\\b", "nul\0"] {
            assert!(matches!(store.put(Folder::Raw, name, b""), Err(StoreError::Name { .. })), "{name:?}");
        }
    }

    #[test]
    fn what_a_crash_left_half_written_is_not_seen_and_is_removed_at_start() {
        let root = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(root.path()).unwrap();
        let half = store.folder(Folder::Raw).join(".tmp-abc");
        fs::write(&half, b"half").unwrap();
        assert!(store.list(Folder::Raw).unwrap().is_empty());
        LocalStore::prepare(root.path()).unwrap();
        assert!(!half.exists());
    }
}
