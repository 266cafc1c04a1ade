//! Neo4j: what is loaded, what a reader sees meanwhile, and what happens when
//! the server is not as it should be. On a real one.

mod doctor;
mod documents;
mod errors;
mod graphrag;
mod hostile;
mod kills;
mod outages;
mod readers;
mod runs;
mod verify;

use crate::support::data::Digest;
use crate::support::program::Docmill;

/// The graph's digest, which must be the index's and the files'.
#[track_caller]
fn check_digest(docmill: &Docmill) -> Digest {
    let expected = docmill.digest();
    let answer = docmill.run(&["digest", "--from", "neo4j", "--json"]).expect(0).json();
    assert_eq!(answer["documents"], expected.documents);
    assert_eq!(answer["chunks"], expected.chunks);
    assert_eq!(answer["digest"], expected.data.as_str());
    assert_eq!(answer["edges_digest"], expected.edges.as_str());
    expected
}
