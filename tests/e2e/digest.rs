//! The bytes decide, not the order (invariant 6): whatever the mode, the
//! counts and the interruptions, the final data is the same to the last bit.

use std::sync::OnceLock;

use crate::support::data::Digest;
use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::{is_soak, seed};
use crate::support::server::Server;
use crate::support::site::Site;

/// One site for all of these tests: a page's URL is part of the data.
struct Base {
    server: Server,
    pages: usize,
    digest: Digest,
}

/// The site, and the digest of a plain run on it.
fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| {
        let pages = if is_soak() { 200 } else { 12 };
        let server = Site::new(seed(), pages).server();
        let docmill = Docmill::new();
        docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
        let digest = docmill.digest();
        assert_eq!(digest.documents, pages as u64);
        assert!(digest.chunks > digest.documents);
        Base { server, pages, digest }
    })
}

impl Base {
    fn url(&self) -> String {
        self.server.url(Site::ROOT)
    }

    /// A run with these settings ends with the same data.
    fn check(&self, settings: &[(&str, &str)]) {
        let docmill = Docmill::new().envs(settings.iter().copied());
        docmill.run(&["run", &self.url()]).expect(0);
        assert_eq!(docmill.digest(), self.digest, "{settings:?}");
    }

    /// Starts a run that is slow enough to be interrupted, and waits until so
    /// many documents are whole.
    fn slow_run(&self, docmill: &mut Docmill, words: &[&str], whole: usize) -> crate::support::program::Running {
        docmill.set("FAILPOINTS", "loader=sleep(150)");
        // So few that draining what is in flight is not the whole run.
        docmill.set("MAX_IN_FLIGHT", "2");
        let url = self.url();
        let words: Vec<&str> = words.iter().copied().chain([url.as_str()]).collect();
        let mut running = docmill.start(&words);
        running.until("whole documents", |_| (docmill.files("chunks").len() >= whole).then_some(()));
        docmill.unset("FAILPOINTS");
        docmill.unset("MAX_IN_FLIGHT");
        running
    }
}

#[test]
fn batch_is_the_same_as_streaming() {
    needs_model!();
    base().check(&[("PIPELINE_MODE", "batch")]);
}

#[test]
fn eight_bits_give_other_vectors_and_the_same_in_every_run() {
    needs_model!();
    let digest_of = |settings: [(&str, &str); 2]| {
        let docmill = Docmill::new().env("EMBEDDING_PRECISION", "int8").envs(settings);
        docmill.run(&["run", &base().url()]).expect(0);
        docmill.digest()
    };
    let digest = digest_of([("PIPELINE_MODE", "batch"), ("EMBEDDER_ACTORS", "1")]);
    assert_eq!(digest, digest_of([("PIPELINE_MODE", "streaming"), ("EMBEDDER_ACTORS", "3")]));
    assert_ne!(digest.data, base().digest.data);
    assert_eq!((digest.chunks, &digest.edges), (base().digest.chunks, &base().digest.edges));
}

#[test]
fn actor_counts_change_nothing() {
    needs_model!();
    for count in ["1", "4"] {
        let names = ["CRAWLER_ACTORS", "PROCESSOR_ACTORS", "CHUNKER_ACTORS", "EMBEDDER_ACTORS", "LOADER_ACTORS"];
        base().check(&names.map(|name| (name, count)));
    }
}

#[test]
fn the_size_of_messages_changes_nothing() {
    needs_model!();
    base().check(&[("EMBEDDING_BATCH_SIZE", "1")]);
    base().check(&[("EMBEDDING_BATCH_SIZE", "32"), ("EMBEDDING_CACHE_MAX_MB", "0")]);
}

#[test]
fn narrow_mailboxes_change_nothing() {
    needs_model!();
    base().check(&[("MAILBOX_CAPACITY", "1"), ("MAX_IN_FLIGHT", "1"), ("EMBEDDING_BATCH_SIZE", "2")]);
    base().check(&[("MAX_IN_FLIGHT_BYTES", "1"), ("PIPELINE_MODE", "batch")]);
}

#[test]
fn retries_change_nothing() {
    needs_model!();
    let failpoints = "processor=1*panic->off;chunker=1*panic->off;embedder=1*panic->off;loader=1*panic->off";
    base().check(&[("FAILPOINTS", failpoints)]);
}

