//! Dead items: their letters, and what a person does with them.

use std::fs;

use serde_json::{Value, json};

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};

const PAGE: &str = "https://a.example/page";

/// A raw file with one page of this content.
fn raw(url: &str, content: &str, at: u32) -> String {
    let time = format!("2031-01-01T00:00:{at:02}Z");
    json!([{"url": url, "title": "T", "content": content, "scraped_at": time}]).to_string()
}

/// Every letter, by URL.
fn letters(docmill: &Docmill) -> Vec<Value> {
    let read = |name: &String| fs::read(docmill.data_dir().join("dead").join(name)).ok();
    let bytes = docmill.files("dead").iter().filter_map(read).collect::<Vec<_>>();
    let mut letters: Vec<Value> = bytes.iter().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
    letters.sort_by_key(|letter| letter["url"].to_string());
    letters
}

/// What `dead list --json` says, by URL.
fn listed(docmill: &Docmill, filter: &[&str]) -> Vec<Value> {
    let words = [&["dead", "list", "--json"], filter].concat();
    let answer = docmill.run(&words).expect(0).json();
    let mut dead = answer["dead"].as_array().unwrap().clone();
    assert_eq!(answer["count"], dead.len());
    dead.sort_by_key(|letter| letter["url"].to_string());
    dead
}

/// A place whose processor fails on [`PAGE`], where a good page, a bad one and
/// a file that is no item were processed.
fn with_dead() -> Docmill {
    let docmill = Docmill::new().envs([("FAILPOINTS", "processor=panic(on purpose)"), ("MAX_ATTEMPTS", "2")]);
    let docmill = docmill.env("DOCMILL_FAULT_URL", PAGE);
    docmill.put_raw("good.json", raw("https://a.example/good", "Good.", 1));
    docmill.put_raw("page.json", raw(PAGE, "Bad\u{1b}[31m.", 1));
    docmill.put_raw("broken.json", "[7]");
    let flag = format!("docmill dead list --data-dir {}", docmill.data_dir().display());
    docmill.run(&["process"]).expect(1).prints(&[&flag]);
    docmill.run(&["status"]).expect(0).prints(&[&flag, "docmill dead replay --all"]);
    docmill
}

#[test]
fn what_is_dead_has_a_letter_and_is_listed_and_shown() {
    needs_model!();
    let docmill = with_dead();
    let dead = letters(&docmill);
    assert_eq!(dead, listed(&docmill, &[]));
    let [page, broken] = dead.as_slice() else { panic!("{dead:#?}") };
    assert_eq!((&page["url"], &broken["url"]), (&json!(PAGE), &json!("raw-file:broken.json#0")));
    assert_eq!(
        (&page["stage"], &page["kind"], &page["attempts"]),
        (&json!("processor"), &json!("panicked"), &json!(2))
    );
    assert!(page["died_at"].as_str().unwrap().ends_with('Z'), "{page}");
    assert_eq!(page["version"], env!("CARGO_PKG_VERSION"));

    for (filter, wanted) in [
        (&["--stage", "processor"][..], page),
        (&["--kind", "not_an_item"], broken),
        (&["--url", "^https://a\\.example/p"], page),
    ] {
        assert_eq!(listed(&docmill, filter), std::slice::from_ref(wanted), "{filter:?}");
    }
    assert!(listed(&docmill, &["--stage", "loader"]).is_empty());
    docmill.run(&["dead", "list", "--limit", "1"]).expect(0).prints(&["and 1 more", "2 dead;"]);
    let key = page["key"].as_str().unwrap();
    let shown = docmill.run(&["dead", "show", key]).expect(0);
    let shown = shown.prints(&[PAGE, "on purpose", "page.json", "2 failed", "dead/", "docmill dead replay"]);
    assert!(!shown.stdout.contains('\u{1b}'), "{shown}");
    let shown = docmill.run(&["dead", "show", "HTTPS://A.example:443/page", "--json"]).expect(0).json();
    assert!(shown["raw_head"].as_str().unwrap().contains("Bad"), "{shown}");
    let shown = docmill.run(&["dead", "show", "raw-file:broken.json#0", "--json"]).expect(0).json();
    assert_eq!((&shown["raw_head"], &shown["key"]), (&json!("[7]"), &broken["key"]));

    let list = "docmill dead list";
    docmill.run(&["dead", "show", "https://a.example/good"]).expect(1).says(&["is not dead but done", list]);
    docmill.run(&["dead", "show", "nowhere"]).expect(1).says(&["no item is known by nowhere", list]);
    for words in
        [&["dead"][..], &["dead", "replay"], &["dead", "drop", "--all", "x"], &["dead", "list", "--stage", "x"]]
    {
        docmill.run(words).expect(64);
    }
    Docmill::new().run(&["dead", "list"]).expect(69).says(&["nothing has run"]);
    Docmill::new().run(&["dead", "replay", "--all"]).expect(69).says(&["nothing has run"]);
}

