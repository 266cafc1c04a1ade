//! The ledger: what was admitted, and what became of it.
//!
//! Invariant 1: every item is in exactly one state, so at any moment
//!
//! ```text
//! admitted = done + skipped + dead + waiting + in flight
//! ```
//!
//! Functions over a connection, meant to run inside [`crate::db::Writer`]'s
//! writes; time is an argument (milliseconds since 1970). A ticket's
//! transitions name its generation, and one that is stale changes nothing.

mod accounts;
mod admit;
mod again;
mod audit;
mod calls;
mod counts;
mod dead;
mod outputs;
mod raw_files;
mod settle;
mod take;

#[cfg(test)]
mod tests;

pub use admit::{Admission, Candidate, Location, admit};
pub use again::{KnownPage, gone, pages, read_refused_anew, reprocess, taken_out};
pub use audit::{
    Booked, BookedOutput, ItemState, booked, booked_as, booked_stems, miscounts, newest_scraped_at, recount,
};
pub use calls::{begin_call, end_call, recover_after_crash};
pub use counts::{Apart, Counts, apart, counts};
pub use dead::{
    DeadItem, Dropped, LetterDue, Named, dead_after, dead_items, drop_dead, letters_due, letters_followed, named,
    revive,
};
pub use outputs::{OUTPUT_FILES, Output, forget_output, note_output, old_stems, outputs_of, requeue, requeue_stale};
pub use raw_files::{RawFile, Refused, admit_file, forget_files, is_raw_lost, raw_files, refuse_file};
pub use settle::{Attempt, Settlement, Verdict, settle};
pub use take::{InFlightRoom, Taken, least_stored_stage, next_due, take};

/// An item that was marked in a stage call at so many crashes is run alone.
pub const CRASHES_ALONE: u32 = 2;
/// At so many, it is dead.
pub const CRASHES_MAX: u32 = 3;
