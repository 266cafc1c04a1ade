//! A real Neo4j, fetched through Maven once and started once for all tests,
//! one of which has it at a time. It ends with this process, however that
//! ends.

mod fetch;
mod server;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use neo4rs::{ConfigBuilder, Graph, Query, Row, query};

pub(crate) use self::server::PASSWORD;
use self::server::Server;
use super::program::Docmill;

/// The server, empty, and this test's alone.
pub(crate) struct Neo4j {
    server: MutexGuard<'static, Server>,
}

/// The server; `None`, said loudly, where none can be had on a person's
/// machine. Where `CI` is set that is a failure.
pub(crate) fn server() -> Option<Neo4j> {
    static SERVER: OnceLock<Option<Mutex<Server>>> = OnceLock::new();
    let started = SERVER.get_or_init(|| match fetch::jars().and_then(|jars| Server::start(&jars)) {
        Ok(server) => Some(Mutex::new(server)),
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "Neo4j cannot be had: {why}");
            eprintln!("SKIPPED: the tests of Neo4j need Java 17 or 21 and Maven: {why}");
            None
        }
    });
    let server = started.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
    let neo4j = Neo4j { server };
    neo4j.empty();
    Some(neo4j)
}

/// The server; ends a test loudly where it cannot be had.
macro_rules! needs_neo4j {
    () => {
        match $crate::support::neo4j::server() {
            Some(server) => server,
            None => return,
        }
    };
}
pub(crate) use needs_neo4j;

impl Neo4j {
    /// Its address.
    pub(crate) fn uri(&self) -> String {
        format!("bolt://127.0.0.1:{}", self.server.port())
    }

    /// The certificate that it has signed for itself; `None`, said loudly,
    /// where none could be made. Where `CI` is set that is a failure.
    pub(crate) fn certificate(&self) -> Option<PathBuf> {
        let certificate = self.server.certificate();
        if certificate.is_none() {
            assert!(std::env::var_os("CI").is_none(), "the test of TLS needs openssl");
            eprintln!("SKIPPED: the test of TLS needs openssl");
        }
        certificate
    }

    /// A place to run docmill in that loads into it.
    pub(crate) fn docmill(&self) -> Docmill {
        self.set_up(Docmill::new())
    }

    /// The same of a place that has other settings already.
    pub(crate) fn set_up(&self, docmill: Docmill) -> Docmill {
        docmill
            .env("USE_NEO4J", "true")
            .env("NEO4J_URI", self.uri())
            .env("NEO4J_PASSWORD", PASSWORD)
            .env("NEO4J_TIMEOUT", "30s")
    }

    /// How often a pattern is there.
    #[track_caller]
    pub(crate) fn count(&self, pattern: &str) -> u64 {
        self.number(&format!("MATCH {pattern} RETURN count(*) AS n"))
    }

    /// What a statement gives.
    #[track_caller]
    pub(crate) fn ask(&self, statement: &str) -> Vec<Row> {
        self.ask_with(query(statement))
    }

    /// The same with parameters.
    #[track_caller]
    pub(crate) fn ask_with(&self, statement: Query) -> Vec<Row> {
        wait(async { ask(&connect(&self.uri()), statement).await })
    }

    /// Asks the same statements again and again over one connection, each in a
    /// transaction of its own, until `go_on` says no.
    #[track_caller]
    pub(crate) fn poll(&self, statements: &[&str], mut look: impl FnMut(usize, Vec<Row>), go_on: impl Fn() -> bool) {
        wait(async {
            let graph = connect(&self.uri());
            while go_on() {
                for (number, statement) in statements.iter().enumerate() {
                    let rows = ask(&graph, query(statement)).await;
                    look(number, rows);
                }
            }
        });
    }

    /// The one number that a statement gives, in its column `n`.
    #[track_caller]
    pub(crate) fn number(&self, statement: &str) -> u64 {
        self.ask(statement)[0].get("n").expect("a number")
    }

    /// How many bytes of transactions it has logged: a write makes it grow.
    pub(crate) fn logged_bytes(&self) -> u64 {
        self.server.logged_bytes()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again with what it had.
    pub(crate) fn start_again(&mut self) {
        self.server.start_again().expect("Neo4j starts again");
    }

    fn empty(&self) {
        self.ask("MATCH (n) DETACH DELETE n");
        for row in self.ask("SHOW CONSTRAINTS YIELD name RETURN name") {
            self.ask(&format!("DROP CONSTRAINT `{}`", row.get::<String>("name").expect("a name")));
        }
        for row in self.ask("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name") {
            self.ask(&format!("DROP INDEX `{}`", row.get::<String>("name").expect("a name")));
        }
    }
}

/// Runs what waits for the server.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn ask(graph: &Graph, statement: Query) -> Vec<Row> {
    let mut tx = graph.start_txn().await.expect("Neo4j takes a transaction");
    let mut stream = tx.execute(statement).await.expect("Neo4j takes the statement");
    let mut rows = Vec::new();
    while let Some(row) = stream.next(tx.handle()).await.expect("Neo4j gives its rows") {
        rows.push(row);
    }
    tx.commit().await.expect("Neo4j commits");
    rows
}

fn connect(uri: &str) -> Graph {
    let config = ConfigBuilder::default().uri(uri).user("neo4j").password(PASSWORD).db("neo4j");
    let config = config.connection_timeout(Duration::from_secs(60)).build().expect("a configuration");
    Graph::connect(config).expect("an address")
}
