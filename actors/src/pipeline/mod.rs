//! The pipeline: builds the stages' actors, last stage first, wires who sends
//! to whom, runs them to an end and stops them.

mod batch;
mod fingerprints;
mod idle;
mod letters;
mod recover;
mod run;
mod stop;
mod wiring;

use std::path::PathBuf;
use std::sync::Arc;

use docmill_stages::batch::WorkFolder;
use docmill_stages::chunk::tokens::TokenCounter;
use docmill_stages::chunk::{self, ChunkOptions};
use docmill_stages::crawl::url::UrlRules;
use docmill_stages::db::Writer;
use docmill_stages::embed::Provider;
use docmill_stages::embed::cache::VectorCache;
use docmill_stages::load::Sink;
use docmill_stages::process::{self, ProcessOptions};
use docmill_stages::store::Store;

pub use crate::crawler::CrawlPlan;
pub use fingerprints::Fingerprints;
pub use run::{Ended, Mode, Plan};
pub use stop::Stop;
pub use wiring::Pipeline;

use crate::settings::{ActorCounts, Limits, RestartIntensity, Retry};

/// All that a pipeline is made of.
pub struct Parameters {
    /// Where files lie.
    pub store: Arc<dyn Store>,
    /// The raw folder, where it is a folder that the system can watch.
    pub raw_folder: Option<PathBuf>,
    /// state.db.
    pub state: Writer,
    /// Whether the run before this one ended by itself or by a person: then no item
    /// that was being worked on is suspected.
    pub was_ended_on_purpose: bool,
    /// How URLs are normalised.
    pub urls: UrlRules,
    /// What comes after the raw items; `None` where only pages are fetched.
    pub processing: Option<Processing>,
    /// Actors of each stage.
    pub actors: ActorCounts,
    /// Bounds.
    pub limits: Limits,
    /// When failed items are tried again.
    pub retry: Retry,
    /// How many restarts are borne.
    pub restarts: RestartIntensity,
}

/// What the stages from the processor to the loader are made of.
pub struct Processing {
    /// Batch mode's outputs between stages.
    pub work: WorkFolder,
    /// Where documents are loaded to, beside the files.
    pub sinks: Vec<Arc<dyn Sink>>,
    /// The processor's options.
    pub process: ProcessOptions,
    /// The chunker's options.
    pub chunk: ChunkOptions,
    /// Counts tokens as the embedding model does.
    pub tokens: Arc<dyn TokenCounter>,
    /// The embedding model.
    pub provider: Arc<dyn Provider>,
    /// Vectors that were made before.
    pub cache: Option<Arc<VectorCache>>,
}

impl Processing {
    /// What it makes its outputs with.
    pub fn fingerprints(&self) -> Fingerprints {
        Fingerprints::new(
            &process::fingerprint(),
            &chunk::fingerprint(&self.chunk, self.tokens.id()),
            &self.provider.info().fingerprint,
        )
    }
}
