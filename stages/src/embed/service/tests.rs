//! Addresses, and what of them may be shown.

use super::*;
use crate::chunk::tokens::{HuggingFaceCounter, OpenAiCounter};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn paths_are_joined_whatever_the_address_ends_with() {
    for base in ["https://a.example/v1", "https://a.example/v1/"] {
        assert_eq!(below(&url(base), &["embeddings"]).as_str(), "https://a.example/v1/embeddings");
    }
    assert_eq!(below(&url("http://a.example"), &["api", "embed"]).as_str(), "http://a.example/api/embed");
}

#[test]
fn a_fingerprint_names_what_changes_a_vector_and_no_secret() {
    let of = |base: &str, model: &str, dimension| {
        let wire = OpenAi { base: url(base), key: Some(Key::new("sk-1")), organisation: None, dimension: None };
        fingerprint(&wire.into_wire(model), model, dimension)
    };
    let base = of("https://me:sw0rdfish@a.example/v1/?key=sw0rdfish", "m", 3);
    assert_eq!(base, "openai;base=https://a.example/v1;model=m;dimension=3;code=1");
    assert_eq!(base, of("https://a.example/v1", "m", 3));
    for other in
        [of("https://b.example/v1", "m", 3), of("https://a.example/v1", "n", 3), of("https://a.example/v1", "m", 4)]
    {
        assert_ne!(base, other);
    }
}
/// What the half of a window is left for: another vocabulary than the one that
/// estimates. Prose, tables, code and paths, as this project has them.
#[test]
fn half_of_a_window_is_enough_for_another_vocabulary() {
    let Some(files) = crate::embed::testing::model_files() else { return };
    let other = HuggingFaceCounter::from_bytes(&std::fs::read(&files.tokenizer.path).unwrap()).unwrap();
    let estimate = OpenAiCounter::estimate().unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in ["README.md", "ARCHITECTURE.md", "Cargo.toml", "stages/src/embed/service/mod.rs"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        for passage in text.split("\n\n").filter(|passage| passage.len() > 200) {
            let (estimated, counted) = (estimate.count(passage), other.count(passage) + other.special());
            assert!(counted <= 2 * estimated, "{file}: {counted} tokens, {estimated} estimated: {passage}");
        }
    }
}
