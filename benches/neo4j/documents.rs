//! Documents with vectors, made from a seed.

use std::sync::Arc;

use docmill_stages::item::{
    Chunk, ChunkMetadata, Document, DocumentMetadata, EmbeddedDocument, KEY_LEN, Link, chunk_id, key_of_url,
};
use docmill_stages::load::{Fingerprints, LoadDocument};
use fastrand::Rng;
use serde_json::{Value, json};

/// Of all-MiniLM-L6-v2's vectors.
pub(crate) const DIMENSION: usize = 384;
/// Chunks of a document.
const CHUNKS: usize = 6;
/// Links of a document to others.
const LINKS: usize = 8;

pub(crate) fn documents(chunks: usize) -> Vec<Arc<LoadDocument>> {
    let mut random = Rng::with_seed(1);
    let count = chunks.div_ceil(CHUNKS);
    (0..count).map(|number| Arc::new(document(&mut random, number, count))).collect()
}

fn url(number: usize) -> String {
    format!("https://bench.example/{number}")
}

fn document(random: &mut Rng, number: usize, count: usize) -> LoadDocument {
    let (url_of_it, title) = (url(number), format!("Page {number}"));
    let key = key_of_url(&url_of_it, KEY_LEN);
    let mut markdown_content = String::new();
    let mut chunks = Vec::new();
    for index in 0..CHUNKS {
        let start = markdown_content.len();
        let words = (0..120).map(|_| format!("word{} ", random.u16(0..5_000)));
        markdown_content.extend(words);
        chunks.push(Chunk {
            id: chunk_id(&key, index),
            content: markdown_content[start..].to_owned(),
            embedded_text: None,
            embedding: (0..DIMENSION).map(|_| random.f32() - 0.5).collect(),
            metadata: ChunkMetadata {
                chunk_index: index,
                chunk_id: chunk_id(&key, index),
                doc_id: url_of_it.clone(),
                source_url: url_of_it.clone(),
                span: (start, markdown_content.len()),
                ..ChunkMetadata::default()
            },
        });
    }
    let links = (0..LINKS).map(|_| Link { text: String::new(), url: url(random.usize(0..count)) });
    let metadata = DocumentMetadata { related_links: links.collect(), ..DocumentMetadata::default() };
    let document = Document { url: url_of_it, title, markdown_content, last_updated: None, metadata };
    let embedded = EmbeddedDocument { key, content_hash: number.to_string(), document, chunks };
    LoadDocument { embedded, fingerprints: Fingerprints::default() }
}

/// The same for the Python side.
pub(crate) fn as_json(documents: &[Arc<LoadDocument>]) -> Value {
    let chunk = |chunk: &Chunk| json!({"id": chunk.id, "text": chunk.content, "index": chunk.metadata.chunk_index, "embedding": chunk.embedding});
    let document = |load: &Arc<LoadDocument>| {
        let EmbeddedDocument { document, chunks, .. } = &load.embedded;
        json!({"url": document.url, "title": document.title, "chunks": chunks.iter().map(chunk).collect::<Vec<_>>()})
    };
    documents.iter().map(document).collect()
}
