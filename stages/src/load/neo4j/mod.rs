//! Neo4j: the documents as a graph, written by a [`Sink`] and read by a
//! [`GraphReader`].
//!
//! ```text
//! (:Chunk)-[:FROM_DOCUMENT]->(:Document)-[:LINKS_TO]->(:Document)
//! (:Chunk)-[:NEXT_CHUNK]->(:Chunk)   (:Document)-[:FIRST_CHUNK]->(:Chunk)
//! ```
//!
//! The names are those that other tools expect ([`Layout`]). Text from
//! outside reaches the server as a parameter and never as Cypher (invariant
//! 11); one transaction replaces a document (invariant 9), and writing the
//! same document twice leaves the same graph (invariant 8).

mod address;
mod audit;
mod connection;
mod error;
mod indexes;
mod layout;
mod links;
mod probe;
mod read;
mod rows;
mod schema;
mod search;
mod sink;
mod wire;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use address::Address;
pub(crate) use audit::Standing;
pub use error::Neo4jError;
pub use layout::Layout;
pub use read::{GraphCounts, GraphReader};
pub use search::Around;
pub use sink::Neo4jSink;

use self::connection::Connection;
use self::probe::Probe;
use self::schema::Server;
use self::wire::Wire;
use self::write::Remove;
use super::index::Model;
use super::{LoadDocument, Outcome, Sink, StillCurrent};

/// Digits of the store's id that name it.
const STORE_ID_LEN: usize = 16;
/// Keys of one removal at most.
const KEYS_MAX: usize = 500;

/// A password: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps `text`; empty where the server asks for none.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

/// How to reach a graph, and how it is laid out.
#[derive(Debug, Clone)]
pub struct Neo4jOptions {
    /// `NEO4J_URI`.
    pub address: Address,
    /// `NEO4J_USERNAME`.
    pub user: String,
    /// `NEO4J_PASSWORD`.
    pub password: Password,
    /// `NEO4J_DATABASE`.
    pub database: String,
    /// `NEO4J_SCHEMA`.
    pub layout: Layout,
    /// `NEO4J_TIMEOUT`: of one statement, one answer or one commit.
    pub timeout: Duration,
    /// Connections at a time.
    pub connections_max: usize,
}

/// A database of a Neo4j that answers. Clones share its connections.
#[derive(Clone)]
pub struct Neo4j {
    connection: Arc<Connection>,
    wire: Arc<Wire>,
    server: Arc<Server>,
}

impl fmt::Debug for Neo4j {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Neo4j").field("options", self.connection.options()).field("server", &self.server).finish()
    }
}

impl Neo4j {
    /// Connects, and asks who answers.
    ///
    /// # Errors
    /// Nobody does, or one that is too old or does not let docmill in; within
    /// a few times [`Neo4jOptions::timeout`].
    pub async fn connect(options: Neo4jOptions) -> Result<Self, Neo4jError> {
        let wire = Arc::new(Wire::start()?);
        let connection = Arc::new(Connection::new(options)?);
        let asked = Arc::clone(&connection);
        let server = Arc::new(wire.run(async move { schema::server(&asked).await }).await?);
        Ok(Self { connection, wire, server })
    }

    /// What answers, for a person: its version and where it is.
    pub fn describe(&self) -> String {
        let options = self.connection.options();
        let Server { version, edition, .. } = self.server.as_ref();
        let server = crate::failure::one_line(&format!("Neo4j {version} {edition}"), 100);
        format!("{server} at {}, database {}", options.address.place(), options.database)
    }

    /// Names the database in the ledger: [`Sink::id`].
    pub fn sink_id(&self) -> String {
        let store = self.server.store_id.get(..STORE_ID_LEN).unwrap_or(&self.server.store_id);
        format!("neo4j:{store}:{}", self.connection.options().database)
    }

    /// Asks whether the server is there, lets docmill in and takes writes, and
    /// whether it still has the database that was connected to. Leaves nothing
    /// behind.
    ///
    /// # Errors
    /// It does not, or not within ten seconds.
    pub async fn probe(&self) -> Result<(), Neo4jError> {
        let (connection, server) = (Arc::clone(&self.connection), Arc::clone(&self.server));
        let work = async move {
            let database = connection.options().database.as_str();
            connection.probe(&Probe { store_id: &server.store_id, database }).await
        };
        self.wire.run(work).await
    }

    /// Makes the database ready to take `model`'s vectors.
    ///
    /// # Errors
    /// It may not be written, or holds what docmill would have to overwrite.
    pub async fn sink(&self, model: &Model) -> Result<Neo4jSink, Neo4jError> {
        if !self.server.is_writable {
            return Err(Neo4jError::ReadOnly { database: self.connection.options().database.clone() });
        }
        let (connection, wanted) = (Arc::clone(&self.connection), model.clone());
        self.wire.run(async move { schema::prepare(&connection, &wanted).await }).await?;
        Ok(Neo4jSink::new(self.clone(), model.clone()))
    }

    /// The model whose vectors the graph holds; `None` where docmill was never
    /// there.
    ///
    /// # Errors
    /// The graph cannot be read.
    pub async fn model(&self) -> Result<Option<Model>, Neo4jError> {
        let connection = Arc::clone(&self.connection);
        let meta = self.wire.run(async move { schema::meta(&connection).await }).await?;
        Ok(meta.map(|meta| meta.model))
    }

    /// Checks that the graph may take `model`'s vectors; changes nothing.
    /// Names the constraints and indexes that [`Neo4j::sink`] would make.
    ///
    /// # Errors
    /// It holds another model's, a newer docmill's or another's, or an index
    /// is not as it should be.
    pub async fn check(&self, model: &Model) -> Result<Vec<&'static str>, Neo4jError> {
        let (connection, wanted) = (Arc::clone(&self.connection), model.clone());
        let work = async move {
            schema::check_meta(&connection, &wanted).await?;
            let missing = indexes::missing(&connection, connection.options().layout, &wanted).await?;
            Ok(missing.into_iter().map(|one| one.name).collect())
        };
        self.wire.run(work).await
    }

    /// Takes documents out, by key; says how many there were. Needs no model.
    ///
    /// # Errors
    /// They may be there still.
    pub async fn remove(&self, keys: Vec<String>) -> Result<usize, Neo4jError> {
        let connection = Arc::clone(&self.connection);
        let work = async move {
            let mut removed = 0;
            for some in keys.chunks(KEYS_MAX) {
                let work = Remove { layout: connection.options().layout, keys: some.to_vec() };
                removed += connection.write(&work).await?;
            }
            Ok(removed)
        };
        self.wire.run(work).await
    }

    /// Reads what docmill has loaded.
    ///
    /// # Errors
    /// There is nothing, or what a newer docmill or one of another
    /// `NEO4J_SCHEMA` has loaded.
    pub async fn reader(&self) -> Result<GraphReader, Neo4jError> {
        let connection = Arc::clone(&self.connection);
        let meta = self.wire.run(async move {
            let meta = schema::meta(&connection).await?;
            let database = connection.options().database.clone();
            let Some(meta) = meta else { return Err(Neo4jError::Empty { database }) };
            schema::check_schema(&connection, &meta)?;
            if meta.layout != connection.options().layout.name() {
                return Err(Neo4jError::Layout { database, found: crate::failure::one_line(&meta.layout, 50) });
            }
            Ok(meta)
        });
        Ok(GraphReader::new(self.clone(), meta.await?.model))
    }
}
