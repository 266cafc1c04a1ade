//! Batch mode's outputs between stages, one file per item under
//! `DATA_DIR/.work/STAGE/`, and the time-stamped files made of them.
//!
//! A file carries the content hash and the fingerprint that it was made
//! with; one that is not what is wanted counts as not there. They are no
//! promise to anybody: what is missing is made again from the raw item.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::StageError;
use crate::fault;
use crate::item::{Document, EmbeddedDocument};
use crate::store::{Folder, Store, StoreError, write_atomically};

/// A stage whose outputs are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStage {
    /// Outputs are [`Document`]s.
    Process,
    /// Outputs are [`EmbeddedDocument`]s without vectors.
    Chunk,
    /// Outputs are [`EmbeddedDocument`]s.
    Embed,
}

impl BatchStage {
    /// In the order of the pipeline.
    pub const ALL: [Self; 3] = [Self::Process, Self::Chunk, Self::Embed];

    /// How many stages' outputs are stored once this one's is.
    pub fn stored(self) -> u32 {
        match self {
            Self::Process => 1,
            Self::Chunk => 2,
            Self::Embed => 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Chunk => "chunk",
            Self::Embed => "embed",
        }
    }
}

/// An error of the work folder.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// A file could not be written, read or removed.
    #[error("cannot use {}; check that DATA_DIR can be written", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The time-stamped file could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StageError for BatchError {
    fn can_retry(&self) -> bool {
        true
    }

    fn kind(&self) -> &'static str {
        "work_folder"
    }

    fn is_store_outage(&self) -> bool {
        match self {
            Self::Io { source, .. } => crate::room::is_full(source),
            Self::Store(error) => error.is_store_outage(),
        }
    }
}

/// The folder of the outputs between stages.
#[derive(Debug, Clone)]
pub struct WorkFolder {
    root: PathBuf,
}

/// What makes an output the one that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Of the raw item ([`crate::item::RawItem::content_hash`]).
    pub content_hash: String,
    /// Of the settings, the model and the code.
    pub fingerprint: String,
}

#[derive(Serialize, Deserialize)]
struct Work<M, T> {
    made: M,
    value: T,
}

impl WorkFolder {
    /// The work folder of a `DATA_DIR`.
    pub fn of(data_dir: &Path) -> Self {
        Self { root: data_dir.join(".work") }
    }

    /// Each stage's folder; it need not exist.
    pub(crate) fn folders(&self) -> [PathBuf; 3] {
        BatchStage::ALL.map(|stage| self.folder(stage))
    }

    fn folder(&self, stage: BatchStage) -> PathBuf {
        self.root.join(stage.name())
    }

    /// Stores one item's output of a stage.
    ///
    /// # Errors
    /// It could not be written.
    pub fn put<T: Serialize>(&self, stage: BatchStage, key: &str, made: &Made, value: &T) -> Result<(), BatchError> {
        let folder = self.folder(stage);
        let path = folder.join(format!("{key}.json"));
        let failed = |source| BatchError::Io { path: path.clone(), source };
        fault::point("batch.put").map_err(|fault| failed(fault.into()))?;
        fs::create_dir_all(&folder).map_err(failed)?;
        write_atomically(&path, |file| {
            let mut writer = std::io::BufWriter::new(file);
            serde_json::to_writer(&mut writer, &Work { made, value })?;
            writer.flush()
        })
        .map_err(failed)
    }

    /// One item's output of a stage, if it is there and is what is wanted.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn get<T: DeserializeOwned>(&self, stage: BatchStage, key: &str, made: &Made) -> Result<Option<T>, BatchError> {
        let path = self.folder(stage).join(format!("{key}.json"));
        let bytes = match fault::point("batch.get").map_err(Into::into).and_then(|()| fs::read(&path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(BatchError::Io { path, source }),
        };
        let work: Option<Work<Made, T>> = serde_json::from_slice(&bytes).ok();
        Ok(work.filter(|work| work.made == *made).map(|work| work.value))
    }

