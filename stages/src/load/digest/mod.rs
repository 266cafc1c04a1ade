//! A digest of the final data: two places hold the same if theirs are equal.
//!
//! SHA-256 over the documents in the order of their keys: key, URL, title,
//! Markdown, and the metadata without times, `page_hash` and `change_status`;
//! then each document's chunks in order: id, embedded text, text, link,
//! headings, span, and the vector's 32-bit floats bit by bit. The links from
//! one document to another that is there have a digest of their own.
//!
//! Every field is preceded by its length and every list by its count, so that
//! no two sets of data give the same bytes. One document is in memory at a
//! time.

mod from_files;
mod from_graph;
mod from_index;

#[cfg(test)]
mod tests;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use from_files::{FilesDigest, of_files};
pub use from_graph::of_graph;
pub use from_index::of_index;

use super::LoadError;
use crate::item::{Chunk, Document, DocumentMetadata};

/// What a place holds, in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataDigest {
    /// How many documents.
    pub documents: u64,
    /// How many chunks.
    pub chunks: u64,
    /// How many links from one document to another that is there, each pair
    /// once.
    pub edges: u64,
    /// Of documents, chunks and vectors; SHA-256 in hex.
    pub digest: String,
    /// Of the links; SHA-256 in hex.
    pub edges_digest: String,
}

/// Makes a digest while documents and links stream by.
#[derive(Debug)]
pub struct Digester {
    documents: u64,
    chunks: u64,
    edges: u64,
    data: Sha256,
    links: Sha256,
    last_document: Option<String>,
    last_edge: Option<(String, String)>,
}

impl Default for Digester {
    fn default() -> Self {
        let mut digester = Self {
            documents: 0,
            chunks: 0,
            edges: 0,
            data: Sha256::new(),
            links: Sha256::new(),
            last_document: None,
            last_edge: None,
        };
        bytes(&mut digester.data, b"docmill documents 1");
        bytes(&mut digester.links, b"docmill edges 1");
        digester
    }
}

impl Digester {
    /// Takes the next document and its chunks, which are in order.
    ///
    /// # Errors
    /// Its key is not greater than the one before.
    pub fn document(&mut self, key: &str, document: &Document, chunks: &[Chunk]) -> Result<(), LoadError> {
        if self.last_document.as_deref().is_some_and(|last| last >= key) {
            return Err(LoadError::document(key, "the documents are not in the order of their keys"));
        }
        self.last_document = Some(key.to_owned());
        self.documents += 1;
        self.chunks += chunks.len() as u64;
        let hasher = &mut self.data;
        bytes(hasher, key.as_bytes());
        bytes(hasher, document.url.as_bytes());
        bytes(hasher, document.title.as_bytes());
        bytes(hasher, document.markdown_content.as_bytes());
        let metadata = serde_json::to_vec(&lasting(&document.metadata));
        bytes(hasher, &metadata.map_err(|error| LoadError::document(key, error.to_string()))?);
        number(hasher, chunks.len());
        for chunk in chunks {
            digest_chunk(hasher, chunk);
        }
        Ok(())
    }

    /// Takes the next link, by the keys of its two documents.
    ///
    /// # Errors
    /// It is not greater than the one before.
    pub fn edge(&mut self, source: &str, target: &str) -> Result<(), LoadError> {
        let edge = (source.to_owned(), target.to_owned());
        if self.last_edge.as_ref().is_some_and(|last| *last >= edge) {
            return Err(LoadError::document(source, "the links are not in order"));
        }
        self.last_edge = Some(edge);
        self.edges += 1;
        bytes(&mut self.links, source.as_bytes());
        bytes(&mut self.links, target.as_bytes());
        Ok(())
    }

    /// The digest of what was taken.
    pub fn finish(self) -> DataDigest {
        DataDigest {
            documents: self.documents,
            chunks: self.chunks,
            edges: self.edges,
            digest: hex::encode(self.data.finalize()),
            edges_digest: hex::encode(self.links.finalize()),
        }
    }
}

/// The metadata that two runs over the same pages share.
fn lasting(metadata: &DocumentMetadata) -> DocumentMetadata {
    DocumentMetadata { last_updated: None, scraped_at: None, page_hash: None, change_status: None, ..metadata.clone() }
}

fn digest_chunk(hasher: &mut Sha256, chunk: &Chunk) {
    bytes(hasher, chunk.id.as_bytes());
    bytes(hasher, chunk.text_to_embed().as_bytes());
    bytes(hasher, chunk.content.as_bytes());
    bytes(hasher, chunk.metadata.source_url.as_bytes());
    number(hasher, chunk.metadata.headings.len());
    for heading in &chunk.metadata.headings {
        bytes(hasher, heading.as_bytes());
    }
    number(hasher, chunk.metadata.span.0);
    number(hasher, chunk.metadata.span.1);
    number(hasher, chunk.embedding.len());
    for value in &chunk.embedding {
        hasher.update(value.to_le_bytes());
    }
}

fn bytes(hasher: &mut Sha256, field: &[u8]) {
    number(hasher, field.len());
    hasher.update(field);
}

fn number(hasher: &mut Sha256, number: usize) {
    hasher.update((number as u64).to_le_bytes());
}
