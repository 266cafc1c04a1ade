//! A document's two files in the store, under docs2vector's names.
//!
//! `processed/{stem}_processed.json` holds the document and
//! `chunks/{stem}_chunks.json` its chunks with their vectors, each as a JSON
//! list, one element a line. The same document gives the same bytes, and what
//! is read back equals what was written, vectors bit by bit.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{LoadError, SHOWN_BYTES_MAX};
use crate::failure::one_line;
use crate::item::{Chunk, Document, EmbeddedDocument};
use crate::store::{Folder, Store, StoreError};

/// Follows the stem in the name of a document's file.
pub const PROCESSED_ENDING: &str = "_processed.json";
/// Follows the stem in the name of its chunks' file.
pub const CHUNKS_ENDING: &str = "_chunks.json";
/// The size over which a file is not read, in bytes: some 40 times what a
/// page of the largest size docmill processes can become.
pub const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Where it lies.
    pub folder: Folder,
    /// Its name there.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// Both files of a document as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFiles {
    /// The document.
    pub processed: WrittenFile,
    /// Its chunks.
    pub chunks: WrittenFile,
}

impl WrittenFiles {
    /// Size of both, in bytes.
    pub fn size(&self) -> u64 {
        self.processed.size + self.chunks.size
    }
}

/// Writes a document's files under `stem` ([`crate::item::file_stem`]) and
/// then removes those of `old_stems`, under which the same key was written
/// before.
///
/// # Errors
/// The document does not hold together or a vector cannot be written as
/// JSON; or the store failed, and then the call can be repeated.
pub fn write(
    store: &dyn Store,
    stem: &str,
    old_stems: &[String],
    embedded: &EmbeddedDocument,
) -> Result<WrittenFiles, LoadError> {
    super::sink::check_names(embedded)?;
    for chunk in &embedded.chunks {
        super::check_vector(&chunk.id, &chunk.embedding, chunk.embedding.len())?;
    }
    let key = &embedded.key;
    let written = WrittenFiles {
        processed: put(
            store,
            Folder::Processed,
            processed_name(stem),
            &json_list(key, std::slice::from_ref(&embedded.document))?,
        )?,
        chunks: put(store, Folder::Chunks, chunks_name(stem), &json_list(key, &embedded.chunks)?)?,
    };
    for old in old_stems.iter().filter(|old| *old != stem) {
        remove(store, old)?;
    }
    Ok(written)
}

/// Removes a document's files; says whether there was one.
///
/// # Errors
/// A file is still there.
pub fn remove(store: &dyn Store, stem: &str) -> Result<bool, StoreError> {
    let chunks = store.remove(Folder::Chunks, &chunks_name(stem))?;
    let processed = store.remove(Folder::Processed, &processed_name(stem))?;
    Ok(chunks || processed)
}

/// Reads a document's file; `None` where there is none.
///
/// # Errors
/// The file is over `bytes_max` bytes, does not hold one document, or cannot
/// be read.
pub fn read_document(store: &dyn Store, stem: &str, bytes_max: u64) -> Result<Option<Document>, LoadError> {
    let name = processed_name(stem);
    let Some(mut documents) = read_list(store, Folder::Processed, &name, bytes_max)? else { return Ok(None) };
    match documents.pop() {
        Some(document) if documents.is_empty() => Ok(Some(document)),
        _ => Err(damaged(store, Folder::Processed, &name, "it does not hold one document")),
    }
}

/// Reads the file of a document's chunks; `None` where there is none.
///
/// # Errors
/// The file is over `bytes_max` bytes, is no list of chunks, or cannot be
/// read.
pub fn read_chunks(store: &dyn Store, stem: &str, bytes_max: u64) -> Result<Option<Vec<Chunk>>, LoadError> {
    read_list(store, Folder::Chunks, &chunks_name(stem), bytes_max)
}

/// The name of a document's file.
pub fn processed_name(stem: &str) -> String {
    format!("{stem}{PROCESSED_ENDING}")
}

/// The name of its chunks' file.
pub fn chunks_name(stem: &str) -> String {
    format!("{stem}{CHUNKS_ENDING}")
}

pub(super) fn damaged(store: &dyn Store, folder: Folder, name: &str, reason: impl std::fmt::Display) -> LoadError {
    let place = one_line(&store.locate(folder, name), SHOWN_BYTES_MAX);
    LoadError::File { place, reason: one_line(&reason.to_string(), SHOWN_BYTES_MAX) }
}

