//! The stages' names.

use std::fmt;

use serde::Serialize;

/// A stage of the pipeline, in the order in which an item passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Fetches pages into `raw/`.
    Crawler,
    /// The only door into processing.
    Watcher,
    /// Raw item to document.
    Processor,
    /// Document to chunks.
    Chunker,
    /// Chunks to vectors.
    Embedder,
    /// Into the files and the sinks.
    Loader,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 6] =
        [Self::Crawler, Self::Watcher, Self::Processor, Self::Chunker, Self::Embedder, Self::Loader];

    /// The stage's name, as it stands in logs and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crawler => "crawler",
            Self::Watcher => "watcher",
            Self::Processor => "processor",
            Self::Chunker => "chunker",
            Self::Embedder => "embedder",
            Self::Loader => "loader",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
