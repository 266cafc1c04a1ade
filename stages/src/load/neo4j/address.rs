//! Where a Neo4j is, as `NEO4J_URI` says it.

use url::Url;

use super::Neo4jError;

/// Bolt's usual port.
const PORT: u16 = 7687;
/// With and without TLS; `+ssc` takes a certificate that the server has made
/// for itself.
const SCHEMES: [&str; 6] = ["bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"];

/// A checked address; it holds no credentials, so it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    uri: String,
    place: String,
}

impl Address {
    /// Reads `NEO4J_URI`. `neo4j://` goes to that one server as `bolt://`
    /// does: docmill knows of no clusters.
    ///
    /// # Errors
    /// [`Neo4jError::Address`], with what would be right.
    pub fn parse(text: &str) -> Result<Self, Neo4jError> {
        let wrong = |reason: &str| Err(Neo4jError::Address(reason.to_owned()));
        let Ok(url) = Url::parse(text) else {
            return wrong("expected an address like neo4j://localhost:7687");
        };
        if !SCHEMES.contains(&url.scheme()) {
            return wrong("expected an address that begins with neo4j://, bolt://, or one of these with +s or +ssc");
        }
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return wrong("expected a host, as in neo4j://localhost:7687");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("take user and password out; they belong in NEO4J_USERNAME and NEO4J_PASSWORD");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return wrong("expected no path, ? or # after the host; the database belongs in NEO4J_DATABASE");
        }
        let place = format!("{host}:{}", url.port().unwrap_or(PORT));
        Ok(Self { uri: format!("{}://{place}", url.scheme()), place })
    }

    /// For the driver.
    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// Host and port, for a person.
    pub fn place(&self) -> &str {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        for (text, uri) in [
            ("neo4j://localhost", "neo4j://localhost:7687"),
            ("bolt://127.0.0.1:1234/", "bolt://127.0.0.1:1234"),
            ("neo4j+s://a.example", "neo4j+s://a.example:7687"),
            ("bolt+ssc://[::1]:7688", "bolt+ssc://[::1]:7688"),
        ] {
            assert_eq!(Address::parse(text).unwrap().uri(), uri);
        }
    }

    #[test]
    fn what_the_driver_would_pass_over_is_refused() {
        for (text, word) in [
            ("localhost:7687", "begins with"),
            ("http://localhost:7474", "begins with"),
            ("neo4j://", "host"),
            ("neo4j://me:hunter2@a.example", "NEO4J_PASSWORD"),
            ("neo4j://a.example/movies", "NEO4J_DATABASE"),
            ("neo4j://a.example?policy=x", "NEO4J_DATABASE"),
            ("nonsense", "like neo4j://"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
