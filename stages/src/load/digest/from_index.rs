//! The digest of the embedded index.

use rusqlite::Connection;

use super::{DataDigest, Digester};
use crate::db::DbError;
use crate::load::LoadError;
use crate::load::index::{EDGES, Reader, document};

/// The digest of what an index holds, of one state of it whatever is written
/// meanwhile.
///
/// # Errors
/// The index cannot be read, or holds what docmill never writes there.
pub fn of_index(reader: &Reader) -> Result<DataDigest, LoadError> {
    let dimension = reader.model().dimension;
    reader.in_one_state(|db| {
        let mut digester = Digester::default();
        take_documents(db, dimension, &mut digester)?;
        take_edges(db, &mut digester)?;
        Ok(digester.finish())
    })
}

fn take_documents(db: &Connection, dimension: usize, digester: &mut Digester) -> Result<(), DbError> {
    let mut statement = db.prepare("SELECT key FROM document ORDER BY key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        let found = document(db, &key, dimension)?;
        let (document, chunks) = found.ok_or_else(|| DbError::Value(format!("document {key} is gone")))?;
        digester.document(&key, &document, &chunks).map_err(as_damage)?;
    }
    Ok(())
}

fn take_edges(db: &Connection, digester: &mut Digester) -> Result<(), DbError> {
    let mut statement = db.prepare(&format!("{EDGES} ORDER BY 1, 2"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (source, target): (String, String) = (row.get(0)?, row.get(1)?);
        digester.edge(&source, &target).map_err(as_damage)?;
    }
    Ok(())
}

fn as_damage(error: LoadError) -> DbError {
    DbError::Value(error.to_string())
}
