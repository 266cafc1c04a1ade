//! Documents for the load stage's tests.

use std::sync::Arc;

use proptest::prelude::*;

use super::index::{Index, Model};
use super::{Fingerprints, LoadDocument, Outcome, Sink as _, StillCurrent};
use crate::item::{
    Chunk, ChunkMetadata, Document, DocumentMetadata, EmbeddedDocument, KEY_LEN, Link, chunk_id, key_of_url,
};

/// Of the samples' vectors.
pub(crate) const DIMENSION: usize = 4;

pub(crate) fn links(urls: &[&str]) -> Vec<Link> {
    urls.iter().map(|url| Link { text: "a link".to_owned(), url: (*url).to_owned() }).collect()
}

/// A document with one chunk a text, each with the vector `[index + 1, 1, 0, 0]`.
pub(crate) fn document(url: &str, title: &str, texts: &[&str]) -> LoadDocument {
    let sections: Vec<_> = texts.iter().map(|text| (format!("Section of {title}"), (*text).to_owned())).collect();
    assemble(url, title, &sections, |index| vec![index as f32 + 1.0, 1.0, 0.0, 0.0])
}

/// A document with one chunk a section (heading and text).
pub(crate) fn assemble(
    url: &str,
    title: &str,
    sections: &[(String, String)],
    vector: impl Fn(usize) -> Vec<f32>,
) -> LoadDocument {
    let key = key_of_url(url, KEY_LEN);
    let mut markdown = String::new();
    let mut chunks = Vec::new();
    for (index, (heading, text)) in sections.iter().enumerate() {
        let start = markdown.len();
        markdown.push_str(text);
        let span = (start, markdown.len());
        markdown.push_str("\n\n");
        chunks.push(Chunk {
            id: chunk_id(&key, index),
            content: text.clone(),
            embedded_text: index.is_multiple_of(2).then(|| format!("{title}\n{heading}\n{text}")),
            embedding: vector(index),
            metadata: ChunkMetadata {
                h1: Some(title.to_owned()),
                chunk_index: index,
                chunk_title: heading.clone(),
                chunk_id: chunk_id(&key, index),
                doc_id: url.to_owned(),
                source_url: format!("{url}#section-{index}"),
                document_title: title.to_owned(),
                headings: vec![title.to_owned(), heading.clone()],
                token_count: 7,
                span,
                ..ChunkMetadata::default()
            },
        });
    }
    let metadata = DocumentMetadata {
        source_url: url.to_owned(),
        document_title: title.to_owned(),
        scraped_at: Some("2025-01-01T00:00:00Z".to_owned()),
        breadcrumbs: vec!["Home".to_owned()],
        ..DocumentMetadata::default()
    };
    let document = Document {
        url: url.to_owned(),
        title: title.to_owned(),
        markdown_content: markdown,
        last_updated: None,
        metadata,
    };
    LoadDocument {
        embedded: EmbeddedDocument { key, content_hash: format!("hash of {title}"), document, chunks },
        fingerprints: Fingerprints { process: "p1".to_owned(), embed: "e1".to_owned(), sink: "s1".to_owned() },
    }
}

/// Text that has broken somebody's program before.
pub(crate) fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::collection::vec(
            prop::sample::select(vec![
                "\"",
                "'",
                "`",
                "--",
                "*",
                " AND ",
                " OR NOT ",
                "NEAR(",
                ":",
                "\0",
                "😀",
                "{x}) --",
                "title:",
                "^",
                "(",
                ")",
                "+",
                "C++",
                "\u{301}",
                "\u{202e}",
                "\r\n",
                "ß",
                "नमस्ते",
                "数据库",
                "std::fs::read_to_string",
                "%",
                "_",
                "\\",
                "'; DROP TABLE document; --",
                "word",
            ]),
            0..12,
        )
        .prop_map(|parts| parts.concat()),
    ]
}

/// Any finite vector that has a direction.
pub(crate) fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, DIMENSION)
        .prop_filter("has a direction", |vector| super::check_vector("it", vector, DIMENSION).is_ok())
}

/// A document of hostile texts.
pub(crate) fn hostile_document() -> impl Strategy<Value = LoadDocument> {
    let section = (hostile_text(), hostile_text(), vector());
    ("[a-z]{1,3}", hostile_text(), hostile_text(), prop::collection::vec(section, 0..4)).prop_map(
        |(path, title, link, sections)| {
            let texts: Vec<_> = sections.iter().map(|(heading, text, _)| (heading.clone(), text.clone())).collect();
            let url = format!("https://a.example/{path}");
            let mut load = assemble(&url, &title, &texts, |index| sections[index].2.clone());
            load.embedded.document.metadata.related_links = links(&[&link]);
            load
        },
    )
}

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The model of the samples' vectors.
pub(crate) fn model(fingerprint: &str) -> Model {
    Model { name: format!("model {fingerprint}"), dimension: DIMENSION, fingerprint: fingerprint.to_owned() }
}

/// Loads documents one after the other, each of which must go in.
pub(crate) fn load_all(index: &Index, loads: &[LoadDocument]) {
    let loads: Vec<_> = loads.iter().cloned().map(Arc::new).collect();
    let current: StillCurrent = Arc::new(|_| true);
    for outcome in wait(index.replace(&loads, &current)) {
        assert_eq!(outcome.unwrap(), Outcome::Written);
    }
}
