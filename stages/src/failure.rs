//! The one shape in which every stage's error reaches the actors.

use std::fmt;

/// Implemented by each stage's error type.
pub trait StageError: std::error::Error {
    /// Whether the same call on the same item may succeed later.
    fn can_retry(&self) -> bool;

    /// A short name for counters and dead letters, in `snake_case`.
    fn kind(&self) -> &'static str;

    /// Whether a service that many items share is down, so that the item
    /// itself is not to blame.
    fn is_outage(&self) -> bool {
        false
    }

    /// Whether what every item is written to cannot be written: no retry
    /// helps until somebody has made room.
    fn is_store_outage(&self) -> bool {
        false
    }
}

/// A stage's error with its causes written out, ready for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether the same call on the same item may succeed later.
    pub transient: bool,
    /// Whether a shared service is down; burns no attempt.
    pub outage: bool,
    /// Whether it is the store that is down, and the run with it.
    pub store_outage: bool,
    /// A short name for counters, such as `not_json`.
    pub kind: &'static str,
    /// The error and its causes, joined by `: `; bounded in length and free
    /// of control characters.
    pub message: String,
}

/// Bound of [`Failure::message`], in bytes.
pub const MESSAGE_BYTES_MAX: usize = 2_000;

impl Failure {
    /// A failure that a retry may heal.
    pub fn transient(kind: &'static str, message: impl fmt::Display) -> Self {
        Self {
            transient: true,
            outage: false,
            store_outage: false,
            kind,
            message: one_line(&message.to_string(), MESSAGE_BYTES_MAX),
        }
    }

    /// A failure that a retry cannot heal.
    pub fn permanent(kind: &'static str, message: impl fmt::Display) -> Self {
        Self { transient: false, ..Self::transient(kind, message) }
    }
}

impl<E: StageError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            transient: error.can_retry(),
            outage: error.is_outage() || error.is_store_outage(),
            store_outage: error.is_store_outage(),
            kind: error.kind(),
            message: one_line(&chain(&error), MESSAGE_BYTES_MAX),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The error and its causes, joined by `: `, without saying one text twice.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// `text` on one line, without control characters and at most `bytes_max`
/// bytes: what comes from outside may go into a log line only through here.
pub fn one_line(text: &str, bytes_max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(bytes_max));
    for character in text.chars() {
        let shown = if is_unprintable(character) { ' ' } else { character };
        if line.len() + shown.len_utf8() > bytes_max.saturating_sub('…'.len_utf8()) {
            line.push('…');
            break;
        }
        line.push(shown);
    }
    line
}

/// Control characters, and the marks that reorder or hide text on a terminal.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What a panic said.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_no_control_characters_and_keeps_its_bound() {
        assert_eq!(one_line("a\u{1b}[31mb\nc", 100), "a [31mb c");
        let long = one_line(&"é".repeat(5_000), 100);
        assert!(long.len() <= 100 && long.ends_with('…'), "{} bytes", long.len());
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("inner"));
        assert_eq!(chain(&error), "outer: inner");
    }
}
