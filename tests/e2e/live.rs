//! What can be had of a run that is still going: answers and a status.

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::seed;
use crate::support::site::Site;

#[test]
fn the_first_chunk_is_found_while_the_run_goes_on() {
    needs_model!();
    let site = Site::new(seed(), 16);
    let server = site.server();
    let docmill = Docmill::new()
        .env("FAILPOINTS", "embedder=sleep(400)")
        .envs([("EMBEDDER_ACTORS", "1"), ("MAX_IN_FLIGHT", "2")]);
    let mut running = docmill.start(&["run", &server.url(Site::ROOT)]);
    let question = site.subjects[0].name.as_str();
    let hits = running.until("an answer", |_| {
        let finished = docmill.run(&["search", "--json", question]);
        // Before the first document there is no index, which it says.
        let answer = (finished.code == Some(0)).then(|| finished.json())?;
        answer["hits"].as_array().filter(|hits| !hits.is_empty()).cloned()
    });
    let status = docmill.status();
    assert!(!running.has_ended(), "the run was over before the first answer");
    assert_eq!(status.0["running"], true);
    assert!(status.items("done") < 16, "{:#}", status.0);
    assert!(hits[0]["url"].as_str().unwrap().starts_with(&server.url("/docs/")));
    running.finish().expect(0).prints(&["Progress: Files=", "Errors=0"]);
    let status = docmill.status();
    assert_eq!((&status.0["running"], status.items("done")), (&false.into(), 16));
}

#[test]
fn a_second_signal_ends_at_once() {
    needs_model!();
    let site = Site::new(seed(), 6);
    let server = site.server();
    // What is in flight would take an hour, and the grace is as long.
    let docmill = Docmill::new().envs([
        ("FAILPOINTS", "chunker=sleep(3600000)"),
        ("SHUTDOWN_GRACE", "1h"),
        ("STAGE_TIMEOUT", "2h"),
    ]);
    let mut running = docmill.start(&["run", &server.url(Site::ROOT)]);
    running.until("work in flight", |_| (docmill.files("raw").len() >= 6).then_some(()));
    // A terminal that is closed says so first, and asks for an end then.
    running.signal(if cfg!(target_os = "linux") { Signal::Hangup } else { Signal::Interrupt });
    running.until("a word about it", |running| running.stderr().contains("second signal").then_some(()));
    running.signal(Signal::Interrupt);
    running.finish().expect(75);
}

#[test]
fn two_signals_in_the_middle_of_embedding_burn_nothing() {
    needs_model!();
    let docmill = Docmill::new();
    let pages = 24;
    for page in 0..pages {
        let text: String = (0..60)
            .map(|part| {
                format!(
                    "## Part {part}\n\nPage {page}, part {part}: the keeper opens lock {} at dawn.\n\n",
                    page * 61 + part
                )
            })
            .collect();
        let url = format!("https://a.example/{page}");
        let item = serde_json::json!([{"url": url, "title": "Canal", "content": text}]);
        docmill.put_raw(&format!("item_{page}.json"), item.to_string());
    }
    for round in 0..8 {
        let mut running = docmill.start(&["process"]);
        running.until(&format!("vectors in round {round}"), |running| {
            (running.stderr().contains("embedded chunks=") || running.stdout().contains("Done in")).then_some(())
        });
        // Two signals of one kind that come together are one.
        running.signal(Signal::Interrupt);
        running.until("a word about it", |running| {
            (running.stderr().contains("second signal") || running.stdout().contains("Done in")).then_some(())
        });
        running.signal(Signal::Interrupt);
        let finished = running.finish();
        assert!(!finished.stderr.contains("failed kind="), "round {round}: {finished}");
    }
    docmill.run(&["process"]).expect(0);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (pages, 0));
}

#[test]
fn what_does_not_end_within_the_grace_is_left_for_the_next_run() {
    needs_model!();
    let site = Site::new(seed(), 6);
    let server = site.server();
    let mut docmill = Docmill::new().envs([("SHUTDOWN_GRACE", "300ms"), ("STAGE_TIMEOUT", "2h")]);
    docmill.set("FAILPOINTS", "chunker=sleep(3600000)");
    let url = server.url(Site::ROOT);
    let mut running = docmill.start(&["run", &url]);
    running.until("work in flight", |_| (docmill.files("raw").len() >= 6).then_some(()));
    running.signal(Signal::Terminate);
    running.finish().expect(75);
    docmill.unset("FAILPOINTS");
    docmill.run(&["run", &url]).expect(0);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (6, 0));
}

#[test]
fn a_reader_that_went_away_does_not_end_a_run() {
    needs_model!();
    let site = Site::new(seed(), 6);
    let server = site.server();
    let docmill = Docmill::new().env("FAILPOINTS", "loader=sleep(300)");
    let mut running = docmill.start(&["run", &server.url(Site::ROOT), "--progress", "plain"]);
    running.until("its first line", |running| running.stdout().contains("Progress: ").then_some(()));
    running.close_stdout();
    running.finish().expect(0);
    assert_eq!(docmill.status().items("done"), 6);
}
