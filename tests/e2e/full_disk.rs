//! A disk that is full: the run ends with 75 and says so, nothing is damaged,
//! no item is blamed, and after making room the data is that of a run that
//! never met it.

#![cfg(target_os = "linux")]

use crate::support::data::Digest;
use crate::support::model::needs_model;
use crate::support::program::{Docmill, Finished, Signal};
use crate::support::random::seed;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::small_disk::SmallDisk;

const PAGES: usize = 12;
/// Room for all of it, in KiB.
const ENOUGH: u64 = 256 * 1024;

/// What a run without trouble makes of the site.
fn undisturbed(server: &Server) -> Digest {
    let docmill = Docmill::new();
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    docmill.digest()
}

fn says_it_is_full(finished: Finished) {
    let finished = finished.expect(75).says(&["DATA_DIR", "free", "make room and run again"]);
    let last = finished.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("docmill: DATA_DIR"), "the reason is not the last line\n{finished}");
}

/// Wherever it fills up: each size ends the run at another step.
#[test]
fn a_run_on_a_disk_that_fills_up_ends_and_goes_on() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let expected = undisturbed(&server);
    let mut met = 0;
    for (number, kib) in [40, 160, 300, 440, 560, 700, 900, 1_200, 1_600].into_iter().enumerate() {
        let docmill = Docmill::new().env("MAX_ATTEMPTS", "1").env("RETRY_TIMES", "0");
        let Some(disk) = SmallDisk::mount(&docmill.data_dir(), kib) else { return };
        let mode = if number % 2 == 0 { "streaming" } else { "batch" };
        let url = server.url(Site::ROOT);
        let words = ["run", "--mode", mode, &url];
        // A second start on the full disk must do no harm either.
        for _ in 0..3 {
            let finished = docmill.run(&words);
            if finished.code != Some(0) {
                says_it_is_full(finished);
                met += 1;
            }
        }
        disk.resize(ENOUGH);
        docmill.run(&words).expect(0);
        assert_eq!(docmill.digest(), expected, "with {kib} KiB, {mode}");
        let status = docmill.status();
        assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64, 0), "{:#}", status.0);
        assert_eq!(status.crawl("failed"), 0, "{:#}", status.0);
    }
    assert!(met >= 6, "the disks were too large to fill up: {met}");
}

/// Full from the start, and full while `watch` stays.
#[test]
fn a_watch_on_a_full_disk_ends_and_search_works_beside_it() {
    needs_model!();
    let docmill = Docmill::new();
    let Some(disk) = SmallDisk::mount(&docmill.data_dir(), 16 * 1024) else { return };
    let item = |number: usize, text: &str| {
        let item = serde_json::json!({"url": format!("https://a.example/{number}"), "title": "Lamp", "content": text});
        serde_json::to_vec(&[item]).unwrap()
    };
    docmill.put_raw("item_1.json", item(1, "# Lamp\n\nThe lamp burns oil.\n"));
    docmill.run(&["process"]).expect(0);
    let before = docmill.digest();
    let mut running = docmill.start(&["watch"]);
    running.until("the watch", |running| running.stdout().contains("Progress").then_some(()));
    docmill.put_raw("item_2.json", item(2, &"The second lamp is brighter. ".repeat(2_000)));
    disk.fill();
    let finished = running.finish();
    says_it_is_full(finished);
    says_it_is_full(docmill.run(&["process"]));
    assert!(!docmill.search("lamp oil").is_empty(), "search does not work on a full disk");
    disk.make_room();
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.status().items("done"), 2);
    assert!(docmill.digest().documents == before.documents + 1);
    let mut running = docmill.start(&["watch"]);
    running.until("the watch", |running| running.stdout().contains("Progress").then_some(()));
    running.signal(Signal::Interrupt);
    running.finish().expect(0);
}

#[test]
fn a_model_that_does_not_fit_in_the_cache_is_told() {
    let docmill = Docmill::new();
    let cache = docmill.path("small-cache");
    let Some(_disk) = SmallDisk::mount(&cache, 1024) else { return };
    let docmill = docmill.env("MODEL_CACHE_DIR", cache.clone());
    let finished = docmill.run(&["models", "pull"]).expect(69);
    finished.says(&["no room for", "MODEL_CACHE_DIR", &cache.display().to_string(), "free"]);
}
