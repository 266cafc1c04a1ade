//! Neo4j: the server, whether it takes writes, and whether the graph and its
//! indexes are fit for the model. Only where `USE_NEO4J` is on.

use docmill_stages::failure::chain;
use docmill_stages::load::index::Model;
use docmill_stages::load::neo4j::{Neo4j, Neo4jError};

use super::check::{Check, within};
use super::{BOUND, Patient};
use crate::commands::graph;

/// What the server said, in the order of the checks.
struct Answers {
    described: String,
    written: Result<(), String>,
    graph: Result<String, String>,
    missing: Option<Vec<&'static str>>,
}

pub(super) fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let settings = patient.settings().clone();
    if !settings.neo4j.is_on {
        return Vec::new();
    }
    let model = patient.model.get().cloned();
    let asked = within(BOUND, move || {
        let neo4j = match graph::connect(&settings) {
            Ok(Some(neo4j)) => neo4j,
            Ok(None) => return Err("USE_NEO4J is off".to_owned()),
            Err(refusal) => return Err(refusal.message),
        };
        graph::wait(ask(&neo4j, model.as_ref())).map_err(|refusal| refusal.message)
    });
    match asked {
        None => {
            let found = format!("no answer came within {} s", BOUND.as_secs());
            vec![Check::fail("neo4j", found, "look whether the server is busy, or lower NEO4J_TIMEOUT")]
        }
        Some(Err(why)) => vec![Check::fail("neo4j", why, "")],
        Some(Ok(answers)) => as_checks(answers),
    }
}

async fn ask(neo4j: &Neo4j, model: Option<&Model>) -> Answers {
    let said = |error: Neo4jError| chain(&error);
    let written = neo4j.probe().await.map_err(said);
    let (graph, missing) = match look(neo4j, model).await {
        Ok((found, missing)) => (Ok(found), missing),
        Err(error) => (Err(said(error)), None),
    };
    Answers { described: neo4j.describe(), written, graph, missing }
}

/// What the graph holds, and which constraints and indexes it lacks. Without
/// a model it is held against the one that it names itself.
async fn look(neo4j: &Neo4j, model: Option<&Model>) -> Result<(String, Option<Vec<&'static str>>), Neo4jError> {
    let held = neo4j.model().await?;
    let Some(wanted) = model.or(held.as_ref()) else { return Ok(("nothing of docmill's yet".to_owned(), None)) };
    let missing = neo4j.check(wanted).await?;
    let found = if held.is_some() {
        let counts = neo4j.reader().await?.counts().await?;
        format!("{} documents, {} chunks, vectors of {wanted}", counts.documents, counts.chunks)
    } else {
        "nothing of docmill's yet".to_owned()
    };
    Ok((found, Some(missing)))
}

fn as_checks(answers: Answers) -> Vec<Check> {
    let Answers { described, written, graph, missing } = answers;
    let mut checks = vec![Check::ok("neo4j", described)];
    checks.push(match written {
        Ok(()) => Check::ok("neo4j writes", "the database takes them"),
        Err(why) => Check::fail("neo4j writes", why, ""),
    });
    checks.push(match graph {
        Ok(found) => Check::ok("neo4j graph", found),
        Err(why) => Check::fail("neo4j graph", why, ""),
    });
    checks.extend(missing.map(|missing| match missing.as_slice() {
        [] => Check::ok("neo4j index", "constraints and indexes are as they should be"),
        names => Check::warn(
            "neo4j index",
            format!("not there: {}", names.join(", ")),
            "the next run makes them; `docmill load` does so now",
        ),
    }));
    checks
}
