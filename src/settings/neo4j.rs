//! The graph that documents are loaded into too.

use std::time::Duration;

use docmill_stages::load::neo4j::{Address, Layout};

use super::parse::{self, Parsed};
use super::row::settings;
use super::secret::Secret;

settings! {
    /// The graph that documents are loaded into too.
    Neo4j => Neo4j {
        /// Whether documents are loaded into Neo4j too; then search asks it
        is_on: bool = "USE_NEO4J", "false", "", parse::flag;
        /// Address: neo4j:// or bolt://; with +s for TLS, with +ssc where the server signs for itself
        address: Address = "NEO4J_URI", "neo4j://localhost:7687", "", address;
        /// User that docmill is to Neo4j
        user: String = "NEO4J_USERNAME" | "NEO4J_USER", "neo4j", "", parse::text;
        /// Password; empty where the server asks for none
        password: Option<Secret> = "NEO4J_PASSWORD" [secret], "", "", parse::secret;
        /// Database of it that is used
        database: String = "NEO4J_DATABASE", "neo4j", "", database;
        /// Labels, properties and edges: docmill's, which other tools expect too, or docs2vector's
        layout: Layout = "NEO4J_SCHEMA", "docmill", "", layout;
        /// Time that one statement, one answer or one commit may take
        timeout: Duration = "NEO4J_TIMEOUT", "60", "s", parse::seconds::<100, 3_600>;
    }
}

fn address(text: &str) -> Parsed<Address> {
    Address::parse(text).map_err(|error| match error {
        docmill_stages::load::neo4j::Neo4jError::Address(what) => what,
        other => other.to_string(),
    })
}

/// Neo4j's own rule for the name of a database.
fn database(text: &str) -> Parsed<String> {
    let is_one = (3..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if is_one { Ok(text.to_owned()) } else { Err("expected 3 to 63 letters, digits, dots and dashes".to_owned()) }
}

fn layout(text: &str) -> Parsed<Layout> {
    Layout::of_name(&text.to_ascii_lowercase()).ok_or_else(|| "expected docmill or docs2vector".to_owned())
}
