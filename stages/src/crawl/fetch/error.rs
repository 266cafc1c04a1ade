//! Why there is no answer, and whether a retry may help.

use std::time::Duration;

use super::super::retry::RetryAfter;
use super::super::url::NormalUrl;
use super::resolve::ResolveError;
use crate::failure::{StageError, chain, one_line};

/// How much of a cause is told, in bytes.
const CAUSE_BYTES_MAX: usize = 300;

/// A request without an answer that means anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// What went wrong.
    pub kind: FetchErrorKind,
    /// What the server asked for, where it asked.
    pub retry_after: Option<RetryAfter>,
    message: String,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// The host's name leads nowhere.
    Unresolved,
    /// Nobody listens on the host's port.
    ConnectionRefused,
    /// There is no connection for another reason, TLS among them.
    ConnectFailed,
    /// Not done within `DOWNLOAD_TIMEOUT`.
    Timeout,
    /// The connection broke, or the answer is no HTTP.
    Broken,
    /// A status of `RETRY_HTTP_CODES`.
    StatusToRetry(u16),
    /// Another status that says nothing about the page.
    Status(u16),
    /// The body is compressed in a way that was not asked for.
    Coding,
    /// No request can be made at all.
    Client,
}

impl FetchError {
    /// Whether no connection to the host could be made: where this is so for
    /// a start URL, there is nothing to crawl.
    pub fn is_unreachable(&self) -> bool {
        use FetchErrorKind::{ConnectFailed, ConnectionRefused, Unresolved};
        matches!(self.kind, Unresolved | ConnectionRefused | ConnectFailed)
    }

    pub(super) fn status(url: &NormalUrl, status: u16, can_retry: bool, retry_after: Option<RetryAfter>) -> Self {
        let kind = if can_retry { FetchErrorKind::StatusToRetry(status) } else { FetchErrorKind::Status(status) };
        Self {
            kind,
            retry_after,
            message: format!("{url} answered with status {status}; open it in a browser to see why"),
        }
    }

    pub(super) fn coding(url: &NormalUrl, coding: &str) -> Self {
        let coding = one_line(coding, CAUSE_BYTES_MAX);
        let message = format!(
            "{url} answered with Content-Encoding {coding:?}, which was not asked for; exclude it with CRAWL_DENY"
        );
        Self { kind: FetchErrorKind::Coding, retry_after: None, message }
    }

    pub(super) fn client(error: &reqwest::Error) -> Self {
        let message = format!("cannot prepare the web client: {}", cause(error));
        Self { kind: FetchErrorKind::Client, retry_after: None, message }
    }

    pub(super) fn user_agent() -> Self {
        let message = "USER_AGENT holds what a header cannot; use letters, digits and punctuation".to_owned();
        Self { kind: FetchErrorKind::Client, retry_after: None, message }
    }

    pub(super) fn network(url: &NormalUrl, error: &reqwest::Error, timeout: Duration) -> Self {
        let kind = kind_of(error);
        let host = url.host_key();
        let message = match kind {
            FetchErrorKind::Unresolved => {
                format!(
                    "{url} cannot be reached: the host {host} is not known ({}); check its spelling and the network",
                    cause(error)
                )
            }
            FetchErrorKind::ConnectionRefused => {
                format!(
                    "{url} cannot be reached: nobody listens at {host} (connection refused); check the port, or start the server"
                )
            }
            FetchErrorKind::ConnectFailed => {
                format!("{url} cannot be reached: {}; check the network and the certificate", cause(error))
            }
            FetchErrorKind::Timeout => {
                format!(
                    "{url} was not answered within DOWNLOAD_TIMEOUT={}; raise it for a slow server",
                    timeout.as_secs_f64()
                )
            }
            _ => format!("the answer of {url} broke off or is no HTTP: {}; try again later", cause(error)),
        };
        Self { kind, retry_after: None, message }
    }
}

impl StageError for FetchError {
    fn can_retry(&self) -> bool {
        use FetchErrorKind as Kind;
        match self.kind {
            Kind::Unresolved | Kind::ConnectionRefused | Kind::ConnectFailed | Kind::Timeout | Kind::Broken => true,
            Kind::StatusToRetry(_) => true,
            Kind::Status(_) | Kind::Coding | Kind::Client => false,
        }
    }

    fn kind(&self) -> &'static str {
        match self.kind {
            FetchErrorKind::Unresolved => "host_unknown",
            FetchErrorKind::ConnectionRefused => "connection_refused",
            FetchErrorKind::ConnectFailed => "connect_failed",
            FetchErrorKind::Timeout => "fetch_timeout",
            FetchErrorKind::Broken => "answer_broken",
            FetchErrorKind::StatusToRetry(_) | FetchErrorKind::Status(_) => "http_status",
            FetchErrorKind::Coding => "content_encoding",
            FetchErrorKind::Client => "web_client",
        }
    }
}

fn kind_of(error: &reqwest::Error) -> FetchErrorKind {
    let causes = || std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
    if causes().any(|cause| cause.is::<ResolveError>()) {
        return FetchErrorKind::Unresolved;
    }
    if error.is_timeout() {
        return FetchErrorKind::Timeout;
    }
    if !error.is_connect() {
        return FetchErrorKind::Broken;
    }
    let is_refused = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    if causes().any(|cause| cause.downcast_ref().is_some_and(is_refused)) {
        FetchErrorKind::ConnectionRefused
    } else {
        FetchErrorKind::ConnectFailed
    }
}

/// The innermost cause, without the URL that the client puts around it.
fn cause(error: &reqwest::Error) -> String {
    let inner = std::error::Error::source(error).map_or_else(|| error.to_string(), chain);
    one_line(&inner, CAUSE_BYTES_MAX)
}
