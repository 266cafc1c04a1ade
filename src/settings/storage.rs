//! Where data goes.

use std::path::PathBuf;

use super::parse::{self, Parsed};
use super::row::settings;

/// Where files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageMode {
    /// In `DATA_DIR`.
    Local,
    /// Where a bucket is set up, there; else in `DATA_DIR`. This version knows
    /// of no buckets.
    Auto,
}

settings! {
    /// Where data goes.
    Storage => Storage {
        /// Folder that everything is written under
        data_dir: PathBuf = "DATA_DIR", "./data", "", parse::path;
        /// Where files are kept: local or auto, which in this version are the same
        mode: StorageMode = "STORAGE_MODE", "auto", "", storage_mode;
    }
}

fn storage_mode(text: &str) -> Parsed<StorageMode> {
    match text.to_ascii_lowercase().as_str() {
        "local" => Ok(StorageMode::Local),
        "auto" => Ok(StorageMode::Auto),
        "s3" => Err("this version keeps files in DATA_DIR only: set it to local or auto".to_owned()),
        _ => Err("expected local or auto".to_owned()),
    }
}
