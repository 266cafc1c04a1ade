//! Which stage calls are under way, so that an item that ends the whole
//! process is known at the next start.

use rusqlite::{Connection, params};

use super::dead::VERSION;
use super::{CRASHES_MAX, accounts};
use crate::db::DbError;
use crate::fault;

/// Marks that a stage call on an item (its part, where it is cut in parts)
/// begins. Written before the call: the mark outlives the process.
pub fn begin_call(db: &Connection, key: &str, stage: &str, part: u32) -> Result<(), DbError> {
    db.prepare_cached("INSERT OR REPLACE INTO stage_call (key, stage, part) VALUES (?1, ?2, ?3)")?
        .execute(params![key, stage, part])?;
    fault::point("ledger.begin_call")?;
    Ok(())
}

/// Marks that it has ended, however.
pub fn end_call(db: &Connection, key: &str, stage: &str, part: u32) -> Result<(), DbError> {
    db.prepare_cached("DELETE FROM stage_call WHERE key = ?1 AND stage = ?2 AND part = ?3")?
        .execute(params![key, stage, part])?;
    Ok(())
}

/// What a process does first with a ledger that another may have left in the
/// middle: items in flight wait again, unburnt; those in a stage call have
/// one crash more, and with [`CRASHES_MAX`] are dead. Returns how many items
/// were in flight. Without `suspects` no crash is counted: it is known that
/// no item ended the process.
pub fn recover_after_crash(db: &Connection, suspects: bool) -> Result<usize, DbError> {
    if suspects {
        db.execute(
            "UPDATE item SET crashes = crashes + 1,
                    stage = (SELECT stage FROM stage_call WHERE stage_call.key = item.key)
             WHERE state = 'in_flight' AND key IN (SELECT key FROM stage_call)",
            [],
        )?;
    }
    db.execute("DELETE FROM stage_call", [])?;
    db.execute(
        "UPDATE item SET state = 'dead', died_in = ?2, error_kind = 'crashed',
                error = 'the program ended ' || crashes || ' times while it worked on this item'
         WHERE state = 'in_flight' AND crashes >= ?1",
        params![CRASHES_MAX, VERSION],
    )?;
    let in_flight = db.execute("UPDATE item SET state = 'waiting' WHERE state = 'in_flight'", [])?;
    accounts::add_up(db)?;
    Ok(in_flight)
}
