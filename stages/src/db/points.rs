//! The fault points around a commit, by the database that a thread writes.

use crate::fault;

/// The transaction is whole and not committed.
///
/// # Errors
/// A test asked for it.
pub(super) fn before_commit() -> std::io::Result<()> {
    match std::thread::current().name() {
        Some("state") => fault::point("state.commit")?,
        Some("index") => fault::point("index.commit")?,
        Some("embedding-cache") => fault::point("cache.commit")?,
        _ => {}
    }
    Ok(())
}

/// It is committed, and nobody was told.
pub(super) fn after_commit() {
    match std::thread::current().name() {
        Some("state") => fault::pass("state.committed"),
        Some("index") => fault::pass("index.committed"),
        Some("embedding-cache") => fault::pass("cache.committed"),
        _ => {}
    }
}
