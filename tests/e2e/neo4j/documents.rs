//! Documents for a sink, without a crawl and without a model.

use std::sync::Arc;
use std::time::Duration;

use docmill_stages::item::{
    Chunk, ChunkMetadata, Document, DocumentMetadata, EmbeddedDocument, KEY_LEN, Link, chunk_id, key_of_url,
};
use docmill_stages::load::index::Model;
use docmill_stages::load::neo4j::{Address, Layout, Neo4j, Neo4jOptions, Neo4jSink, Password};
use docmill_stages::load::{Fingerprints, LoadDocument, Outcome, Sink as _, StillCurrent};

use crate::support::neo4j::{self, PASSWORD};

/// Numbers of a vector.
pub(super) const DIMENSION: usize = 8;

/// A document with a chunk a text, that links to these pages.
pub(super) fn document(url: &str, title: &str, texts: &[String], links: &[String], version: &str) -> LoadDocument {
    let key = key_of_url(url, KEY_LEN);
    let mut markdown = String::new();
    let mut chunks = Vec::new();
    for (index, content) in texts.iter().enumerate() {
        let start = markdown.len();
        markdown.push_str(content);
        chunks.push(Chunk {
            id: chunk_id(&key, index),
            content: content.clone(),
            embedded_text: Some(format!("{title}\n{content}")),
            embedding: (0..DIMENSION).map(|number| (index + number * number) as f32 + 0.1).collect(),
            metadata: ChunkMetadata {
                chunk_index: index,
                chunk_id: chunk_id(&key, index),
                doc_id: url.to_owned(),
                source_url: format!("{url}#{title}"),
                headings: vec![title.to_owned()],
                span: (start, markdown.len()),
                ..ChunkMetadata::default()
            },
        });
    }
    let related_links = links.iter().map(|url| Link { text: title.to_owned(), url: url.clone() }).collect();
    let metadata =
        DocumentMetadata { related_links, breadcrumbs: vec![title.to_owned()], ..DocumentMetadata::default() };
    let document = Document {
        url: url.to_owned(),
        title: title.to_owned(),
        markdown_content: markdown,
        last_updated: None,
        metadata,
    };
    let fingerprints = Fingerprints { process: "p".to_owned(), embed: "e".to_owned(), sink: "s".to_owned() };
    LoadDocument {
        embedded: EmbeddedDocument { key, content_hash: version.to_owned(), document, chunks },
        fingerprints,
    }
}

/// The graph as the program connects to it.
pub(super) async fn connect(server: &neo4j::Neo4j) -> Neo4j {
    let options = Neo4jOptions {
        address: Address::parse(&server.uri()).unwrap(),
        user: "neo4j".to_owned(),
        password: Password::new(PASSWORD),
        database: "neo4j".to_owned(),
        layout: Layout::Docmill,
        timeout: Duration::from_secs(60),
        connections_max: 8,
    };
    Neo4j::connect(options).await.unwrap()
}

/// A sink for these documents.
pub(super) async fn sink(server: &neo4j::Neo4j) -> Neo4jSink {
    let model = Model { name: "a model".to_owned(), dimension: DIMENSION, fingerprint: "f".to_owned() };
    connect(server).await.sink(&model).await.unwrap()
}

/// Loads documents, each of which must go in.
pub(super) async fn load(sink: &Neo4jSink, loads: &[LoadDocument]) {
    let loads: Vec<_> = loads.iter().cloned().map(Arc::new).collect();
    let current: StillCurrent = Arc::new(|_| true);
    for outcome in sink.replace(&loads, &current).await {
        assert_eq!(outcome.unwrap(), Outcome::Written);
    }
}
