//! Runs of the program that load into a graph.

use fastrand::Rng;

use super::check_digest;
use crate::support::data::path_of;
use crate::support::model::needs_model;
use crate::support::neo4j::needs_neo4j;
use crate::support::program::Signal;
use crate::support::random::{is_soak, seed};
use crate::support::server::Server;
use crate::support::site::Site;

const PAGES: usize = 12;

fn site() -> Server {
    Site::new(seed(), PAGES).server()
}

#[test]
fn the_graph_holds_what_the_files_hold_and_a_second_run_writes_nothing() {
    needs_model!();
    let graph = needs_neo4j!();
    let (server, docmill) = (site(), graph.docmill());
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    check_digest(&docmill);
    let (documents, chunks) = (docmill.documents().len() as u64, docmill.chunks().len() as u64);
    assert_eq!(documents, PAGES as u64);
    assert_eq!(graph.count("(:Document)"), documents);
    assert_eq!(graph.count("(c:Chunk) WHERE size(c.embedding) = 384"), chunks);
    assert_eq!(graph.count("(:Chunk)-[:FROM_DOCUMENT]->(:Document)"), chunks);
    assert_eq!(graph.count("(:Document)-[:FIRST_CHUNK]->(:Chunk)"), documents);
    assert_eq!(graph.count("(:Chunk)-[:NEXT_CHUNK]->(:Chunk)"), chunks - documents);
    assert_eq!(graph.count("(d:Document) WHERE d.title IS NULL OR d.key IS NULL"), 0);
    assert!(graph.count("(:Document)-[:LINKS_TO]->(:Document)") >= documents - 1);

    let logged = graph.logged_bytes();
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    assert_eq!(graph.logged_bytes(), logged, "a second run wrote to the graph");
}

#[test]
fn search_asks_the_graph_and_finds_what_the_index_finds() {
    needs_model!();
    let graph = needs_neo4j!();
    let site = Site::new(seed(), PAGES);
    let (server, docmill) = (site.server(), graph.docmill());
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    for (subject, form) in
        site.subjects.iter().zip(["{}", "Maintenance of the {}?", "C++ AND (\"{}\" OR /x/ NOT title:*~^"])
    {
        let question = &form.replace("{}", &subject.name);
        let hits = |flags: &[&str]| {
            let words: Vec<&str> =
                ["search", "--json"].iter().chain(flags).chain(&["--", question.as_str()]).copied().collect();
            docmill.run(&words).expect(0).json()["hits"].clone()
        };
        let (index, default) = (hits(&["--index"]), hits(&[]));
        assert_eq!(hits(&["--neo4j"]), default);
        let page = |hits: &serde_json::Value| path_of(hits[0]["url"].as_str().unwrap());
        assert_eq!(page(&default), subject.path, "{question}: {default:#}");
        assert_eq!(page(&index), subject.path, "{question}: {index:#}");
        assert!(default[0]["around"].is_null());
    }
    let wide = docmill.run(&["search", "--json", "--widen", "-k", "20", "amber orchard"]).expect(0).json();
    let hits = wide["hits"].as_array().unwrap();
    assert!(hits.iter().any(|hit| hit["around"]["next"].is_string() && hit["around"]["previous"].is_string()));
    assert!(hits.iter().any(|hit| hit["around"]["linked"].as_array().is_some_and(|linked| !linked.is_empty())));
    let shown = docmill.run(&["search", "--widen", "amber orchard"]).expect(0);
    assert!(shown.stdout.contains("   after:  "), "{}", shown.stdout);
}

#[test]
fn load_fills_a_graph_that_was_off_or_wiped() {
    needs_model!();
    let graph = needs_neo4j!();
    let (server, mut docmill) = (site(), graph.docmill());
    docmill.set("USE_NEO4J", "false");
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    assert!(docmill.run(&["load"]).expect(78).stderr.contains("USE_NEO4J"));
    docmill.set("USE_NEO4J", "true");
    assert!(docmill.run(&["search", "x"]).expect(69).stderr.contains("docmill load"));
    let loaded = docmill.run(&["load"]).expect(0);
    assert!(loaded.stdout.starts_with("12 documents loaded"), "{}", loaded.stdout);
    check_digest(&docmill);
    let logged = graph.logged_bytes();
    let again = docmill.run(&["load"]).expect(0);
    assert!(again.stdout.starts_with("0 documents loaded"), "{}", again.stdout);
    // What was loaded is done: a run has nothing to do either.
    docmill.run(&["process"]).expect(0);
    assert_eq!(graph.logged_bytes(), logged);

    graph.ask("MATCH (c:Chunk) WITH c LIMIT 1 DETACH DELETE c");
    let mended = docmill.run(&["load"]).expect(0);
    assert!(mended.stdout.starts_with("1 documents loaded"), "{}", mended.stdout);
    graph.ask("MATCH (n) DETACH DELETE n");
    docmill.run(&["process"]).expect(0);
    check_digest(&docmill);
}

