//! `docmill demo`: the handbook inside the binary, served on loopback, and
//! the two questions that it is asked.
//!
//! [`site`] knows the files, [`port`] takes the same port again when it can,
//! [`server`] answers requests. What is done with the pages is the pipeline's
//! business, as with any other site.

mod port;
mod server;
mod site;

use std::path::PathBuf;

pub use self::server::{Answers, DemoServer, serve};

/// A question to the handbook, and the page that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// As a person asks it.
    pub text: &'static str,
    /// Path of the page whose section should be the first hit.
    pub page: &'static str,
}

impl Question {
    /// Whether a hit's link, with or without an anchor, lands on the page.
    pub fn is_answered_by(&self, url: &str) -> bool {
        url::Url::parse(url).is_ok_and(|url| url.path() == self.page)
    }
}

/// What the demo asks.
pub const QUESTIONS: [Question; 2] = [
    Question { text: "How does docmill make sure that no page is lost?", page: "/guide/no-page-is-lost.html" },
    Question { text: "How do I move from docs2vector?", page: "/guide/from-docs2vector.html" },
];

/// Why the handbook cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No port of this machine can be listened on.
    #[error("cannot listen on a port of 127.0.0.1; check that programs may open ports on this machine")]
    Listen {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The port could not be noted, so the next demo would not find its pages.
    #[error("cannot write {}; make its folder writable, or set DATA_DIR to another folder", path.display())]
    Remember {
        /// The file that holds the port.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests;
