//! The constraints and indexes: what is missing, and what stands in the way.
//!
//! `IF NOT EXISTS` says nothing where an index of the same name and other
//! options is there, so docmill looks before and after.

use std::collections::BTreeSet;

use neo4rs::{Row, query};

use super::connection::{Connection, column};
use super::layout::{KEYWORD_INDEX, LINKS_INDEX, Layout};
use super::{Model, Neo4jError};

/// An index as it should be.
struct Wanted {
    name: &'static str,
    kind: &'static str,
    label: &'static str,
    properties: Vec<&'static str>,
    /// What else must be so, as `SHOW INDEXES` has it.
    option: Option<(&'static str, String)>,
    statement: String,
}

/// What is not there yet.
pub(super) struct Missing {
    pub(super) name: &'static str,
    pub(super) statement: String,
}

fn indexes(layout: Layout, model: &Model) -> Vec<Wanted> {
    let (text, vector, dimension) = (layout.text(), layout.vector_index(), model.dimension);
    vec![
        Wanted {
            name: "document_text",
            kind: "RANGE",
            label: "Document",
            properties: vec!["text_hash"],
            option: None,
            statement: "CREATE INDEX document_text IF NOT EXISTS FOR (d:Document) ON (d.text_hash)".to_owned(),
        },
        Wanted {
            name: LINKS_INDEX,
            kind: "FULLTEXT",
            label: "Document",
            properties: vec!["links"],
            option: Some(("fulltext.analyzer", "keyword".to_owned())),
            statement: format!(
                "CREATE FULLTEXT INDEX {LINKS_INDEX} IF NOT EXISTS FOR (d:Document) ON EACH [d.links]
                 OPTIONS {{indexConfig: {{`fulltext.analyzer`: 'keyword'}}}}"
            ),
        },
        Wanted {
            name: KEYWORD_INDEX,
            kind: "FULLTEXT",
            label: "Chunk",
            properties: vec![text, "title", "headings"],
            option: None,
            statement: format!(
                "CREATE FULLTEXT INDEX {KEYWORD_INDEX} IF NOT EXISTS FOR (c:Chunk)
                 ON EACH [c.{text}, c.title, c.headings]"
            ),
        },
        Wanted {
            name: vector,
            kind: "VECTOR",
            label: "Chunk",
            properties: vec!["embedding"],
            option: Some(("vector", format!("{dimension}/cosine/false"))),
            statement: format!(
                "CREATE VECTOR INDEX {vector} IF NOT EXISTS FOR (c:Chunk) ON (c.embedding)
                 OPTIONS {{indexConfig: {{`vector.dimensions`: {dimension},
                 `vector.similarity_function`: 'cosine', `vector.quantization.enabled`: false}}}}"
            ),
        },
    ]
}

/// Label and property that must be unique, and the constraint's name.
const UNIQUE: [(&str, &str, &str); 4] = [
    ("document_url", "Document", "url"),
    ("document_key", "Document", "key"),
    ("chunk_id", "Chunk", "id"),
    ("docmill_meta", "DocmillMeta", "id"),
];

/// What is not there, and the statements that make it.
pub(super) async fn missing(
    connection: &Connection,
    layout: Layout,
    model: &Model,
) -> Result<Vec<Missing>, Neo4jError> {
    let shown = "SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties
        WHERE type IN ['UNIQUENESS', 'NODE_KEY', 'NODE_PROPERTY_UNIQUENESS'] RETURN labelsOrTypes AS labels, properties";
    let mut there = BTreeSet::new();
    for row in connection.ask(query(shown)).await? {
        there.insert((column::<Vec<String>>(&row, "labels")?, column::<Vec<String>>(&row, "properties")?));
    }
    let mut missing = Vec::new();
    for (name, label, property) in UNIQUE {
        if !there.contains(&(vec![label.to_owned()], vec![property.to_owned()])) {
            let statement =
                format!("CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{property} IS UNIQUE");
            missing.push(Missing { name, statement });
        }
    }
    let shown = shown_indexes(connection).await?;
    for wanted in indexes(layout, model) {
        match shown.iter().find(|row| column::<String>(row, "name").is_ok_and(|name| name == wanted.name)) {
            Some(row) => check_index(row, &wanted)?,
            None => missing.push(Missing { name: wanted.name, statement: wanted.statement }),
        }
    }
    Ok(missing)
}

/// What is still not there was not made for a reason that only a person can
/// see to.
pub(super) async fn still_missing(connection: &Connection, layout: Layout, model: &Model) -> Result<(), Neo4jError> {
    let shown = shown_indexes(connection).await?;
    for wanted in indexes(layout, model) {
        let is = |row: &&Row| column::<String>(row, "name").is_ok_and(|name| name == wanted.name);
        if shown.iter().any(|row| is(&row)) {
            continue;
        }
        let others = shown.iter().find(|row| is_on(row, &wanted).unwrap_or(false));
        let name = others.and_then(|row| column(row, "name").ok()).unwrap_or_else(|| wanted.name.to_owned());
        let reason = format!("it stands where {} should", wanted.name);
        return Err(Neo4jError::Index { name: crate::failure::one_line(&name, 100), reason });
    }
    Ok(())
}

async fn shown_indexes(connection: &Connection) -> Result<Vec<Row>, Neo4jError> {
    let shown = "SHOW INDEXES YIELD name, type, state, labelsOrTypes, properties, options
        RETURN name, type, state, coalesce(labelsOrTypes, []) AS labels, coalesce(properties, []) AS properties,
            coalesce(toString(options.indexConfig[$analyzer]), '') AS analyzer,
            coalesce(toString(options.indexConfig[$dimensions]), '') AS dimensions,
            toLower(coalesce(toString(options.indexConfig[$similarity]), '')) AS similarity,
            coalesce(toString(options.indexConfig[$quantization]), '') AS quantization";
    let shown = query(shown)
        .param("analyzer", "fulltext.analyzer")
        .param("dimensions", "vector.dimensions")
        .param("similarity", "vector.similarity_function")
        .param("quantization", "vector.quantization.enabled");
    connection.ask(shown).await
}

fn is_on(row: &Row, wanted: &Wanted) -> Result<bool, Neo4jError> {
    let (labels, properties): (Vec<String>, Vec<String>) = (column(row, "labels")?, column(row, "properties")?);
    let kind: String = column(row, "type")?;
    Ok(kind == wanted.kind && labels == [wanted.label] && properties == wanted.properties)
}

fn check_index(row: &Row, wanted: &Wanted) -> Result<(), Neo4jError> {
    let wrong = |reason: String| Err(Neo4jError::Index { name: wanted.name.to_owned(), reason });
    if !is_on(row, wanted)? {
        let kind = wanted.kind.to_lowercase();
        return wrong(format!("a {kind} index of {}({}) is wanted", wanted.label, wanted.properties.join(", ")));
    }
    if column::<String>(row, "state")? == "FAILED" {
        return wrong("building it has failed".to_owned());
    }
    let Some((name, value)) = &wanted.option else { return Ok(()) };
    let text = |name| column::<String>(row, name);
    if *name == "fulltext.analyzer" {
        let found = text("analyzer")?;
        return if found == *value { Ok(()) } else { wrong(format!("its analyzer is not {value}")) };
    }
    let found = format!("{}/{}/{}", text("dimensions")?, text("similarity")?, text("quantization")?);
    if found == *value {
        return Ok(());
    }
    let found = crate::failure::one_line(&found, 100);
    wrong(format!("dimensions/similarity/quantization are {found}, and {value} is wanted"))
}