#[test]
fn crawling_first_and_processing_later_is_the_same() {
    needs_model!();
    let base = base();
    let docmill = Docmill::new();
    docmill.run(&["crawl", &base.url()]).expect(0);
    assert_eq!(docmill.status().items("done"), 0);
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.digest(), base.digest);
    // Once more, there is nothing to do.
    docmill.run(&["process"]).expect(0).prints(&["0 embedded"]);
    docmill.run(&["process", "--mode", "batch"]).expect(0).prints(&["0 embedded"]);
    assert_eq!(docmill.digest(), base.digest);
}

#[test]
fn a_run_that_was_stopped_half_way_ends_the_same() {
    needs_model!();
    let base = base();
    let mut docmill = Docmill::new();
    let running = base.slow_run(&mut docmill, &["run"], base.pages / 3);
    running.signal(Signal::Interrupt);
    running.finish().expect(75);
    assert!(docmill.status().items("done") < base.pages as u64, "it was not interrupted");
    docmill.run(&["run", &base.url()]).expect(0);
    assert_eq!(docmill.digest(), base.digest);
}

#[test]
fn stopped_in_batch_and_finished_in_streaming_is_the_same() {
    needs_model!();
    let base = base();
    let mut docmill = Docmill::new();
    docmill.set("FAILPOINTS", "chunker=sleep(150)");
    let mut running = docmill.start(&["run", "--mode", "batch", &base.url()]);
    let work = docmill.data_dir().join(".work/chunk");
    running.until("a few chunked documents", |_| {
        let count = std::fs::read_dir(&work).map_or(0, Iterator::count);
        (count >= base.pages / 3).then_some(())
    });
    running.signal(Signal::Interrupt);
    running.finish().expect(75);
    docmill.unset("FAILPOINTS");
    assert_eq!(docmill.status().items("done"), 0);
    docmill.run(&["run", "--mode", "streaming", &base.url()]).expect(0);
    assert_eq!(docmill.digest(), base.digest);
}

#[test]
fn stopped_in_streaming_and_finished_in_batch_is_the_same() {
    needs_model!();
    let base = base();
    let mut docmill = Docmill::new();
    let running = base.slow_run(&mut docmill, &["run"], base.pages / 3);
    running.signal(Signal::Terminate);
    running.finish().expect(75);
    docmill.run(&["run", "--mode", "batch", &base.url()]).expect(0);
    assert_eq!(docmill.digest(), base.digest);
}

/// Invariant 8.
#[test]
fn kill_9_costs_time_only() {
    needs_model!();
    let base = base();
    let mut docmill = Docmill::new();
    let mut random = fastrand::Rng::with_seed(seed());
    let kills = if is_soak() { 20 } else { 4 };
    for kill in 1..=kills {
        let whole = (kill * base.pages / (kills + 2)).max(1);
        let running = base.slow_run(&mut docmill, &["run"], whole);
        // Anywhere within what a document takes.
        std::thread::sleep(std::time::Duration::from_millis(random.u64(..150)));
        running.signal(Signal::Kill);
        let finished = running.finish();
        assert_eq!(finished.code, None, "{finished}");
    }
    docmill.run(&["run", &base.url()]).expect(0);
    assert_eq!(docmill.digest(), base.digest);
    assert_eq!(docmill.status().items("dead"), 0);
}

#[test]
fn kill_9_in_batch_costs_time_only() {
    needs_model!();
    let base = base();
    let mut docmill = Docmill::new();
    for stage in ["processor", "chunker", "embedder"] {
        docmill.set("FAILPOINTS", format!("{stage}=sleep(100)"));
        let mut running = docmill.start(&["run", "--mode", "batch", &base.url()]);
        running.until("three outputs of the stage", |running| {
            let folder = docmill.data_dir().join(".work").join(work_folder(stage));
            let count = std::fs::read_dir(folder).map_or(0, Iterator::count);
            (count >= 3 || running.stdout().contains("Done")).then_some(())
        });
        running.signal(Signal::Kill);
        running.finish();
        docmill.unset("FAILPOINTS");
    }
    docmill.run(&["run", "--mode", "batch", &base.url()]).expect(0);
    assert_eq!(docmill.digest(), base.digest);
    assert_eq!(docmill.status().items("dead"), 0);
}

/// The folder under `.work` where batch mode keeps a stage's outputs.
fn work_folder(stage: &str) -> &'static str {
    match stage {
        "processor" => "process",
        "chunker" => "chunk",
        _ => "embed",
    }
}
