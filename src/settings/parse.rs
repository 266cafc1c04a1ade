//! From a setting's text to its value. Each parser errs with the words that
//! say what would be right; who calls it knows the name and the place.
//!
//! The text comes trimmed; it is empty only for a setting whose default is.
//! No text makes a parser panic.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use regex::RegexBuilder;
use url::Url;

use super::secret::Secret;

/// A value, or what would be right.
pub type Parsed<T> = Result<T, String>;

/// Bound of one pattern's compiled form, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Bound of the patterns of one list.
const PATTERNS_MAX: usize = 256;

/// A whole number from `MIN` to `MAX`.
pub fn count<const MIN: usize, const MAX: usize>(text: &str) -> Parsed<usize> {
    let right = || format!("expected a whole number from {MIN} to {MAX}");
    let number: usize = text.parse().map_err(|_not_a_number| right())?;
    (MIN..=MAX).contains(&number).then_some(number).ok_or_else(right)
}

/// As [`count`], where a stage counts in 64 bits.
pub fn whole<const MIN: usize, const MAX: usize>(text: &str) -> Parsed<u64> {
    count::<MIN, MAX>(text).map(|number| number as u64)
}

/// A whole number from 1 to `MAX`.
pub fn positive<const MAX: usize>(text: &str) -> Parsed<NonZeroUsize> {
    let number = count::<1, MAX>(text)?;
    NonZeroUsize::new(number).ok_or_else(|| format!("expected a whole number from 1 to {MAX}"))
}

/// As [`positive`], for a setting that may be left open.
pub fn positive_or_open<const MAX: usize>(text: &str) -> Parsed<Option<NonZeroUsize>> {
    count_or_open::<1, MAX>(text).map(|number| number.and_then(NonZeroUsize::new))
}

/// A limit up to `MAX`; 0 is none.
pub fn limit<const MAX: usize>(text: &str) -> Parsed<Option<NonZeroU64>> {
    whole::<0, MAX>(text).map(NonZeroU64::new)
}

/// A limit of time as [`seconds`] reads it; 0 is none.
pub fn time_limit<const MAX_S: u64>(text: &str) -> Parsed<Option<Duration>> {
    seconds::<0, MAX_S>(text).map(|time| (!time.is_zero()).then_some(time))
}

/// As [`count`], for a setting that may be left open.
pub fn count_or_open<const MIN: usize, const MAX: usize>(text: &str) -> Parsed<Option<usize>> {
    if text.is_empty() || text.eq_ignore_ascii_case("auto") {
        return Ok(None);
    }
    count::<MIN, MAX>(text).map(Some).map_err(|right| format!("{right}, or auto"))
}

/// `true` or `false`, in the words that people use for them.
pub fn flag(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A length of time from `MIN_MS` milliseconds to `MAX_S` seconds. A plain
/// number is seconds; `250ms`, `1.5s`, `5m`, `2h` and `1d` say their unit.
pub fn seconds<const MIN_MS: u64, const MAX_S: u64>(text: &str) -> Parsed<Duration> {
    let right =
        || format!("expected seconds from {} to {MAX_S}, or a time such as 500ms, 30s, 5m or 2h", MIN_MS as f64 / 1e3);
    let (number, unit) = number_and_unit(text).ok_or_else(right)?;
    let in_seconds = match unit.to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => number,
        "ms" => number / 1e3,
        "m" | "min" | "mins" | "minute" | "minutes" => number * 60.0,
        "h" | "hour" | "hours" => number * 3_600.0,
        "d" | "day" | "days" => number * 86_400.0,
        _ => return Err(right()),
    };
    let time = Duration::try_from_secs_f64(in_seconds).map_err(|_too_long| right())?;
    let within = time >= Duration::from_millis(MIN_MS) && time <= Duration::from_secs(MAX_S);
    within.then_some(time).ok_or_else(right)
}

