//! The embedding cache: vectors by fingerprint and hash of the text, in
//! `cache.db`. Safe to delete at any time; a damaged file is set aside.
//!
//! Its size is bounded: what was not used for the longest time goes first.
//! "Used" is counted in openings of the cache and not in time, so that a row
//! is written at most once a run for being read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::{ModelInfo, check_vector};
use crate::db::{self, DbError, Schema, Writer, damage};
use crate::fault;

/// The tables; see [`Schema::migrations`].
const SCHEMA: Schema = Schema {
    migrations: &["CREATE TABLE runs (id INTEGER PRIMARY KEY);
    CREATE TABLE models (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
    CREATE TABLE vectors (
        id INTEGER PRIMARY KEY,
        model INTEGER NOT NULL REFERENCES models (id),
        text_hash BLOB NOT NULL,
        used INTEGER NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (model, text_hash)
    );
    CREATE INDEX vectors_by_use ON vectors (used, id);"],
};

/// How much of the limit is left in use by an eviction, in percent, so that
/// the next one is a while away.
const KEPT_PERCENT: u64 = 90;

/// SHA-256 of a text.
pub type TextHash = [u8; 32];

/// A vector, or none, for each hash that was asked for, in order.
pub type Found = Vec<Option<Vec<f32>>>;

/// The key of `text` in the cache.
pub fn text_hash(text: &str) -> TextHash {
    Sha256::digest(text.as_bytes()).into()
}

/// The cache, opened for one model. Shared by the threads of a run.
pub struct VectorCache {
    path: PathBuf,
    reader: Mutex<Connection>,
    writer: Writer,
    model: i64,
    dimension: usize,
    /// Number of this opening.
    run: i64,
    bytes_max: u64,
}

/// The cache, and what was odd about opening it.
pub struct OpenedCache {
    /// The cache.
    pub cache: VectorCache,
    /// Where a damaged file was put, if there was one.
    pub set_aside: Option<PathBuf>,
}

impl VectorCache {
    /// Opens the cache at `path` for the vectors of `model`. A file that is
    /// damaged, or of a newer docmill, is set aside and the cache begun anew.
    ///
    /// # Errors
    /// Where the file can be neither opened nor replaced.
    pub fn open(path: &Path, model: &ModelInfo, mb_max: u64) -> Result<OpenedCache, DbError> {
        let unusable = damage::is_known_or_seen(path)?;
        let set_aside = if unusable { Some(damage::put_aside(path)?) } else { None };
        match Self::open_sound(path, model, mb_max) {
            Ok(cache) => Ok(OpenedCache { cache, set_aside }),
            // What lies deeper than the first page shows only now.
            Err(error)
                if set_aside.is_none() && (damage::is_damage(&error) || matches!(error, DbError::Newer { .. })) =>
            {
                let set_aside = Some(damage::put_aside(path)?);
                Ok(OpenedCache { cache: Self::open_sound(path, model, mb_max)?, set_aside })
            }
            Err(error) => Err(error),
        }
    }

    fn open_sound(path: &Path, model: &ModelInfo, mb_max: u64) -> Result<Self, DbError> {
        let bytes_max = mb_max.saturating_mul(1 << 20);
        let connection = db::open(path, SCHEMA)?;
        let (run, model_id) = begin_run(&connection, &model.fingerprint)?;
        shrink(&connection, bytes_max)?;
        let reader = db::open_read_only(path, SCHEMA)?.ok_or(DbError::Closed)?;
        let writer = Writer::spawn(connection, "embedding-cache").map_err(|error| damage::open_error(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            reader: Mutex::new(reader),
            writer,
            model: model_id,
            dimension: model.dimension,
            run,
            bytes_max,
        })
    }

    /// The vectors that are there, at the places of their hashes. A stored
    /// vector that cannot be one of the model's counts as absent.
    ///
    /// # Errors
    /// Where the file cannot be read; the caller may go on without it. Damage
    /// is remembered, and the next opening begins anew.
    pub fn get_many(&self, hashes: &[TextHash]) -> Result<Found, DbError> {
        let (vectors, stale) = damage::marking(&self.path, self.read(hashes))?;
        if !stale.is_empty() {
            let (run, path) = (self.run, self.path.clone());
            self.writer.post(move |db| damage::marking(&path, touch(db, &stale, run)));
        }
        Ok(vectors)
    }

    /// The vectors, and the rows whose use is not yet noted.
    fn read(&self, hashes: &[TextHash]) -> Result<(Found, Vec<i64>), DbError> {
        fault::point("cache.get")?;
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut select =
            reader.prepare_cached("SELECT id, used, vector FROM vectors WHERE model = ?1 AND text_hash = ?2")?;
        let mut vectors = Vec::with_capacity(hashes.len());
        let mut stale = Vec::new();
        for hash in hashes {
            let row = select
                .query_row(params![self.model, hash], |row| {
                    let blob = row.get_ref(2)?.as_blob().unwrap_or_default();
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, decode(blob, self.dimension)))
                })
                .optional()?;
            let Some((id, used, Some(vector))) = row else {
                vectors.push(None);
                continue;
            };
            if used < self.run {
                stale.push(id);
            }
            vectors.push(Some(vector));
        }
        Ok((vectors, stale))
    }

    /// Queues the vectors to be kept and does not wait. One that is not the
    /// model's is left out.
    pub fn put_many(&self, vectors: Vec<(TextHash, Vec<f32>)>) {
        let (model, run, dimension, bytes_max) = (self.model, self.run, self.dimension, self.bytes_max);
        let path = self.path.clone();
        self.writer.post(move |db| {
            let sound = vectors.iter().filter(|(_, vector)| check_vector(vector, dimension).is_ok());
            let written = insert(db, model, run, sound)
                .and_then(|()| Ok(fault::point("cache.put")?))
                .and_then(|()| evict(db, bytes_max));
            damage::marking(&path, written)
        });
    }

    /// Waits until everything that was put before is written.
    ///
    /// # Errors
    /// Where the writer has ended.
    pub fn flush(&self) -> Result<(), DbError> {
        self.writer.call_blocking(|_| Ok(()))
    }
}

