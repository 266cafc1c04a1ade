//! The graph in Neo4j, by the settings.

use std::sync::Arc;

use docmill_stages::embed::ModelInfo;
use docmill_stages::load::neo4j::{GraphReader, Neo4j, Neo4jError, Neo4jOptions, Neo4jSink, Password};

use super::{Refusal, setup};
use crate::exit::Exit;
use crate::settings::Settings;
use crate::settings::secret::Secret;

/// Connections beside those of the loaders: for looks and probes.
const MORE_CONNECTIONS: usize = 2;

impl From<Neo4jError> for Refusal {
    fn from(error: Neo4jError) -> Self {
        let exit = if error.is_setting() { Exit::Settings } else { Exit::Unavailable };
        Self::new(exit, &error)
    }
}

/// Something to wait with. (The graph's connections live on a thread of their
/// own, so it may go.)
pub(super) fn runtime() -> Result<actix_rt::Runtime, Refusal> {
    actix_rt::Runtime::new().map_err(|error| Refusal::new(Exit::Unavailable, &error))
}

/// Waits for the graph.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Refusal> {
    Ok(runtime()?.block_on(work))
}

/// Connects where `USE_NEO4J` is on.
pub(super) fn connect(settings: &Settings) -> Result<Option<Neo4j>, Refusal> {
    if !settings.neo4j.is_on {
        return Ok(None);
    }
    Ok(Some(wait(Neo4j::connect(options(settings)))??))
}

/// The graph, ready to take this model's vectors.
pub(super) fn sink(graph: &Neo4j, model: &ModelInfo) -> Result<Arc<Neo4jSink>, Refusal> {
    let sink = wait(graph.sink(&setup::index_model(model)))??;
    log::info!("loading into {} too", graph.describe());
    Ok(Arc::new(sink))
}

/// Reads the graph, whether `USE_NEO4J` is on or not.
pub(super) fn reader(settings: &Settings) -> Result<GraphReader, Refusal> {
    let reader = wait(async { Neo4j::connect(options(settings)).await?.reader().await })?;
    Ok(reader?)
}

fn options(settings: &Settings) -> Neo4jOptions {
    let neo4j = &settings.neo4j;
    Neo4jOptions {
        address: neo4j.address.clone(),
        user: neo4j.user.clone(),
        password: Password::new(neo4j.password.as_ref().map(Secret::expose).unwrap_or_default()),
        database: neo4j.database.clone(),
        layout: neo4j.layout,
        timeout: neo4j.timeout,
        connections_max: settings.actors.loaders.get() + MORE_CONNECTIONS,
    }
}
