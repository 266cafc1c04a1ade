//! What can go wrong with a service, and who is to blame.

use std::time::Duration;

use super::shown;
use super::status::kind_of;
use super::wire::{Refusal, WireFormat};
use crate::crawl::retry::RetryAfter;
use crate::failure::{StageError, chain, one_line};

/// How much of what a service says is told, in bytes.
const SAID_BYTES_MAX: usize = 300;
/// How much of a text is shown, in bytes.
const TEXT_BYTES_MAX: usize = 60;

/// A service gave no vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// What went wrong.
    pub kind: ServiceErrorKind,
    pub(super) retry_after: Option<RetryAfter>,
    is_outage: bool,
    message: String,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceErrorKind {
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// Asked too often (429).
    Busy,
    /// It failed (408, 5xx).
    Failed,
    /// The answer broke off, or is none.
    Broken,
    /// What was paid for is used up.
    Quota,
    /// It does not let us in (401, 403).
    Denied,
    /// It has no such model (404).
    NoModel,
    /// It sends us elsewhere, where we do not go.
    Redirected,
    /// A vector has not as many numbers as those before.
    WrongDimension,
    /// A vector has no direction.
    NoDirection,
    /// A text is over the model's window.
    TooLong,
    /// It does not take the request (any other 4xx).
    Refused,
    /// No request can be made at all.
    Client,
}

use ServiceErrorKind as Kind;

impl ServiceError {
    fn new(kind: Kind, message: String) -> Self {
        Self { kind, retry_after: None, is_outage: false, message }
    }

    /// A setting that cannot be sent.
    pub(super) fn key(setting: &str) -> Self {
        Self::new(Kind::Client, format!("{setting} holds what a header cannot; copy it again, without line breaks"))
    }

    pub(super) fn client(error: &reqwest::Error) -> Self {
        Self::new(Kind::Client, format!("cannot prepare the web client: {}", cause(error)))
    }

    pub(super) fn network(wire: &dyn WireFormat, error: &reqwest::Error, timeout: Duration) -> Self {
        let (who, setting, cause) = (who(wire), wire.base_setting(), wire.hide(&cause(error)));
        if error.is_connect() {
            let message = format!("{who} cannot be reached: {cause}; start it, or check {setting} and the network");
            return Self::new(Kind::Unreachable, message);
        }
        if error.is_timeout() {
            return Self::timeout(wire, timeout);
        }
        Self::new(Kind::Broken, format!("the answer of {who} broke off: {cause}; try again later"))
    }

    pub(super) fn timeout(wire: &dyn WireFormat, timeout: Duration) -> Self {
        let message = format!(
            "{} did not answer within {} s; raise EMBEDDING_TIMEOUT (below STAGE_TIMEOUT) or lower EMBEDDING_BATCH_SIZE",
            who(wire),
            seconds(timeout)
        );
        Self::new(Kind::Timeout, message)
    }

    pub(super) fn broken(wire: &dyn WireFormat, reason: &str) -> Self {
        let reason = one_line(&wire.hide(reason), SAID_BYTES_MAX);
        let setting = wire.base_setting();
        let message = format!("the answer of {} is not as documented: {reason}; check {setting}", who(wire));
        Self::new(Kind::Broken, message)
    }

    /// An answer other than 2xx.
    pub(super) fn status(wire: &dyn WireFormat, status: u16, refusal: &Refusal, asked: Option<RetryAfter>) -> Self {
        let kind = kind_of(status, refusal);
        let (who, model) = (who(wire), one_line(wire.model(), SAID_BYTES_MAX));
        let said = one_line(&wire.hide(&refusal.message), SAID_BYTES_MAX);
        let said = if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") };
        let message = match kind {
            Kind::Busy => format!("{who} is asked too often ({said}); lower EMBEDDER_ACTORS or EMBEDDING_BATCH_SIZE"),
            Kind::Quota => {
                format!("{who} says that the account's quota is used up ({said}); top it up and start again")
            }
            Kind::Denied => format!("{who} does not let us in ({said}); {}", wire.key_remedy()),
            Kind::NoModel => format!("{who} has no model {model} ({said}); {}", wire.model_remedy()),
            Kind::Redirected => {
                let setting = wire.base_setting();
                format!("{who} sends requests elsewhere ({said}), which is not followed; set {setting} to where it is")
            }
            Kind::TooLong => format!("{who} finds it too long for {model} ({said}); lower CHUNK_TOKENS"),
            Kind::Failed => format!("{who} failed ({said}); look at its log, or try again later"),
            _ => format!("{who} refuses the request ({said}); check EMBEDDING_MODEL and EMBEDDING_DIMENSION"),
        };
        // A key is refused for no text's sake, whatever the next request gets.
        Self { retry_after: asked, is_outage: status == 401, ..Self::new(kind, message) }
    }