#[test]
fn letters_are_put_right_at_a_start_and_go_with_a_replay() {
    needs_model!();
    let mut docmill = with_dead();
    let before = letters(&docmill);
    let names = docmill.files("dead");
    let path = |name: &str| docmill.data_dir().join("dead").join(name);
    fs::remove_file(path(&names[0])).unwrap();
    fs::write(path(&names[1]), "garbage").unwrap();
    fs::write(path("0123456789ab.json"), "{}").unwrap();
    assert_eq!(listed(&docmill, &[]), before, "the ledger is the truth");
    docmill.run(&["process"]).expect(1);
    assert_eq!(letters(&docmill), before);

    let replayed = docmill.run(&["dead", "replay", PAGE, "nowhere", "--json"]).expect(1).says(&["nowhere"]).json();
    assert_eq!((&replayed["replayed"], &replayed["running"]), (&json!(1), &json!(false)));
    assert_eq!((letters(&docmill).len(), docmill.status().items("waiting")), (1, 1));
    docmill.run(&["dead", "replay", PAGE]).expect(1).says(&["is not dead but waiting"]);
    docmill.unset("FAILPOINTS");
    let next = format!("next: docmill process --data-dir {}", docmill.data_dir().display());
    docmill.run(&["dead", "replay", "--all"]).expect(0).prints(&["1 item", &next]);
    docmill.run(&["process"]).expect(1);
    assert_eq!((docmill.status().items("done"), letters(&docmill).len()), (2, 1));
    docmill.run(&["dead", "drop", "--kind", "not_an_item"]).expect(0).prints(&["1 item: dropped"]);
    assert!(letters(&docmill).is_empty());
    docmill.run(&["process"]).expect(0);
    docmill.run(&["dead", "drop", "--all"]).expect(0).prints(&["no dead item matches"]);
}

#[test]
fn a_page_that_is_dropped_keeps_its_older_version_and_newer_content_brings_it_back() {
    needs_model!();
    let mut docmill = Docmill::new().env("DOCMILL_FAULT_URL", PAGE).env("MAX_ATTEMPTS", "1");
    docmill.put_raw("page.json", raw(PAGE, "About ferries.", 1));
    docmill.run(&["process"]).expect(0);
    let older = docmill.digest();
    docmill.set("FAILPOINTS", "loader=panic");
    docmill.put_raw("page.json", raw(PAGE, "About kilns.", 2));
    docmill.run(&["process"]).expect(1);
    let dropped = docmill.run(&["dead", "drop", PAGE]).expect(0);
    dropped.prints(&["an older version stays in the index", PAGE, "docmill remove"]);
    docmill.unset("FAILPOINTS");
    docmill.run(&["process"]).expect(0);
    let status = docmill.status();
    assert_eq!((status.items("skipped"), status.items("dropped"), status.items("dead")), (1, 1, 0));
    docmill.run(&["status"]).expect(0).prints(&["1 skipped (1 of them dropped)"]);
    assert_eq!((docmill.digest(), letters(&docmill).len()), (older.clone(), 0));

    // It fails again on newer content, and what comes after that is done.
    docmill.set("FAILPOINTS", "loader=panic");
    docmill.put_raw("page.json", raw(PAGE, "About looms.", 3));
    docmill.run(&["process"]).expect(1);
    assert_eq!((letters(&docmill).len(), docmill.status().items("dropped")), (1, 0));
    docmill.unset("FAILPOINTS");
    docmill.put_raw("page.json", raw(PAGE, "About mills.", 4));
    docmill.run(&["process"]).expect(0);
    assert_eq!((letters(&docmill).len(), docmill.status().items("done")), (0, 1));
    assert_ne!(docmill.digest(), older);
}

#[test]
fn a_replay_beside_a_watch_is_taken_up_by_it() {
    needs_model!();
    // No slow look finds anything: what is replayed is taken up at once.
    let docmill = Docmill::new().envs([("MAX_ATTEMPTS", "1"), ("RESCAN_INTERVAL", "1h")]);
    let docmill = docmill.env("FAILPOINTS", "embedder=1*panic->off").env("DOCMILL_FAULT_URL", PAGE);
    docmill.put_raw("page.json", raw(PAGE, "Text.", 1));
    docmill.put_raw("broken.json", "[7]");
    let mut running = docmill.start(&["watch"]);
    let both = running.until("both letters", |_| Some(letters(&docmill)).filter(|letters| letters.len() == 2));
    let replayed = docmill.run(&["dead", "replay", "--all", "--json"]).expect(0).json();
    assert_eq!((&replayed["replayed"], &replayed["running"]), (&json!(2), &json!(true)));
    running.until("the page done, and the file read and refused again", |_| {
        let now = letters(&docmill);
        let is_broken_again =
            now.len() == 1 && now[0]["url"] == both[1]["url"] && now[0]["died_at"] != both[1]["died_at"];
        (is_broken_again && docmill.status().items("done") == 1).then_some(())
    });
    docmill.run(&["dead", "drop", "raw-file:broken.json#0"]).expect(0);
    running.until("no letter", |_| letters(&docmill).is_empty().then_some(()));
    docmill.put_raw("broken.json", raw("https://a.example/mended", "Mended.", 1));
    running.until("the mended file", |_| (docmill.status().items("done") == 2).then_some(()));
    running.signal(Signal::Interrupt);
    running.finish().expect(0);
    assert!(letters(&docmill).is_empty());
}
