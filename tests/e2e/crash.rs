//! Invariant 8 with a stopwatch and no aim: the program is killed at random
//! instants, of a start, of a run in either mode, of a stop, and ends with
//! the data of a run that was left alone.
//!
//! Every round draws from a seed of its own, which it prints:
//! `DOCMILL_CRASH_ROUND=SEED cargo test --test e2e -- crash::` repeats one.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::data::Digest;
use crate::support::embedding_service::EmbeddingService;
use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::{is_soak, seed};
use crate::support::server::Server;
use crate::support::site::Site;

/// Kills on one data folder; then it is made fresh, so that each hits work.
const KILLS_A_FOLDER: usize = 4;

/// A site, a service whose vectors are calculated from the texts, and what a
/// run without a kill makes of them.
struct Ground {
    site: Server,
    service: EmbeddingService,
    digest: Digest,
    /// How long that run took.
    whole: Duration,
    pages: usize,
}

impl Ground {
    fn new(pages: usize) -> Self {
        let site = Site::new(seed(), pages).server();
        let service = EmbeddingService::start();
        let docmill = service.docmill("openai");
        let since = Instant::now();
        docmill.run(&["run", &site.url(Site::ROOT)]).expect(0);
        let whole = since.elapsed();
        let digest = docmill.digest();
        assert_eq!(digest.documents, pages as u64);
        Self { site, service, digest, whole, pages }
    }

    /// Kills runs over one folder, then lets one end. Returns how many were
    /// hit while they worked.
    fn round(&self, round: u64) -> usize {
        eprintln!("round: DOCMILL_CRASH_ROUND={round}");
        let mut random = fastrand::Rng::with_seed(round);
        let docmill = self.service.docmill("openai");
        let url = self.site.url(Site::ROOT);
        let mut hits = 0;
        for _ in 0..KILLS_A_FOLDER {
            let mode = if random.bool() { "streaming" } else { "batch" };
            let mut running = docmill.start(&["run", "--mode", mode, &url]);
            // A quarter of the kills is meant for the start.
            let within = if random.u8(..4) == 0 { self.whole / 10 } else { self.whole };
            std::thread::sleep(within.mul_f64(random.f64()));
            // Another for the stop.
            if random.u8(..4) == 0 {
                running.signal(if random.bool() { Signal::Interrupt } else { Signal::Terminate });
                std::thread::sleep(Duration::from_millis(random.u64(..200)));
            }
            let was_working = !running.has_ended();
            running.signal(Signal::Kill);
            let finished = running.finish();
            let ended_well = matches!(finished.code, None | Some(0 | 75));
            assert!(ended_well, "round {round}: {finished}");
            hits += usize::from(was_working);
        }
        self.end(&docmill, round);
        hits
    }

    /// The next run ends, with nothing lost, doubled or changed.
    fn end(&self, docmill: &Docmill, round: u64) {
        let finished = docmill.run(&["run", &self.site.url(Site::ROOT)]);
        if finished.code == Some(1) {
            // A page that was in its stage call at three of the kills: said
            // to be the culprit, as documented, and only that.
            let status = docmill.status();
            let dead = status.dead();
            assert!(dead.iter().all(|item| item["kind"] == "crashed"), "round {round}: {finished}");
            eprintln!("round {round}: {} pages were hit three times and are put back", dead.len());
            docmill.run(&["reprocess", "--dead"]).expect(0);
            docmill.run(&["process"]).expect(0);
        } else {
            finished.expect(0);
        }
        assert_eq!(docmill.digest(), self.digest, "round {round}");
        let status = docmill.status();
        assert_eq!((status.items("done"), status.items("admitted")), (self.pages as u64, self.pages as u64));
        assert_eq!(docmill.documents().len(), self.pages, "round {round}");
        let leftovers = leftovers(docmill);
        assert!(leftovers.is_empty(), "round {round}: {leftovers:?}");
    }
}

/// Temporary files that nobody will take away any more.
fn leftovers(docmill: &Docmill) -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["raw", "processed", "chunks", "embeddings", "dead"] {
        for entry in std::fs::read_dir(docmill.data_dir().join(folder)).into_iter().flatten() {
            names.push(entry.unwrap().file_name().to_string_lossy().into_owned());
        }
    }
    names.retain(|name| name.starts_with('.') || name.ends_with(".tmp"));
    names
}

#[test]
fn kills_at_random_instants_cost_time_only() {
    let (pages, kills) = if is_soak() { (200, 100) } else { (30, 8) };
    let ground = Ground::new(pages);
    if let Ok(round) = std::env::var("DOCMILL_CRASH_ROUND") {
        ground.round(round.parse().expect("DOCMILL_CRASH_ROUND is a whole number"));
        return;
    }
    let mut random = fastrand::Rng::with_seed(seed());
    let (mut hits, mut rounds) = (0, 0);
    while hits < kills {
        hits += ground.round(random.u64(..));
        rounds += 1;
        assert!(rounds <= kills, "most kills come too late: {hits} of {} hit a run", rounds * KILLS_A_FOLDER);
    }
    eprintln!("{hits} kills hit work in {rounds} folders; every digest was {}", ground.digest.data);
}

/// The demo has its own server, model and questions; a person who does not
/// like the look of it presses Ctrl-C at any moment.
#[test]
fn a_demo_that_is_interrupted_ten_times_ends_as_one_that_is_not() {
    needs_model!();
    // Of one site at two ports the pages' URLs differ, and with them the data.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = || {
        let docmill = Docmill::new();
        std::fs::create_dir_all(docmill.data_dir().join("demo")).unwrap();
        std::fs::write(docmill.data_dir().join("demo/port"), format!("{port}\n")).unwrap();
        docmill
    };
    let left_alone = place();
    let since = Instant::now();
    left_alone.run(&["demo"]).expect(0);
    let whole = since.elapsed();
    let mut random = fastrand::Rng::with_seed(seed());
    let docmill = place();
    for _ in 0..10 {
        let running = docmill.start(&["demo"]);
        std::thread::sleep(whole.mul_f64(random.f64()));
        running.signal(Signal::Interrupt);
        let finished = running.finish();
        // Before the first instruction that minds signals, one ends it at once.
        assert!(matches!(finished.code, None | Some(0 | 75 | 130)), "{finished}");
    }
    docmill.run(&["demo"]).expect(0);
    assert_eq!(demo_digest(&docmill), demo_digest(&left_alone));
}

fn demo_digest(docmill: &Docmill) -> (String, String) {
    let data = docmill.data_dir().join("demo");
    let data = data.to_str().expect("a path of this test");
    let answer = docmill.run(&["digest", "--json", "--data-dir", data]).expect(0).json();
    (answer["documents"].to_string(), answer["digest"].to_string())
}
