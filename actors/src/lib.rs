//! docmill's pipeline: each stage an actor, messages between bounded
//! mailboxes, a supervisor over them. The only crate that knows actix.
//!
//! ```text
//! crawler -> raw/ -> watcher -> processor -> chunker -> embedder -> loader -> ledger: done
//! ```
//!
//! Who sends to whom stands in [`pipeline`] alone. What a stage does to one
//! item stands in `docmill_stages`; what happens around it (permits, tickets,
//! retries, restarts) stands here.

#[cfg(not(panic = "unwind"))]
compile_error!("docmill needs panic = \"unwind\": a stage's panic is that item's failure and ends nothing else");

mod call;
mod chunker;
mod crawler;
mod embedder;
mod keeper;
mod loader;
mod mailbox;
mod outage;
pub mod pipeline;
mod pool;
mod processor;
pub mod settings;
mod stage;
pub mod stats;
mod supervisor;
mod ticket;
mod watcher;

pub use stage::Stage;
pub use watcher::file_events_arrive;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Locks, also after a thread panicked with the lock: what the locks here
/// guard is right between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
