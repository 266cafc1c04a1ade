//! The door's first half: what was read from a raw file becomes an item.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::db::DbError;
use crate::failure::{MESSAGE_BYTES_MAX, one_line};
use crate::item::{KEY_LEN, KEY_LEN_LONG, key_of_url};
use crate::watch::RawFile;

/// An item as it was found in a raw file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Normalised: the identity.
    pub url: String,
    /// Already checked by [`crate::item::article_id`].
    pub article_id: Option<String>,
    /// Where it lies.
    pub location: Location,
    /// Microseconds since 1970; `i64::MIN` where unknown.
    pub scraped_at: i64,
    /// See [`crate::item::RawItem::content_hash`].
    pub content_hash: String,
    /// Whether it says that its page is gone.
    pub tombstone: bool,
}

/// Where an item's bytes lie in the raw folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// File name.
    pub file: String,
    /// Place in the file's list, from 0.
    pub position: u64,
    /// Offset of its first byte in the file.
    pub start: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What admitting a candidate did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// A URL that was never seen.
    New,
    /// Newer content of a known URL; it waits for processing.
    Newer,
    /// The content that is known already.
    Unchanged,
    /// Older than what is known of this URL.
    Older,
}

/// A raw file as the ledger last saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFileSeen {
    /// File name.
    pub name: String,
    /// [`crate::store::Entry::stamp`] at that time.
    pub stamp: String,
}

/// Admits one item.
///
/// For one URL the newest `scraped_at` wins (then the greater file name and
/// position), but what stands at the place of the known content replaces it
/// whatever its time. Known content whose file is read again (it was touched,
/// or put back) revives a dead item. Content that is newer than a ticket in flight waits
/// until the ticket is settled.
pub fn admit(db: &Connection, candidate: &Candidate) -> Result<Admission, DbError> {
    struct Known {
        key: String,
        content_hash: String,
        rank: (i64, String, i64),
        state: String,
    }
    let known = db
        .prepare_cached("SELECT key, content_hash, scraped_at, file, position, state FROM item WHERE url = ?1")?
        .query_row([&candidate.url], |row| {
            Ok(Known {
                key: row.get(0)?,
                content_hash: row.get(1)?,
                rank: (row.get(2)?, row.get(3)?, row.get(4)?),
                state: row.get(5)?,
            })
        })
        .optional()?;
    let Some(known) = known else {
        insert(db, candidate)?;
        return Ok(Admission::New);
    };
    let position = to_sql(candidate.location.position);
    let same_place = known.rank.1 == candidate.location.file && known.rank.2 == position;
    let rank = (candidate.scraped_at, candidate.location.file.clone(), position);
    if !same_place && rank < known.rank {
        return Ok(Admission::Older);
    }
    move_to(db, &known.key, candidate)?;
    // Whoever touches the file of a dead item wants it tried again.
    let is_dead = known.state == "dead";
    if known.content_hash == candidate.content_hash && !is_dead {
        return Ok(Admission::Unchanged);
    }
    renew(db, &known.key, candidate)?;
    Ok(Admission::Newer)
}

fn insert(db: &Connection, candidate: &Candidate) -> Result<(), DbError> {
    let key = free_key(db, &candidate.url)?;
    let at = &candidate.location;
    db.prepare_cached(
        "INSERT INTO item (key, url, article_id, file, position, start, bytes, scraped_at, content_hash, tombstone, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'waiting')",
    )?
    .execute(params![
        key,
        candidate.url,
        candidate.article_id,
        at.file,
        to_sql(at.position),
        to_sql(at.start),
        to_sql(at.bytes),
        candidate.scraped_at,
        candidate.content_hash,
        candidate.tombstone
    ])?;
    Ok(())
}

