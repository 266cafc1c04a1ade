//! Fault points, in test builds only: a place where a test makes a stage
//! panic, hang or be slow on one item, or on all.
//!
//! `FAILPOINTS="processor=panic"` as the `fail` library reads it; and
//! `DOCMILL_FAULT_URL`, a text that an item's URL has to contain.

/// Acts as told, if `url` is one that is meant.
#[cfg(feature = "failpoints")]
pub(crate) fn point(name: &str, url: &str) {
    use std::sync::OnceLock;
    static ONLY: OnceLock<Option<String>> = OnceLock::new();
    let only = ONLY.get_or_init(|| {
        // Reads FAILPOINTS; what is set there holds for the whole process.
        std::mem::forget(fail::FailScenario::setup());
        std::env::var("DOCMILL_FAULT_URL").ok()
    });
    if only.as_ref().is_none_or(|part| url.contains(part.as_str())) {
        fail::fail_point!(name);
    }
}

/// Nothing, outside test builds.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn point(_name: &str, _url: &str) {}