#[test]
fn pages_are_taken_out_of_the_graph_too() {
    needs_model!();
    let graph = needs_neo4j!();
    let (server, docmill) = (site(), graph.docmill());
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    docmill.run(&["remove", &server.url(Site::ROOT)]).expect(0);
    assert_eq!(graph.count("(:Document)"), PAGES as u64 - 1);
    assert_eq!(graph.count("(c:Chunk) WHERE NOT EXISTS { (c)-[:FROM_DOCUMENT]->(:Document) }"), 0);
    check_digest(&docmill);
}

#[test]
fn docs2vectors_names_are_to_be_had() {
    needs_model!();
    let graph = needs_neo4j!();
    let (server, docmill) = (site(), graph.docmill().env("NEO4J_SCHEMA", "docs2vector"));
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    check_digest(&docmill);
    let chunks = docmill.chunks().len() as u64;
    let pattern = "(:Document)-[:CONTAINS]->(c:Chunk) WHERE c.content <> '' AND c.chunk_index >= 0";
    assert_eq!(graph.count(pattern), chunks);
    let found = "MATCH (c:Chunk {chunk_index: 0}) WITH c LIMIT 1
        CALL db.index.vector.queryNodes('chunk_embedding', 1, c.embedding) YIELD node RETURN count(node) AS n";
    assert_eq!(graph.number(found), 1);
    assert!(!docmill.search("amber orchard").is_empty());
    let other = graph.docmill().run(&["search", "x"]).expect(78);
    assert!(other.stderr.contains("NEO4J_SCHEMA=docs2vector"), "{}", other.stderr);
}

#[test]
fn a_page_that_went_while_the_graph_was_off_leaves_it_at_the_next_load() {
    needs_model!();
    let graph = needs_neo4j!();
    let (server, mut docmill) = (site(), graph.docmill());
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    let pages: Vec<String> = docmill.documents().into_keys().collect();
    for (page, command) in pages.iter().zip(["load", "process"]) {
        docmill.set("USE_NEO4J", "false");
        docmill.run(&["remove", page]).expect(0);
        docmill.set("USE_NEO4J", "true");
        let is_there = format!("(d:Document {{url: '{page}'}})");
        assert_eq!(graph.count(&is_there), 1);
        docmill.run(&[command]).expect(0);
        assert_eq!(graph.count(&is_there), 0, "{command}");
        check_digest(&docmill);
    }
}

/// Twice, for an item that is being worked on at a third is suspected.
#[test]
fn a_load_that_is_killed_twice_ends_as_one_left_alone() {
    needs_model!();
    let graph = needs_neo4j!();
    let rounds = if is_soak() { 15 } else { 1 };
    let (server, mut random) = (site(), Rng::with_seed(seed()));
    for _ in 0..rounds {
        graph.ask("MATCH (n) DETACH DELETE n");
        let mut docmill = graph.docmill();
        docmill.set("FAILPOINTS", "loader=sleep(80)");
        let mut there = 0;
        for _ in 0..2 {
            there += random.u64(1..4);
            let mut running = docmill.start(&["run", &server.url(Site::ROOT)]);
            running.until("documents in the graph", |_| (graph.count("(:Document)") >= there).then_some(()));
            running.signal(Signal::Kill);
            assert_eq!(running.finish().code, None);
        }
        docmill.unset("FAILPOINTS");
        docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
        check_digest(&docmill);
        assert_eq!(graph.count("(:Document)"), PAGES as u64);
        let chunks = docmill.chunks().len() as u64;
        assert_eq!(graph.count("(:Chunk)-[:NEXT_CHUNK]->(:Chunk)"), chunks - PAGES as u64);
    }
}
