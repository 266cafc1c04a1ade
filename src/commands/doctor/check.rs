//! One check: what was found, and what to do about it.

use std::sync::mpsc;
use std::time::Duration;

use docmill_stages::failure::one_line;
use serde_json::{Value, json};

/// How much of a text is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 1_000;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// A run works, and something is worth knowing.
    Warn,
    /// A run cannot work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    found: String,
    mend: String,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(name, State::Ok, found.as_ref(), "")
    }

    pub(super) fn warn(name: &'static str, found: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self::new(name, State::Warn, found.as_ref(), mend.as_ref())
    }

    /// `mend` is empty where `found` says it already.
    pub(super) fn fail(name: &'static str, found: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self::new(name, State::Fail, found.as_ref(), mend.as_ref())
    }

    fn new(name: &'static str, state: State, found: &str, mend: &str) -> Self {
        Self { name, state, found: one_line(found, SHOWN_BYTES_MAX), mend: one_line(mend, SHOWN_BYTES_MAX) }
    }

    pub(super) fn line(&self) -> String {
        let state = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let mend = if self.mend.is_empty() { String::new() } else { format!("; {}", self.mend) };
        format!("{state} {:<12} {}{mend}\n", self.name, self.found)
    }

    pub(super) fn json(&self) -> Value {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        json!({"name": self.name, "state": state, "found": self.found, "mend": self.mend})
    }
}

/// What `work` gives, if it does so within `bound`. Its thread is not waited
/// for: the process ends without it.
pub(super) fn within<T: Send + 'static>(bound: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answers) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name("doctor".to_owned()).spawn(move || {
        // Nobody listens any more where it came too late.
        let _too_late = answer.send(work());
    });
    thread.ok()?;
    answers.recv_timeout(bound).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_hangs_is_not_waited_for() {
        let (never, waits) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(20), move || waits.recv().is_ok()), None);
        drop(never);
        assert_eq!(within(Duration::from_secs(60), || 7), Some(7));
    }

    #[test]
    fn a_line_says_how_to_mend_it() {
        let check = Check::fail("disk", "full\u{1b}[31m", "make room");
        assert_eq!(check.line(), "FAIL disk         full [31m; make room\n");
    }
}
