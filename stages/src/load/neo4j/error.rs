//! What can go wrong with Neo4j, in words that name the setting and what to
//! do.
//!
//! Invariant 3: a server that is away, or will not let docmill in, is an
//! outage and no document's fault.

use std::time::Duration;

use neo4rs::{Neo4jClientErrorKind as Client, Neo4jErrorKind as Kind, Neo4jSecurityErrorKind as Security};

use crate::failure::{StageError, one_line};

/// How much of a server's words an error shows, in bytes.
const SHOWN_BYTES_MAX: usize = 500;

/// An error of the graph.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Neo4jError {
    /// `NEO4J_URI` is no address that docmill understands.
    #[error("NEO4J_URI: {0}")]
    Address(String),
    /// Nothing that speaks Bolt answers there.
    #[error("Neo4j at {address} cannot be reached: {reason}; start it, or mend NEO4J_URI")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What happened.
        reason: String,
    },
    /// It takes connections and does not answer.
    #[error("Neo4j at {address} did not answer within {} s ({what}); see to it, or raise NEO4J_TIMEOUT", limit.as_secs_f32())]
    NoAnswer {
        /// Host and port.
        address: String,
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// It does not let docmill in.
    #[error("Neo4j at {address} does not take NEO4J_USERNAME and NEO4J_PASSWORD: {reason}")]
    Refused {
        /// Host and port.
        address: String,
        /// What it said.
        reason: String,
    },
    /// The user may not do what is needed.
    #[error(
        "Neo4j does not let NEO4J_USERNAME do this: {reason}; docmill needs to read, to write, and to make constraints and indexes"
    )]
    Forbidden {
        /// What it said.
        reason: String,
    },
    /// There is no such database.
    #[error("Neo4j at {address} has no database {database}: {reason}; make it, or mend NEO4J_DATABASE")]
    NoDatabase {
        /// Host and port.
        address: String,
        /// `NEO4J_DATABASE`.
        database: String,
        /// What it said.
        reason: String,
    },
    /// The database may only be read.
    #[error("Neo4j's database {database} is read-only: let it be written, or set NEO4J_DATABASE to another")]
    ReadOnly {
        /// `NEO4J_DATABASE`.
        database: String,
    },
    /// The database is not the one that was connected to.
    #[error("Neo4j's database {database} was made anew since docmill began: start docmill again, and it is filled")]
    Replaced {
        /// `NEO4J_DATABASE`.
        database: String,
    },
    /// The server lacks what docmill uses.
    #[error("Neo4j {found} is too old: docmill needs {needed} or newer")]
    TooOld {
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// An index has the name or the place of one of docmill's and is another.
    #[error(
        "the index {name} in Neo4j is not docmill's ({reason}): run `DROP INDEX {name}` there, and the next run makes it, or set NEO4J_DATABASE to another database"
    )]
    Index {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The graph holds another model's vectors.
    #[error(
        "the graph in Neo4j's database {database} holds vectors of {found}, and the settings name {wanted}: set EMBEDDING_MODEL back, set NEO4J_DATABASE to another database, or empty this one"
    )]
    Model {
        /// `NEO4J_DATABASE`.
        database: String,
        /// Whose vectors it holds.
        found: String,
        /// Whose vectors would be loaded.
        wanted: String,
    },
    /// The graph was laid out otherwise.
    #[error(
        "the graph in Neo4j's database {database} is laid out as NEO4J_SCHEMA={found}: set it to that, set NEO4J_DATABASE to another database, or empty this one"
    )]
    Layout {
        /// `NEO4J_DATABASE`.
        database: String,
        /// How it is laid out.
        found: String,
    },
    /// A newer docmill has laid the graph out.
    #[error(
        "the graph in Neo4j's database {database} has schema {found}, and this docmill knows {known}: use a newer docmill"
    )]
    Newer {
        /// `NEO4J_DATABASE`.
        database: String,
        /// The graph's schema.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// There is nothing to read.
    #[error("the graph in Neo4j's database {database} holds nothing of docmill's yet; `docmill load` fills it")]
    Empty {
        /// `NEO4J_DATABASE`.
        database: String,
    },
    /// The server asks for the transaction to be tried again, as after a
    /// deadlock.
    #[error("Neo4j could not do it this time ({code}): {message}")]
    Transient {
        /// The server's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// A document was replaced by something newer while it was written.
    #[error("something newer is on its way")]
    Overtaken,
    /// The server itself is in trouble: its disk, its memory, its files.
    #[error("Neo4j at {address} is in trouble ({code}): {message}; see its log")]
    Server {
        /// Host and port.
        address: String,
        /// The server's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// The server does not take a statement.
    #[error("Neo4j did not take it ({code}): {message}")]
    Statement {
        /// The server's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// What came back is not what was asked for.
    #[error("Neo4j's answer cannot be read: {0}")]
    Answer(String),
}

impl Neo4jError {
    /// What the driver's error means, for a connection to `address` and
    /// `database`.
    pub(super) fn from_driver(error: neo4rs::Error, address: &str, database: &str) -> Self {
        use neo4rs::Error as E;
        let address = address.to_owned();
        let unreachable = |reason: String| Self::Unreachable { address: address.clone(), reason: shown(&reason) };
        match error {
            E::Neo4j(error) => Self::from_server(&error, address, database),
            E::AuthenticationError(reason) => Self::Refused { address, reason: shown(&reason) },
            E::ConnectionTimedOut => unreachable("it did not answer in time".to_owned()),
            E::ProtocolMismatch(_) => unreachable(
                "what answers there does not speak Bolt (is it the HTTP port? Bolt's is usually 7687)".to_owned(),
            ),
            E::UnsupportedVersion(..) => unreachable("it speaks no version of Bolt that docmill knows".to_owned()),
            E::IOError { detail } => unreachable(detail.to_string()),
            E::ConnectionError | E::IncompleteBoltExchange => unreachable("the connection broke".to_owned()),
            E::DeserializationError(error) => Self::Answer(shown(&error.to_string())),
            other => Self::Answer(shown(&other.to_string())),
        }
    }

    fn from_server(error: &neo4rs::Neo4jError, address: String, database: &str) -> Self {
        let (code, message) = (error.code().to_owned(), shown(error.message()));
        let database = database.to_owned();
        if code.ends_with(".ForbiddenOnReadOnlyDatabase") || code.ends_with(".WriteOnReadOnlyAccessDbError") {
            return Self::ReadOnly { database };
        }
        if code.ends_with(".DatabaseUnavailable") {
            return Self::Unreachable { address, reason: message };
        }
        match error.kind() {
            Kind::Transient => Self::Transient { code, message },
            Kind::Client(Client::FatalDiscovery) => Self::NoDatabase { address, database, reason: message },
            Kind::Client(Client::Security(Security::Forbidden)) => Self::Forbidden { reason: message },
            Kind::Client(Client::Security(_)) => Self::Refused { address, reason: message },
            Kind::Client(_) => Self::Statement { code, message },
            Kind::Database | Kind::Unknown => Self::Server { address, code, message },
        }
    }

    /// Whether the settings are to blame, or what they name.
    pub fn is_setting(&self) -> bool {
        matches!(
            self,
            Self::Address(_)
                | Self::Refused { .. }
                | Self::Forbidden { .. }
                | Self::NoDatabase { .. }
                | Self::Model { .. }
                | Self::Layout { .. }
        )
    }

    /// Whether the whole transaction is to be tried again at once.
    pub(super) fn is_worth_another_try(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::Overtaken)
    }
}

impl StageError for Neo4jError {
    fn can_retry(&self) -> bool {
        !matches!(self, Self::Statement { .. } | Self::Address(_))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::Server { .. } => "neo4j_down",
            Self::Refused { .. } | Self::Forbidden { .. } => "neo4j_refused",
            Self::Transient { .. } | Self::Overtaken => "neo4j_busy",
            Self::Statement { .. } | Self::Answer(_) => "neo4j",
            _ => "neo4j_setup",
        }
    }

    /// What is wrong with the server or with how it is set up is so for every
    /// document.
    fn is_outage(&self) -> bool {
        !matches!(self, Self::Transient { .. } | Self::Overtaken | Self::Statement { .. } | Self::Answer(_))
    }
}

fn shown(text: &str) -> String {
    one_line(text, SHOWN_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_an_outage_and_a_bad_answer_is_not() {
        let gone = neo4rs::Error::IOError { detail: std::io::Error::other("reset\u{1b}[31m") };
        let gone = Neo4jError::from_driver(gone, "a.example:7687", "neo4j");
        assert!(gone.is_outage() && gone.can_retry() && !gone.is_setting());
        assert!(gone.to_string().contains("a.example:7687") && !gone.to_string().contains('\u{1b}'), "{gone}");
        let refused = neo4rs::Error::AuthenticationError("The client is unauthorized".to_owned());
        let refused = Neo4jError::from_driver(refused, "a.example:7687", "neo4j");
        assert!(refused.is_outage() && refused.is_setting() && refused.to_string().contains("NEO4J_PASSWORD"));
        let odd = Neo4jError::from_driver(neo4rs::Error::ConversionError, "a.example:7687", "neo4j");
        assert!(!odd.is_outage() && odd.can_retry());
    }
}
