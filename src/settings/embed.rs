//! From chunks to vectors: the model, where it comes from, and its cache.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use docmill_stages::embed::local::Precision;

use super::parse::{self, Parsed};
use super::row::settings;
use super::secret::{Secret, ServiceUrl};

/// Who makes the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingProvider {
    /// A model that runs inside docmill.
    Local,
    /// OpenAI, or a service that is compatible with it.
    OpenAi,
    /// Ollama.
    Ollama,
}

impl EmbeddingProvider {
    /// `EMBEDDING_MODEL` where it is left open.
    pub fn default_model(self) -> &'static str {
        match self {
            Self::Local => "all-MiniLM-L6-v2",
            Self::OpenAi => "text-embedding-3-small",
            Self::Ollama => "nomic-embed-text",
        }
    }

    /// Whether its embedders wait for the network and calculate nothing.
    pub fn is_service(self) -> bool {
        !matches!(self, Self::Local)
    }
}

settings! {
    /// From chunks to vectors.
    Embed => Embed {
        /// Who makes the vectors: local (sentence-transformers means the same), openai or ollama
        provider: EmbeddingProvider = "EMBEDDING_PROVIDER", "local", "", provider;
        /// The model; empty: all-MiniLM-L6-v2, text-embedding-3-small or nomic-embed-text, after the provider
        model: String = "EMBEDDING_MODEL", "", "", parse::text;
        /// The vectors' length; checked against the model's; empty: the model's
        dimension: Option<usize> = "EMBEDDING_DIMENSION", "", "", parse::count_or_open::<1, 65_536>;
        /// Tokens that the model takes at most; empty: as its files or its service say, else 512
        window: Option<NonZeroUsize> = "EMBEDDING_WINDOW", "", "tokens", window;
        /// Words before each question, such as query: for E5; a blank is put after them
        query_prefix: String = "EMBEDDING_QUERY_PREFIX", "", "", parse::text;
        /// Words before each chunk, such as passage: for E5; a blank is put after them
        passage_prefix: String = "EMBEDDING_PASSAGE_PREFIX", "", "", parse::text;
        /// In how many bits a local model calculates: fp32 or int8, which is faster and almost as exact
        precision: Precision = "EMBEDDING_PRECISION", "fp32", "", precision;
        /// Chunks in one message to an embedder
        batch_size: NonZeroUsize = "EMBEDDING_BATCH_SIZE", "32", "chunks", parse::positive::<4_096>;
        /// Times that a request to a service is repeated after a failure that may pass
        retries_max: usize = "EMBEDDING_RETRIES", "5", "", parse::count::<0, 100>;
        /// Time that a service may take over one request
        timeout: Duration = "EMBEDDING_TIMEOUT", "60", "s", parse::seconds::<100, 3_600>;
        /// Key of OpenAI or of a compatible service; a compatible one may need none
        openai_key: Option<Secret> = "OPENAI_API_KEY" [secret], "", "", parse::secret;
        /// Address of OpenAI or of a compatible service, up to what stands before /embeddings
        openai_base: ServiceUrl = "OPENAI_API_BASE", "https://api.openai.com/v1", "", service_url;
        /// Organisation at OpenAI that is billed
        openai_organisation: Option<Secret> = "OPENAI_ORG_ID" [secret], "", "", parse::secret;
        /// Address of Ollama
        ollama_base: ServiceUrl = "OLLAMA_BASE_URL", "http://localhost:11434", "", service_url;
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
        "openai" => Ok(EmbeddingProvider::OpenAi),
        "ollama" => Ok(EmbeddingProvider::Ollama),
        _ => Err("expected local (or sentence-transformers, which means the same), openai or ollama".to_owned()),
    }
}

fn window(text: &str) -> Parsed<Option<NonZeroUsize>> {
    let window = parse::count_or_open::<32, 10_000_000>(text)?;
    Ok(window.and_then(NonZeroUsize::new))
}

fn service_url(text: &str) -> Parsed<ServiceUrl> {
    let url = parse::url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("expected an address without ? and #".to_owned());
    }
    Ok(ServiceUrl::new(url))
}