/// A size from `MIN` to `MAX` bytes. A plain number is bytes; `64MiB`, `64M`
/// (the same) and `64MB` (a million bytes each) say their unit.
pub fn bytes<const MIN: u64, const MAX: u64>(text: &str) -> Parsed<u64> {
    sized(text, 1, MIN, MAX, "bytes")
}

/// As [`bytes`], where a plain number is MiB.
pub fn mebibytes<const MIN: u64, const MAX: u64>(text: &str) -> Parsed<u64> {
    sized(text, 1 << 20, MIN, MAX, "MiB")
}

fn sized(text: &str, plain: u64, min: u64, max: u64, unit_name: &str) -> Parsed<u64> {
    let right = || {
        let (low, high) = (min.div_ceil(plain), max / plain);
        format!("expected a size from {low} to {high} {unit_name}, or one with its unit such as 512KiB, 64MiB or 2GiB")
    };
    let (number, unit) = number_and_unit(text).ok_or_else(right)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" => plain,
        "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(right()),
    };
    // Up to 2^53 a f64 is exact, and no bound here is above that; a cast of
    // what is larger saturates and fails the bound.
    let size = (number * factor as f64) as u64;
    (min..=max).contains(&size).then_some(size).ok_or_else(right)
}

/// Splits `1.5 MiB` into 1.5 and `MiB`; no sign, exponent, `inf` or `nan`.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    Some((number, unit.trim()))
}

/// Any text.
pub fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

