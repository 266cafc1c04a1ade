//! The digest of the graph in Neo4j.

use super::{DataDigest, Digester};
use crate::load::LoadError;
use crate::load::neo4j::GraphReader;

/// So many documents are read at a time.
const DOCUMENTS: usize = 20;
/// So many documents' links.
const LINKED: usize = 500;

/// The digest of what docmill has loaded into a graph. Neo4j shows no one
/// state of all of it, so while something is loaded it is of none.
///
/// # Errors
/// The graph cannot be read, or a document is not as it was loaded.
pub async fn of_graph(reader: &GraphReader) -> Result<DataDigest, LoadError> {
    let keys = reader.keys().await?;
    let mut digester = Digester::default();
    for some in keys.chunks(DOCUMENTS) {
        for (key, document, chunks) in reader.documents(some).await? {
            digester.document(&key, &document, &chunks)?;
        }
    }
    for some in keys.chunks(LINKED) {
        for (source, target) in reader.links_from(some).await? {
            digester.edge(&source, &target)?;
        }
    }
    Ok(digester.finish())
}
