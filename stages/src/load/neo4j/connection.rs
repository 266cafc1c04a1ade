//! Transactions with one Neo4j: each is bounded in time and ends by commit or
//! rollback, on every path.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use neo4rs::{ConfigBuilder, Graph, Query, Row, Txn};

use super::{Neo4jError, Neo4jOptions};

/// How often a transaction is tried that the server asks to be tried again.
const TRIES_MAX: u32 = 10;
/// The pause before the first repetition; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A rollback that takes longer is not waited for.
const ROLLBACK_MAX: Duration = Duration::from_secs(5);
/// So long a server is given to say that it is there, at most.
const PROBE_MAX: Duration = Duration::from_secs(10);
/// What is added to the driver's own bound, which must not come first.
const SLACK: Duration = Duration::from_secs(5);

/// One transaction's work; it may be called more than once.
pub(super) trait Work: Sync {
    /// What it gives.
    type Output: Send;

    /// Does it in `tx`, which is committed if this ends well.
    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<Self::Output, Neo4jError>>;
}

/// A pool of connections to one database.
pub(super) struct Connection {
    options: Neo4jOptions,
    graph: Mutex<Graph>,
}

impl Connection {
    /// Opens nothing yet.
    pub(super) fn new(options: Neo4jOptions) -> Result<Self, Neo4jError> {
        let graph = Mutex::new(pool(&options)?);
        Ok(Self { options, graph })
    }

    pub(super) fn options(&self) -> &Neo4jOptions {
        &self.options
    }

    /// Runs work that changes the graph, and again as long as the server asks
    /// for that. A commit that was not answered is an error though it may
    /// have happened: the same work must be safe to repeat.
    pub(super) async fn write<W: Work>(&self, work: &W) -> Result<W::Output, Neo4jError> {
        let mut tries = 1;
        loop {
            match self.try_once(work).await {
                Err(error) if error.is_worth_another_try() && tries < TRIES_MAX => {
                    log::debug!("neo4j: try {tries} failed: {error}");
                    let pause = PAUSE_MIN.saturating_mul(1 << tries.min(16)).min(PAUSE_MAX);
                    tokio::time::sleep(pause.mul_f64(fastrand::f64().mul_add(0.5, 0.5))).await;
                    tries += 1;
                }
                ended => return ended,
            }
        }
    }

    /// Runs work that only reads.
    pub(super) async fn read<W: Work>(&self, work: &W) -> Result<W::Output, Neo4jError> {
        let mut tx = self.begin().await?;
        let done = work.run(&mut tx).await;
        tx.rollback().await;
        done
    }

    /// The same, and quickly; what is written is rolled back.
    pub(super) async fn probe<W: Work>(&self, work: &W) -> Result<W::Output, Neo4jError> {
        let limit = PROBE_MAX.min(self.options.timeout);
        let Ok(done) = tokio::time::timeout(limit, self.read(work)).await else {
            self.renew();
            let address = self.options.address.place().to_owned();
            return Err(Neo4jError::NoAnswer { address, what: "a probe", limit });
        };
        done
    }

    /// Asks one question; the rows that it gives.
    pub(super) async fn ask(&self, query: Query) -> Result<Vec<Row>, Neo4jError> {
        let mut tx = self.begin().await?;
        let rows = tx.rows(query).await;
        tx.rollback().await;
        rows
    }

    async fn try_once<W: Work>(&self, work: &W) -> Result<W::Output, Neo4jError> {
        let mut tx = self.begin().await?;
        match work.run(&mut tx).await {
            Ok(output) => tx.commit().await.map(|()| output),
            Err(error) => {
                tx.rollback().await;
                Err(self.whose_fault(error).await)
            }
        }
    }

    async fn begin(&self) -> Result<Tx<'_>, Neo4jError> {
        let graph = self.graph.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let txn = self.bounded("a transaction", async move { graph.start_txn().await }).await?;
        Ok(Tx { txn, connection: self })
    }

    /// A statement that takes too long may be the document's fault, if the
    /// server still answers others.
    async fn whose_fault(&self, error: Neo4jError) -> Neo4jError {
        let Neo4jError::NoAnswer { what, limit, .. } = &error else { return error };
        let probe = tokio::time::timeout(PROBE_MAX, self.ask(Query::new("RETURN 1 AS one".to_owned())));
        match probe.await {
            Ok(Ok(_)) => Neo4jError::Transient {
                code: "NEO4J_TIMEOUT".to_owned(),
                message: format!("{what} took longer than {} s", limit.as_secs_f32()),
            },
            _ => error,
        }
    }

    async fn bounded<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, neo4rs::Error>>,
    ) -> Result<T, Neo4jError> {
        let limit = self.options.timeout;
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done.map_err(|error| self.error(error)),
            Err(_) => {
                self.renew();
                let address = self.options.address.place().to_owned();
                Err(Neo4jError::NoAnswer { address, what, limit })
            }
        }
    }

    /// A connection that was given up in the middle of an exchange would keep
    /// its transaction's locks for as long as it lies in the pool.
    fn renew(&self) {
        match pool(&self.options) {
            Ok(fresh) => *self.graph.lock().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(error) => log::warn!("neo4j: {error}"),
        }
    }

    fn error(&self, error: neo4rs::Error) -> Neo4jError {
        Neo4jError::from_driver(error, self.options.address.place(), &self.options.database)
    }
}

/// A transaction that is open. Whoever has it ends it.
pub(super) struct Tx<'c> {
    txn: Txn,
    connection: &'c Connection,
}

impl Tx<'_> {
    /// Runs a statement whose rows nobody needs.
    pub(super) async fn run(&mut self, query: Query) -> Result<(), Neo4jError> {
        self.connection.bounded("a statement", self.txn.run(query)).await.map(drop)
    }

    /// Runs a statement; all of its rows.
    pub(super) async fn rows(&mut self, query: Query) -> Result<Vec<Row>, Neo4jError> {
        let Self { txn, connection } = self;
        let all = async {
            let mut stream = txn.execute(query).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next(txn.handle()).await? {
                rows.push(row);
            }
            Ok(rows)
        };
        connection.bounded("an answer", all).await
    }

    async fn commit(self) -> Result<(), Neo4jError> {
        self.connection.bounded("a commit", self.txn.commit()).await.map(drop)
    }

    /// What had gone wrong before is the error that counts: after it a
    /// rollback may fail too.
    async fn rollback(self) {
        match tokio::time::timeout(ROLLBACK_MAX, self.txn.rollback()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::trace!("neo4j: rollback: {error}"),
            Err(_) => self.connection.renew(),
        }
    }
}

fn pool(options: &Neo4jOptions) -> Result<Graph, Neo4jError> {
    let password = options.password.expose();
    let config = ConfigBuilder::default()
        .uri(options.address.uri())
        .user(options.user.as_str())
        .password(password)
        .db(options.database.as_str())
        .max_connections(options.connections_max.max(1))
        .connection_timeout(options.timeout + SLACK)
        .build()
        .and_then(Graph::connect);
    config.map_err(|error| Neo4jError::from_driver(error, options.address.place(), &options.database))
}

/// A column of a row.
pub(super) fn column<'r, T: serde::Deserialize<'r>>(row: &'r Row, name: &str) -> Result<T, Neo4jError> {
    row.get(name).map_err(|error| Neo4jError::Answer(format!("{name}: {error}")))
}
