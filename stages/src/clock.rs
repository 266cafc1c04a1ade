//! Times as text. What the time is, is always an argument.

use jiff::Timestamp;

/// `YYYYmmdd_HHMMSS` in UTC, as docs2vector names its files.
pub fn file_timestamp(ms_since_1970: i64) -> String {
    let time = Timestamp::from_millisecond(ms_since_1970).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y%m%d_%H%M%S").to_string()
}

/// ISO 8601 in UTC, with milliseconds.
pub fn iso8601(ms_since_1970: i64) -> String {
    let time = Timestamp::from_millisecond(ms_since_1970).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_their_readers_expect() {
        assert_eq!(file_timestamp(1_714_557_600_500), "20240501_100000");
        assert_eq!(iso8601(1_714_557_600_500), "2024-05-01T10:00:00.500Z");
        assert_eq!(iso8601(i64::MAX), "1970-01-01T00:00:00.000Z");
    }
}
