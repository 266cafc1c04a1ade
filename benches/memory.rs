//! The most memory that a run ever has: at 500 and at ten times as many pages
//! (with an embedding service that takes its time, so that pages pile up in
//! front of it), and over real documentation with the local model.
//!
//! Run: `cargo bench --bench memory -- [--pages 500]`

#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::expect_used,
    reason = "shared with the tests and other benchmarks"
)]
mod support;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use serde_json::{Value, json};
use support::measure::{Measured, docmill, run};
use support::report::Report;
use support::server::{Answer, Request, Server};
use support::site::Site;
use support::{Result, book, flag};

/// Numbers of the service's vectors.
const DIMENSION: usize = 384;
/// How long the service takes for a request.
const DELAY: Duration = Duration::from_millis(20);
/// How many times as many pages the second run has.
const TIMES: usize = 10;

fn main() -> Result<()> {
    let pages: usize = flag("--pages", 500)?;
    let mut report = Report::new("memory", &["peak MiB", "wall s", "cpu s"]);
    let mut row = |label: String, run: &Measured| report.row(label, &[run.memory_mib, run.wall_s, run.cpu_s]);
    let few = with_service(pages)?;
    row(format!("{pages} pages, slow service"), &few);
    let many = with_service(pages * TIMES)?;
    row(format!("{} pages, slow service", pages * TIMES), &many);
    let (folder, name) = book::folder();
    let server = Server::of_folder(folder);
    let data = tempfile::tempdir()?;
    let local = run(docmill(data.path()).args(["run", &server.url("/")]))?;
    row(format!("{name}, local model"), &local);
    report.fact("peak of many pages / of few", many.memory_mib / few.memory_mib);
    report.finish()
}

fn with_service(pages: usize) -> Result<Measured> {
    let site = Site::new(20_261, pages).server();
    let service = Server::of_handler(|request| embed(request).after(DELAY));
    let data = tempfile::tempdir()?;
    let mut command = docmill(data.path());
    command.envs([
        ("EMBEDDING_PROVIDER", "openai"),
        ("EMBEDDING_MODEL", "hash"),
        ("OPENAI_API_BASE", &service.url("/v1")),
        ("OPENAI_API_KEY", "none"),
        ("LOG_LEVEL", "WARNING"),
    ]);
    run(command.args(["run", &site.url(Site::ROOT)]))
}

/// Vectors that are calculated from the texts, as OpenAI's service sends them.
fn embed(request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let texts = body["input"].as_array().cloned().unwrap_or_default();
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({ "index": index, "embedding": vector(text.as_str().unwrap_or_default()) }))
        .collect();
    Answer::body("application/json", json!({ "data": data }).to_string())
}

fn vector(text: &str) -> Vec<f64> {
    let number = |place: usize| {
        let mut hasher = DefaultHasher::new();
        (place, text).hash(&mut hasher);
        f64::from(hasher.finish() as u32) / f64::from(u32::MAX) - 0.5
    };
    (0..DIMENSION).map(number).collect()
}
