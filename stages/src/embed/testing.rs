//! The real model for tests, fetched once into the user's cache folder.

use std::path::PathBuf;
use std::sync::OnceLock;

use futures_util::FutureExt as _;

use super::local::{LocalOptions, LocalProvider};
use super::models::{self, DEFAULT_MODEL, ModelFiles, ModelRequest};
use super::{EmbedError, Embedder, Purpose};

/// The user's cache folder, as the program takes it.
pub(crate) fn cache_folder() -> PathBuf {
    models::default_cache_folder(|name| std::env::var_os(name)).expect("HOME is not set")
}

/// The files of the default model. Where they cannot be had a test has
/// nothing to run on: it says so and ends, but fails where `CI` is set.
pub(crate) fn model_files() -> Option<&'static ModelFiles> {
    static FILES: OnceLock<Option<ModelFiles>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let mut request = ModelRequest::new(DEFAULT_MODEL, cache_folder());
        request.runtime_library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        match models::acquire(&request, &|step| eprintln!("{step:?}")) {
            Ok(files) => Some(files),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "the model cannot be had: {error}");
                eprintln!("SKIPPED: this test needs the model, which cannot be had: {error}");
                None
            }
        }
    });
    if files.is_none() {
        eprintln!("SKIPPED: this test needs the model");
    }
    files.as_ref()
}

/// The default model, loaded.
pub(crate) fn provider() -> Option<&'static LocalProvider> {
    static PROVIDER: OnceLock<LocalProvider> = OnceLock::new();
    let files = model_files()?;
    Some(PROVIDER.get_or_init(|| LocalProvider::load(files, LocalOptions::default()).expect("the model does not load")))
}

/// The vectors of a model on this machine, which waits for nothing.
pub(crate) fn embed_now(embedder: &mut dyn Embedder, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
    embedder.embed(texts, Purpose::Passage).now_or_never().expect("a local model waits for nothing")
}

/// Set for the process that a test starts to do the same again.
pub(crate) const SECOND_PROCESS: &str = "DOCMILL_TEST_SECOND_PROCESS";

/// Whether this is that process.
pub(crate) fn is_second_process() -> bool {
    std::env::var_os(SECOND_PROCESS).is_some()
}
