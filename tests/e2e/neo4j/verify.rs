//! The graph held against files and ledger.

use super::check_digest;
use crate::support::embedding_service::EmbeddingService;
use crate::support::neo4j::needs_neo4j;
use crate::support::program::Finished;
use crate::support::random::seed;
use crate::support::site::Site;

const PAGES: usize = 9;

fn kinds(finished: &Finished, list: &str) -> Vec<String> {
    let answer = finished.json();
    let findings = answer[list].as_array().unwrap();
    let mut kinds: Vec<String> = findings.iter().map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

#[test]
fn what_differs_from_the_files_is_found_and_mended_by_a_run_or_a_load() {
    let graph = needs_neo4j!();
    let (service, site) = (EmbeddingService::start(), Site::new(seed(), PAGES).server());
    let docmill = graph.set_up(service.docmill("openai"));
    docmill.run(&["run", &site.url(Site::ROOT)]).expect(0);
    let digest = check_digest(&docmill);
    docmill.run(&["verify"]).expect(0).prints(&["ledger and graph agree"]);

    let urls: Vec<String> = docmill.documents().into_keys().collect();
    for repairing in ["process", "load"] {
        for (url, damage) in urls.iter().zip([
            "DETACH DELETE d",
            "SET d.content_hash = 'other'",
            "SET d.title = 'Another'",
            "MATCH (d)<-[:FROM_DOCUMENT]-(c) WITH c LIMIT 1 SET c.text = 'Another'",
            "MATCH (d)<-[:FROM_DOCUMENT]-(c) WITH c LIMIT 1 SET c.embedding = [0.5, 0.5]",
            "MATCH (d)<-[:FROM_DOCUMENT]-(:Chunk)-[r:NEXT_CHUNK]->() WITH r LIMIT 1 DELETE r",
            "MATCH (d)-[r:FIRST_CHUNK]->() DELETE r",
            "MERGE (d)-[:LINKS_TO]->(d)",
            "MATCH (d)<-[r:FROM_DOCUMENT]-(c) WITH r LIMIT 1 DELETE r",
        ]) {
            graph.ask(&format!("MATCH (d:Document {{url: '{url}'}}) WITH d {damage}"));
        }
        graph.ask(
            "CREATE (:Document {url: 'https://b.example/', key: 'elsewhere', content_hash: 'h', docmill: '{}'}),
                (:Document {url: 'https://c.example/', title: 'not of docmill'}), (:Chunk {id: 'nor this'})",
        );
        let mut expected = vec!["graph_differs"; 7];
        expected.extend(["graph_missing", "graph_missing", "graph_strays", "orphan_document"]);
        let found = docmill.run(&["verify", "--json"]).expect(1);
        assert_eq!(kinds(&found, "findings"), expected, "{found}");
        docmill.run(&["verify"]).expect(1).prints(&["--repair: ", "docmill load", "leave the graph"]);
        let repaired = docmill.run(&["verify", "--repair", "--json"]).expect(0);
        assert_eq!(kinds(&repaired, "mended"), expected, "{repaired}");
        assert_eq!(docmill.status().items("waiting"), PAGES as u64);
        docmill.run(&[repairing]).expect(0);
        assert_eq!(check_digest(&docmill), digest, "{repairing}");
        if repairing == "load" {
            docmill.run(&["process"]).expect(0);
        }
        docmill.run(&["verify"]).expect(0);
        // What others keep there is theirs.
        graph.ask("MATCH (d:Document {url: 'https://c.example/'}) MATCH (c:Chunk {id: 'nor this'}) DELETE c, d");
    }
}

#[test]
fn a_page_that_went_and_a_graph_that_was_wiped_are_found() {
    let graph = needs_neo4j!();
    let (service, site) = (EmbeddingService::start(), Site::new(seed(), PAGES).server());
    let mut docmill = graph.set_up(service.docmill("openai"));
    docmill.run(&["run", &site.url(Site::ROOT)]).expect(0);
    docmill.set("USE_NEO4J", "false");
    docmill.run(&["remove", &site.url(Site::ROOT)]).expect(0);
    docmill.run(&["verify"]).expect(0);
    docmill.set("USE_NEO4J", "true");
    let found = docmill.run(&["verify", "--json"]).expect(1);
    assert_eq!(kinds(&found, "findings"), ["orphan_document"], "{found}");
    docmill.run(&["verify", "--repair"]).expect(0).prints(&["its page was taken out", "it leaves the graph"]);
    check_digest(&docmill);
    graph.ask("MATCH (n) DETACH DELETE n");
    let found = docmill.run(&["verify", "--repair", "--json"]).expect(1);
    assert_eq!(kinds(&found, "findings"), ["graph_missing"], "{found}");
    docmill.run(&["load"]).expect(0);
    docmill.run(&["verify"]).expect(0);
    check_digest(&docmill);
}
