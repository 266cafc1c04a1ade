//! Pages taken out, and processed again.

use std::fs;

use serde_json::json;

use crate::support::model::needs_model;
use crate::support::program::Docmill;
use crate::support::random::seed;
use crate::support::site::Site;

const PAGES: usize = 6;

#[test]
fn a_page_that_is_removed_is_gone_everywhere_until_it_is_crawled_again() {
    needs_model!();
    let site = Site::new(seed(), PAGES);
    let server = site.server();
    let docmill = Docmill::new();
    let url = server.url(Site::ROOT);
    docmill.run(&["run", &url]).expect(0);
    let before = docmill.digest();
    let [gone, other] = [1, 2].map(|index| server.url(&site.subjects[index].path));
    docmill.run(&["remove", &gone, "--dry-run"]).expect(0).prints(&[&gone]);
    assert_eq!(docmill.digest(), before);

    let finished = docmill.run(&["remove", &gone, "https://a.example/nowhere", "--json"]).expect(1);
    let answer = finished.says(&["https://a.example/nowhere"]).json();
    assert_eq!((&answer["removed"], &answer["unknown"]), (&json!([gone]), &json!(["https://a.example/nowhere"])));
    let without = docmill.digest();
    assert_eq!(without.documents, PAGES as u64 - 1);
    assert!(!docmill.documents().contains_key(&gone));
    assert!(docmill.raw_items().iter().all(|item| item["url"] != *gone || item.get("html_content").is_none()));
    let status = docmill.status();
    assert_eq!((status.items("waiting"), status.items("done"), status.items("removed")), (0, PAGES as u64, 1));
    docmill.run(&["status"]).expect(0).prints(&[&format!("{PAGES} done (1 of them removed)")]);
    docmill.run(&["remove", &gone]).expect(0).prints(&["is out already"]);
    docmill.run(&["process"]).expect(0);
    docmill.run(&["reprocess"]).expect(0);
    assert_eq!(docmill.digest(), without);

    // CRAWL_DENY keeps the crawler off it, and else it comes back.
    docmill.run(&["run", &url, "--deny", &regex_of(&gone)]).expect(0);
    assert_eq!(docmill.digest(), without);
    docmill.run(&["run", &url]).expect(0);
    assert_eq!(docmill.digest(), before);

    // The whole site, with the ledger lost in between: it stays out.
    docmill.run(&["remove", "--site", &url]).expect(64).says(&["--yes", &other]);
    docmill.run(&["remove", "--site", &url, "--yes"]).expect(0);
    assert_eq!(docmill.digest().documents, 0);
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _may_not_be_there = fs::remove_file(docmill.data_dir().join(name));
    }
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.digest().documents, 0);
}

fn regex_of(url: &str) -> String {
    url.replace('.', "\\.")
}

/// A file of another program is left as it is, and what it says of the page
/// counts no more, also when it is read again.
#[test]
fn a_page_in_a_list_with_others_stays_out_too() {
    needs_model!();
    let docmill = Docmill::new();
    let item = |name: &str| {
        json!({"url": format!("https://a.example/{name}"), "title": name, "content": format!("# {name}\n\nText of {name}.\n"),
               "scraped_at": "2031-01-01T00:00:00Z"})
    };
    let list = serde_json::to_vec(&[item("one"), item("two"), item("three")]).unwrap();
    docmill.put_raw("raw_data.json", &list);
    // Not even processed yet: it is known by its raw file.
    docmill.run(&["remove", "https://a.example/three"]).expect(0);
    docmill.run(&["process"]).expect(0);
    docmill.run(&["remove", "https://A.example/two"]).expect(0).says(&["raw_data.json"]);
    let urls = |docmill: &Docmill| docmill.documents().into_keys().collect::<Vec<_>>();
    assert_eq!(urls(&docmill), ["https://a.example/one"]);
    docmill.put_raw("raw_data.json", &list);
    docmill.run(&["process"]).expect(0);
    assert_eq!(urls(&docmill), ["https://a.example/one"]);
    assert_eq!(docmill.digest().documents, 1);
}

/// From the tombstone on, the next start does what is left.
#[test]
fn a_removal_that_was_cut_short_is_ended_by_the_next_start() {
    needs_model!();
    let docmill = Docmill::new();
    let page = |content: &str| json!([{"url": "https://a.example/x", "title": "X", "content": content}]);
    docmill.put_raw("item_x.json", page("Text.").to_string());
    docmill.run(&["process"]).expect(0);
    let tombstone = json!([{"url": "https://a.example/x", "title": "", "metadata": {"change_status": "removed"}}]);
    docmill.put_raw("item_x.json", tombstone.to_string());
    docmill.run(&["process"]).expect(0);
    assert_eq!((docmill.digest().documents, docmill.status().items("done")), (0, 1));
}

#[test]
fn what_is_processed_again_gives_the_same_data() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let docmill = Docmill::new().env("MAX_ATTEMPTS", "1");
    docmill.put_raw("broken.json", "[7]");
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(1);
    let before = docmill.digest();
    assert_eq!(docmill.status().items("dead"), 1);
    for words in
        [&["reprocess"][..], &["reprocess", "--mode", "batch"], &["reprocess", "--dead"], &["reprocess", "/docs/"]]
    {
        docmill.run(words).expect(1).prints(&["(0 embedded"]);
        assert_eq!(docmill.digest(), before, "{words:?}");
        assert_eq!((docmill.status().items("done"), docmill.status().items("dead")), (PAGES as u64, 1));
    }
    docmill.run(&["reprocess", "no such page"]).expect(1).says(&["matches"]);
    docmill.run(&["reprocess", "("]).expect(64);
    docmill.put_raw("broken.json", "[]");
    docmill.run(&["reprocess", "--dead"]).expect(0);
    assert_eq!(docmill.status().items("dead"), 0);
}

#[test]
fn the_completions_and_the_manual_have_every_command() {
    let docmill = Docmill::new();
    docmill.put_dotenv("CHUNK_TOKENS=none of your business\n");
    let help = docmill.run(&["--help"]).expect(0).stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let commands: Vec<&str> =
        list.lines().map_while(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        docmill.run(&["completions", shell]).expect(0).prints(&commands);
    }
    docmill.run(&["completions", "tcsh"]).expect(64);
    docmill.run(&["man"]).expect(0).prints(&[".TH docmill 1"]).prints(&commands);
    docmill.run(&["man", "--dir", "pages"]).expect(0);
    for command in commands {
        assert!(docmill.work_dir().join(format!("pages/docmill-{command}.1")).is_file(), "{command}");
    }
}
