//! What a reader sees while documents are written, and what is there when
//! several loaders write at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use docmill_stages::load::digest::of_graph;
use docmill_stages::load::{Outcome, Sink as _, StillCurrent};
use fastrand::Rng;
use neo4rs::Row;

use super::documents::{connect, document, load, sink};
use crate::support::neo4j::{needs_neo4j, wait};
use crate::support::random::{is_soak, seed};

const URL: &str = "https://a.example/page";

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("Chunk {index} of {count}.")).collect()
}

/// Whether rows of `revision`, `index` and `wanted`, in order of index, are
/// one whole version of a document.
fn is_whole(rows: &[Row]) -> bool {
    let revisions: BTreeSet<String> = rows.iter().filter_map(|row| row.get("revision").ok()).collect();
    let wanted = i64::try_from(rows.len()).unwrap();
    let fits = |(index, row): (usize, &Row)| {
        row.get::<usize>("index").is_ok_and(|found| found == index)
            && row.get::<i64>("wanted").is_ok_and(|found| found == wanted)
    };
    revisions.len() == 1 && rows.iter().enumerate().all(fits)
}

/// Neo4j shows what is committed, node by node, and promises no snapshot: a
/// statement that is under way as a commit comes may see both sides of it,
/// once in some hundred reads while nothing else happens. One that takes the
/// document's lock first never does.
#[test]
fn a_reader_sees_the_old_document_or_the_new() {
    let graph = needs_neo4j!();
    let sink = wait(sink(&graph));
    let version =
        |number: usize| document(URL, "Page", &texts(1 + (number * 7) % 12), &[], &format!("version {number}"));
    wait(load(&sink, &[version(0)]));
    let page = format!("MATCH (d:Document {{url: '{URL}'}})");
    let chunks = "MATCH (d)<-[:FROM_DOCUMENT]-(c:Chunk)
        RETURN c.revision AS revision, c.index AS index, d.chunk_count AS wanted ORDER BY index";
    let statements = [format!("{page} {chunks}"), format!("{page} REMOVE d.docmill_lock WITH d {chunks}")];
    let (mut reads, mut torn, mut seen) = (0, 0, BTreeSet::new());
    let done = AtomicBool::new(false);
    let look = |number: usize, rows: Vec<Row>| {
        assert!(!rows.is_empty(), "a reader saw no document");
        if number == 1 {
            assert!(is_whole(&rows), "half a document");
        }
        reads += 1;
        torn += usize::from(!is_whole(&rows));
        seen.extend(rows[0].get::<String>("revision"));
    };
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            for number in 1..=200 {
                wait(load(&sink, &[version(number)]));
            }
            done.store(true, Ordering::Relaxed);
        });
        let go_on = || !done.load(Ordering::Relaxed) && !writer.is_finished();
        graph.poll(&statements.each_ref().map(String::as_str), look, go_on);
        writer.join().unwrap();
    });
    assert!(torn * 50 <= reads, "{torn} of {reads} reads saw two versions");
    assert!(seen.len() > 2, "the reader saw no version come");
}

#[test]
fn links_are_made_whichever_page_comes_first_and_by_whichever_loader() {
    let graph = needs_neo4j!();
    let sink = Arc::new(wait(sink(&graph)));
    let pages = if is_soak() { 2_000 } else { 120 };
    let url = |page: usize| format!("https://a.example/{page}");
    let mut random = Rng::with_seed(seed());
    let mut links: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut documents = Vec::new();
    for page in 0..pages {
        let targets: BTreeSet<usize> = (0..6).map(|_| random.usize(0..pages)).collect();
        let urls: Vec<String> = targets.iter().map(|target| format!("{}#part", url(*target))).collect();
        links.extend(targets.into_iter().filter(|target| *target != page).map(|target| (page, target)));
        documents.push(Arc::new(document(&url(page), "Page", &texts(2), &urls, "one")));
    }
    random.shuffle(&mut documents);
    let load_all = |documents: &[Arc<_>]| {
        std::thread::scope(|threads| {
            for some in documents.chunks(documents.len().div_ceil(4)) {
                let sink = Arc::clone(&sink);
                threads.spawn(move || {
                    let current: StillCurrent = Arc::new(|_| true);
                    for one in some.chunks(3) {
                        for outcome in wait(sink.replace(one, &current)) {
                            assert_eq!(outcome.unwrap(), Outcome::Written);
                        }
                    }
                });
            }
        });
    };
    load_all(&documents);
    let count = |pattern: &str| graph.number(&format!("MATCH {pattern} RETURN count(*) AS n"));
    assert_eq!(count("(:Document)-[:LINKS_TO]->(:Document)"), links.len() as u64);
    assert_eq!(count("(:Document)"), pages as u64);
    let digest = || wait(async { of_graph(&connect(&graph).await.reader().await.unwrap()).await.unwrap() });
    let before = digest();
    assert_eq!(before.edges, links.len() as u64);
    // Again, where every page is there already and each replaces itself.
    load_all(&documents);
    assert_eq!(digest(), before);
    // A page that goes takes its links along, and they come back with it.
    let page = documents[0].embedded.clone();
    assert_eq!(wait(sink.remove(std::slice::from_ref(&page.key))).unwrap(), 1);
    assert_eq!(wait(sink.remove(std::slice::from_ref(&page.key))).unwrap(), 0);
    assert!(count("(:Document)-[:LINKS_TO]->(:Document)") < links.len() as u64);
    assert_eq!(count("(:Document)"), pages as u64 - 1);
    load_all(&documents[..1]);
    assert_eq!(digest(), before);
}
