//! LINKS_TO: from a document to another that its page links to.
//!
//! A document keeps the URLs that it links to in `links`, whether those pages
//! are there or not, and an index finds a document by each of them. So a link
//! to a page that is not there yet is made when the page comes, and there is
//! never an empty document.
//!
//! Two loaders that write two pages at once do not see each other's; whoever
//! is committed last finds what is missing ([`missing`], after the commit).

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use neo4rs::{BoltType, query};

use super::connection::{Tx, Work, column};
use super::layout::LINKS_INDEX;
use super::{LoadDocument, Neo4jError, rows};

/// Links of one statement at most.
const LINKS_MAX: usize = 5_000;

/// Locks documents, in the order of `$urls`: removing what is not there
/// changes nothing, and waits for whoever holds the node.
pub(super) const LOCK: &str = "UNWIND $urls AS url MATCH (d:Document {url: url}) REMOVE d.docmill_lock";

/// From one URL to another.
pub(super) type LinkPair = (String, String);

/// Takes out what the pages no longer link to.
pub(super) async fn remove_stale(tx: &mut Tx<'_>, loads: &[&LoadDocument]) -> Result<(), Neo4jError> {
    let statement = "UNWIND $rows AS row MATCH (s:Document {url: row.url})-[r:LINKS_TO]->(t)
        WHERE NOT t.url IN row.links DELETE r";
    tx.run(query(statement).param("rows", link_rows(loads))).await
}

/// The links from and to these documents that should be there and are not.
pub(super) async fn missing(tx: &mut Tx<'_>, loads: &[&LoadDocument]) -> Result<Vec<LinkPair>, Neo4jError> {
    let from = "UNWIND $rows AS row MATCH (s:Document {url: row.url})
        UNWIND row.links AS link MATCH (t:Document {url: link})
        WHERE NOT EXISTS { (s)-[:LINKS_TO]->(t) } RETURN s.url AS source, t.url AS target";
    let to = format!(
        "UNWIND $rows AS row MATCH (t:Document {{url: row.url}})
         CALL db.index.fulltext.queryNodes('{LINKS_INDEX}', row.quoted) YIELD node AS s
         WITH s, t WHERE s <> t AND t.url IN s.links AND NOT EXISTS {{ (s)-[:LINKS_TO]->(t) }}
         RETURN s.url AS source, t.url AS target"
    );
    let mut pairs = BTreeSet::new();
    for statement in [from, &to] {
        for row in tx.rows(query(statement).param("rows", link_rows(loads))).await? {
            pairs.insert((column(&row, "source")?, column(&row, "target")?));
        }
    }
    Ok(pairs.into_iter().collect())
}

/// Makes them; both ends are locked in the order of their URLs first.
pub(super) async fn make(tx: &mut Tx<'_>, pairs: &[LinkPair]) -> Result<(), Neo4jError> {
    if pairs.is_empty() {
        return Ok(());
    }
    let ends: BTreeSet<&str> = pairs.iter().flat_map(|(source, target)| [source.as_str(), target.as_str()]).collect();
    tx.run(query(LOCK).param("urls", rows::texts(ends))).await?;
    let make = "UNWIND $pairs AS pair MATCH (s:Document {url: pair[0]}) MATCH (t:Document {url: pair[1]})
        MERGE (s)-[:LINKS_TO]->(t)";
    for some in pairs.chunks(LINKS_MAX) {
        let some = rows::list(some.iter().map(|(source, target)| rows::texts([source.as_str(), target.as_str()])));
        tx.run(query(make).param("pairs", some)).await?;
    }
    Ok(())
}

fn link_rows(loads: &[&LoadDocument]) -> BoltType {
    rows::list(loads.iter().map(|load| {
        let document = &load.embedded.document;
        rows::map([
            ("url", rows::text(&document.url)),
            ("quoted", rows::text(&quoted(&document.url))),
            ("links", rows::texts(rows::links(document))),
        ])
    }))
}

/// A text as one term of a full text expression, whatever it holds.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Looks for links that are missing.
pub(super) struct Look<'a>(pub(super) &'a [&'a LoadDocument]);

impl Work for Look<'_> {
    type Output = Vec<LinkPair>;

    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<Vec<LinkPair>, Neo4jError>> {
        missing(tx, self.0).boxed()
    }
}

/// Makes links.
pub(super) struct Make(pub(super) Vec<LinkPair>);

impl Work for Make {
    type Output = ();

    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), Neo4jError>> {
        make(tx, &self.0).boxed()
    }
}
