//! `docmill watch`: what another program drops into `raw/` is processed once
//! each, when it is whole.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Running, Signal};

fn item(name: &str, text: &str) -> Vec<u8> {
    let item = serde_json::json!({"url": format!("https://a.example/{name}"), "title": name, "content": text});
    serde_json::to_vec_pretty(&[item]).unwrap()
}

fn raw(docmill: &Docmill) -> PathBuf {
    let folder = docmill.data_dir().join("raw");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Waits until so many documents are whole.
fn until_done(docmill: &Docmill, running: &mut Running, count: u64) {
    running.until("that many documents", |_| {
        let finished = docmill.run(&["status", "--json"]);
        let items = (finished.code == Some(0)).then(|| finished.json()["items"].clone())?;
        (items["done"].as_u64()? == count && items["in_flight"] == 0 && items["waiting"] == 0).then_some(())
    });
}

#[cfg(unix)]
#[test]
fn a_link_to_itself_holds_up_no_other_file() {
    needs_model!();
    let docmill = Docmill::new();
    docmill.put_raw("item_a.json", br#"[{"url":"https://a.example/a","title":"A","content":"First."}]"#);
    let mut running = docmill.start(&["watch"]);
    let loaded = |running: &Running, files: usize| running.stderr().matches(" loaded chunks=").count() == files;
    running.until("the first file", |running| loaded(running, 1).then_some(()));
    let raw = docmill.data_dir().join("raw");
    std::os::unix::fs::symlink("loop.json", raw.join("loop.json")).unwrap();
    docmill.put_raw("item_z.json", br#"[{"url":"https://a.example/z","title":"Z","content":"Last."}]"#);
    running.until("the file behind the link", |running| loaded(running, 2).then_some(()));
    running.signal(Signal::Interrupt);
    running.finish().expect(0);
}

#[test]
fn files_that_come_slowly_renamed_or_overwritten_are_processed_when_whole() {
    needs_model!();
    let docmill = Docmill::new().env("RESCAN_INTERVAL", "500ms");
    docmill.put_raw("item_before.json", item("before", "This was there before the start."));
    let mut running = docmill.start(&["watch"]);
    until_done(&docmill, &mut running, 1);

    // Written slowly: what is not whole yet is no error.
    let mut file = fs::File::create(raw(&docmill).join("item_slow.json")).unwrap();
    for piece in item("slow", "This came piece by piece.").chunks(20) {
        file.write_all(piece).unwrap();
        file.flush().unwrap();
        std::thread::sleep(Duration::from_millis(150));
    }
    drop(file);
    until_done(&docmill, &mut running, 2);

    // Renamed in, from a name that nobody looks at.
    let part = raw(&docmill).join("item_renamed.json.part");
    fs::write(&part, item("renamed", "This was renamed in.")).unwrap();
    fs::rename(&part, raw(&docmill).join("item_renamed.json")).unwrap();
    until_done(&docmill, &mut running, 3);

    // Overwritten, with other content and then with the same.
    for _ in 0..2 {
        fs::write(raw(&docmill).join("item_before.json"), item("before", "This was overwritten by a heron.")).unwrap();
        let overwritten = || docmill.chunks().iter().any(|chunk| chunk.content.contains("heron")).then_some(());
        running.until("the new content", |_| overwritten());
    }
    until_done(&docmill, &mut running, 3);

    running.signal(Signal::Interrupt);
    let finished = running.finish().expect(0);
    assert_eq!(finished.progress()[4], 0, "{finished}");
    // Once each, and once more for the one whose content changed.
    assert_eq!(finished.progress()[1], 4, "{finished}");
    assert_eq!(docmill.status().items("dead"), 0);
    assert_eq!(docmill.digest().documents, 3);
    assert!(docmill.search("heron")[0].text.contains("overwritten"));
    assert!(docmill.chunks().iter().all(|chunk| !chunk.content.contains("there before")));
}

#[test]
fn many_files_at_once_are_all_seen() {
    needs_model!();
    let docmill = Docmill::new().env("RESCAN_INTERVAL", "1s");
    let mut running = docmill.start(&["watch"]);
    running.until("the raw folder", |_| docmill.data_dir().join("raw").is_dir().then_some(()));
    for number in 0..60 {
        let name = format!("item_{number}.json");
        fs::write(raw(&docmill).join(name), item(&number.to_string(), &format!("Buoy number {number}."))).unwrap();
    }
    until_done(&docmill, &mut running, 60);
    running.signal(Signal::Terminate);
    running.finish().expect(0);
    assert_eq!(docmill.digest().documents, 60);
}

#[test]
fn a_page_that_is_gone_is_taken_out() {
    needs_model!();
    let docmill = Docmill::new().env("RESCAN_INTERVAL", "500ms");
    docmill.put_raw("item_a.json", item("a", "About herons."));
    docmill.put_raw("item_b.json", item("b", "About storks."));
    let mut running = docmill.start(&["watch"]);
    until_done(&docmill, &mut running, 2);
    let tombstone = serde_json::json!([{
        "url": "https://a.example/a", "title": "a", "metadata": {"change_status": "removed"}
    }]);
    fs::write(raw(&docmill).join("item_a.json"), tombstone.to_string()).unwrap();
    running.until("one document less", |_| (docmill.files("chunks").len() == 1).then_some(()));
    running.signal(Signal::Interrupt);
    running.finish().expect(0);
    assert_eq!(docmill.digest().documents, 1);
    assert!(docmill.search("herons").iter().all(|hit| hit.path() == "/b"));
}
