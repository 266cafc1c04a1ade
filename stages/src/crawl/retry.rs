//! When a failed request is tried again.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

/// Before the first retry; doubles with each further one.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest wait that we choose ourselves.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The longest wait that a server may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// A `Retry-After` header in either of its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long after the answer.
    Delay(Duration),
    /// Not before this time, in milliseconds since 1970.
    At(i64),
}

impl RetryAfter {
    /// Reads the header's value; `None` where it is neither seconds nor a date.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit are a long time, too.
            let seconds = value.parse().unwrap_or(u64::MAX);
            return Some(Self::Delay(Duration::from_secs(seconds).min(RETRY_AFTER_MAX)));
        }
        let time = DateTimeParser::new().parse_timestamp(value).ok()?;
        Some(Self::At(time.as_millisecond()))
    }

    /// How long to wait from `now_ms` on, at most [`RETRY_AFTER_MAX`].
    pub fn delay(self, now_ms: i64) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(at_ms) => {
                let wait_ms = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0);
                Duration::from_millis(wait_ms).min(RETRY_AFTER_MAX)
            }
        }
    }
}

/// How long to wait after attempt number `attempts` (from 1) has failed.
///
/// `jitter` lies in 0..1 and spreads the wait between a half and the whole of
/// what has doubled with each attempt. A server that asks for longer gets it.
pub fn backoff(attempts: u64, jitter: f64, retry_after: Option<RetryAfter>, now_ms: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = 2_u32.checked_pow(doublings).map_or(BACKOFF_MAX, |factor| BACKOFF_MIN * factor).min(BACKOFF_MAX);
    let own = whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    own.max(retry_after.map_or(Duration::ZERO, |asked| asked.delay(now_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_read_and_bounded() {
        let now_ms = 1_445_412_470_000;
        for (value, seconds) in [
            ("2", Some(2)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(3_600)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(10)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("Wed, 21 Oct 2099 07:00:00 GMT", Some(3_600)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let delay = RetryAfter::parse(value).map(|asked| asked.delay(now_ms).as_secs());
            assert_eq!(delay, seconds, "{value:?}");
        }
    }

    #[test]
    fn waits_double_up_to_a_bound_and_obey_the_server() {
        let wait = |attempts, jitter| backoff(attempts, jitter, None, 0).as_millis();
        assert_eq!([wait(1, 1.0), wait(2, 1.0), wait(3, 1.0)], [1_000, 2_000, 4_000]);
        assert_eq!([wait(1, 0.0), wait(2, 0.0)], [500, 1_000]);
        assert_eq!([wait(40, 1.0), wait(u64::MAX, 1.0)], [60_000, 60_000]);
        assert_eq!(backoff(1, 0.3, RetryAfter::parse("7"), 0).as_secs(), 7);
        assert_eq!(backoff(9, 1.0, RetryAfter::parse("7"), 0).as_secs(), 60);
    }
}
