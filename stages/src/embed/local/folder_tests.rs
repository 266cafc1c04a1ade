//! Models in folders of one's own: BERT with each pooling, ONNX with each
//! output, prompts, windows. The tiny models and what they must give come from
//! `stages/tests/fixtures/sentence-models/make.py`.

use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;

use super::super::Purpose;
use super::super::models::{self, ModelError, ModelRequest};
use super::super::testing::model_files;
use super::super::{EmbedError, Provider as _};
use super::*;

const PROMPTS: &str = r#"{"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": null}"#;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sentence-models")
}

/// A folder with the tokenizer and these files of the fixtures, under these
/// names.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in files.iter().chain(&[("tokenizer.json", "tokenizer.json")]) {
        let path = folder.path().join(to);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(fixtures().join(from), path).unwrap();
    }
    folder
}

const BERT: &[(&str, &str)] = &[("bert.safetensors", "model.safetensors"), ("bert.json", "config.json")];

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn set_pooling(folder: &tempfile::TempDir, mode: &str) {
    write(
        folder,
        "1_Pooling/config.json",
        &format!(r#"{{"word_embedding_dimension": 8, "{mode}": true, "pooling_mode_x": false}}"#),
    );
}

fn acquire(folder: &tempfile::TempDir) -> Result<ModelFiles, ModelError> {
    let mut request = ModelRequest::new(folder.path().to_str().unwrap(), folder.path());
    // A process takes only one runtime.
    request.runtime_library = model_files().map(|files| files.runtime.path.clone());
    models::acquire(&request, &|_| {})
}

fn load(folder: &tempfile::TempDir, window: Option<usize>) -> Result<LocalProvider, EmbedError> {
    let options = LocalOptions { window: window.and_then(NonZeroUsize::new), ..LocalOptions::default() };
    LocalProvider::load(&acquire(folder).unwrap(), options)
}

fn error(folder: &tempfile::TempDir, window: Option<usize>) -> EmbedError {
    load(folder, window).err().expect("it loads")
}

/// Holds the model's vectors to those of `expected.json` under `name`.
fn check(provider: &LocalProvider, purpose: Purpose, name: &str) {
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixtures().join("expected.json")).unwrap()).unwrap();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let vectors: Vec<Vec<f32>> = serde_json::from_value(expected["vectors"][name].clone()).expect(name);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut embedder = provider.open().unwrap();
    let found = embedder.embed(&texts, purpose).now_or_never().unwrap().unwrap();
    for (found, expected) in found.iter().flatten().zip(vectors.iter().flatten()) {
        assert!((found - expected).abs() < 2e-6, "{name}: {found} instead of {expected}");
    }
    assert_eq!(found.len(), vectors.len());
    // A second session, which an ONNX model opens anew, gives the same bits.
    let again = provider.open().unwrap().embed(&texts, purpose).now_or_never().unwrap().unwrap();
    assert_eq!(found, again);
}

const POOLINGS: [(&str, &str); 4] = [
    ("pooling_mode_mean_tokens", "mean"),
    ("pooling_mode_cls_token", "cls"),
    ("pooling_mode_max_tokens", "max"),
    ("pooling_mode_lasttoken", "last"),
];

#[test]
fn every_pooling_gives_what_its_definition_says() {
    if model_files().is_none() {
        return;
    }
    let mut fingerprints = std::collections::BTreeSet::new();
    for (kind, files) in [("bert", BERT), ("tokens", &[("tokens.onnx", "model.onnx"), ("bert.json", "config.json")])] {
        let folder = folder(files);
        for (mode, name) in POOLINGS {
            set_pooling(&folder, mode);
            let provider = load(&folder, None).unwrap();
            assert_eq!((provider.info().dimension, provider.info().window.get()), (8, 32));
            check(&provider, Purpose::Passage, &format!("{kind} {name}"));
            fingerprints.insert(provider.info().fingerprint.clone());
        }
    }
    assert_eq!(fingerprints.len(), 8);
}

