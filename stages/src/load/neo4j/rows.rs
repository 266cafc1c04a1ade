//! Documents as rows of a statement, and back.
//!
//! A chunk's properties are few, for retrievers hand all of them to a
//! language model. What else docmill needs to read a document back as it was
//! stands in the document's `docmill`, as JSON.

use std::collections::HashMap;

use neo4rs::{BoltFloat, BoltList, BoltMap, BoltString, BoltType, Row};
use serde::{Deserialize, Serialize};

use super::connection::column;
use super::layout::Layout;
use super::{LoadDocument, Neo4jError};
use crate::fingerprint::combine;
use crate::item::{Chunk, ChunkMetadata, Document, DocumentMetadata};
use crate::load::LoadError;
use crate::load::index::{link_target, text_hash};

/// Rows of one statement at most.
pub(super) const ROWS_MAX: usize = 500;
/// Bytes of one statement's rows, about; one row that is larger goes alone.
pub(super) const BYTES_MAX: usize = 8 << 20;
/// A link that is longer, in bytes, leads to no page that docmill has.
const LINK_BYTES_MAX: usize = 8_000;
/// Bytes that a number of a vector takes on its way.
const NUMBER_BYTES: usize = 9;

/// What a document needs beside its graph to be read back as it was.
#[derive(Serialize, Deserialize)]
struct Kept {
    metadata: DocumentMetadata,
    chunks: Vec<KeptChunk>,
}

#[derive(Serialize, Deserialize)]
struct KeptChunk {
    /// What is embedded, where it is not the chunk's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    embedded: Option<Embedded>,
    metadata: ChunkMetadata,
}

#[derive(Serialize, Deserialize)]
enum Embedded {
    /// This, and then the chunk's text.
    Before(String),
    /// This.
    Whole(String),
}

/// Equal for what was made of the same page with the same settings: a
/// document's nodes carry it.
pub(super) fn revision(load: &LoadDocument) -> String {
    let made_with = &load.fingerprints;
    let parts = [&load.embedded.content_hash, &made_with.process, &made_with.embed, &made_with.sink];
    let mut revision = combine(&parts.map(String::as_str));
    revision.truncate(16);
    revision
}

