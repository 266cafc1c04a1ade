//! What this pipeline makes its outputs with.

use docmill_stages::batch::Made;
use docmill_stages::fingerprint::combine;
use docmill_stages::load::{self, Sink};

/// Fingerprints of the settings, the model and the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprints {
    process: String,
    embed: String,
}

impl Fingerprints {
    /// Of the processor, the chunker and the embedding model.
    pub fn new(process: &str, chunk: &str, embed: &str) -> Self {
        Self { process: combine(&[process, chunk]), embed: embed.to_owned() }
    }

    /// Of a document with its chunks and vectors, as the files hold it.
    pub fn document(&self) -> String {
        combine(&[&self.process, &self.embed])
    }

    /// What makes an output between stages the one that is wanted.
    pub(crate) fn made(&self, content_hash: &str) -> Made {
        Made { content_hash: content_hash.to_owned(), fingerprint: self.document() }
    }

    /// What a sink keeps beside a document.
    pub(crate) fn of_sink(&self, sink: &dyn Sink) -> load::Fingerprints {
        load::Fingerprints { process: self.process.clone(), embed: self.embed.clone(), sink: sink.fingerprint() }
    }

    /// Of a document as a sink holds it.
    pub(crate) fn with_sink(&self, sink: &dyn Sink) -> String {
        load::fingerprint_in(&self.document(), sink)
    }
}
