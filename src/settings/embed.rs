//! From chunks to vectors: the model, where it comes from, and its cache.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use url::Url;

use docmill_stages::embed::local::Precision;

use super::parse::{self, Parsed};
use super::row::settings;

/// Who makes the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingProvider {
    /// A model that runs inside docmill.
    Local,
}

settings! {
    /// From chunks to vectors.
    Embed => Embed {
        /// Who makes the vectors: local (sentence-transformers means the same)
        provider: EmbeddingProvider = "EMBEDDING_PROVIDER", "local", "", provider;
        /// The model: a name that docmill knows, or a folder with its files
        model: String = "EMBEDDING_MODEL", "all-MiniLM-L6-v2", "", parse::text;
        /// The vectors' length; checked against the model's; empty: the model's
        dimension: Option<usize> = "EMBEDDING_DIMENSION", "", "", parse::count_or_open::<1, 65_536>;
        /// Tokens that the model takes at most; empty: as its files say
        window: Option<NonZeroUsize> = "EMBEDDING_WINDOW", "", "tokens", parse::positive_or_open::<1_000_000>;
        /// In how many bits a local model calculates: fp32 or int8, which is faster and almost as exact
        precision: Precision = "EMBEDDING_PRECISION", "fp32", "", precision;
        /// Chunks in one message to an embedder
        batch_size: NonZeroUsize = "EMBEDDING_BATCH_SIZE", "32", "chunks", parse::positive::<4_096>;
        /// Size of the cache of vectors on disk; 0: no cache
        cache_size_max: u64 = "EMBEDDING_CACHE_MAX_MB", "1024", "MiB", parse::mebibytes::<0, { 1 << 50 }>;
        /// Folder that models are kept in; empty: docmill in the user's cache folder
        model_cache_dir: Option<PathBuf> = "MODEL_CACHE_DIR", "", "", parse::path_or_open;
        /// Model hub that a model is fetched from where Python's package index has none
        hub: Url = "HF_ENDPOINT", "https://huggingface.co", "", parse::url;
        /// ONNX Runtime's shared library; empty: fetched with the model
        runtime_library: Option<PathBuf> = "ORT_DYLIB_PATH", "", "", parse::path_or_open;
    }
}

fn precision(text: &str) -> Parsed<Precision> {
    parse::choice(text, &[("fp32", Precision::Fp32), ("int8", Precision::Int8)])
}

fn provider(text: &str) -> Parsed<EmbeddingProvider> {
    match text.to_ascii_lowercase().as_str() {
        "local" | "sentence-transformers" => Ok(EmbeddingProvider::Local),
        "openai" | "ollama" => Err("this version embeds with a local model only: set it to local".to_owned()),
        _ => Err("expected local (or sentence-transformers, which means the same)".to_owned()),
    }
}
