//! Invariant 8 for the graph: docmill and the server are killed at random
//! instants of a run and of a load, and the graph ends as that of a run that
//! was left alone.
//!
//! Every round draws from a seed of its own, which it prints:
//! `DOCMILL_CRASH_ROUND=SEED cargo test --test e2e -- neo4j::kills::NAME`
//! repeats one.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::check_digest;
use crate::support::data::Digest;
use crate::support::embedding_service::EmbeddingService;
use crate::support::neo4j::{Neo4j, needs_neo4j};
use crate::support::program::{Docmill, Finished, Running, Signal};
use crate::support::random::{is_soak, seed};
use crate::support::server::Server;
use crate::support::site::Site;

/// Kills on one data folder: an item that is in a call at a third is suspected.
const KILLS_A_FOLDER: usize = 2;
/// So many rounds may miss for one that hits.
const MISSES_MAX: usize = 5;

/// A site, a service whose vectors are calculated from the texts, and what is
/// made of them without a kill.
struct Ground {
    graph: Neo4j,
    site: Server,
    service: EmbeddingService,
    /// Is whole, and loads what it has into a graph that was emptied.
    whole: Docmill,
    digest: Digest,
    run_time: Duration,
    load_time: Duration,
}

/// What is killed, or has its server killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Run,
    Load,
}

impl Ground {
    fn new(graph: Neo4j, pages: usize) -> Self {
        let site = Site::new(seed(), pages).server();
        let service = EmbeddingService::start();
        let whole = graph.set_up(service.docmill("openai"));
        let since = Instant::now();
        whole.run(&["run", &site.url(Site::ROOT)]).expect(0);
        let run_time = since.elapsed();
        let digest = check_digest(&whole);
        assert_eq!(digest.documents, pages as u64);
        graph.ask("MATCH (n) DETACH DELETE n");
        let since = Instant::now();
        whole.run(&["load"]).expect(0);
        let load_time = since.elapsed();
        Self { graph, site, service, whole, digest, run_time, load_time }
    }

    fn start(&self, command: Command, docmill: &Docmill) -> Running {
        match command {
            Command::Run => docmill.start(&["run", &self.site.url(Site::ROOT)]),
            Command::Load => docmill.start(&["load"]),
        }
    }

    /// The graph is emptied; a place that fills it, and a moment of that.
    fn begin(&self, random: &mut Rng) -> (Command, Docmill, Duration) {
        self.graph.ask("MATCH (n) DETACH DELETE n");
        let docmill = self.graph.set_up(self.service.docmill("openai")).env("MAX_ATTEMPTS", "1");
        if random.bool() { (Command::Run, docmill, self.run_time) } else { (Command::Load, docmill, self.load_time) }
    }

    /// Whoever does the work: a load has nothing to do in a fresh place.
    fn place<'a>(&'a self, command: Command, fresh: &'a Docmill) -> &'a Docmill {
        if command == Command::Run { fresh } else { &self.whole }
    }

    /// Returns how many kills of docmill hit it while it worked.
    fn kill_docmill(&mut self, random: &mut Rng) -> usize {
        let (command, fresh, time) = self.begin(random);
        let docmill = self.place(command, &fresh);
        let mut hits = 0;
        for _ in 0..KILLS_A_FOLDER {
            let mut running = self.start(command, docmill);
            std::thread::sleep(time.mul_f64(random.f64()));
            let was_working = !running.has_ended();
            running.signal(Signal::Kill);
            let finished = running.finish();
            assert!(matches!(finished.code, None | Some(0)), "{finished}");
            hits += usize::from(was_working);
        }
        self.start(command, docmill).finish().expect(0);
        self.check(docmill);
        hits
    }

    /// Returns whether the kill of the server hit work.
    fn kill_server(&mut self, random: &mut Rng) -> usize {
        let (command, fresh, time) = self.begin(random);
        let running = self.start(command, self.place(command, &fresh));
        std::thread::sleep(time.mul_f64(random.f64()));
        self.graph.kill();
        std::thread::sleep(Duration::from_millis(random.u64(..500)));
        self.graph.start_again();
        let docmill = self.place(command, &fresh);
        let finished = running.finish();
        let was_hit = finished.code == Some(69) || finished.stderr.contains("the loader pauses");
        if finished.code == Some(69) {
            assert!(command == Command::Load || met_nobody_at_the_start(&finished), "{finished}");
            self.start(command, docmill).finish().expect(0);
        } else {
            finished.expect(0);
        }
        self.check(docmill);
        usize::from(was_hit)
    }

    /// Everything is there as without a kill, once, and nothing is dead.
    fn check(&self, docmill: &Docmill) {
        assert_eq!(check_digest(docmill), self.digest);
        let (documents, chunks) = (self.digest.documents, self.digest.chunks);
        let status = docmill.status();
        assert_eq!((status.items("done"), status.items("dead")), (documents, 0));
        for (pattern, count) in [
            ("(:Document)", documents),
            ("(:Chunk)", chunks),
            ("(:Chunk)-[:FROM_DOCUMENT]->(:Document)", chunks),
            ("(:Document)-[:FIRST_CHUNK]->(:Chunk)", documents),
            ("(:Chunk)-[:NEXT_CHUNK]->(:Chunk)", chunks - documents),
        ] {
            assert_eq!(self.graph.count(pattern), count, "{pattern}");
        }
    }

    /// Rounds until so many kills have hit work.
    fn rounds(&mut self, kills: usize, round: fn(&mut Self, &mut Rng) -> usize) {
        if let Ok(seed) = std::env::var("DOCMILL_CRASH_ROUND") {
            round(self, &mut Rng::with_seed(seed.parse().expect("DOCMILL_CRASH_ROUND is a whole number")));
            return;
        }
        let mut seeds = Rng::with_seed(seed());
        let (mut hits, mut rounds) = (0, 0);
        while hits < kills {
            let seed = seeds.u64(..);
            eprintln!("round: DOCMILL_CRASH_ROUND={seed}");
            hits += round(self, &mut Rng::with_seed(seed));
            rounds += 1;
            assert!(rounds <= kills * MISSES_MAX, "most kills come too late: {hits} hits in {rounds} rounds");
        }
        eprintln!("{hits} kills hit work in {rounds} rounds; every digest was {}", self.digest.data);
    }
}

/// Before the first page is asked for there is nothing to pause.
fn met_nobody_at_the_start(finished: &Finished) -> bool {
    finished.stderr.contains("cannot be reached") && !finished.stderr.contains("the loader pauses")
}

#[test]
fn docmill_is_killed_at_random_instants() {
    let (pages, kills) = if is_soak() { (100, 30) } else { (16, 3) };
    Ground::new(needs_neo4j!(), pages).rounds(kills, Ground::kill_docmill);
}

#[test]
fn the_server_is_killed_at_random_instants() {
    let (pages, kills) = if is_soak() { (100, 5) } else { (16, 1) };
    Ground::new(needs_neo4j!(), pages).rounds(kills, Ground::kill_server);
}