    pub(super) fn dimension(wire: &dyn WireFormat, expected: usize, found: usize) -> Self {
        let message = format!(
            "{} gave a vector of {found} numbers where {expected} were expected: the model behind {} was changed; start again to use the new one",
            who(wire),
            one_line(wire.model(), SAID_BYTES_MAX)
        );
        Self::new(Kind::WrongDimension, message)
    }

    pub(super) fn no_direction(wire: &dyn WireFormat) -> Self {
        let message = format!("{} gave a vector without direction; choose another EMBEDDING_MODEL", who(wire));
        Self::new(Kind::NoDirection, message)
    }

    /// A call's time is over before its last request.
    pub(super) fn out_of_time(wire: &dyn WireFormat) -> Self {
        let who = who(wire);
        Self::new(
            Kind::Timeout,
            format!("{who} was too slow for STAGE_TIMEOUT; raise it, or lower EMBEDDING_BATCH_SIZE"),
        )
    }

    /// The service wants to be left alone for longer than a call may wait.
    pub(super) fn closed(wire: &dyn WireFormat, wait: Duration) -> Self {
        let message = format!("{} asked not to be asked", who(wire));
        Self::new(Kind::Busy, message).too_long_a_pause(wait)
    }

    /// The same, after a pause that no call can wait for.
    pub(super) fn too_long_a_pause(mut self, pause: Duration) -> Self {
        let pause = seconds(pause);
        self.message.push_str(&format!("; the next try is due in {pause} s, which is more than STAGE_TIMEOUT leaves"));
        self
    }

    /// The same, said of one text of the call.
    pub(super) fn of_text(mut self, index: usize, text: &str, tokens: usize) -> Self {
        let text = one_line(text, TEXT_BYTES_MAX);
        self.message = format!("text {index} ({text:?}, some {tokens} tokens): {}", self.message);
        self
    }

    /// The same, as the service's fault and not the text's.
    pub(super) fn into_outage(self) -> Self {
        Self { is_outage: true, ..self }
    }

    /// Whether the same request may do better in a moment.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Timeout | Kind::Busy | Kind::Failed | Kind::Broken)
    }

    /// Whether one text of several may be the reason.
    pub(super) fn may_be_for_one_text(&self) -> bool {
        matches!(self.kind, Kind::TooLong | Kind::Refused | Kind::NoDirection)
    }

    /// Whether it is at once plain that no text is to blame.
    pub(super) fn is_of_the_service(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Busy | Kind::Quota)
    }

    /// Whether a setting has to be changed before anything can work.
    pub fn is_setting(&self) -> bool {
        matches!(self.kind, Kind::Denied | Kind::NoModel | Kind::Redirected | Kind::Refused | Kind::Client)
    }
}

impl StageError for ServiceError {
    fn can_retry(&self) -> bool {
        self.is_outage || self.may_pass() || self.kind == Kind::WrongDimension
    }

    fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Unreachable => "service_unreachable",
            Kind::Timeout => "service_timeout",
            Kind::Busy => "service_busy",
            Kind::Failed => "service_failed",
            Kind::Broken => "service_answer",
            Kind::Quota => "service_quota",
            Kind::Denied => "service_denied",
            Kind::NoModel => "service_model",
            Kind::Redirected => "service_redirected",
            Kind::WrongDimension | Kind::NoDirection => "bad_vector",
            Kind::TooLong => "too_long",
            Kind::Refused => "service_refused",
            Kind::Client => "web_client",
        }
    }

    fn is_outage(&self) -> bool {
        self.is_outage
    }
}

/// The service with its address, without what is secret.
fn who(wire: &dyn WireFormat) -> String {
    format!("{} at {}", wire.name(), one_line(&shown(wire.base()), SAID_BYTES_MAX))
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

/// The innermost cause, without the URL that the client puts around it.
fn cause(error: &reqwest::Error) -> String {
    let inner = std::error::Error::source(error).map_or_else(|| "no HTTP".to_owned(), chain);
    one_line(&inner, SAID_BYTES_MAX)
}
