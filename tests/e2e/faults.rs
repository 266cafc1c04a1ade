//! A failure stays small (invariant 5): one item's error is that item's.

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::seed;
use crate::support::site::Site;

const PAGES: usize = 7;

/// One actor a stage, so that whoever does the next page was started anew.
const ALONE: [(&str, &str); 4] =
    [("PROCESSOR_ACTORS", "1"), ("CHUNKER_ACTORS", "1"), ("EMBEDDER_ACTORS", "1"), ("LOADER_ACTORS", "1")];

fn page_that_panics(stage: &str) {
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let bad = &site.subjects[2].path;
    let faulty = [("FAILPOINTS", format!("{stage}=panic(a test's panic)")), ("DOCMILL_FAULT_URL", bad.clone())];
    let mut docmill = Docmill::new().envs(ALONE);
    for (name, value) in &faulty {
        docmill.set(name, value);
    }
    let url = server.url(Site::ROOT);
    let finished = docmill.run(&["run", &url]).expect(1).prints(&["Errors=1"]);
    assert!(finished.stderr.contains(bad.as_str()), "{finished}");
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64 - 1, 1), "{finished}");
    let dead = &status.dead()[0];
    assert_eq!(dead["url"], server.url(bad));
    assert_eq!((&dead["stage"], &dead["kind"], &dead["attempts"]), (&stage.into(), &"panicked".into(), &3.into()));
    assert!(dead["error"].as_str().unwrap().contains("a test's panic"), "{dead}");
    assert_eq!(docmill.digest().documents, PAGES as u64 - 1);
}

#[test]
fn a_panic_of_the_processor_on_one_page_leaves_the_others_alone() {
    needs_model!();
    page_that_panics("processor");
}

#[test]
fn a_panic_of_the_chunker_on_one_page_leaves_the_others_alone() {
    needs_model!();
    page_that_panics("chunker");
}

#[test]
fn a_panic_of_the_embedder_on_one_page_leaves_the_others_alone() {
    needs_model!();
    page_that_panics("embedder");
}

#[test]
fn a_panic_of_the_loader_on_one_page_leaves_the_others_alone() {
    needs_model!();
    page_that_panics("loader");
}

#[test]
fn panics_in_batch_mode_leave_the_others_alone() {
    needs_model!();
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let bad = &site.subjects[3].path;
    let docmill = Docmill::new().env("FAILPOINTS", "chunker=panic").env("DOCMILL_FAULT_URL", bad);
    docmill.run(&["run", "--mode", "batch", &server.url(Site::ROOT)]).expect(1);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64 - 1, 1));
    assert_eq!(docmill.digest().documents, PAGES as u64 - 1);
}

#[test]
fn a_page_that_fails_twice_is_done_at_the_third_try() {
    needs_model!();
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let docmill =
        Docmill::new().env("FAILPOINTS", "embedder=2*panic->off").env("DOCMILL_FAULT_URL", &site.subjects[1].path);
    let finished = docmill.run(&["run", &server.url(Site::ROOT)]).expect(0).prints(&["Errors=0"]);
    assert_eq!(docmill.status().items("done"), PAGES as u64);
    // Cut three times, its chunks are there once.
    finished.prints(&[&format!("chunks   {} (", docmill.digest().chunks)]);
}

#[test]
fn a_stage_that_panics_on_everything_gives_up_and_loses_nothing() {
    needs_model!();
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let mut docmill = Docmill::new().envs(ALONE).envs([("RESTART_MAX", "3"), ("MAX_ATTEMPTS", "1000")]);
    docmill.set("FAILPOINTS", "chunker=panic");
    let url = server.url(Site::ROOT);
    docmill.run(&["run", &url]).expect(70);
    docmill.unset("FAILPOINTS");
    docmill.run(&["run", &url]).expect(0);
    assert_eq!(docmill.status().items("done"), PAGES as u64);
}

#[test]
fn a_page_that_ends_the_process_again_and_again_is_dead_at_the_third() {
    needs_model!();
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let mut docmill = Docmill::new();
    docmill.run(&["crawl", &server.url(Site::ROOT)]).expect(0);
    let bad = &site.subjects[4].path;
    // The page holds its stage call up, and so the process dies within it;
    // a second processor does the others meanwhile.
    docmill.set("PROCESSOR_ACTORS", "2");
    docmill.set("DOCMILL_FAULT_URL", bad);
    docmill.set("FAILPOINTS", "processor=sleep(3600000)");
    for crash in 1..=3 {
        let mut running = docmill.start(&["process"]);
        running.until(&format!("all other pages, and the bad one in its call, at crash {crash}"), |running| {
            // The call that was there when the last one died is still in the
            // ledger until this one has seen it.
            let has_recovered = crash == 1 || running.stderr().contains("when the last run ended");
            let status = has_recovered.then(|| docmill.status())?;
            let others = status.items("done") == PAGES as u64 - 1;
            (others && docmill.stage_calls() == 1).then_some(())
        });
        running.signal(Signal::Kill);
        let finished = running.finish();
        assert_eq!(finished.code, None, "crash {crash}: {finished}");
    }
    // Seven more that are meant for it find it dead, and hit no other.
    for _ in 4..=10 {
        let running = docmill.start(&["process"]);
        running.signal(Signal::Kill);
        running.finish();
    }
    docmill.unset("FAILPOINTS");
    docmill.run(&["process"]).expect(1);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64 - 1, 1));
    assert_eq!(status.dead()[0]["kind"], "crashed");
    assert_eq!(status.dead()[0]["url"], server.url(bad));
}
