//! The local model itself: what it gives, and what it refuses.

use std::path::{Path, PathBuf};

use super::super::testing::embed_now;
use super::super::testing::{cache_folder, model_files, provider};
use super::super::{EmbedError, Embedder, Provider as _};
use super::config::Windows;
use super::*;

fn embed(embedder: &mut dyn Embedder, text: &str) -> Vec<f32> {
    embed_now(embedder, &[text]).unwrap().remove(0)
}

fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|component| component.to_bits()).collect()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// Texts of every kind that a chunk can be.
const TEXTS: [&str; 6] = [
    "The quick brown fox jumps over the lazy dog.",
    "",
    "fn main() { println!(\"Grüße, 世界\"); }",
    "| name | default |\n|---|---|\n| LOG_LEVEL | info |",
    "\u{0}\u{fffd}[CLS] [SEP] \u{202e}🦀",
    "a",
];

#[test]
fn vectors_are_those_of_the_models_definition() {
    let Some(provider) = provider() else { return };
    // The first eight and the last two components, calculated once from the
    // same weights with 64-bit floats in another language.
    let expected: [(&str, [f32; 10]); 3] = [
        (
            TEXTS[0],
            [
                0.0439335, 0.0589344, 0.0481784, 0.0775481, 0.0267444, -0.0376296, -0.0026051, -0.059943, 0.0561065,
                0.1020639,
            ],
        ),
        (
            TEXTS[1],
            [
                -0.1188384, 0.0482987, -0.0025481, -0.0110112, 0.0519508, 0.0102917, 0.1154332, 0.0007008, 0.046549,
                -0.0157173,
            ],
        ),
        (
            TEXTS[2],
            [
                -0.0057608, 0.1207222, -0.0642254, -0.0579572, -0.0131353, 0.0023837, -0.0100231, 0.0757067, 0.0224134,
                0.0371729,
            ],
        ),
    ];
    let mut embedder = provider.open().unwrap();
    for (text, components) in expected {
        let vector = embed(embedder.as_mut(), text);
        assert_eq!(vector.len(), 384);
        for (found, expected) in vector[..8].iter().chain(&vector[382..]).zip(components) {
            assert!((found - expected).abs() < 1e-5, "{text:?}: {found} instead of {expected}");
        }
    }
}

#[test]
fn a_vector_depends_on_its_text_alone() {
    let Some(provider) = provider() else { return };
    let mut first = provider.open().unwrap();
    let together = embed_now(first.as_mut(), &TEXTS).unwrap();
    let reversed: Vec<&str> = TEXTS.into_iter().rev().collect();
    // Another session on another thread, in another order, one at a time.
    let alone = std::thread::scope(|scope| {
        let texts = &reversed;
        let other = scope.spawn(move || {
            let mut second = provider.open().unwrap();
            texts.iter().map(|text| embed(second.as_mut(), text)).collect::<Vec<_>>()
        });
        other.join().unwrap()
    });
    for (one, other) in together.iter().zip(alone.iter().rev()) {
        assert_eq!(bits(one), bits(other));
    }
}

#[test]
fn similar_texts_are_closer_than_others() {
    let Some(provider) = provider() else { return };
    let mut embedder = provider.open().unwrap();
    let texts = [
        "How do I install the program?",
        "Setup: download the package and run the installer.",
        "The cat sleeps on the warm roof.",
    ];
    let vectors = embed_now(embedder.as_mut(), &texts).unwrap();
    let (near, far) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
    assert!(near > far + 0.3, "{near} and {far}");
}

#[test]
fn a_text_that_fills_the_window_is_embedded_and_one_token_more_is_an_error() {
    let Some(provider) = provider() else { return };
    assert_eq!(provider.info().window.get(), 256);
    let mut embedder = provider.open().unwrap();
    let full = "word ".repeat(254);
    assert_eq!(provider.word_pieces().count(&full).unwrap(), 256);
    embed(embedder.as_mut(), &full);
    let over = "word ".repeat(255);
    let error = embed_now(embedder.as_mut(), &["short", &over]).unwrap_err();
    assert!(matches!(error, EmbedError::TooLong { index: 1, tokens: 257, .. }), "{error}");
    // The embedder goes on after an error.
    embed(embedder.as_mut(), "short");
}

#[test]
fn word_pieces_say_where_a_text_can_be_cut() {
    let Some(provider) = provider() else { return };
    let word_pieces = provider.word_pieces();
    let text = "Grüße aus der Embedding-Stufe";
    let spans = word_pieces.spans(text).unwrap();
    assert_eq!(word_pieces.count(text).unwrap(), spans.len() + 2);
    assert_eq!(word_pieces.ids(text).unwrap().len(), spans.len() + 2);
    assert!(spans.iter().all(|&(start, end)| text.get(start..end).is_some_and(|piece| !piece.is_empty())), "{spans:?}");
}

