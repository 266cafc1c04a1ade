//! What the watcher does with files in `raw/`: which of them have changed,
//! and which items one of them holds.

mod read;
mod scan;

pub use read::{ReadError, fetch, read};
pub use scan::{Scan, may_hold_items, scan};
