//! A server that is not as it should be: an error that says so, in bounded
//! time.

use std::net::TcpListener;

use crate::support::model::needs_model;
use crate::support::neo4j::{PASSWORD, needs_neo4j};
use crate::support::program::Docmill;

#[track_caller]
fn refused(docmill: &Docmill, code: i32, words: &[&str]) {
    let ended = docmill.run(&["process"]).expect(code);
    for word in words {
        assert!(ended.stderr.contains(word), "{word} is not in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains(PASSWORD), "{}", ended.stderr);
}

#[test]
fn what_the_settings_name_wrongly_is_said() {
    needs_model!();
    let graph = needs_neo4j!();
    refused(&graph.docmill().env("NEO4J_PASSWORD", "hunter2"), 78, &["NEO4J_USERNAME and NEO4J_PASSWORD"]);
    refused(&graph.docmill().env("NEO4J_PASSWORD", ""), 78, &["NEO4J_PASSWORD"]);
    refused(&graph.docmill().env("NEO4J_DATABASE", "elsewhere"), 78, &["no database elsewhere", "NEO4J_DATABASE"]);
    // Another index in the place of docmill's.
    graph.ask(
        "CREATE VECTOR INDEX vector FOR (c:Chunk) ON (c.embedding)
         OPTIONS {indexConfig: {`vector.dimensions`: 3, `vector.similarity_function`: 'cosine'}}",
    );
    refused(&graph.docmill(), 69, &["the index vector", "DROP INDEX vector", "384"]);
    graph.ask("DROP INDEX vector");
    graph.ask("CREATE VECTOR INDEX mine FOR (c:Chunk) ON (c.embedding)");
    refused(&graph.docmill(), 69, &["the index mine", "DROP INDEX mine"]);
}

#[test]
fn with_tls_a_certificate_is_checked_unless_it_need_not_be() {
    let graph = needs_neo4j!();
    let Some(certificate) = graph.certificate() else { return };
    let place = |scheme: &str| graph.docmill().env("NEO4J_URI", graph.uri().replacen("bolt", scheme, 1));
    // It answers, and holds nothing yet.
    let is_let_in = |docmill: Docmill| docmill.run(&["search", "x"]).expect(69).says(&["docmill load"]);
    is_let_in(place("bolt+ssc"));
    is_let_in(place("neo4j+ssc"));
    place("bolt+s").run(&["search", "x"]).expect(69).says(&["certificate", "NEO4J_URI"]);
    // Of an authority that the system knows.
    is_let_in(place("bolt+s").env("SSL_CERT_FILE", certificate));
}

#[test]
fn a_graph_of_another_model_or_a_newer_docmill_is_left_alone() {
    needs_model!();
    let graph = needs_neo4j!();
    graph.docmill().run(&["process"]).expect(0);
    graph.ask("CREATE (:Document {url: 'https://a.example/', key: 'k', content_hash: 'h'})");
    graph.ask("MATCH (m:DocmillMeta) SET m.fingerprint = 'other', m.model = 'another-model'");
    refused(&graph.docmill(), 78, &["another-model", "EMBEDDING_MODEL", "NEO4J_DATABASE"]);
    graph.ask("MATCH (m:DocmillMeta) SET m.schema = 99");
    refused(&graph.docmill(), 69, &["schema 99", "newer docmill"]);
}

#[test]
fn nobody_there_and_somebody_who_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let docmill = |port: u16| {
        let uri = format!("bolt://127.0.0.1:{port}");
        Docmill::new().env("USE_NEO4J", "true").env("NEO4J_URI", uri).env("NEO4J_TIMEOUT", "1s")
    };
    let port = silent.local_addr().unwrap().port();
    refused(&docmill(port), 69, &["did not answer within 1 s", "NEO4J_TIMEOUT"]);
    drop(silent);
    refused(&docmill(port), 69, &["cannot be reached", "NEO4J_URI"]);
    let web = crate::support::server::Server::start();
    let port = url::Url::parse(&web.url("/")).unwrap().port().unwrap();
    refused(&docmill(port), 69, &["127.0.0.1", "Neo4j"]);
}