#[test]
fn a_graph_that_gives_a_vector_a_text_needs_no_description_but_a_window() {
    if model_files().is_none() {
        return;
    }
    let folder = folder(&[("sentence.onnx", "onnx/model.onnx")]);
    let said = error(&folder, None);
    assert!(matches!(said, EmbedError::WindowUnknown { .. }) && said.is_setting(), "{said}");
    assert!(said.to_string().contains("EMBEDDING_WINDOW"));
    let provider = load(&folder, Some(6)).unwrap();
    assert_eq!(provider.info().window.get(), 6);
    let long = provider.open().unwrap().embed(&["a b c d e"], Purpose::Passage).now_or_never().unwrap();
    assert!(matches!(long, Err(EmbedError::TooLong { tokens: 7, .. })), "{long:?}");
    check(&load(&folder, Some(32)).unwrap(), Purpose::Question, "sentence");
    write(&folder, "tokenizer_config.json", r#"{"model_max_length": 1000000000000000019884624838656}"#);
    assert!(matches!(error(&folder, None), EmbedError::WindowUnknown { .. }));
    write(&folder, "tokenizer_config.json", r#"{"model_max_length": 24}"#);
    assert_eq!(load(&folder, None).unwrap().info().window.get(), 24);
    write(&folder, "config.json", r#"{"model_type": "xlm-roberta", "max_position_embeddings": 22}"#);
    assert_eq!(load(&folder, None).unwrap().info().window.get(), 20);
    assert!(matches!(error(&folder, Some(21)), EmbedError::WindowTooLarge { .. }));
}

#[test]
fn prompts_go_in_front_by_purpose_and_take_their_room_off_the_window() {
    if model_files().is_none() {
        return;
    }
    let tokens: &[(&str, &str)] = &[("tokens.onnx", "model.onnx"), ("bert.json", "config.json")];
    for (files, mode, name) in
        [(BERT, "pooling_mode_cls_token", "bert cls"), (tokens, "pooling_mode_mean_tokens", "tokens mean")]
    {
        let folder = folder(files);
        set_pooling(&folder, mode);
        let without = load(&folder, None).unwrap();
        write(&folder, "config_sentence_transformers.json", PROMPTS);
        let with = load(&folder, None).unwrap();
        assert_eq!((with.prompts().question.as_str(), with.prompts().passage.as_str()), ("query: ", "passage: "));
        assert_ne!(with.info().fingerprint, without.info().fingerprint);
        // `passage` and `:` are a token each.
        assert_eq!(with.info().window.get(), without.info().window.get() - 2);
        check(&with, Purpose::Question, &format!("{name} question"));
        check(&with, Purpose::Passage, &format!("{name} passage"));
        let text = "a ".repeat(with.info().window.get() - 2);
        with.open().unwrap().embed(&[&text], Purpose::Passage).now_or_never().unwrap().unwrap();
        write(&folder, "config_sentence_transformers.json", r#"{"prompts": {"x": "a b"}, "default_prompt_name": "x"}"#);
        assert_eq!(
            *load(&folder, None).unwrap().prompts(),
            Prompts { question: "a b".to_owned(), passage: "a b".to_owned() }
        );
        write(&folder, "config_sentence_transformers.json", &PROMPTS.replace("query: ", &"a ".repeat(30)));
        assert!(matches!(error(&folder, None), EmbedError::PromptTooLong { tokens: 32, .. }));
    }
}

#[test]
fn weights_beside_a_graph_are_part_of_the_model() {
    if model_files().is_none() {
        return;
    }
    let files = [("external.onnx", "onnx/model.onnx"), ("bert.json", "config.json")];
    let folder = folder(&files);
    set_pooling(&folder, "pooling_mode_mean_tokens");
    let missing = acquire(&folder).unwrap_err().to_string();
    assert!(missing.contains("model.onnx_data"), "{missing}");
    let beside = folder.path().join("onnx/model.onnx_data");
    let mut bytes = std::fs::read(fixtures().join("model.onnx_data")).unwrap();
    std::fs::write(&beside, &bytes).unwrap();
    let provider = load(&folder, None).unwrap();
    check(&provider, Purpose::Passage, "tokens mean");
    bytes[0] ^= 1;
    std::fs::write(&beside, &bytes).unwrap();
    assert_ne!(load(&folder, None).unwrap().info().fingerprint, provider.info().fingerprint);
    // A name that leads out of the folder is not followed.
    let graph = folder.path().join("onnx/model.onnx");
    let text = std::fs::read(&graph).unwrap();
    let position = text.windows(15).position(|name| name == b"model.onnx_data").unwrap();
    let mut hostile = text.clone();
    hostile[position..position + 15].copy_from_slice(b"../../etc/hosts");
    std::fs::write(&graph, hostile).unwrap();
    assert!(acquire(&folder).unwrap_err().to_string().contains("../../etc/hosts"));
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    if model_files().is_none() {
        return;
    }
    let onnx = folder(&[("tokens.onnx", "model.onnx"), ("bert.json", "config.json")]);
    assert!(error(&onnx, None).to_string().contains("1_Pooling"));
    set_pooling(&onnx, "pooling_mode_mean_tokens");
    write(&onnx, "modules.json", r#"[{"type": "sentence_transformers.models.Dense"}]"#);
    assert!(error(&onnx, None).to_string().contains("Dense"));
    std::fs::remove_file(onnx.path().join("modules.json")).unwrap();
    let options = LocalOptions { precision: Precision::Int8, window: None };
    let int8 = LocalProvider::load(&acquire(&onnx).unwrap(), options).err().unwrap();
    assert!(int8.is_setting() && int8.to_string().contains("EMBEDDING_PRECISION"), "{int8}");
    let graph = std::fs::read(onnx.path().join("model.onnx")).unwrap();
    for length in [0, 1, graph.len() / 2, graph.len() - 1] {
        std::fs::write(onnx.path().join("model.onnx"), &graph[..length]).unwrap();
        assert!(error(&onnx, None).to_string().contains("model.onnx"), "{length}");
    }
    let mut other = graph.clone();
    for position in 0..other.len() - 14 {
        if &other[position..position + 14] == b"token_type_ids" {
            other[position..position + 14].copy_from_slice(b"position_ids_x");
        }
    }
    std::fs::write(onnx.path().join("model.onnx"), other).unwrap();
    assert!(error(&onnx, None).to_string().contains("position_ids_x"));
}
