//! What each stage of docmill does, as plain functions and small types.
//!
//! A stage can be called from a test, a benchmark or another program without
//! an actor system: nothing in this crate knows of one. The folders are named
//! after the stages, in the order in which an item passes them; beside them
//! stands what they share.
//!
//! | folder | value in | value out |
//! |---|---|---|
//! | [`crawl`] | start URLs | [`item::RawItem`]s in the store |
//! | [`process`] | [`item::RawItem`] | [`item::Document`] (Markdown and metadata) |
//! | [`chunk`] | [`item::Document`] | [`item::Chunk`]s |
//! | [`embed`] | the texts of chunks | vectors |
//! | [`load`] | an embedded document | rows of the index; search and digest read them |

pub mod batch;
pub mod chunk;
pub mod clock;
pub mod crawl;
pub mod db;
pub mod dead;
pub mod embed;
pub mod failure;
pub mod fault;
pub mod fingerprint;
pub mod item;
pub mod ledger;
pub mod load;
pub mod process;
pub mod room;
pub mod state;
pub mod store;
pub mod take_out;
pub mod tokenizer;
pub mod verify;
pub mod watch;
