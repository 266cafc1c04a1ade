//! Chunks a second into Neo4j, with vectors and the time that the indexes take:
//! docmill beside the official Python driver, row by row and with UNWIND.
//!
//! ```sh
//! cargo bench --bench neo4j -- --uri bolt://localhost:7687 --password ... --python PYTHON
//! ```
//!
//! **The database is emptied before each side**: name one that may be. The
//! same documents go into the same server in the same run, by turns; docmill
//! writes links, Markdown and metadata too, which the others leave out.
//! PYTHON is one that has the package `neo4j`.

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "shared with the tests and other benchmarks"
)]
mod support;

mod documents;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use docmill_stages::load::index::Model;
use docmill_stages::load::neo4j::{Address, Layout, Neo4j, Neo4jOptions, Neo4jSink, Password};
use docmill_stages::load::{LoadDocument, Sink as _, StillCurrent};
use neo4rs::{ConfigBuilder, Graph, query};

use self::support::report::Report;
use self::support::{Result, flag, median};

/// Documents in one hand, as `docmill load` has them.
const HAND: usize = 400;

struct Server {
    uri: String,
    password: String,
}

fn main() -> Result<()> {
    let server = Server {
        uri: flag("--uri", "bolt://localhost:7687".to_owned())?,
        password: flag("--password", String::new())?,
    };
    let (chunks, few, rounds) = (flag("--chunks", 3_000)?, flag("--row-by-row-chunks", 300)?, flag("--rounds", 3)?);
    let python: String = flag("--python", "python3".to_owned())?;
    let folder = tempfile::tempdir()?;
    let (all, some) = (documents::documents(chunks), documents::documents(few));
    let (all_file, some_file) = (folder.path().join("all.json"), folder.path().join("some.json"));
    std::fs::write(&all_file, documents::as_json(&all).to_string())?;
    std::fs::write(&some_file, documents::as_json(&some).to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sides: [(&str, Vec<f64>); 4] =
        ["docmill load", "docmill, 4 loaders", "Python, UNWIND", "Python, row by row"].map(|name| (name, Vec::new()));
    for round in 1..=rounds {
        eprintln!("round {round}");
        sides[0].1.push(rate(&all, runtime.block_on(docmill(&server, &all, 1))?));
        sides[1].1.push(rate(&all, runtime.block_on(docmill(&server, &all, 4))?));
        runtime.block_on(prepare(&server))?;
        sides[2].1.push(rate(&all, rival(&server, &python, &all_file, "unwind")?));
        runtime.block_on(prepare(&server))?;
        sides[3].1.push(rate(&some, rival(&server, &python, &some_file, "row-by-row")?));
    }
    let mut report = Report::new("neo4j", &["chunks/s", "min", "max"]);
    for (name, rates) in &sides {
        let (min, max) = rates.iter().fold((f64::MAX, f64::MIN), |(min, max), rate| (min.min(*rate), max.max(*rate)));
        report.row(*name, &[median(rates), min, max]);
    }
    report.fact("chunks", chunks);
    report.fact("times_unwind", median(&sides[1].1) / median(&sides[2].1));
    report.fact("times_row_by_row", median(&sides[1].1) / median(&sides[3].1));
    report.finish()
}

fn rate(documents: &[Arc<LoadDocument>], seconds: f64) -> f64 {
    documents.iter().map(|load| load.embedded.chunks.len()).sum::<usize>() as f64 / seconds
}

/// Loads the documents with so many loaders; seconds, the indexes included.
async fn docmill(server: &Server, documents: &[Arc<LoadDocument>], loaders: usize) -> Result<f64> {
    let sink = prepare(server).await?;
    let current: StillCurrent = Arc::new(|_| true);
    let begun = Instant::now();
    let load = async |mine: &[Arc<LoadDocument>]| {
        for hand in mine.chunks(HAND) {
            for outcome in sink.replace(hand, &current).await {
                outcome?;
            }
        }
        Result::Ok(())
    };
    let shares = documents.chunks(documents.len().div_ceil(loaders));
    futures_util::future::try_join_all(shares.map(load)).await?;
    run(server, "CALL db.awaitIndexes(300)").await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// An empty graph with docmill's constraints and indexes.
async fn prepare(server: &Server) -> Result<Neo4jSink> {
    run(server, "MATCH (n) DETACH DELETE n").await?;
    let options = Neo4jOptions {
        address: Address::parse(&server.uri)?,
        user: "neo4j".to_owned(),
        password: Password::new(&server.password),
        database: "neo4j".to_owned(),
        layout: Layout::Docmill,
        timeout: Duration::from_secs(120),
        connections_max: 8,
    };
    let model = Model { name: "bench".to_owned(), dimension: documents::DIMENSION, fingerprint: "bench".to_owned() };
    Ok(Neo4j::connect(options).await?.sink(&model).await?)
}

async fn run(server: &Server, statement: &str) -> Result<()> {
    let config = ConfigBuilder::default().uri(&server.uri).user("neo4j").password(&server.password).db("neo4j");
    let graph = Graph::connect(config.connection_timeout(Duration::from_secs(300)).build()?)?;
    let mut tx = graph.start_txn().await?;
    let mut rows = tx.execute(query(statement)).await?;
    while rows.next(tx.handle()).await?.is_some() {}
    Ok(tx.commit().await?)
}

fn rival(server: &Server, python: &str, documents: &Path, how: &str) -> Result<f64> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/neo4j/rival.py");
    let ended = Command::new(python).arg(script).arg(documents).args([&server.uri, &server.password, how]).output()?;
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).into_owned().into());
    }
    Ok(String::from_utf8_lossy(&ended.stdout).trim().parse()?)
}