/// The short key, or the long one where another URL has the short one.
fn free_key(db: &Connection, url: &str) -> Result<String, DbError> {
    for len in [KEY_LEN, KEY_LEN_LONG] {
        let key = key_of_url(url, len);
        let taken: bool = db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM item WHERE key = ?1)")?
            .query_row([&key], |row| row.get(0))?;
        if !taken {
            return Ok(key);
        }
    }
    Err(DbError::Value(format!("two URLs share the key of {}", crate::failure::one_line(url, 200))))
}

fn move_to(db: &Connection, key: &str, candidate: &Candidate) -> Result<(), DbError> {
    let at = &candidate.location;
    db.prepare_cached(
        "UPDATE item SET file = ?2, position = ?3, start = ?4, bytes = ?5, scraped_at = ?6 WHERE key = ?1",
    )?
    .execute(params![
        key,
        at.file,
        to_sql(at.position),
        to_sql(at.start),
        to_sql(at.bytes),
        candidate.scraped_at
    ])?;
    Ok(())
}

fn renew(db: &Connection, key: &str, candidate: &Candidate) -> Result<(), DbError> {
    db.prepare_cached(
        "UPDATE item SET content_hash = ?2, tombstone = ?3, stored_stage = 0, attempts = 0, not_before = 0, crashes = 0,
                stage = NULL, error_kind = NULL, error = NULL,
                state = CASE state WHEN 'in_flight' THEN 'in_flight' ELSE 'waiting' END
         WHERE key = ?1",
    )?
    .execute(params![key, candidate.content_hash, candidate.tombstone])?;
    Ok(())
}

/// Every raw file as it was last read.
pub fn raw_files(db: &Connection) -> Result<Vec<RawFileSeen>, DbError> {
    let mut statement = db.prepare_cached("SELECT name, stamp FROM raw_file")?;
    let rows = statement.query_map([], |row| Ok(RawFileSeen { name: row.get(0)?, stamp: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that a raw file was read as it was at `stamp`.
pub fn file_seen(db: &Connection, name: &str, stamp: &str) -> Result<(), DbError> {
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

/// Accounts for a file (or the element at `position`) that is no item: it is
/// admitted and at once dead, with the reason.
pub fn refuse_file(db: &Connection, file: &str, position: Option<u64>, kind: &str, error: &str) -> Result<(), DbError> {
    let url = error_url(file, position);
    let candidate = Candidate {
        url: url.clone(),
        article_id: None,
        location: Location { file: file.to_owned(), position: position.unwrap_or(0), start: 0, bytes: 0 },
        scraped_at: i64::MIN,
        content_hash: String::new(),
        tombstone: false,
    };
    if admit(db, &candidate)? == Admission::Older {
        return Ok(());
    }
    db.prepare_cached("UPDATE item SET state = 'dead', stage = 'watcher', error_kind = ?2, error = ?3 WHERE url = ?1")?
        .execute([&url, kind, error])?;
    Ok(())
}

/// Forgets what [`refuse_file`] said of a file: it is about to be read anew.
pub fn forget_file_error(db: &Connection, file: &str) -> Result<(), DbError> {
    db.prepare_cached("DELETE FROM item WHERE file = ?1 AND url LIKE 'raw-file:%'")?.execute([file])?;
    Ok(())
}

/// Admits all that was read from a raw file as it was at `stamp`; returns how
/// many items are new or have new content.
pub fn admit_file(db: &Connection, name: &str, stamp: &str, file: &RawFile) -> Result<usize, DbError> {
    forget_file_error(db, name)?;
    let mut admitted = 0;
    for found in &file.found {
        admitted += usize::from(matches!(admit(db, found)?, Admission::New | Admission::Newer));
    }
    for refused in &file.refused {
        let error = one_line(&refused.error, MESSAGE_BYTES_MAX);
        refuse_file(db, name, Some(refused.position), "not_an_item", &error)?;
    }
    file_seen(db, name, stamp)?;
    Ok(admitted)
}

/// SQLite's integers are signed; sizes and positions stay far below.
pub(super) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
