//! The program's parts: settings, the command line, what a person sees.
//!
//! A library so that tests, benchmarks and examples can reach them; the
//! program itself is `main.rs`.

pub mod cli;
pub mod commands;
pub mod data_dir;
pub mod demo;
pub mod exit;
pub mod log;
pub mod memory;
pub mod progress;
pub mod search_output;
pub mod settings;