fn json_list<T: Serialize>(key: &str, elements: &[T]) -> Result<Vec<u8>, LoadError> {
    let mut bytes = b"[".to_vec();
    for (index, element) in elements.iter().enumerate() {
        bytes.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut bytes, element).map_err(|error| LoadError::document(key, error.to_string()))?;
    }
    bytes.extend_from_slice(b"\n]\n");
    Ok(bytes)
}

fn put(store: &dyn Store, folder: Folder, name: String, bytes: &[u8]) -> Result<WrittenFile, StoreError> {
    store.put(folder, &name, bytes)?;
    Ok(WrittenFile { folder, name, size: bytes.len() as u64, sha256: hex::encode(Sha256::digest(bytes)) })
}

fn read_list<T: DeserializeOwned>(
    store: &dyn Store,
    folder: Folder,
    name: &str,
    bytes_max: u64,
) -> Result<Option<Vec<T>>, LoadError> {
    let Some(bytes) = store.get(folder, name, bytes_max)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(store, folder, name, error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::samples;
    use crate::store::LocalStore;

    fn bits(chunks: &[Chunk]) -> Vec<u32> {
        chunks.iter().flat_map(|chunk| &chunk.embedding).map(|value| value.to_bits()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_read_is_what_was_written(load in samples::hostile_document()) {
            let root = tempfile::tempdir().unwrap();
            let store = LocalStore::prepare(root.path()).unwrap();
            let first = write(&store, "item_x", &[], &load.embedded).unwrap();
            prop_assert_eq!(&first, &write(&store, "item_x", &[], &load.embedded).unwrap());
            let document = read_document(&store, "item_x", FILE_BYTES_MAX).unwrap().unwrap();
            let chunks = read_chunks(&store, "item_x", FILE_BYTES_MAX).unwrap().unwrap();
            prop_assert_eq!(bits(&chunks), bits(&load.embedded.chunks));
            prop_assert_eq!(&document, &load.embedded.document);
            prop_assert_eq!(&chunks, &load.embedded.chunks);
        }

        #[test]
        fn floats_come_back_bit_by_bit(bits in prop::collection::vec(any::<u32>(), 1..2_000)) {
            let values: Vec<f32> = bits.into_iter().map(f32::from_bits).filter(|value| value.is_finite()).collect();
            let read: Vec<f32> = serde_json::from_str(&serde_json::to_string(&values).unwrap()).unwrap();
            prop_assert!(values.iter().map(|v| v.to_bits()).eq(read.iter().map(|v| v.to_bits())));
        }
    }

    #[test]
    fn a_new_stem_takes_the_old_ones_place() {
        let root = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(root.path()).unwrap();
        let load = samples::document("https://a.example/", "T", &["one"]);
        write(&store, "item_old", &[], &load.embedded).unwrap();
        let written =
            write(&store, "item_new", &["item_old".to_owned(), "item_new".to_owned()], &load.embedded).unwrap();
        assert_eq!(store.list(Folder::Processed).unwrap().len(), 1);
        let entry = store.stat(Folder::Chunks, "item_new_chunks.json").unwrap().unwrap();
        assert_eq!(entry.size, written.chunks.size);
        assert!(remove(&store, "item_new").unwrap());
        assert!(!remove(&store, "item_new").unwrap());
        assert!(store.list(Folder::Chunks).unwrap().is_empty());
    }

    #[test]
    fn a_file_cut_in_half_or_too_large_is_an_error_that_names_it() {
        let root = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(root.path()).unwrap();
        let load = samples::document("https://a.example/", "T", &["one", "two"]);
        let written = write(&store, "item_x", &[], &load.embedded).unwrap();
        let whole = store.get(Folder::Chunks, &written.chunks.name, FILE_BYTES_MAX).unwrap().unwrap();
        store.put(Folder::Chunks, &written.chunks.name, &whole[..whole.len() / 2]).unwrap();
        let error = read_chunks(&store, "item_x", FILE_BYTES_MAX).unwrap_err();
        assert!(matches!(&error, LoadError::File { place, .. } if place.contains("item_x_chunks.json")), "{error}");
        store.put(Folder::Processed, &written.processed.name, b"[]").unwrap();
        assert!(matches!(read_document(&store, "item_x", FILE_BYTES_MAX), Err(LoadError::File { .. })));
        assert!(matches!(read_chunks(&store, "item_x", 10), Err(LoadError::Store(StoreError::TooLarge { .. }))));
    }
}
