//! Whether the server is there, lets docmill in, and takes writes.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use neo4rs::query;

use super::Neo4jError;
use super::connection::{Tx, Work, column};

/// Writes what is rolled back, into the database that docmill began with.
pub(super) struct Probe<'a> {
    pub(super) store_id: &'a str,
    pub(super) database: &'a str,
}

impl Work for Probe<'_> {
    type Output = ();

    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), Neo4jError>> {
        async move {
            for row in tx.rows(query("CALL db.info() YIELD id RETURN id")).await? {
                if column::<String>(&row, "id")? != self.store_id {
                    return Err(Neo4jError::Replaced { database: self.database.to_owned() });
                }
            }
            tx.run(query("MERGE (m:DocmillMeta {id: 'docmill'}) SET m.docmill_lock = true")).await
        }
        .boxed()
    }
}
