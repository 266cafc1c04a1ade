//! What `docmill doctor` says of the server and the graph.

use crate::support::embedding_service::EmbeddingService;
use crate::support::neo4j::{PASSWORD, needs_neo4j};
use crate::support::program::{Docmill, Finished};

fn doctor(docmill: &Docmill, code: i32) -> Finished {
    let finished = docmill.run(&["doctor"]).expect(code);
    assert!(!finished.stdout.contains(PASSWORD) && !finished.stdout.contains("hunter2"), "{finished}");
    finished
}

#[test]
fn it_is_examined_from_the_port_to_the_indexes_and_left_as_it_was() {
    let graph = needs_neo4j!();
    let service = EmbeddingService::start();
    let place = || graph.set_up(service.docmill("openai"));
    let docmill = place();
    doctor(&docmill, 0).prints(&[
        "ok   neo4j        Neo4j 5.26",
        "ok   neo4j writes",
        "ok   neo4j graph  nothing of docmill's",
        "warn neo4j index  not there: document_url, ",
        "docmill load",
    ]);
    assert_eq!(graph.number("MATCH (n) RETURN count(n) AS n"), 0);

    docmill.put_raw("item_1.json", r#"[{"url": "https://a.example/", "title": "A", "content": "Herons."}]"#);
    docmill.run(&["process"]).expect(0);
    doctor(&docmill, 0).prints(&["ok   neo4j graph  1 documents, 1 chunks", "ok   neo4j index"]);
    assert_eq!(graph.number("MATCH (m:DocmillMeta) RETURN count(m) AS n"), 1);

    graph.ask("MATCH (m:DocmillMeta) SET m.fingerprint = 'other', m.model = 'another-model'");
    doctor(&docmill, 1).prints(&["FAIL neo4j graph", "another-model", "EMBEDDING_MODEL"]);
    graph.ask("MATCH (n) DETACH DELETE n");
    graph.ask("DROP INDEX vector");
    graph.ask(
        "CREATE VECTOR INDEX vector FOR (c:Chunk) ON (c.embedding)
         OPTIONS {indexConfig: {`vector.dimensions`: 3, `vector.similarity_function`: 'cosine'}}",
    );
    doctor(&docmill, 1).prints(&["FAIL neo4j graph", "the index vector", "DROP INDEX vector"]);

    doctor(&place().env("NEO4J_PASSWORD", "hunter2"), 1).prints(&["FAIL neo4j ", "NEO4J_USERNAME and NEO4J_PASSWORD"]);
    doctor(&place().env("NEO4J_DATABASE", "elsewhere"), 1).prints(&["FAIL neo4j ", "no database elsewhere"]);
    doctor(&place().env("NEO4J_URI", "bolt://127.0.0.1:1"), 1).prints(&["FAIL neo4j ", "cannot be reached"]);
    let off = doctor(&place().env("USE_NEO4J", "false"), 0);
    assert!(!off.stdout.contains("neo4j"), "{off}");
}