fn begin_run(connection: &Connection, fingerprint: &str) -> Result<(i64, i64), DbError> {
    connection.execute("INSERT INTO runs DEFAULT VALUES", [])?;
    let run = connection.last_insert_rowid();
    connection.execute("DELETE FROM runs WHERE id < ?1", [run])?;
    connection.execute("INSERT INTO models (fingerprint) VALUES (?1) ON CONFLICT DO NOTHING", [fingerprint])?;
    let model =
        connection.query_row("SELECT id FROM models WHERE fingerprint = ?1", [fingerprint], |row| row.get(0))?;
    Ok((run, model))
}

fn insert<'a>(
    connection: &Connection,
    model: i64,
    run: i64,
    vectors: impl Iterator<Item = &'a (TextHash, Vec<f32>)>,
) -> Result<(), DbError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO vectors (model, text_hash, used, vector) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (model, text_hash) DO UPDATE SET used = excluded.used, vector = excluded.vector",
    )?;
    for (hash, vector) in vectors {
        insert.execute(params![model, hash, run, encode(vector)])?;
    }
    Ok(())
}

fn touch(connection: &Connection, rows: &[i64], run: i64) -> Result<(), DbError> {
    let mut update = connection.prepare_cached("UPDATE vectors SET used = ?2 WHERE id = ?1")?;
    for row in rows {
        update.execute(params![row, run])?;
    }
    Ok(())
}

/// Bytes in use inside the file, by SQLite's own count of pages.
fn bytes_in_use(connection: &Connection) -> Result<(u64, u64), DbError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let (pages, free, page_bytes) = (pragma("page_count")?, pragma("freelist_count")?, pragma("page_size")?);
    Ok((pages.saturating_sub(free) * page_bytes, free * page_bytes))
}

/// Removes what was used the longest ago until the limit is kept.
fn evict(connection: &Connection, bytes_max: u64) -> Result<(), DbError> {
    loop {
        let (used, _) = bytes_in_use(connection)?;
        if used <= bytes_max {
            return Ok(());
        }
        let rows: u64 = connection.query_row("SELECT COUNT(*) FROM vectors", [], |row| row.get(0))?;
        if rows == 0 {
            return Ok(());
        }
        let excess = used - bytes_max / 100 * KEPT_PERCENT;
        let too_many = excess.div_ceil((used / rows).max(1)).min(rows);
        connection
            .prepare_cached("DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY used, id LIMIT ?1)")?
            .execute([too_many])?;
    }
}

/// Gives space back to the disk where the limit was lowered since.
fn shrink(connection: &Connection, bytes_max: u64) -> Result<(), DbError> {
    evict(connection, bytes_max)?;
    let (used, free) = bytes_in_use(connection)?;
    if used + free > bytes_max && free > used {
        connection.execute_batch("VACUUM")?;
        // Only then does the file itself become shorter.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}

fn encode(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|component| component.to_le_bytes()).collect()
}

fn decode(blob: &[u8], dimension: usize) -> Option<Vec<f32>> {
    let (words, rest) = blob.as_chunks();
    let vector: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
    (rest.is_empty() && check_vector(&vector, dimension).is_ok()).then_some(vector)
}

#[cfg(test)]
mod tests;