#[test]
fn the_fingerprint_names_all_that_changes_a_vector() {
    let (Some(files), Some(provider)) = (model_files(), provider()) else { return };
    let fingerprint = &provider.info().fingerprint;
    for part in [
        &files.weights.sha256,
        &files.tokenizer.sha256,
        &files.config.as_ref().unwrap().sha256,
        &files.runtime.sha256,
        "fp32",
        "window=256",
    ] {
        assert!(fingerprint.contains(part), "{part} is not in {fingerprint}");
    }
    assert!(!fingerprint.contains(&*cache_folder().to_string_lossy()), "where a file lies changes no vector");
}

#[test]
fn a_library_that_is_none_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    let missing = runtime::load(&path).unwrap_err().to_string();
    std::fs::write(&path, b"no library").unwrap();
    let wrong = runtime::load(&path).unwrap_err().to_string();
    for error in [missing, wrong] {
        assert!(error.contains("libonnxruntime.so"), "{error}");
    }
}

/// A copy of the model's small files with what a whole folder has beside
/// them, and the weights by link.
fn own_folder(files: &ModelFiles) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(cache_folder()).unwrap();
    let path = folder.path().to_owned();
    std::fs::copy(&files.config.as_ref().unwrap().path, path.join("config.json")).unwrap();
    std::fs::create_dir(path.join("1_Pooling")).unwrap();
    let pooling = r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#;
    std::fs::write(path.join("1_Pooling/config.json"), pooling).unwrap();
    (folder, path)
}

fn config_error(path: &Path) -> String {
    ModelConfig::read(&path.join("config.json"), Windows::default()).unwrap_err().to_string()
}

#[test]
fn a_folder_says_its_window_and_what_cannot_be_run_is_refused_by_name() {
    let Some(files) = model_files() else { return };
    let (_folder, path) = own_folder(files);
    let window = |path: &Path| ModelConfig::read(&path.join("config.json"), Windows::default()).unwrap().window.get();
    assert_eq!(window(&path), 512, "the positions' table is the last bound");
    std::fs::write(path.join("sentence_bert_config.json"), r#"{"max_seq_length": 128}"#).unwrap();
    assert_eq!(window(&path), 128);
    let original = std::fs::read_to_string(path.join("config.json")).unwrap();
    for (from, to, says) in [
        ("\"bert\"", "\"mpnet\"", "mpnet"),
        ("BertModel", "RobertaModel", "RobertaModel"),
        ("\"gelu\"", "\"relu\"", "relu"),
        ("absolute", "relative_key", "relative_key"),
        ("\"num_attention_heads\": 12", "\"num_attention_heads\": 7", "num_attention_heads"),
        ("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 600000", "dimension"),
        ("\"hidden_size\": 384", "\"hidden_size\": 0", "dimension"),
        ("\"hidden_size\": 384,", "", "hidden_size"),
    ] {
        let changed = original.replace(from, to);
        assert_ne!(changed, original);
        std::fs::write(path.join("config.json"), changed).unwrap();
        let error = config_error(&path);
        assert!(error.contains(says) && error.contains("config.json"), "{error}");
    }
    std::fs::write(path.join("config.json"), original).unwrap();
    std::fs::write(path.join("modules.json"), r#"[{"type": "sentence_transformers.models.Dense"}]"#).unwrap();
    assert!(config_error(&path).contains("Dense"));
    std::fs::remove_file(path.join("modules.json")).unwrap();
    std::fs::write(path.join("1_Pooling/config.json"), r#"{"pooling_mode_weightedmean_tokens": true}"#).unwrap();
    assert!(config_error(&path).contains("pooling_mode_weightedmean_tokens"));
    std::fs::remove_file(path.join("1_Pooling/config.json")).unwrap();
    assert!(config_error(&path).contains("1_Pooling"));
}

#[test]
fn weights_that_are_cut_short_are_an_error_that_names_the_file() {
    let Some(files) = model_files() else { return };
    let folder = tempfile::tempdir_in(cache_folder()).unwrap();
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&files.weights.path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let mut cut = files.clone();
    cut.weights.path = path;
    let error = LocalProvider::load(&cut, LocalOptions::default()).err().expect("it loads").to_string();
    assert!(error.contains("model.safetensors") && error.contains("fetched anew"), "{error}");
}
