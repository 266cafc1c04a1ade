//! What is logged.

use log::LevelFilter;

use super::parse::{self, Parsed};
use super::row::settings;

settings! {
    /// What is logged.
    Log => Log {
        /// Least weight of what docmill logs: TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or OFF
        level: LevelFilter = "LOG_LEVEL", "INFO", "", level;
        /// A filter that wins over LOG_LEVEL and covers libraries too, such as info,docmill_stages::crawl=debug
        filter: String = "RUST_LOG", "", "", parse::text;
    }
}

/// Python's names of levels, and Rust's.
fn level(text: &str) -> Parsed<LevelFilter> {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" | "NOTSET" => Ok(LevelFilter::Trace),
        "DEBUG" => Ok(LevelFilter::Debug),
        "INFO" => Ok(LevelFilter::Info),
        "WARNING" | "WARN" => Ok(LevelFilter::Warn),
        "ERROR" | "CRITICAL" | "FATAL" => Ok(LevelFilter::Error),
        "OFF" => Ok(LevelFilter::Off),
        _ => Err("expected TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or OFF".to_owned()),
    }
}
