//! Streaming against batch, and both against what the machine could do.
//!
//! A loopback server answers each page after a latency that is chosen so that
//! crawling takes as long as all the rest. Then, in turn and several times:
//! the crawl alone, batch (whose stages are timed one by one), streaming.
//!
//! ```text
//! overlap = bound / streaming,  bound = max(slowest stage alone, CPU seconds / cores)
//! ```
//!
//! Run: `cargo bench --bench modes -- [--pages 500] [--rounds 3]`

#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::expect_used,
    reason = "shared with the tests and other benchmarks"
)]
mod support;

use std::path::Path;
use std::time::Duration;

use support::measure::{Measured, docmill, run};
use support::report::{Report, cores};
use support::server::Server;
use support::site::{Site, with_etag};
use support::{Result, flag, median};

/// The stages of batch mode, by their names in its log.
const STAGES: [&str; 4] = ["processor", "chunker", "embedder", "loader"];
/// Requests to one host at a time, by default.
const REQUESTS: f64 = 8.0;

fn main() -> Result<()> {
    let (pages, rounds): (usize, usize) = (flag("--pages", 500)?, flag("--rounds", 3)?);
    let site = Site::new(20_261, pages);
    let server = site.server();
    let rest_s = rest_alone(&server.url(Site::ROOT))?;
    let latency = Duration::from_secs_f64(rest_s * REQUESTS / pages as f64);
    for (path, html) in &site.pages {
        server.put(path, with_etag(html).after(latency));
    }
    println!("{pages} pages; all but the crawl takes {rest_s:.1} s; latency {} ms", latency.as_millis());
    let mut all = Rounds::default();
    for round in 0..rounds {
        all.add(&server)?;
        println!("round {}: {}", round + 1, all.last());
    }
    all.report(pages, latency)
}

/// How long everything but the crawl takes, in seconds.
fn rest_alone(url: &str) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    run(docmill(folder.path()).args(["crawl", url]))?;
    Ok(run(docmill(folder.path()).arg("process"))?.wall_s)
}

/// What was measured, a value a round.
#[derive(Default)]
struct Rounds {
    crawl: Vec<Measured>,
    batch: Vec<Measured>,
    streaming: Vec<Measured>,
}

impl Rounds {
    fn add(&mut self, server: &Server) -> Result<()> {
        let url = server.url(Site::ROOT);
        let fresh = |words: &[&str]| {
            let folder = tempfile::tempdir()?;
            let measured = run(docmill(folder.path()).args(words).arg(&url))?;
            Ok::<_, Box<dyn std::error::Error>>((digest(folder.path())?, measured))
        };
        let folder = tempfile::tempdir()?;
        self.crawl.push(run(docmill(folder.path()).args(["crawl", &url]))?);
        let (batch_digest, batch) = fresh(&["run", "--mode", "batch"])?;
        let (streaming_digest, streaming) = fresh(&["run", "--mode", "streaming"])?;
        if batch_digest != streaming_digest {
            return Err("batch and streaming gave different data".into());
        }
        self.batch.push(batch);
        self.streaming.push(streaming);
        Ok(())
    }

    fn last(&self) -> String {
        let wall = |runs: &[Measured]| runs.last().map_or(f64::NAN, |run| run.wall_s);
        let (crawl, batch, streaming) = (wall(&self.crawl), wall(&self.batch), wall(&self.streaming));
        format!("crawl alone {crawl:.1} s, batch {batch:.1} s, streaming {streaming:.1} s")
    }

    fn report(&self, pages: usize, latency: Duration) -> Result<()> {
        let mut report = Report::new("modes", &["wall s", "cpu s", "memory MiB"]);
        let of = |runs: &[Measured], what: fn(&Measured) -> f64| median(&runs.iter().map(what).collect::<Vec<_>>());
        let mut row = |name: &str, runs: &[Measured]| {
            let numbers = [of(runs, |run| run.wall_s), of(runs, |run| run.cpu_s), of(runs, |run| run.memory_mib)];
            report.row(name, &numbers);
            numbers
        };
        let [crawl_s, ..] = row("crawl alone", &self.crawl);
        let [batch_s, batch_cpu_s, _] = row("batch", &self.batch);
        let [streaming_s, streaming_cpu_s, _] = row("streaming", &self.streaming);
        let mut slowest_s = crawl_s;
        for stage in STAGES {
            let times: Vec<f64> = self.batch.iter().filter_map(|run| stage_seconds(&run.stderr, stage)).collect();
            report.row(format!("{stage} alone (in batch)"), &[median(&times), f64::NAN, f64::NAN]);
            slowest_s = slowest_s.max(median(&times));
        }
        // The lower of the two: what a mode costs on top is no excuse for it.
        let cpu_s = batch_cpu_s.min(streaming_cpu_s);
        let bound_s = slowest_s.max(cpu_s / cores() as f64);
        report.fact("pages", pages);
        report.fact("latency ms", latency.as_secs_f64() * 1_000.0);
        report.fact("rounds", self.batch.len());
        report.fact("bound s", bound_s);
        report.fact("overlap (bound / streaming)", bound_s / streaming_s);
        report.fact("time saved against batch", 1.0 - streaming_s / batch_s);
        report.finish()
    }
}

/// What `stage` took in batch mode, by the log.
fn stage_seconds(log: &str, stage: &str) -> Option<f64> {
    let line =
        log.lines().find_map(|line| line.split_once(&format!("batch: the {stage} is through with all items in ")));
    line?.1.split_whitespace().next()?.parse().ok()
}

fn digest(data_dir: &Path) -> Result<String> {
    Ok(run(docmill(data_dir).args(["digest", "--json"]))?.stdout)
}
