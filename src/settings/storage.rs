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
        /// Whether documents are loaded into Neo4j too; this version cannot yet
        use_neo4j: bool = "USE_NEO4J", "false", "", use_neo4j;
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

fn use_neo4j(text: &str) -> Parsed<bool> {
    match parse::flag(text)? {
        true => {
            Err("this version does not load into Neo4j yet: set it to false; `docmill search` works without".to_owned())
        }
        false => Ok(false),
    }
}
