//! 8 bits against 32, on the handbook and on texts of every kind.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::testing::{SECOND_PROCESS, embed_now, is_second_process, model_files, provider};
use super::super::{EmbedError, Embedder, Provider as _};
use super::*;
use crate::item::RawItem;
use crate::process::{ProcessOptions, process};

const INT8: LocalOptions = LocalOptions { precision: Precision::Int8, window: None };

/// Texts that no documentation of one project would hold.
const VARIED: [&str; 16] = [
    "",
    "a",
    "¿Cómo instalo el programa en mi ordenador?",
    "Der Zeiger wird ungültig, sobald der Besitzer den Speicher freigibt.",
    "日本語のテキストを埋め込みます。",
    "Привет, мир! Как дела?",
    "🚀🔥 emoji only 😀",
    "SELECT name, count(*) FROM users GROUP BY name HAVING count(*) > 1;",
    "error[E0382]: borrow of moved value: `text`",
    "| name | default |\n|---|---|\n| LOG_LEVEL | info |",
    "https://example.com/a/b?c=d#e",
    "The cat sleeps on the warm roof while rain falls on the harbour.",
    "E = mc², and ∑ᵢ xᵢ² ≤ 1 for all x in the unit ball.",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "1,234.56 7.8e-9 0xdeadbeef 2026-11-24T15:29:06Z",
    "def quicksort(a):\n    return a if len(a) < 2 else quicksort([x for x in a[1:] if x < a[0]])",
];

/// Paragraphs of the handbook's pages, of at most 120 words.
fn handbook() -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample-site")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") {
                let html = std::fs::read_to_string(&path).unwrap();
                let raw = serde_json::json!({ "url": "https://docs.example.com/", "title": "", "html_content": html });
                let raw: RawItem = serde_json::from_value(raw).unwrap();
                let document = process(&raw, &raw.url, &ProcessOptions::default()).unwrap().document;
                let paragraphs = document.markdown_content.split("\n\n").filter(|text| text.len() > 40);
                texts.extend(paragraphs.map(|text| text.split_inclusive(' ').take(120).collect::<String>()));
            }
        }
    }
    texts.retain(|text| text.len() < 600);
    texts
}

#[test]
fn eight_bits_give_almost_the_vectors_of_thirty_two() {
    let (Some(files), Some(fp32)) = (model_files(), provider()) else { return };
    let int8 = LocalProvider::load(files, INT8).unwrap();
    assert_ne!(int8.info().fingerprint, fp32.info().fingerprint);
    let paragraphs = handbook();
    assert!(paragraphs.len() > 60, "{}", paragraphs.len());
    let texts: Vec<&str> = paragraphs.iter().step_by(paragraphs.len() / 60).map(String::as_str).chain(VARIED).collect();
    let expected = embed_now(fp32.open().unwrap().as_mut(), &texts).unwrap();
    let found = embed_now(int8.open().unwrap().as_mut(), &texts).unwrap();
    let cosine = |(one, other): (&Vec<f32>, &Vec<f32>)| one.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
    let cosines: Vec<f32> = found.iter().zip(&expected).map(cosine).collect();
    let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
    let min = cosines.iter().copied().fold(f32::INFINITY, f32::min);
    println!("{} texts: mean {mean}, min {min}", texts.len());
    assert!(mean >= 0.998 && min >= 0.99, "mean {mean}, min {min}");
    assert!(mean < 0.999_999, "it does not calculate in 8 bits");
}

/// The bits of all vectors, as text.
fn bits(embedder: &mut dyn Embedder) -> String {
    let vectors = embed_now(embedder, &VARIED).unwrap();
    vectors.iter().flatten().map(|component| format!("{:08x}", component.to_bits())).collect()
}

#[test]
fn eight_bits_are_the_same_in_every_session_thread_and_process() {
    let Some(files) = model_files() else { return };
    let int8 = LocalProvider::load(files, INT8).unwrap();
    let first = bits(int8.open().unwrap().as_mut());
    if is_second_process() {
        println!("bits:{first}:");
        return;
    }
    let other = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| bits(int8.open().unwrap().as_mut())), bits(int8.open().unwrap().as_mut()));
        [one.join().unwrap(), two]
    });
    assert!(other.iter().all(|bits| *bits == first));
    let name = std::thread::current().name().unwrap().to_owned();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(SECOND_PROCESS, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.split("bits:").nth(1).and_then(|said| said.split(':').next()), Some(first.as_str()), "{said}");
}

#[test]
fn weights_that_were_not_measured_are_refused_in_eight_bits() {
    let Some(files) = model_files() else { return };
    let mut other = files.clone();
    other.weights.sha256 = "0".repeat(64);
    let error = LocalProvider::load(&other, INT8).err().unwrap();
    assert!(matches!(error, EmbedError::NoInt8 { .. }) && error.is_setting());
    assert!(error.to_string().contains("EMBEDDING_PRECISION"), "{error}");
}
