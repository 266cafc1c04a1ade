//! Text that would be Cypher, Lucene or the end of a string elsewhere is
//! stored and found as it is, and the graph is unharmed.

use std::num::NonZeroUsize;

use docmill_stages::item::{Chunk, Document};
use docmill_stages::load::digest::{Digester, of_graph};
use docmill_stages::load::{LoadDocument, Sink as _};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::documents::{connect, document, load, sink};
use crate::support::neo4j::{needs_neo4j, wait};

fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "'",
        "\"",
        "`",
        "$rows",
        "\\",
        "}) DETACH DELETE n //",
        "\0",
        "\\u0000",
        "\\ud800",
        "😀",
        "C++",
        "AND",
        "NOT (",
        "/",
        "*?~^[]{}:",
        "\u{301}",
        "\u{202e}",
        "\r\n",
        "数据库",
        "word ",
        "CALL db.labels()",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(parts, 0..10).prop_map(|parts| parts.concat())]
}

fn hostile_document() -> impl Strategy<Value = LoadDocument> {
    let texts = prop::collection::vec(hostile(), 0..4);
    ("[a-z]{1,2}", hostile(), texts, prop::collection::vec(hostile(), 0..3)).prop_map(|(path, title, texts, links)| {
        document(&format!("https://a.example/{path}?q={title}"), &title, &texts, &links, &title)
    })
}

fn digest_of(documents: &[(String, Document, Vec<Chunk>)]) -> String {
    let mut digester = Digester::default();
    for (key, document, chunks) in documents {
        digester.document(key, document, chunks).unwrap();
    }
    digester.finish().digest
}

#[test]
fn what_is_stored_is_what_was_sent() {
    let graph = needs_neo4j!();
    let sink = wait(sink(&graph));
    let mut runner = TestRunner::new(Config::with_cases(40));
    let strategy = (prop::collection::vec(hostile_document(), 1..4), hostile());
    let checked = runner.run(&strategy, |(mut loads, question)| {
        loads.sort_by(|one, other| one.embedded.key.cmp(&other.embedded.key));
        loads.dedup_by(|one, other| one.embedded.key == other.embedded.key);
        wait(load(&sink, &loads));
        let expected: Vec<_> = loads
            .iter()
            .map(|load| load.embedded.clone())
            .map(|embedded| (embedded.key, embedded.document, embedded.chunks))
            .collect();
        let reader = wait(async { connect(&graph).await.reader().await.unwrap() });
        let digest = wait(of_graph(&reader)).unwrap();
        prop_assert_eq!(&digest.digest, &digest_of(&expected));
        let answer = wait(reader.search(&question, None, NonZeroUsize::MIN, true)).unwrap();
        prop_assert!(answer.hits.len() <= 1);
        let keys: Vec<String> = loads.iter().map(|load| load.embedded.key.clone()).collect();
        prop_assert_eq!(wait(sink.loaded()).unwrap().len(), keys.len());
        prop_assert_eq!(wait(sink.remove(&keys)).unwrap(), keys.len());
        Ok(())
    });
    checked.unwrap();
    // Nothing but the node that says whose graph it is.
    assert_eq!(graph.number("MATCH (n) RETURN count(n) AS n"), 1);
}

#[test]
fn a_word_of_a_megabyte_and_a_long_document_go_in() {
    let graph = needs_neo4j!();
    let sink = wait(sink(&graph));
    let mut texts: Vec<String> = (0..1_200).map(|number| format!("Text {number}.")).collect();
    texts.push("x".repeat(1 << 20));
    let long = document("https://a.example/long", "Long", &texts, &[], "one");
    wait(load(&sink, std::slice::from_ref(&long)));
    let reader = wait(async { connect(&graph).await.reader().await.unwrap() });
    let expected = vec![(long.embedded.key.clone(), long.embedded.document.clone(), long.embedded.chunks.clone())];
    assert_eq!(wait(of_graph(&reader)).unwrap().digest, digest_of(&expected));
    let question = "text 1199";
    let answer = wait(reader.search(question, None, NonZeroUsize::MIN, false)).unwrap();
    assert_eq!(answer.hits[0].text, "Text 1199.");
}
