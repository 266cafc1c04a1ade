//! Rows of the index: one document in, one document out.
//!
//! Every function here runs inside a write of [`crate::db::Writer`], so what
//! it changes is seen at once or not at all.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{LoadDocument, Model};
use crate::db::DbError;
use crate::fault;
use crate::item::{Chunk, Document};

/// Says whose vectors the index will hold; it holds none yet.
pub(super) fn set_model(db: &Connection, model: &Model) -> Result<(), DbError> {
    db.execute(
        "INSERT OR REPLACE INTO model (id, name, dimension, fingerprint) VALUES (1, ?1, ?2, ?3)",
        params![model.name, model.dimension, model.fingerprint],
    )?;
    Ok(())
}

/// Puts a document in, in the place of the one that has its key and of the
/// one that has its URL.
pub(super) fn replace(db: &Connection, load: &LoadDocument) -> Result<(), DbError> {
    let embedded = &load.embedded;
    delete_where(db, "SELECT id FROM document WHERE key = ?1", &embedded.key)?;
    delete_where(db, "SELECT id FROM document WHERE url = ?1", &embedded.document.url)?;
    fault::of_item("index.replace", &embedded.document.url)?;
    let id = insert_document(db, load)?;
    insert_links(db, id, &embedded.document)?;
    for (position, chunk) in embedded.chunks.iter().enumerate() {
        insert_chunk(db, id, position, &embedded.document.title, chunk)?;
    }
    Ok(())
}

/// Takes documents out; returns how many there were.
pub(super) fn remove(db: &Connection, keys: &[String]) -> Result<usize, DbError> {
    let mut removed = 0;
    for key in keys {
        removed += usize::from(delete_where(db, "SELECT id FROM document WHERE key = ?1", key)?);
    }
    fault::point("index.remove")?;
    Ok(removed)
}

fn delete_where(db: &Connection, select: &str, value: &str) -> Result<bool, DbError> {
    let id: Option<i64> = db.prepare_cached(select)?.query_row([value], |row| row.get(0)).optional()?;
    let Some(id) = id else { return Ok(false) };
    for sql in [
        "DELETE FROM words WHERE rowid IN (SELECT id FROM chunk WHERE document = ?1)",
        "DELETE FROM vector WHERE chunk IN (SELECT id FROM chunk WHERE document = ?1)",
        "DELETE FROM chunk WHERE document = ?1",
        "DELETE FROM link WHERE document = ?1",
        "DELETE FROM document WHERE id = ?1",
    ] {
        db.prepare_cached(sql)?.execute([id])?;
    }
    Ok(true)
}

fn insert_document(db: &Connection, load: &LoadDocument) -> Result<i64, DbError> {
    let document = &load.embedded.document;
    let made_with = &load.fingerprints;
    db.prepare_cached(
        "INSERT INTO document (key, url, text_hash, content_hash, fingerprint_process, fingerprint_embed,
             fingerprint_sink, title, last_updated, metadata, markdown)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        load.embedded.key,
        document.url,
        text_hash(document),
        load.embedded.content_hash,
        made_with.process,
        made_with.embed,
        made_with.sink,
        document.title,
        document.last_updated,
        to_json(&document.metadata)?,
        document.markdown_content,
    ])?;
    Ok(db.last_insert_rowid())
}

fn insert_links(db: &Connection, document: i64, page: &Document) -> Result<(), DbError> {
    let mut insert = db.prepare_cached("INSERT INTO link (document, position, target) VALUES (?1, ?2, ?3)")?;
    for (position, link) in page.metadata.related_links.iter().enumerate() {
        insert.execute(params![document, position, link_target(&link.url)])?;
    }
    Ok(())
}

fn insert_chunk(db: &Connection, document: i64, position: usize, title: &str, chunk: &Chunk) -> Result<(), DbError> {
    db.prepare_cached(
        "INSERT INTO chunk (document, position, chunk_id, metadata, content, embedded_text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        document,
        position,
        chunk.id,
        to_json(&chunk.metadata)?,
        chunk.content,
        chunk.embedded_text
    ])?;
    let id = db.last_insert_rowid();
    db.prepare_cached("INSERT INTO vector (chunk, vector) VALUES (?1, ?2)")?
        .execute(params![id, vector_bytes(&chunk.embedding)])?;
    db.prepare_cached("INSERT INTO words (rowid, title, headings, text) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        id,
        title,
        chunk.metadata.headings.join("\n"),
        chunk.content
    ])?;
    Ok(())
}

/// Equal for two documents that a reader could not tell apart.
pub(in crate::load) fn text_hash(document: &Document) -> String {
    let mut hasher = Sha256::new();
    hasher.update((document.title.len() as u64).to_le_bytes());
    hasher.update(&document.title);
    hasher.update(&document.markdown_content);
    hex::encode(hasher.finalize())
}

/// The page that a link leads to: its URL without the fragment.
pub(in crate::load) fn link_target(url: &str) -> &str {
    url.split_once('#').map_or(url, |(page, _)| page)
}

/// A vector as it stands in a row.
pub(in crate::load) fn vector_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn to_json(value: &impl Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Value(error.to_string()))
}
