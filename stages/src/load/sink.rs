//! Where documents are loaded to, and what every such place checks first.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::LoadError;
use crate::fingerprint::combine;
use crate::item::{Chunk, EmbeddedDocument, KEY_LEN, KEY_LEN_LONG, chunk_id, key_of_url};

/// A document on its way into a sink.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadDocument {
    /// The document with its chunks and their vectors.
    pub embedded: EmbeddedDocument,
    /// What it was made with; stored beside it as given.
    pub fingerprints: Fingerprints,
}

/// What a document was made with: a stage's code version and the settings
/// that change its output, hashed by whoever knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprints {
    /// Of the processor and the chunker.
    pub process: String,
    /// Of the embedder: model and precision.
    pub embed: String,
    /// Of the sink: [`Sink::fingerprint`].
    pub sink: String,
}

/// What a sink did with one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in the sink as given.
    Written,
    /// Something newer is on its way; nothing was changed.
    Superseded,
}

/// Asked with a document's key inside the transaction, right before the rows
/// change: whether what is being loaded is still what is wanted.
pub type StillCurrent = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A place that holds documents, chunks, links and vectors.
///
/// Invariant 9: a reader of the place sees a document as it was before a `replace` or as
/// it is after it, never half of it and never none.
pub trait Sink: Send + Sync {
    /// Names the place in the ledger: `done` counts for this id only.
    fn id(&self) -> String;

    /// Version of the code that lays the data out; another one means that
    /// what was loaded before is loaded again.
    fn fingerprint(&self) -> String;

    /// Makes each document stand in the sink exactly as given: its new
    /// chunks, links and vectors come in and stale ones go out together.
    /// One document's failure is its own; the answers are in the order of
    /// `documents`.
    fn replace<'a>(
        &'a self,
        documents: &'a [Arc<LoadDocument>],
        current: &'a StillCurrent,
    ) -> BoxFuture<'a, Vec<Result<Outcome, LoadError>>>;

    /// Asks whether the place is there and takes writes; of a sink that was
    /// down, and cheap. A place that cannot be down says yes.
    fn probe(&self) -> BoxFuture<'_, Result<(), LoadError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// What stands in the sink, as (key, content hash), in no order: what is
    /// done is believed only if it is there.
    fn loaded(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, LoadError>>;

    /// Takes documents out, with their chunks, links and vectors, in one
    /// transaction. Keys that are not there are no error. Returns how many
    /// documents went.
    fn remove<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<usize, LoadError>>;
}

/// What the ledger keeps of a document in a sink: what the document was made
/// with, and how the sink lays it out.
pub fn fingerprint_in(document: &str, sink: &dyn Sink) -> String {
    combine(&[document, &sink.fingerprint()])
}

impl LoadDocument {
    /// Checks that the document holds together and that each vector can be
    /// compared, so that no sink stores what it could not find again.
    ///
    /// # Errors
    /// The first thing that is wrong; none of it can be healed by a retry.
    pub fn check(&self, dimension: usize) -> Result<(), LoadError> {
        check_names(&self.embedded)?;
        for chunk in &self.embedded.chunks {
            check_vector(&chunk.id, &chunk.embedding, dimension)?;
        }
        Ok(())
    }
}

/// Key, chunk ids and spans are what they say they are.
pub(crate) fn check_names(embedded: &EmbeddedDocument) -> Result<(), LoadError> {
    let EmbeddedDocument { key, document, chunks, .. } = embedded;
    let failed = |reason: String| Err(LoadError::document(key, reason));
    if !matches!(key.len(), KEY_LEN | KEY_LEN_LONG) || *key != key_of_url(&document.url, key.len()) {
        return failed("its key is not that of its URL".to_owned());
    }
    for (index, chunk) in chunks.iter().enumerate() {
        if let Some(reason) = odd_chunk(embedded, index, chunk) {
            return failed(format!("chunk {index}: {reason}"));
        }
    }
    Ok(())
}

fn odd_chunk(embedded: &EmbeddedDocument, index: usize, chunk: &Chunk) -> Option<&'static str> {
    let id = chunk_id(&embedded.key, index);
    let (start, end) = chunk.metadata.span;
    if chunk.id != id || chunk.metadata.chunk_id != id {
        Some("its id is not made of the key and its index")
    } else if chunk.metadata.chunk_index != index {
        Some("its index is not its place")
    } else if chunk.metadata.doc_id != embedded.document.url {
        Some("it names another document's URL")
    } else if embedded.document.markdown_content.get(start..end).is_none() {
        Some("its span is not within the Markdown")
    } else {
        None
    }
}

/// Checks that a vector has `dimension` finite values and a direction: one
/// that has none, or whose length a 32-bit float cannot hold, would be stored
/// and never found.
///
/// # Errors
/// [`LoadError::Vector`], naming `what`.
pub fn check_vector(what: &str, vector: &[f32], dimension: usize) -> Result<(), LoadError> {
    let failed = |reason: String| {
        Err(LoadError::Vector { what: crate::failure::one_line(what, super::SHOWN_BYTES_MAX), reason })
    };
    if vector.len() != dimension {
        return failed(format!("it has {} dimensions, the model has {dimension}", vector.len()));
    }
    if vector.iter().any(|value| !value.is_finite()) {
        return failed("it holds a value that is not a finite number".to_owned());
    }
    let length_squared: f32 = vector.iter().map(|value| value * value).sum();
    if !length_squared.is_normal() {
        return failed("it has no direction, or is too long to be compared".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    #[test]
    fn a_vector_without_a_direction_is_refused() {
        check_vector("x", &[0.0, 1e-10], 2).unwrap();
        for bad in [&[1.0][..], &[0.0, 0.0], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0], &[1e-30, 0.0], &[1e30, 0.0]] {
            assert!(matches!(check_vector("x", bad, 2), Err(LoadError::Vector { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_document_that_does_not_hold_together_is_refused() {
        let good = samples::document("https://a.example/x", "Title", &["one", "two"]);
        good.check(samples::DIMENSION).unwrap();
        type Breakage = fn(&mut EmbeddedDocument);
        let breakages: [Breakage; 6] = [
            |embedded| embedded.key = "0123456789ab".to_owned(),
            |embedded| embedded.key.truncate(5),
            |embedded| embedded.chunks.swap(0, 1),
            |embedded| embedded.chunks[1].metadata.chunk_index = 0,
            |embedded| embedded.chunks[1].metadata.doc_id = "https://b.example/".to_owned(),
            |embedded| embedded.chunks[1].metadata.span = (0, 1_000_000),
        ];
        for (number, break_it) in breakages.iter().enumerate() {
            let mut bad = good.clone();
            break_it(&mut bad.embedded);
            assert!(matches!(bad.check(samples::DIMENSION), Err(LoadError::Document { .. })), "breakage {number}");
        }
    }
}