    /// Writes a stage's outputs, in the order of their keys, as the
    /// time-stamped files of docs2vector. `timestamp` is `YYYYmmdd_HHMMSS`.
    /// Returns the file's place, or `None` where the stage has no output.
    ///
    /// # Errors
    /// It could not be written; the outputs are as they were.
    pub fn export(&self, stage: BatchStage, store: &dyn Store, timestamp: &str) -> Result<Option<String>, BatchError> {
        let paths = self.outputs(stage)?;
        if paths.is_empty() {
            return Ok(None);
        }
        fault::point("batch.export")
            .map_err(|fault| BatchError::Io { path: self.folder(stage), source: fault.into() })?;
        let (folder, name) = match stage {
            BatchStage::Process => (Folder::Processed, format!("processed_docs_{timestamp}.json")),
            BatchStage::Chunk => (Folder::Chunks, format!("chunks_{timestamp}.json")),
            BatchStage::Embed => (Folder::Embeddings, format!("chunks_with_embeddings_{timestamp}.json")),
        };
        store.put_streamed(folder, &name, &mut |writer| {
            let mut list = JsonList { writer, is_first: true };
            for path in &paths {
                list.add_outputs(stage, path)?;
            }
            list.end()
        })?;
        Ok(Some(store.locate(folder, &name)))
    }

    /// Removes one item's outputs of every stage.
    ///
    /// # Errors
    /// One of them is still there.
    pub fn forget(&self, key: &str) -> Result<(), BatchError> {
        for stage in BatchStage::ALL {
            let path = self.folder(stage).join(format!("{key}.json"));
            match fs::remove_file(&path) {
                Err(source) if source.kind() != ErrorKind::NotFound => return Err(BatchError::Io { path, source }),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes every stage's outputs.
    ///
    /// # Errors
    /// A folder could not be removed.
    pub fn clear(&self) -> Result<(), BatchError> {
        match fault::point("batch.clear").map_err(Into::into).and_then(|()| fs::remove_dir_all(&self.root)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(BatchError::Io { path: self.root.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    fn outputs(&self, stage: BatchStage) -> Result<Vec<PathBuf>, BatchError> {
        let path = self.folder(stage);
        let failed = |source| BatchError::Io { path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let is_temporary = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !is_temporary {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

/// Writes a JSON list element by element.
struct JsonList<'a> {
    writer: &'a mut dyn Write,
    is_first: bool,
}

impl JsonList<'_> {
    fn add_outputs(&mut self, stage: BatchStage, path: &Path) -> std::io::Result<()> {
        fault::point("batch.element")?;
        let bytes = fs::read(path)?;
        if stage == BatchStage::Process {
            let work: Work<Made, Document> = serde_json::from_slice(&bytes)?;
            return self.add(&work.value);
        }
        let work: Work<Made, EmbeddedDocument> = serde_json::from_slice(&bytes)?;
        work.value.chunks.iter().try_for_each(|chunk| self.add(chunk))
    }

    fn add(&mut self, element: &impl Serialize) -> std::io::Result<()> {
        self.writer.write_all(if self.is_first { b"[\n" } else { b",\n" })?;
        self.is_first = false;
        Ok(serde_json::to_writer(&mut self.writer, element)?)
    }

    fn end(self) -> std::io::Result<()> {
        self.writer.write_all(if self.is_first { b"[]\n" } else { b"\n]\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::DocumentMetadata;
    use crate::store::LocalStore;

    fn document(url: &str) -> Document {
        Document {
            url: url.to_owned(),
            title: "t".to_owned(),
            markdown_content: "text".to_owned(),
            last_updated: None,
            metadata: DocumentMetadata::default(),
        }
    }

    #[test]
    fn an_output_is_found_only_as_it_was_made_and_is_exported() {
        let folder = tempfile::tempdir().unwrap();
        let work = WorkFolder::of(folder.path());
        let store = LocalStore::prepare(folder.path()).unwrap();
        let made = Made { content_hash: "c".to_owned(), fingerprint: "f".to_owned() };
        assert_eq!(work.export(BatchStage::Process, &store, "x").unwrap(), None);
        for key in ["b", "a"] {
            work.put(BatchStage::Process, key, &made, &document(key)).unwrap();
        }
        assert_eq!(work.get(BatchStage::Process, "a", &made).unwrap(), Some(document("a")));
        let other = Made { fingerprint: "g".to_owned(), ..made.clone() };
        assert_eq!(work.get::<Document>(BatchStage::Process, "a", &other).unwrap(), None);

        work.export(BatchStage::Process, &store, "20260101_000000").unwrap().unwrap();
        let name = "processed_docs_20260101_000000.json";
        let bytes = store.get(Folder::Processed, name, 1 << 20).unwrap().unwrap();
        let exported: Vec<Document> = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(exported, [document("a"), document("b")]);
        work.clear().unwrap();
        assert_eq!(work.get::<Document>(BatchStage::Process, "a", &made).unwrap(), None);
    }
}
