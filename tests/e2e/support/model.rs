//! The real embedding model, fetched once into the user's cache folder.

use std::path::PathBuf;
use std::sync::OnceLock;

use docmill_stages::embed::models::{self, DEFAULT_MODEL, ModelFiles, ModelRequest};

/// The folder that the program is given as `MODEL_CACHE_DIR`: the user's own,
/// so that a model is fetched once and not for each test.
pub(crate) fn cache_folder() -> PathBuf {
    let models = models_folder();
    models.parent().expect("the models' folder is in the cache folder").to_owned()
}

fn models_folder() -> PathBuf {
    models::default_cache_folder(|name| std::env::var_os(name)).expect("HOME is not set")
}

/// Makes sure that the model is there. Where it cannot be had this says so
/// loudly and is false (the test then ends); where `CI` is set it is a
/// failure.
pub(crate) fn is_there() -> bool {
    let is_there = files().is_some();
    if !is_there {
        eprintln!("SKIPPED: this test needs the embedding model, which cannot be had");
    }
    is_there
}

/// The model's files; `None` as in [`is_there`].
pub(crate) fn files() -> Option<&'static ModelFiles> {
    static FILES: OnceLock<Option<ModelFiles>> = OnceLock::new();
    let acquire = || {
        let request = ModelRequest::new(DEFAULT_MODEL, models_folder());
        match models::acquire(&request, &|_step| ()) {
            Ok(files) => Some(files),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "the model cannot be had: {error}");
                eprintln!("the model cannot be had: {error}");
                None
            }
        }
    };
    FILES.get_or_init(acquire).as_ref()
}

/// Ends a test loudly where the model cannot be had.
macro_rules! needs_model {
    () => {
        if !$crate::support::model::is_there() {
            return;
        }
    };
}
pub(crate) use needs_model;
