//! SQLite as the three databases use it: opened one way, migrated forward,
//! written by one thread that groups transitions into transactions.

mod again;
pub(crate) mod damage;
mod error;
mod open;
mod points;
mod writer;

pub use rusqlite::Connection;

pub use self::error::DbError;
pub use self::open::{Schema, fault, open, open_read_only};
pub use self::writer::Writer;
