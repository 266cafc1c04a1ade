//! Raw files as they were last read, what is admitted of one, and what is no
//! longer in it.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::accounts;
use super::admit::{Admission, Candidate, Location, RAW_MISSING, admit, replace, to_sql};
use super::dead::VERSION;
use crate::db::DbError;
use crate::failure::{MESSAGE_BYTES_MAX, one_line};
use crate::fault;

/// What a raw file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawFile {
    /// Its items, in order.
    pub found: Vec<Candidate>,
    /// Its elements that are no items.
    pub refused: Vec<Refused>,
}

/// An element of a raw file that is no item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Place in the file's list, from 0.
    pub position: u64,
    /// Why not, and what would be right.
    pub error: String,
}

/// Every raw file as it was last read: its name, and its
/// [`crate::store::Entry::stamp`] at that time.
pub fn raw_files(db: &Connection) -> Result<HashMap<String, String>, DbError> {
    let mut statement = db.prepare_cached("SELECT name, stamp FROM raw_file")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Admits what is in a raw file as it is at `stamp`, accounts for its elements
/// that are no items, and for what was in it before and is not any more: such an item is dead if it was
/// still to be processed (nothing would ever find its bytes), and stays as it
/// is otherwise. Returns how many items are new or have new content.
pub fn admit_file(db: &Connection, name: &str, stamp: &str, file: &RawFile) -> Result<usize, DbError> {
    forget_file_error(db, name)?;
    let mut displaced = displaced(db, name, &file.found)?;
    let mut admitted = 0;
    for candidate in &file.found {
        // What stood elsewhere in this file is replaced, whatever its time:
        // its own place holds something else now.
        let admission = if displaced.remove(&candidate.url) { replace(db, candidate)? } else { admit(db, candidate)? };
        admitted += usize::from(matches!(admission, Admission::New | Admission::Newer));
    }
    for url in &displaced {
        lose(db, url, name)?;
    }
    for refused in &file.refused {
        let error = one_line(&refused.error, MESSAGE_BYTES_MAX);
        refuse(db, name, Some(refused.position), "not_an_item", &error)?;
    }
    fault::point("ledger.admit")?;
    file_seen(db, name, stamp)?;
    accounts::add_up(db)?;
    Ok(admitted)
}

/// URLs of the items that lay in the file at a place where now something else
/// lies, or nothing.
fn displaced(db: &Connection, name: &str, found: &[Candidate]) -> Result<HashSet<String>, DbError> {
    let places: HashSet<(&str, i64)> =
        found.iter().map(|found| (found.url.as_str(), to_sql(found.location.position))).collect();
    let mut statement =
        db.prepare_cached("SELECT url, position FROM item WHERE file = ?1 AND url NOT LIKE 'raw-file:%'")?;
    let rows = statement.query_map([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let mut displaced = HashSet::new();
    for row in rows {
        let (url, position) = row?;
        if !places.contains(&(url.as_str(), position)) {
            displaced.insert(url);
        }
    }
    Ok(displaced)
}

/// The item's bytes are gone. Any other copy of it that is read from now on
/// takes its place; what batch mode has stored of it needs no bytes.
fn lose(db: &Connection, url: &str, name: &str) -> Result<(), DbError> {
    let error = format!("raw/{} no longer holds this item; put it back, or crawl the page again", one_line(name, 300));
    db.prepare_cached("UPDATE item SET scraped_at = ?2 WHERE url = ?1")?.execute(params![url, i64::MIN])?;
    db.prepare_cached(
        "UPDATE item SET state = 'dead', died_in = ?4, stage = 'watcher', error_kind = ?2, error = ?3
         WHERE url = ?1 AND state = 'waiting' AND stored_stage = 0",
    )?
    .execute([url, RAW_MISSING, &error, VERSION])?;
    Ok(())
}

/// Notes that a raw file was read as it was at `stamp`.
fn file_seen(db: &Connection, name: &str, stamp: &str) -> Result<(), DbError> {
    db.prepare_cached("INSERT OR REPLACE INTO raw_file (name, stamp) VALUES (?1, ?2)")?.execute([name, stamp])?;
    Ok(())
}

/// The identity under which a file, or an element of one, that cannot be
/// read as an item is accounted for. No page can have it: a URL has `//`.
fn error_url(file: &str, position: Option<u64>) -> String {
    match position {
        Some(position) => format!("raw-file:{file}#{position}"),
        None => format!("raw-file:{file}"),
    }
}

/// Accounts for a file that is at `stamp` no raw file as a whole: it is
/// admitted and at once dead, with the reason, and so are the items that
/// waited in it.
pub fn refuse_file(db: &Connection, name: &str, stamp: &str, kind: &str, error: &str) -> Result<(), DbError> {
    admit_file(db, name, stamp, &RawFile::default())?;
    refuse(db, name, None, kind, error)
}

fn refuse(db: &Connection, file: &str, position: Option<u64>, kind: &str, error: &str) -> Result<(), DbError> {
    let url = error_url(file, position);
    let candidate = Candidate {
        url: url.clone(),
        article_id: None,
        location: Location { file: file.to_owned(), position: position.unwrap_or(0), start: 0, bytes: 0 },
        scraped_at: i64::MIN,
        content_hash: String::new(),
        tombstone: false,
    };
    admit(db, &candidate)?;
    db.prepare_cached(
        "UPDATE item SET state = 'dead', died_in = ?4, stage = 'watcher', error_kind = ?2, error = ?3 WHERE url = ?1",
    )?
    .execute([&url, kind, error, VERSION])?;
    accounts::add_up(db)
}

/// Forgets what was refused of a file: it is read anew, or gone.
fn forget_file_error(db: &Connection, file: &str) -> Result<(), DbError> {
    db.prepare_cached("DELETE FROM item WHERE file = ?1 AND url LIKE 'raw-file:%'")?.execute([file])?;
    Ok(())
}

/// These raw files are gone: whoever removed one that could not be read wants
/// to hear no more of it. What was made of the others stays.
pub fn forget_files(db: &Connection, names: &[String]) -> Result<(), DbError> {
    for name in names {
        forget_file_error(db, name)?;
        db.prepare_cached("DELETE FROM raw_file WHERE name = ?1")?.execute([name])?;
    }
    accounts::add_up(db)
}

/// Whether the raw item of a page, which lies in `file` if anywhere, is known
/// to be lost or unreadable, so that only the page itself can bring it back.
pub fn is_raw_lost(db: &Connection, url: &str, file: &str) -> Result<bool, DbError> {
    Ok(db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM item WHERE url = ?1 AND state = 'dead' AND error_kind = ?3)
                 OR EXISTS (SELECT 1 FROM item WHERE file = ?2 AND url LIKE 'raw-file:%')",
        )?
        .query_row([url, file, RAW_MISSING], |row| row.get(0))?)
}
