//! Faults on purpose: the built program at every fault point there is
//! (`docmill_stages::fault`), and under storms of panics.
//!
//! A binary of its own, so that these runs can be asked for alone. The vectors
//! come from a service on loopback: it is recovery that is tested here.
//! `DOCMILL_SOAK=1` runs the long forms.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in helpers too"
)]

#[path = "../e2e/support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the end-to-end tests, which need more of it")]
mod support;

mod ground;
mod pull;
mod storm;
mod table;
