//! How long a person waits: from the start of `docmill demo` to the first
//! chunk that can be found, and for an answer over the Rust book.
//!
//! Run: `cargo bench --bench latency -- [--rounds 5] [--questions 20]`

#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::expect_used,
    reason = "shared with the tests and other benchmarks"
)]
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use docmill_stages::load::index::Reader;
use support::measure::{docmill, run};
use support::report::Report;
use support::server::Server;
use support::{Result, book, flag, median};

/// What is asked, in turn.
const QUESTIONS: [&str; 10] = [
    "what does the question mark operator do",
    "how do I share a value between threads",
    "difference between String and &str",
    "when is memory freed",
    "how to write an integration test",
    "what is a trait object",
    "closures that capture their environment",
    "publish a crate",
    "pattern matching with if let",
    "how do I handle integer overflow",
];

fn main() -> Result<()> {
    let (rounds, questions): (usize, usize) = (flag("--rounds", 5)?, flag("--questions", 20)?);
    let mut report = Report::new("latency", &["median s", "lowest s", "highest s"]);
    let mut row = |name: &str, times: &[f64]| {
        let lowest = times.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = times.iter().copied().fold(0.0, f64::max);
        report.row(name, &[median(times), lowest, highest]);
    };
    let first: Vec<f64> = (0..rounds).map(|_| first_chunk()).collect::<Result<_>>()?;
    row("demo to first chunk found", &first);

    let (folder, name) = book::folder();
    let server = Server::of_folder(folder);
    let data = tempfile::tempdir()?;
    println!("crawling {name} …");
    run(docmill(data.path()).args(["run", &server.url("/")]))?;
    let asked: Vec<&str> = QUESTIONS.iter().copied().cycle().take(questions).collect();
    let single = |question: &&str| Ok(run(docmill(data.path()).args(["search", question]))?.wall_s);
    row("search, a process each", &asked.iter().map(single).collect::<Result<Vec<_>>>()?);
    row("search, one process for all", &in_one_process(data.path(), &asked)?);
    let counts = Reader::open(data.path())?.ok_or("there is no index")?.counts()?;
    report.fact("site", name);
    report.fact("chunks", counts.chunks);
    report.finish()
}

/// Seconds from the start of the demo to a chunk in its index.
fn first_chunk() -> Result<f64> {
    let data = tempfile::tempdir()?;
    let since = Instant::now();
    let mut demo = docmill(data.path()).arg("demo").stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let found = loop {
        let chunks = Reader::open(&data.path().join("demo")).ok().flatten().and_then(|index| index.counts().ok());
        if chunks.is_some_and(|counts| counts.chunks > 0) {
            break Ok(since.elapsed().as_secs_f64());
        }
        if let Some(status) = demo.try_wait()? {
            break Err(format!("the demo ended with {status} and no chunk").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    demo.wait()?;
    found
}

/// Seconds for each question, asked one after the other on standard input;
/// the first answer, which waits for the model, is not counted.
fn in_one_process(data: &Path, questions: &[&str]) -> Result<Vec<f64>> {
    let mut search = docmill(data)
        .args(["search", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut input = search.stdin.take().ok_or("no standard input")?;
    let mut output = BufReader::new(search.stdout.take().ok_or("no standard output")?);
    let mut times = Vec::new();
    for question in std::iter::once(&"warm up").chain(questions) {
        let since = Instant::now();
        writeln!(input, "{question}")?;
        let mut line = String::new();
        if output.read_line(&mut line)? == 0 {
            return Err("search ended early".into());
        }
        times.push(since.elapsed().as_secs_f64());
    }
    drop(input);
    search.wait()?;
    Ok(times.split_off(1))
}
