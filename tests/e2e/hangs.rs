//! A stage call that never ends: noticed, its ticket taken back, its actor
//! replaced, the item tried again; what it yields later is not loaded.

use crate::support::data::path_of;
use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::seed;
use crate::support::site::Site;
use crate::support::wait;

const PAGES: usize = 6;

/// Longer than any test waits: a process that joined the thread would hang.
const FOR_EVER: &str = "1*sleep(3600000)->off";

fn page_that_hangs_once(stage: &str) {
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let docmill = Docmill::new()
        .envs([("STAGE_TIMEOUT", "5s"), ("PROCESSOR_ACTORS", "1"), ("CHUNKER_ACTORS", "1")])
        .envs([("EMBEDDER_ACTORS", "1"), ("LOADER_ACTORS", "1")])
        .env("FAILPOINTS", format!("{stage}={FOR_EVER}"))
        .env("DOCMILL_FAULT_URL", &site.subjects[1].path);
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0).prints(&["Errors=0"]);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64, 0));
    assert_eq!(docmill.digest().documents, PAGES as u64);
}

#[test]
fn a_processor_that_hangs_is_replaced() {
    needs_model!();
    page_that_hangs_once("processor");
}

#[test]
fn a_chunker_that_hangs_is_replaced() {
    needs_model!();
    page_that_hangs_once("chunker");
}

#[test]
fn an_embedder_that_hangs_is_replaced() {
    needs_model!();
    page_that_hangs_once("embedder");
}

#[test]
fn a_loader_that_hangs_is_replaced() {
    needs_model!();
    page_that_hangs_once("loader");
}

#[test]
fn a_page_that_hangs_each_time_is_dead() {
    needs_model!();
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let docmill = Docmill::new()
        .envs([("STAGE_TIMEOUT", "4s"), ("MAX_ATTEMPTS", "2"), ("HUNG_MAX", "4")])
        .env("FAILPOINTS", "processor=sleep(3600000)")
        .env("DOCMILL_FAULT_URL", &site.subjects[5].path);
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(1).prints(&["Errors=1"]);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64 - 1, 1));
    assert_eq!((&status.dead()[0]["stage"], &status.dead()[0]["attempts"]), (&"processor".into(), &2.into()));
}

#[test]
fn too_many_hung_calls_end_the_process_and_lose_nothing() {
    needs_model!();
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let mut docmill = Docmill::new().envs([("STAGE_TIMEOUT", "300ms"), ("HUNG_MAX", "2")]);
    docmill.set("FAILPOINTS", "processor=sleep(3600000)");
    let url = server.url(Site::ROOT);
    docmill.run(&["run", &url]).expect(70);
    docmill.unset("FAILPOINTS");
    docmill.set("STAGE_TIMEOUT", "300");
    docmill.run(&["run", &url]).expect(0);
    assert_eq!(docmill.status().items("done"), PAGES as u64);
}

#[test]
fn what_a_hung_call_yields_later_is_not_loaded() {
    needs_model!();
    if !cfg!(target_os = "linux") {
        eprintln!("SKIPPED: the hung call's end is seen by its thread, which only Linux shows");
        return;
    }
    let item = |text: &str| {
        let item = serde_json::json!({"url": "https://a.example/page", "title": "Page", "content": text});
        serde_json::to_vec(&[item]).unwrap()
    };
    let docmill = Docmill::new()
        .envs([("STAGE_TIMEOUT", "4s"), ("LOADER_ACTORS", "1"), ("RESCAN_INTERVAL", "200ms")])
        .env("FAILPOINTS", "loader=1*sleep(12000)->off");
    docmill.put_raw("item_1.json", item("The old text tells of a walrus."));
    let mut running = docmill.start(&["watch"]);
    // The first try hangs, the second loads the old text, then the new comes.
    running.until("the old text", |_| (text_of(&docmill).contains("walrus")).then_some(()));
    docmill.put_raw("item_1.json", item("The new text tells of a pelican."));
    running.until("the new text", |_| (text_of(&docmill).contains("pelican")).then_some(()));
    // Now the hung call comes back with the old text in its hands, and its
    // actor's thread ends.
    let threads = running.threads("actix-rt");
    running.until("the hung call's end", |running| (running.threads("actix-rt") < threads).then_some(()));
    running.signal(Signal::Interrupt);
    running.finish().expect(0);
    assert!(text_of(&docmill).contains("pelican"));
    assert_eq!(docmill.digest().documents, 1);
    let hits = docmill.search("walrus pelican");
    assert!(hits.iter().all(|hit| !hit.text.contains("walrus")), "{hits:?}");
    assert!(hits.iter().all(|hit| path_of(&hit.url) == "/page"), "{hits:?}");
    wait::until("a status without work left", || (docmill.status().items("in_flight") == 0).then_some(()));
}

/// The text of everything under `chunks/`.
fn text_of(docmill: &Docmill) -> String {
    docmill.chunks().into_iter().map(|chunk| chunk.content).collect()
}
