//! What was done before and fits no more is done again: other settings, files
//! that are gone, an index that is gone.

use std::fs;

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::seed;
use crate::support::site::Site;

const PAGES: usize = 6;

#[test]
fn other_settings_make_the_data_that_a_fresh_run_makes() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let url = server.url(Site::ROOT);
    let mut docmill = Docmill::new();
    docmill.run(&["run", &url]).expect(0);
    let before = docmill.digest();
    docmill.set("CHUNK_TOKENS", "60");
    docmill.set("CHUNK_OVERLAP_TOKENS", "10");
    docmill.run(&["process"]).expect(0);
    let after = docmill.digest();
    assert!(after.chunks > before.chunks, "{before:?} {after:?}");

    let fresh = Docmill::new().envs([("CHUNK_TOKENS", "60"), ("CHUNK_OVERLAP_TOKENS", "10")]);
    fresh.run(&["run", &url]).expect(0);
    assert_eq!(fresh.digest(), after);

    // Back again: the vectors come from the cache.
    docmill.unset("CHUNK_TOKENS");
    docmill.unset("CHUNK_OVERLAP_TOKENS");
    docmill.run(&["process"]).expect(0).prints(&["(0 embedded"]);
    assert_eq!(docmill.digest(), before);
}

#[test]
fn outputs_that_are_gone_are_made_again() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let docmill = Docmill::new();
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    let digest = docmill.digest();
    let in_data = |name: &str| docmill.data_dir().join(name);

    // A file, and one that was cut short.
    let chunks = docmill.files("chunks");
    fs::remove_file(in_data("chunks").join(&chunks[0])).unwrap();
    let cut = fs::OpenOptions::new().write(true).open(in_data("chunks").join(&chunks[1])).unwrap();
    cut.set_len(10).unwrap();
    let processed = docmill.files("processed");
    fs::remove_file(in_data("processed").join(&processed[2])).unwrap();
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.digest(), digest);

    // The whole index, and the cache, which is safe to delete.
    for name in ["index.db", "index.db-wal", "index.db-shm", "cache.db", "cache.db-wal", "cache.db-shm"] {
        let _may_not_be_there = fs::remove_file(in_data(name));
    }
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.digest(), digest);

    // The ledger: then all is done again, to the same end.
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _may_not_be_there = fs::remove_file(in_data(name));
    }
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.digest(), digest);
    assert_eq!(docmill.status().items("done"), PAGES as u64);
}

#[test]
fn a_raw_item_that_is_lost_ends_dead_and_the_next_crawl_brings_it_back() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let url = server.url(Site::ROOT);
    // The file is whole and lacks the item, or is no JSON at all.
    for (lost, mode, dead) in [("[]", "batch", 1), ("{", "streaming", 2)] {
        let docmill = Docmill::new();
        docmill.run(&["crawl", &url]).expect(0);
        let name = docmill.files("raw").remove(PAGES - 1);
        docmill.put_raw(&name, lost);
        let finished = docmill.run(&["process", "--mode", mode]).expect(1);
        let status = docmill.status();
        assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64 - 1, dead), "{finished}");
        finished.says(&[&name, "crawl the page again"]);
        docmill.run(&["run", &url]).expect(0);
        assert_eq!(docmill.status().items("done"), PAGES as u64);
    }
}

#[test]
fn a_raw_file_that_was_refused_is_forgotten_when_it_is_removed() {
    needs_model!();
    let docmill = Docmill::new();
    docmill.put_raw("item_a.JSON", br#"[{"url":"https://a.example/a","title":"A","content":"\ud800 here"}]"#);
    docmill.put_raw("item_bad.json", "no JSON");
    docmill.run(&["process"]).expect(1).says(&["item_bad.json"]);
    fs::remove_file(docmill.data_dir().join("raw/item_bad.json")).unwrap();
    docmill.run(&["process"]).expect(0);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("admitted")), (1, 1));
}

#[test]
fn a_damaged_index_is_put_aside_and_made_anew() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let docmill = Docmill::new();
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    let digest = docmill.digest();
    let index = docmill.data_dir().join("index.db");
    // What lies in the log is in the file itself first.
    let connection = docmill_stages::db::Connection::open(&index).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let mut bytes = fs::read(&index).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 12_288].fill(0xA5);
    fs::write(&index, bytes).unwrap();
    docmill.run(&["process"]).expect(0).says(&["put aside"]).prints(&["(0 embedded"]);
    assert_eq!(docmill.digest(), digest);
}

#[test]
fn a_damaged_ledger_is_named_with_what_to_do() {
    needs_model!();
    let docmill = Docmill::new();
    docmill.put_raw("item_a.json", br#"[{"url":"https://a.example/a","title":"A","content":"First."}]"#);
    docmill.run(&["process"]).expect(0);
    let state = docmill.data_dir().join("state.db");
    let connection = docmill_stages::db::Connection::open(&state).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let mut bytes = fs::read(&state).unwrap();
    bytes[8_192..].fill(0xA5);
    fs::write(&state, bytes).unwrap();
    for command in ["status", "process"] {
        docmill.run(&[command]).expect(69).says(&["state.db", "move it away"]);
    }
}

/// Invariant 9: a reader sees all of a document, the old or the new.
#[test]
fn a_reader_never_sees_half_a_document() {
    needs_model!();
    let docmill = Docmill::new().env("RESCAN_INTERVAL", "200ms");
    let version = |number: usize| {
        let sections: String =
            (0..12).map(|part| format!("## Part {part}\n\nBeacon in version {number}.\n\n")).collect();
        let item = serde_json::json!({"url": "https://a.example/b", "title": "Beacon", "content": sections});
        serde_json::to_vec(&[item]).unwrap()
    };
    docmill.put_raw("item_b.json", version(0));
    let mut running = docmill.start(&["watch"]);
    running.until("the first version", |_| (docmill.files("chunks").len() == 1).then_some(()));
    let questions = "beacon\n".repeat(20);
    for number in 1..=4 {
        docmill.put_raw("item_b.json", version(number));
        running.until("the new version", |_| {
            let answers = docmill.run_with_input(&["search", "-k", "50", "-"], &questions).expect(0).json_lines();
            let mut is_new = false;
            for answer in answers {
                let hits = answer["hits"].as_array().unwrap();
                let texts: Vec<&str> = hits.iter().map(|hit| hit["text"].as_str().unwrap()).collect();
                let versions =
                    (0..=number).filter(|known| texts.iter().any(|text| text.contains(&format!("version {known}."))));
                let versions: Vec<usize> = versions.collect();
                assert_eq!(versions.len(), 1, "half of one and half of another, or none: {versions:?}");
                let parts = (0..12).filter(|part| texts.iter().any(|text| text.contains(&format!("Part {part}\n"))));
                assert_eq!(parts.count(), 12, "{texts:?}");
                is_new = versions == [number];
            }
            is_new.then_some(())
        });
    }
    running.signal(Signal::Interrupt);
    running.finish().expect(0);
}
