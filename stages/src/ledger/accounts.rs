//! Invariant 1, held at every change of state in debug and test builds.

use rusqlite::Connection;

use crate::db::DbError;

/// The numbers that are kept are those of the items: admitted = done +
/// skipped + dead + waiting + in flight. Looks at every item, so only in
/// builds with debug assertions.
pub(super) fn add_up(db: &Connection) -> Result<(), DbError> {
    if cfg!(debug_assertions) {
        let wrong = super::miscounts(db)?;
        debug_assert!(wrong.is_empty(), "invariant 1: {}", wrong.join("; "));
    }
    Ok(())
}