/// Any text, hidden wherever it might be shown.
pub fn secret(text: &str) -> Parsed<Option<Secret>> {
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

/// What a request may say in its `User-Agent` header: printable ASCII that
/// begins with a product token, which robots.txt rules are looked up by.
pub fn user_agent(text: &str) -> Parsed<String> {
    let product = text.split(['/', ' ']).next().unwrap_or_default();
    let is_token = !product.is_empty() && product.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let is_printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.len() <= 512;
    if is_token && is_printable {
        return Ok(text.to_owned());
    }
    Err("expected a product name and what may follow it in plain ASCII, such as mybot/1.0 (+https://example.com/bot)"
        .to_owned())
}

/// A path as the operating system takes it: relative ones are relative to the
/// working directory, and `~` is not expanded.
pub fn path(text: &str) -> Parsed<PathBuf> {
    if text.contains('\0') {
        return Err("expected a path, without a NUL character".to_owned());
    }
    if text == "~" || text.starts_with("~/") {
        return Err("`~` is for the shell to expand: write the whole path".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// As [`path`], for a setting that may be left open.
pub fn path_or_open(text: &str) -> Parsed<Option<PathBuf>> {
    if text.is_empty() { Ok(None) } else { path(text).map(Some) }
}

/// An absolute http or https URL with a host.
pub fn url(text: &str) -> Parsed<Url> {
    let right = "expected an address that begins with https:// or http://, such as https://docs.example.com/";
    let url = Url::parse(text).map_err(|error| format!("{right} ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(right.to_owned());
    }
    Ok(url)
}

/// URLs with white space, or a comma before the next `http`, between them:
/// a comma may stand inside a URL.
pub fn urls(text: &str) -> Parsed<Vec<Url>> {
    let spaced = text.replace(",http://", " http://").replace(",https://", " https://");
    let words = spaced.split_whitespace().map(|word| word.trim_end_matches(',')).filter(|word| !word.is_empty());
    words.map(|word| url(word).map_err(|right| format!("{right}; {word} is not one"))).collect()
}

/// Regular expressions with white space between them, each checked: no URL
/// holds any, so no pattern for URLs needs it, while commas stand in many
/// (`{1,3}`).
pub fn patterns(text: &str) -> Parsed<Vec<String>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > PATTERNS_MAX {
        return Err(format!("expected at most {PATTERNS_MAX} patterns"));
    }
    words.into_iter().map(pattern).collect()
}

fn pattern(word: &str) -> Parsed<String> {
    let compiled = RegexBuilder::new(word).size_limit(PATTERN_BYTES_MAX).build();
    compiled.map(|_regex| word.to_owned()).map_err(|error| {
        // The library draws the pattern over several lines; the last says why.
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        format!("expected regular expressions with blanks between them; {word} is not one: {reason}")
    })
}

/// HTTP status codes, or hundreds of them such as `5xx`, with commas or white
/// space between them; given back with commas.
pub fn status_codes(text: &str) -> Parsed<String> {
    let right = "expected HTTP status codes from 400 to 599 with commas between them, such as 5xx, 408, 429";
    let inner = text.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let words = inner.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    let is_code =
        |word: &str| matches!(word, "4xx" | "5xx") || word.parse().is_ok_and(|code: u16| (400..=599).contains(&code));
    let codes: Parsed<Vec<&str>> = words.map(|word| is_code(word).then_some(word).ok_or(right.to_owned())).collect();
    Ok(codes?.join(","))
}

/// One of the listed words, whatever its case.
pub fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Parsed<T> {
    let found = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        format!("expected one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_plain_seconds_and_units() {
        let parse = seconds::<0, 100_000>;
        for (text, ms) in
            [("0", 0), ("0.25", 250), ("250ms", 250), ("30 s", 30_000), ("5m", 300_000), ("2h", 7_200_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for wrong in ["-1", "1e3", "nan", "inf", "5 parsecs", "100001", "..", "99999999999999999999d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(seconds::<100, 10>("50ms").is_err());
    }

    #[test]
    fn sizes_take_plain_units_and_suffixes() {
        let parse = bytes::<1, { 1 << 40 }>;
        for (text, size) in [("10", 10), ("64MiB", 64 << 20), ("64m", 64 << 20), ("2MB", 2_000_000), ("1.5KiB", 1_536)]
        {
            assert_eq!(parse(text), Ok(size), "{text}");
        }
        assert_eq!(mebibytes::<0, { 1 << 40 }>("3"), Ok(3 << 20));
        assert_eq!(mebibytes::<0, { 1 << 40 }>("3GiB"), Ok(3 << 30));
        for wrong in ["0", "-5", "64 apples", "1e9", "9999999999999999999999g"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn urls_keep_their_commas() {
        let found = urls("https://a.example/x,y, https://b.example/,http://c.example").unwrap();
        let found: Vec<&str> = found.iter().map(Url::as_str).collect();
        assert_eq!(found, ["https://a.example/x,y", "https://b.example/", "http://c.example/"]);
        for wrong in ["docs.example.com", "ftp://a.example", "file:///etc", "https://", "mailto:a@b"] {
            assert!(urls(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns_keep_their_commas_and_say_what_is_wrong() {
        let found = patterns(r"/v\d{1,3}/  \.html$").unwrap();
        assert_eq!(found, [r"/v\d{1,3}/", r"\.html$"]);
        let right = patterns("ok (unclosed").unwrap_err();
        assert!(right.contains("(unclosed is not one: unclosed group"), "{right}");
        assert!(patterns(r"(\w{100}){100}{100}").is_err());
    }

    #[test]
    fn status_codes_come_with_commas() {
        assert_eq!(status_codes("[503, 5XX  429]").as_deref(), Ok("503,5xx,429"));
        assert!(status_codes("200").is_err() && status_codes("99999").is_err() && status_codes("a").is_err());
    }

    #[test]
    fn a_path_with_a_tilde_does_not_become_a_folder_of_that_name() {
        assert!(path("~/data").unwrap_err().contains("whole path"));
        assert_eq!(path("./data~"), Ok(PathBuf::from("./data~")));
    }

    #[test]
    fn a_user_agent_cannot_smuggle_a_header() {
        assert!(user_agent("docmill/0.1 (+https://example.com)").is_ok());
        assert!(user_agent("a\r\nX: y").is_err() && user_agent("/1.0").is_err() && user_agent("bot é").is_err());
    }
}
