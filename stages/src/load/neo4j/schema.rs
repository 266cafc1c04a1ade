//! What the graph must have before anything is loaded: constraints and
//! indexes ([`super::indexes`]), and a node that says whose graph it is.
//! Nothing is written where all is there.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use neo4rs::{Query, Row, query};

use super::connection::{Connection, Tx, Work, column};
use super::indexes::{missing, still_missing};
use super::{Model, Neo4jError};

/// Of the graph as this docmill lays it out. Where it is raised, [`prepare`]
/// gets a step that leads from the one before; today there is none before.
const SCHEMA: i64 = 1;
/// Has vector indexes whose quantization can be turned off.
const OLDEST: (u32, u32) = (5, 23);
/// The same for a person.
const OLDEST_TEXT: &str = "5.23";

/// What a start finds out of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Names the store, whatever its address is.
    pub(super) store_id: String,
    /// Such as 5.26.30.
    pub(super) version: String,
    /// Such as community.
    pub(super) edition: String,
    /// Whether the database may be written.
    pub(super) is_writable: bool,
}

/// What the graph says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) schema: i64,
    pub(super) layout: String,
    pub(super) model: Model,
}

/// Asks who answers.
///
/// # Errors
/// Nobody, or one that is too old.
pub(super) async fn server(connection: &Connection) -> Result<Server, Neo4jError> {
    let info = connection.ask(query("CALL db.info() YIELD id RETURN id")).await?;
    let store_id: String = column(one(&info)?, "id")?;
    let kernel = "CALL dbms.components() YIELD name, versions, edition
        WITH * WHERE name = 'Neo4j Kernel' RETURN versions[0] AS version, edition";
    let kernel = connection.ask(query(kernel)).await?;
    let kernel = one(&kernel)?;
    let version: String = column(kernel, "version")?;
    if version_of(&version).is_none_or(|found| found < OLDEST) {
        let found = crate::failure::one_line(&version, 50);
        return Err(Neo4jError::TooOld { found, needed: OLDEST_TEXT });
    }
    let database = connection.options().database.clone();
    let access = query("SHOW DATABASE $database YIELD access RETURN access").param("database", database);
    let access: Option<String> = match connection.ask(access).await {
        Ok(rows) => rows.first().map(|row| column(row, "access")).transpose()?,
        // Not every user may look; then the first write tells.
        Err(Neo4jError::Forbidden { .. } | Neo4jError::Statement { .. }) => None,
        Err(error) => return Err(error),
    };
    let is_writable = access.as_deref() != Some("read-only");
    Ok(Server { store_id, version, edition: column(kernel, "edition")?, is_writable })
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-', '+']).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Makes sure that the graph is as `model` and the settings want it.
///
/// # Errors
/// It is another's, or lacks what cannot be made.
pub(super) async fn prepare(connection: &Connection, model: &Model) -> Result<(), Neo4jError> {
    check_meta(connection, model).await?;
    let layout = connection.options().layout;
    let missing = missing(connection, layout, model).await?;
    if !missing.is_empty() {
        log::info!("neo4j: making {} constraints and indexes", missing.len());
        for one in &missing {
            connection.write(&Statement(one.statement.clone())).await?;
        }
        let seconds = connection.options().timeout.as_secs().max(1);
        let wait = query("CALL db.awaitIndexes($seconds)").param("seconds", i64::try_from(seconds).unwrap_or(60));
        connection.ask(wait).await?;
        still_missing(connection, layout, model).await?;
    }
    let meta = meta(connection).await?;
    let wanted = Meta { schema: SCHEMA, layout: layout.name().to_owned(), model: model.clone() };
    if meta.as_ref() != Some(&wanted) {
        connection.write(&SetMeta(wanted)).await?;
    }
    Ok(())
}

/// What the graph says of itself; `None` where docmill was never here.
pub(super) async fn meta(connection: &Connection) -> Result<Option<Meta>, Neo4jError> {
    let statement = "MATCH (m:DocmillMeta {id: 'docmill'})
        RETURN m.schema AS schema, m.layout AS layout, m.model AS model, m.dimension AS dimension,
            m.fingerprint AS fingerprint";
    let rows = connection.ask(query(statement)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let dimension: i64 = column(row, "dimension")?;
    let dimension =
        usize::try_from(dimension).map_err(|_| Neo4jError::Answer(format!("its model has {dimension} dimensions")))?;
    let model = Model { name: column(row, "model")?, dimension, fingerprint: column(row, "fingerprint")? };
    Ok(Some(Meta { schema: column(row, "schema")?, layout: column(row, "layout")?, model }))
}

/// Whether the graph may take `wanted`'s vectors, by what it says of itself.
pub(super) async fn check_meta(connection: &Connection, wanted: &Model) -> Result<(), Neo4jError> {
    let Some(found) = meta(connection).await? else { return Ok(()) };
    check_schema(connection, &found)?;
    let layout = connection.options().layout.name();
    if (found.layout == layout && found.model == *wanted) || is_empty(connection).await? {
        return Ok(());
    }
    let database = connection.options().database.clone();
    if found.layout != layout {
        return Err(Neo4jError::Layout { database, found: crate::failure::one_line(&found.layout, 50) });
    }
    if (&found.model.fingerprint, found.model.dimension) == (&wanted.fingerprint, wanted.dimension) {
        return Ok(());
    }
    let (mut found, mut wanted) = (found.model.to_string(), wanted.to_string());
    if found == wanted {
        found.push_str(" in another precision or make");
        wanted.push_str(" as it is set up now");
    }
    Err(Neo4jError::Model { database, found, wanted })
}

/// Whether this docmill may read a graph of that schema. (One that is older
/// than the first there is none of.)
pub(super) fn check_schema(connection: &Connection, found: &Meta) -> Result<(), Neo4jError> {
    if found.schema <= SCHEMA {
        return Ok(());
    }
    let database = connection.options().database.clone();
    Err(Neo4jError::Newer { database, found: found.schema, known: SCHEMA })
}

async fn is_empty(connection: &Connection) -> Result<bool, Neo4jError> {
    let statement = "MATCH (d:Document) WHERE d.content_hash IS NOT NULL RETURN d.key AS key LIMIT 1";
    Ok(connection.ask(query(statement)).await?.is_empty())
}

fn one(rows: &[Row]) -> Result<&Row, Neo4jError> {
    rows.first().ok_or_else(|| Neo4jError::Answer("no row came back".to_owned()))
}

/// A statement that makes a constraint or an index.
struct Statement(String);

impl Work for Statement {
    type Output = ();

    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), Neo4jError>> {
        tx.run(Query::new(self.0.clone())).boxed()
    }
}

struct SetMeta(Meta);

impl Work for SetMeta {
    type Output = ();

    /// `docmill_lock` is never set elsewhere: removing what is not there is
    /// how a node is locked, and works only with a name that the graph knows.
    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), Neo4jError>> {
        let Meta { schema, layout, model } = &self.0;
        let set = query(
            "MERGE (m:DocmillMeta {id: 'docmill'})
             SET m.schema = $schema, m.layout = $layout, m.model = $model, m.dimension = $dimension,
                 m.fingerprint = $fingerprint, m.docmill_lock = true",
        )
        .param("schema", *schema)
        .param("layout", layout.as_str())
        .param("model", model.name.as_str())
        .param("dimension", i64::try_from(model.dimension).unwrap_or(i64::MAX))
        .param("fingerprint", model.fingerprint.as_str());
        tx.run(set).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version_of("5.26.30"), Some((5, 26)));
        assert!(version_of("5.9.0").unwrap() < OLDEST && version_of("2025.10.1").unwrap() > OLDEST);
        assert!(version_of("5.26-SNAPSHOT").unwrap() > OLDEST);
        assert_eq!(version_of("five"), None);
    }
}
