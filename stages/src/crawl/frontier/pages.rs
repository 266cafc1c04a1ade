//! What is known of URLs over all crawls.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::url::NormalUrl;
use crate::db::DbError;
use crate::item;

/// The row of a URL, made where there is none.
pub(super) fn page_id(db: &Connection, url: &str) -> Result<i64, DbError> {
    let found =
        db.prepare_cached("SELECT id FROM page WHERE url = ?1")?.query_row([url], |row| row.get(0)).optional()?;
    match found {
        Some(id) => Ok(id),
        None => {
            db.prepare_cached("INSERT INTO page (url) VALUES (?1)")?.execute([url])?;
            Ok(db.last_insert_rowid())
        }
    }
}

/// A URL as it was stored.
pub(super) fn stored_url(text: &str) -> Result<NormalUrl, DbError> {
    NormalUrl::stored(text).map_err(|error| DbError::Value(error.to_string()))
}

/// Page ids as they stand in `page.links`; `NULL` is none.
pub(super) fn ids(list: Option<&str>) -> Result<Vec<i64>, DbError> {
    let Some(list) = list else { return Ok(Vec::new()) };
    serde_json::from_str(list).map_err(|error| DbError::Value(format!("a page's links are no list of ids: {error}")))
}

/// The key and the article id under which a page's raw item is stored:
/// what [`item::file_stem`] takes. Both are fixed when this is first called
/// for the URL; `article_id` counts only then, and only if it may stand in a
/// file's name. The key is longer than usual where another URL has the short
/// one.
///
/// # Errors
/// Of the database.
pub fn assign_key(
    db: &Connection,
    url: &NormalUrl,
    article_id: Option<&str>,
) -> Result<(String, Option<String>), DbError> {
    let id = page_id(db, url.as_str())?;
    let (known, article): (Option<String>, Option<String>) = db
        .prepare_cached("SELECT key, article_id FROM page WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(key) = known {
        return Ok((key, article));
    }
    let article = item::article_id(article_id);
    let mut assign = db.prepare_cached(
        "UPDATE page SET key = ?2, article_id = ?3
         WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM page WHERE key = ?2)",
    )?;
    for len in [item::KEY_LEN, item::KEY_LEN_LONG] {
        let key = item::key_of_url(url.as_str(), len);
        if assign.execute(params![id, key, article])? == 1 {
            return Ok((key, article.map(str::to_owned)));
        }
    }
    Err(DbError::Value(format!("no key is free for {url}")))
}

/// Forgets what a page's server last answered, so that the next crawl asks
/// for the whole page and keeps it, whether it has changed or not. What it
/// links to stays known.
///
/// # Errors
/// Of the database.
pub fn forget_answer(db: &Connection, url: &str) -> Result<(), DbError> {
    db.prepare_cached("UPDATE page SET etag = NULL, last_modified = NULL, content_hash = NULL WHERE url = ?1")?
        .execute([url])?;
    Ok(())
}

/// Where a page's followed links lead, as of its last answer with a body, in
/// order of URL; empty for an unknown page.
///
/// # Errors
/// Of the database.
pub fn page_links(db: &Connection, url: &NormalUrl) -> Result<Vec<NormalUrl>, DbError> {
    let links: Option<Option<String>> = db
        .prepare_cached("SELECT links FROM page WHERE url = ?1")?
        .query_row([url.as_str()], |row| row.get(0))
        .optional()?;
    let mut urls = Vec::new();
    for id in ids(links.flatten().as_deref())? {
        let text: String =
            db.prepare_cached("SELECT url FROM page WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
        urls.push(stored_url(&text)?);
    }
    urls.sort();
    Ok(urls)
}