/// The pages that a document links to, sorted, each once.
pub(super) fn links(document: &Document) -> Vec<&str> {
    let targets = document.metadata.related_links.iter().map(|link| link_target(&link.url));
    let mut targets: Vec<&str> =
        targets.filter(|target| target.len() <= LINK_BYTES_MAX && *target != document.url).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// About how many bytes a document's rows take.
pub(super) fn size(load: &LoadDocument) -> usize {
    let document = &load.embedded.document;
    let chunks: usize = load.embedded.chunks.iter().map(chunk_size).sum();
    document.markdown_content.len() + 64 * document.metadata.related_links.len() + chunks
}

fn chunk_size(chunk: &Chunk) -> usize {
    chunk.content.len() + NUMBER_BYTES * chunk.embedding.len() + 500
}

/// A document's row: `url`, `key`, `first` (its first chunk) and `props`.
pub(super) fn document(load: &LoadDocument) -> Result<BoltType, LoadError> {
    let embedded = &load.embedded;
    let (document, made_with) = (&embedded.document, &load.fingerprints);
    let metadata = &document.metadata;
    let props = map([
        ("key", text(&embedded.key)),
        ("title", text(&document.title)),
        ("markdown", text(&document.markdown_content)),
        ("last_updated", open_text(document.last_updated.as_ref())),
        ("breadcrumbs", texts(metadata.breadcrumbs.iter().map(String::as_str))),
        ("category", open_text(metadata.category.as_ref())),
        ("locale", open_text(metadata.locale.as_ref())),
        ("article_id", open_text(metadata.article_id.as_ref())),
        ("links", texts(links(document))),
        ("chunk_count", number(embedded.chunks.len())),
        ("revision", text(&revision(load))),
        ("content_hash", text(&embedded.content_hash)),
        ("text_hash", text(&text_hash(document))),
        ("fingerprint_process", text(&made_with.process)),
        ("fingerprint_embed", text(&made_with.embed)),
        ("fingerprint_sink", text(&made_with.sink)),
        ("docmill", text(&kept(load)?)),
    ]);
    let first = embedded.chunks.first().map_or(BoltType::Null(neo4rs::BoltNull), |chunk| text(&chunk.id));
    Ok(map([("url", text(&document.url)), ("first", first), ("props", props)]))
}

fn kept(load: &LoadDocument) -> Result<String, LoadError> {
    let chunks = load.embedded.chunks.iter().map(|chunk| {
        let embedded = chunk.embedded_text.as_ref().map(|text| match text.strip_suffix(&chunk.content) {
            Some(before) => Embedded::Before(before.to_owned()),
            None => Embedded::Whole(text.clone()),
        });
        KeptChunk { embedded, metadata: chunk.metadata.clone() }
    });
    let kept = Kept { metadata: load.embedded.document.metadata.clone(), chunks: chunks.collect() };
    serde_json::to_string(&kept).map_err(|error| LoadError::document(&load.embedded.key, error.to_string()))
}

/// A chunk's row: `id`, `document` (its URL), `props` and `embedding`.
pub(super) fn chunk(load: &LoadDocument, chunk: &Chunk, revision: &str, layout: Layout) -> BoltType {
    let props = map([
        (layout.text(), text(&chunk.content)),
        (layout.index(), number(chunk.metadata.chunk_index)),
        ("url", text(&chunk.metadata.source_url)),
        ("title", text(&load.embedded.document.title)),
        ("headings", texts(chunk.metadata.headings.iter().map(String::as_str))),
        ("revision", text(revision)),
    ]);
    map([
        ("id", text(&chunk.id)),
        ("document", text(&load.embedded.document.url)),
        ("props", props),
        ("embedding", vector(&chunk.embedding)),
    ])
}

/// Cuts rows into statements, each within [`ROWS_MAX`] and [`BYTES_MAX`].
pub(super) fn batches<T: Copy>(items: &[T], size: impl Fn(T) -> usize) -> Vec<Vec<T>> {
    let mut batches: Vec<(usize, Vec<T>)> = Vec::new();
    for &item in items {
        let bytes = size(item);
        match batches.last_mut() {
            Some((used, batch)) if batch.len() < ROWS_MAX && *used + bytes <= BYTES_MAX => {
                *used += bytes;
                batch.push(item);
            }
            _ => batches.push((bytes, vec![item])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// The same for chunks of documents.
pub(super) fn chunk_batches<'a>(
    loads: impl Iterator<Item = &'a LoadDocument>,
) -> Vec<Vec<(&'a LoadDocument, &'a Chunk)>> {
    let all: Vec<_> = loads.flat_map(|load| load.embedded.chunks.iter().map(move |chunk| (load, chunk))).collect();
    batches(&all, |(_, chunk)| chunk_size(chunk))
}

/// Reads a document back: columns `url`, `title`, `last_updated`, `markdown`,
/// `docmill` and `chunks` (maps of `id`, `text` and `embedding`).
pub(super) fn read_document(row: &Row) -> Result<(Document, Vec<Chunk>), Neo4jError> {
    #[derive(Deserialize)]
    struct Found {
        id: String,
        text: String,
        embedding: Vec<f32>,
    }
    let url: String = column(row, "url")?;
    let odd = |reason: String| {
        let url = crate::failure::one_line(&url, 300);
        Neo4jError::Answer(format!("{url} is not as docmill has loaded it ({reason}); reprocess it"))
    };
    let kept: Kept =
        serde_json::from_str(column(row, "docmill")?).map_err(|error| odd(crate::failure::chain(&error)))?;
    let mut found: HashMap<String, Found> =
        column::<Vec<Found>>(row, "chunks")?.into_iter().map(|found| (found.id.clone(), found)).collect();
    let mut chunks = Vec::with_capacity(kept.chunks.len());
    for KeptChunk { embedded, metadata } in kept.chunks {
        let found = found.remove(&metadata.chunk_id).ok_or_else(|| odd("a chunk is missing".to_owned()))?;
        let Found { id, text: content, embedding } = found;
        let embedded_text = embedded.map(|embedded| match embedded {
            Embedded::Before(before) => before + &content,
            Embedded::Whole(whole) => whole,
        });
        chunks.push(Chunk { id, content, embedded_text, embedding, metadata });
    }
    if !found.is_empty() {
        return Err(odd("there are chunks too many".to_owned()));
    }
    let document = Document {
        title: column(row, "title")?,
        markdown_content: column(row, "markdown")?,
        last_updated: column(row, "last_updated")?,
        metadata: kept.metadata,
        url,
    };
    Ok((document, chunks))
}

pub(super) fn list(values: impl IntoIterator<Item = BoltType>) -> BoltType {
    BoltType::List(BoltList { value: values.into_iter().collect() })
}

pub(super) fn map<const N: usize>(entries: [(&str, BoltType); N]) -> BoltType {
    let entries = entries.into_iter().map(|(name, value)| (BoltString::from(name), value));
    BoltType::Map(BoltMap { value: entries.collect() })
}

pub(super) fn text(text: &str) -> BoltType {
    BoltType::from(text)
}

pub(super) fn texts<'a>(all: impl IntoIterator<Item = &'a str>) -> BoltType {
    list(all.into_iter().map(text))
}

pub(super) fn vector(vector: &[f32]) -> BoltType {
    list(vector.iter().map(|value| BoltType::Float(BoltFloat::new(f64::from(*value)))))
}

fn open_text(text: Option<&String>) -> BoltType {
    text.cloned().into()
}

fn number(number: usize) -> BoltType {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    #[test]
    fn statements_are_bounded_by_rows_and_bytes() {
        let sizes = vec![10_usize; ROWS_MAX * 2 + 1];
        let lens = |batches: Vec<Vec<usize>>| batches.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lens(batches(&sizes, |size| size)), [ROWS_MAX, ROWS_MAX, 1]);
        let sizes = [BYTES_MAX / 2, BYTES_MAX / 2, 1, BYTES_MAX * 3, 1];
        assert_eq!(lens(batches(&sizes, |size| size)), [2, 1, 1, 1]);
        assert!(batches(&[] as &[usize], |size| size).is_empty());
    }

    #[test]
    fn links_are_sorted_once_and_never_to_the_page_itself() {
        let mut load = samples::document("https://a.example/1", "T", &[]).embedded.document;
        let long = format!("https://a.example/{}", "x".repeat(LINK_BYTES_MAX));
        load.metadata.related_links =
            samples::links(&["https://b.example/#x", "https://a.example/1#y", "https://a.example/2", &long]);
        load.metadata.related_links.extend(samples::links(&["https://b.example/"]));
        assert_eq!(links(&load), ["https://a.example/2", "https://b.example/"]);
    }
}
