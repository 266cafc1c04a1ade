//! Back-pressure (invariant 4): a slow stage bounds what is in flight, by
//! count and bytes, and memory stays flat whatever a document's size.

use std::fmt::Write as _;

use crate::support::model::needs_model;
use crate::support::program::Docmill;
use crate::support::random::{is_soak, seed};
use crate::support::site::Site;

/// How many chunks the long documents have. Most of their texts repeat, so
/// that the vectors come from the cache and the test is not about the model.
fn chunks_of_a_long_document() -> usize {
    5_000
}

/// A raw item whose Markdown is cut in `sections` chunks.
fn long_item(name: &str, sections: usize) -> Vec<u8> {
    let distinct = if is_soak() { usize::MAX } else { 60 };
    let mut text = String::new();
    for section in 0..sections {
        let number = section % distinct;
        // The same heading and text give the same vector.
        writeln!(text, "## Lock {number}\n\nThe canal's lock number {number} is opened at dawn by its keeper.\n")
            .unwrap();
    }
    let url = format!("https://a.example/{name}");
    serde_json::to_vec(&[serde_json::json!({"url": url, "title": "Canal", "content": text})]).unwrap()
}

#[test]
fn two_documents_of_thousands_of_chunks_pass_narrow_mailboxes() {
    needs_model!();
    let chunks = chunks_of_a_long_document();
    let peak_of = |chunks: usize| {
        let docmill =
            Docmill::new().envs([("MAILBOX_CAPACITY", "2"), ("EMBEDDER_ACTORS", "2"), ("LOADER_ACTORS", "2")]);
        docmill.put_raw("item_one.json", long_item("one", chunks));
        docmill.put_raw("item_two.json", long_item("two", chunks));
        let mut running = docmill.start(&["process"]);
        let mut peak = 0;
        running.until("its end", |running| {
            peak = peak.max(running.memory_peak().unwrap_or(0));
            running.stdout().contains("Done in").then_some(())
        });
        running.finish().expect(0);
        let digest = docmill.digest();
        assert_eq!(digest.documents, 2);
        assert!(digest.chunks >= 2 * chunks as u64, "{} chunks", digest.chunks);
        peak
    };
    let (short, long) = (peak_of(chunks / 50), peak_of(chunks));
    println!("memory peak: {} MiB with short documents, {} MiB with long ones", short >> 20, long >> 20);
    // Two such documents with their vectors are some 40 MB, and are held
    // a few times over while they are written as JSON.
    assert!(long < short + (400 << 20), "{} MiB more", (long - short) >> 20);
}

#[test]
fn a_slow_embedder_bounds_what_is_in_flight() {
    needs_model!();
    let pages = 24;
    let site = Site::new(seed(), pages);
    let server = site.server();
    let docmill = Docmill::new()
        .envs([("MAX_IN_FLIGHT", "3"), ("MAILBOX_CAPACITY", "2"), ("EMBEDDER_ACTORS", "1")])
        .env("FAILPOINTS", "embedder=sleep(120)");
    let mut running = docmill.start(&["run", &server.url(Site::ROOT)]);
    let mut most = 0;
    running.until("the end of all pages", |_| {
        let finished = docmill.run(&["status", "--json"]);
        let items = (finished.code == Some(0)).then(|| finished.json()["items"].clone())?;
        most = most.max(items["in_flight"].as_u64()?);
        (items["done"].as_u64()? == pages as u64).then_some(())
    });
    running.finish().expect(0);
    assert!((1..=3).contains(&most), "{most} in flight");
}

#[test]
fn bytes_bound_what_is_in_flight_and_one_that_is_larger_passes_alone() {
    needs_model!();
    let docmill = Docmill::new()
        .envs([("MAX_IN_FLIGHT_BYTES", "4KiB"), ("EMBEDDER_ACTORS", "1")])
        .env("FAILPOINTS", "embedder=sleep(100)");
    for number in 0..6 {
        let text = format!("Bridge number {number}. {}", "It spans the river. ".repeat(100));
        let url = format!("https://a.example/{number}");
        let item = serde_json::json!({"url": url, "title": "Bridge", "content": text});
        docmill.put_raw(&format!("item_{number}.json"), serde_json::to_vec(&[item]).unwrap());
    }
    docmill.put_raw("item_large.json", long_item("large", 100));
    let mut running = docmill.start(&["process"]);
    let mut most = 0;
    running.until("the end of all items", |_| {
        let finished = docmill.run(&["status", "--json"]);
        let items = (finished.code == Some(0)).then(|| finished.json()["items"].clone())?;
        most = most.max(items["in_flight"].as_u64()?);
        (items["done"].as_u64()? == 7).then_some(())
    });
    running.finish().expect(0);
    assert!((1..=2).contains(&most), "{most} in flight, though two fill the bound");
}
