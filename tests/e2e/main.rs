//! End-to-end tests: the built program against real servers on loopback.
//!
//! One binary, a module a topic. The embedding model is the real one, fetched
//! once into the user's cache folder. `DOCMILL_SOAK=1` runs the long forms,
//! `DOCMILL_TEST_SEED` sets the seed of what is made at random.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in helpers too"
)]

mod support;

mod architecture;
mod bad_input;
mod bad_pages;
mod book;
mod cli;
mod crash;
mod crawl;
mod crawl_again;
mod crawl_limits;
mod damaged;
mod dead;
mod demo;
mod digest;
mod docs2vector;
mod doctor;
mod faults;
mod full_disk;
mod hangs;
mod live;
mod mending;
mod migrate;
mod models;
mod neo4j;
mod pressure;
mod providers;
mod search;
mod upkeep;
mod verify;
mod watch;
