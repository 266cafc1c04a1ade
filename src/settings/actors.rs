//! How many actors each stage has: as typed, and with what is left open
//! worked out from the machine's cores.

use std::num::NonZeroUsize;

use super::embed::EmbeddingProvider;
use super::parse;
use super::row::settings;

/// The most actors of one stage.
const ACTORS_MAX: usize = 256;
/// Requests to a service at a time, where nothing else is said. Unwrapped while
/// it is compiled: it cannot fail later.
const EMBEDDERS_OF_A_SERVICE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

settings! {
    /// How many actors each stage has; `None` is left to the cores.
    Actors => ActorsTyped {
        /// Actors that fetch pages
        crawlers: Option<NonZeroUsize> = "CRAWLER_ACTORS", "auto", "", parse::positive_or_open::<ACTORS_MAX>;
        /// Actors that make Markdown
        processors: Option<NonZeroUsize> = "PROCESSOR_ACTORS", "auto", "", parse::positive_or_open::<ACTORS_MAX>;
        /// Actors that cut chunks
        chunkers: Option<NonZeroUsize> = "CHUNKER_ACTORS", "auto", "", parse::positive_or_open::<ACTORS_MAX>;
        /// Actors that make vectors, each with a session of the model or a request to the service
        embedders: Option<NonZeroUsize> = "EMBEDDER_ACTORS", "auto", "", parse::positive_or_open::<ACTORS_MAX>;
        /// Actors that write files and the index
        loaders: Option<NonZeroUsize> = "LOADER_ACTORS", "auto", "", parse::positive_or_open::<ACTORS_MAX>;
    }
}

/// How many actors each stage has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actors {
    /// Actors that fetch pages.
    pub crawlers: NonZeroUsize,
    /// Actors that make Markdown.
    pub processors: NonZeroUsize,
    /// Actors that cut chunks.
    pub chunkers: NonZeroUsize,
    /// Actors that make vectors.
    pub embedders: NonZeroUsize,
    /// Actors that write files and the index.
    pub loaders: NonZeroUsize,
}

impl Actors {
    /// Fills in what was left open. Crawlers wait for the network, and one
    /// loader keeps SQLite's one writer busy; embedding is what takes the
    /// time, so it may use every core, and what comes before it half of them.
    /// Embedders that ask a service only wait, whatever the cores.
    pub fn resolve(typed: &ActorsTyped, cores: usize, provider: EmbeddingProvider) -> Self {
        let share = |part: usize| NonZeroUsize::new((cores / part).min(ACTORS_MAX)).unwrap_or(NonZeroUsize::MIN);
        let embedders = if provider.is_service() { EMBEDDERS_OF_A_SERVICE } else { share(1) };
        Self {
            crawlers: typed.crawlers.unwrap_or(NonZeroUsize::MIN.saturating_add(1)),
            processors: typed.processors.unwrap_or(share(2)),
            chunkers: typed.chunkers.unwrap_or(share(4)),
            embedders: typed.embedders.unwrap_or(embedders),
            loaders: typed.loaders.unwrap_or(NonZeroUsize::MIN),
        }
    }

    /// The counts by the names of their settings.
    pub fn by_name(&self) -> [(&'static str, NonZeroUsize); 5] {
        [
            ("CRAWLER_ACTORS", self.crawlers),
            ("PROCESSOR_ACTORS", self.processors),
            ("CHUNKER_ACTORS", self.chunkers),
            ("EMBEDDER_ACTORS", self.embedders),
            ("LOADER_ACTORS", self.loaders),
        ]
    }
}
