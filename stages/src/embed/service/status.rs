//! What a service's refusal means, by its status and its words.

use super::error::ServiceErrorKind as Kind;
use super::wire::Refusal;

/// Words by which services say that a text is too long; they share no code.
const TOO_LONG: [&str; 6] =
    ["context length", "context size", "too long", "too large to process", "maximum input", "input length"];
/// Words that say so where "token" stands beside them.
const TOO_MANY: [&str; 7] = ["exceed", "maximum", "at most", "less than", "too many", "limit", "larger than"];

/// What went wrong, for an answer other than 2xx.
pub(super) fn kind_of(status: u16, refusal: &Refusal) -> Kind {
    match status {
        300..=399 => Kind::Redirected,
        401 | 403 => Kind::Denied,
        402 => Kind::Quota,
        404 => Kind::NoModel,
        429 if refusal.is_quota => Kind::Quota,
        429 => Kind::Busy,
        // Some services fail over a long text instead of refusing it.
        _ if is_too_long(&refusal.message) => Kind::TooLong,
        408 | 500..=599 => Kind::Failed,
        _ => Kind::Refused,
    }
}

fn is_too_long(message: &str) -> bool {
    let message = message.to_lowercase();
    let holds = |word: &&str| message.contains(*word);
    TOO_LONG.iter().any(&holds) || (message.contains("token") && TOO_MANY.iter().any(holds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, message: &str) -> Kind {
        kind_of(status, &Refusal { message: message.to_owned(), is_quota: message.contains("quota") })
    }

    #[test]
    fn each_status_has_its_meaning() {
        for (status, expected) in [
            (302, Kind::Redirected),
            (400, Kind::Refused),
            (401, Kind::Denied),
            (403, Kind::Denied),
            (404, Kind::NoModel),
            (408, Kind::Failed),
            (413, Kind::Refused),
            (422, Kind::Refused),
            (429, Kind::Busy),
            (500, Kind::Failed),
            (529, Kind::Failed),
        ] {
            assert_eq!(kind(status, ""), expected, "{status}");
        }
        assert_eq!(kind(429, "your quota"), Kind::Quota);
        assert_eq!(kind(429, "Limit of 1000000 tokens per min"), Kind::Busy);
    }

    #[test]
    fn a_long_text_is_told_by_words() {
        for message in [
            "This model's maximum context length is 8192 tokens, however you requested 9000 tokens",
            "the input length exceeds the context length",
            "input is too large to process. increase the physical batch size",
            "`inputs` must have less than 512 tokens. Given: 600",
            "Invalid 'input': maximum request size is 300000 tokens per request.",
        ] {
            assert_eq!((kind(400, message), kind(500, message)), (Kind::TooLong, Kind::TooLong), "{message}");
        }
        for message in ["invalid model", "unexpected token at 3", ""] {
            assert_eq!((kind(400, message), kind(500, message)), (Kind::Refused, Kind::Failed), "{message}");
        }
    }
}
