//! How many actors each stage should have: a run over a site with the local
//! model, with one stage's count changed at a time, beside the defaults.
//!
//! Run: `cargo bench --bench actors -- [--pages 100] [--rounds 3]`

#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::expect_used,
    reason = "shared with the tests and other benchmarks"
)]
mod support;

use support::measure::{docmill, run};
use support::report::Report;
use support::site::Site;
use support::{Result, flag, median};

/// The settings whose defaults are asked about.
const STAGES: [&str; 5] = ["CRAWLER_ACTORS", "PROCESSOR_ACTORS", "CHUNKER_ACTORS", "EMBEDDER_ACTORS", "LOADER_ACTORS"];
/// What each is set to.
const COUNTS: [&str; 3] = ["1", "2", "4"];

fn main() -> Result<()> {
    let (pages, rounds): (usize, usize) = (flag("--pages", 100)?, flag("--rounds", 3)?);
    let site = Site::new(20_261, pages).server();
    let once = |setting: Option<(&str, &str)>| -> Result<f64> {
        let data = tempfile::tempdir()?;
        let mut command = docmill(data.path());
        command.envs(setting).env("LOG_LEVEL", "WARNING");
        Ok(run(command.args(["run", &site.url(Site::ROOT)]))?.wall_s)
    };
    let changed = STAGES.into_iter().flat_map(|stage| COUNTS.map(|count| Some((stage, count))));
    let settings: Vec<Option<(&str, &str)>> = std::iter::once(None).chain(changed).collect();
    let mut seconds = vec![Vec::new(); settings.len()];
    for _ in 0..rounds {
        for (setting, taken) in settings.iter().zip(&mut seconds) {
            taken.push(once(*setting)?);
        }
    }
    let mut report = Report::new("actors", &["wall s", "times the defaults"]);
    let medians: Vec<f64> = seconds.iter().map(|taken| median(taken)).collect();
    for (setting, wall_s) in settings.iter().zip(&medians) {
        let label = setting.map_or_else(|| "defaults".to_owned(), |(stage, count)| format!("{stage}={count}"));
        report.row(label, &[*wall_s, wall_s / medians[0]]);
    }
    report.finish()
}
