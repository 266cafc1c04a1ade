//! Where files lie: one trait, chosen once; no other code knows which it is.
//!
//! Today there is one implementation, local files. A second, a bucket, keeps
//! the same promises: an object is seen whole or not at all, and once `put`
//! has returned it survives a crash of the machine.

mod local;

pub use local::LocalStore;
pub(crate) use local::{TEMPORARY, write_atomically};

use crate::failure::StageError;

/// The kinds of objects, each under a folder (or key prefix) of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Folder {
    /// Raw items, by the crawler or by other programs.
    Raw,
    /// Documents.
    Processed,
    /// Chunks with their vectors.
    Chunks,
    /// Batch mode's chunks with vectors, as docs2vector names them.
    Embeddings,
    /// Dead letters.
    Dead,
}

impl Folder {
    /// Every folder.
    pub const ALL: [Self; 5] = [Self::Raw, Self::Processed, Self::Chunks, Self::Embeddings, Self::Dead];

    /// The folder's name, as it stands in paths and keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Processed => "processed",
            Self::Chunks => "chunks",
            Self::Embeddings => "embeddings",
            Self::Dead => "dead",
        }
    }
}

/// One stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// File name, without folder.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// Changes when the object changes; compared, never parsed.
    pub stamp: String,
}

/// An error of a store; `place` is what [`Store::locate`] says.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object could not be read or written.
    #[error("cannot {action} {place}; check that it exists and that its folder can be written")]
    Io {
        /// `read`, `write`, `list` or `remove`.
        action: &'static str,
        /// Which object.
        place: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The disk is full.
    #[error("no room left to write {place}")]
    Full {
        /// Which object.
        place: String,
    },
    /// The folder can no longer be written, whatever the object.
    #[error("{place} cannot be written any more")]
    Unwritable {
        /// Which object.
        place: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The object is larger than the reader allows.
    #[error("{place} has {size} bytes, over the limit of {bytes_max}; split it, or raise the limit")]
    TooLarge {
        /// Which object.
        place: String,
        /// In bytes.
        size: u64,
        /// In bytes.
        bytes_max: u64,
    },
    /// The name could lead out of the folder.
    #[error("{name:?} is not a plain file name")]
    Name {
        /// The name as given.
        name: String,
    },
}

impl StageError for StoreError {
    fn can_retry(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Full { .. } | Self::Unwritable { .. })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Io { .. } => "storage",
            Self::Full { .. } => "storage_full",
            Self::Unwritable { .. } => "storage_unwritable",
            Self::TooLarge { .. } => "too_large",
            Self::Name { .. } => "bad_name",
        }
    }

    fn is_store_outage(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Unwritable { .. })
    }
}

/// A place for objects. All calls block; none is made on a thread that does
/// network work.
pub trait Store: Send + Sync {
    /// Writes an object whole: nobody ever sees a part under `name`, and once
    /// this has returned the object survives a crash of the machine.
    ///
    /// # Errors
    /// The object was not written; an older one of that name is unharmed.
    fn put(&self, folder: Folder, name: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// The same for an object that is too large to hold: `fill` writes it
    /// piece by piece.
    ///
    /// # Errors
    /// As [`Store::put`], or what `fill` returned.
    fn put_streamed(
        &self,
        folder: Folder,
        name: &str,
        fill: &mut dyn FnMut(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<(), StoreError>;

    /// Reads an object of at most `bytes_max` bytes; `None` where there is
    /// none of that name.
    ///
    /// # Errors
    /// The object is larger, or cannot be read.
    fn get(&self, folder: Folder, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Reads `bytes` bytes of an object from `start` on; `None` where there is
    /// no such object, or it ends before.
    ///
    /// # Errors
    /// The object cannot be read.
    fn get_range(&self, folder: Folder, name: &str, start: u64, bytes: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// What is known of one object, without reading it.
    ///
    /// # Errors
    /// The place cannot be asked.
    fn stat(&self, folder: Folder, name: &str) -> Result<Option<Entry>, StoreError>;

    /// Every object of a folder, in no order. Temporary files are left out.
    ///
    /// # Errors
    /// The folder cannot be listed.
    fn list(&self, folder: Folder) -> Result<Vec<Entry>, StoreError>;

    /// Removes an object; says whether there was one.
    ///
    /// # Errors
    /// The object is still there.
    fn remove(&self, folder: Folder, name: &str) -> Result<bool, StoreError>;

    /// The object's full place, for messages.
    fn locate(&self, folder: Folder, name: &str) -> String;
}
