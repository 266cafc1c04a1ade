//! A robots.txt rewritten so that the library reads what the RFC means.
//!
//! * A user agent is cut to its product token (`bot/1.0` means `bot`).
//! * An empty `Disallow` says nothing; the library takes it for `Allow: /`,
//!   which would win over a `Disallow: /` beside it.
//! * Escapes get the form that our URLs have.
//! * `$` is special only at a rule's end; elsewhere it is the character.
//! * The rules that the library compiles are bounded in length and number.

use std::fmt::Write as _;

use texting_robots::Robot;

use super::super::options::product_token;
use super::super::url::normal_escapes;
use super::ROBOTS_BYTES_MAX;

/// Longer rules are longer than any URL that we fetch.
const RULE_BYTES_MAX: usize = 6_000;
/// Rules that end in `$` are compiled to a regular expression each, of up to
/// 42 KiB and some microseconds.
const COMPILED_MAX: usize = 1_000;

/// The lines that mean something, each as `key: value`.
pub(super) fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut cleaned = String::with_capacity(text.len());
    let mut compiled = 0;
    for line in text.split(['\n', '\r', '\0']) {
        let Some((key, value)) = key_and_value(line) else { continue };
        let value = match key {
            "user-agent" => agent(value).to_owned(),
            "allow" | "disallow" => rule(value),
            _ => value.to_owned(),
        };
        if key == "user-agent" && value.is_empty() {
            continue;
        }
        // An empty rule stays, as one that matches first and weakest: it
        // keeps the agents above it and below it apart.
        let key = if value.is_empty() && key == "disallow" { "allow" } else { key };
        let is_rule = matches!(key, "allow" | "disallow");
        if is_rule && value.ends_with('$') {
            compiled += 1;
        }
        if !is_rule || (value.len() <= RULE_BYTES_MAX && (compiled <= COMPILED_MAX || !value.ends_with('$'))) {
            // Writing to a String cannot fail.
            let _infallible = writeln!(cleaned, "{key}: {value}");
        }
    }
    cleaned
}

/// `text` (made by [`clean`]) without the rules that the library cannot
/// compile, each looked at alone.
pub(super) fn without_bad_rules(text: &str) -> String {
    let is_good = |line: &&str| !line.ends_with('$') || Robot::new("*", line.as_bytes()).is_ok();
    text.lines().filter(is_good).fold(String::with_capacity(text.len()), |kept, line| kept + line + "\n")
}

/// The lines that lie whole within the limit.
pub(super) fn bounded(bytes: &[u8]) -> &[u8] {
    if bytes.len() <= ROBOTS_BYTES_MAX {
        return bytes;
    }
    let end = bytes[..ROBOTS_BYTES_MAX].iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
    &bytes[..end.unwrap_or(0)]
}

/// A path in the spelling that [`clean`] gives to rules: characters that are
/// special in a rule, or that URLs hold both as they are and escaped, escaped.
pub(super) fn literal(path: &str) -> String {
    path.chars().fold(String::with_capacity(path.len()), |mut spelled, character| {
        match character {
            '$' => spelled.push_str("%24"),
            '{' => spelled.push_str("%7B"),
            '|' => spelled.push_str("%7C"),
            '}' => spelled.push_str("%7D"),
            '^' => spelled.push_str("%5E"),
            '\'' => spelled.push_str("%27"),
            _ => spelled.push(character),
        }
        spelled
    })
}

fn key_and_value(line: &str) -> Option<(&'static str, &str)> {
    let line = line.split('#').next().unwrap_or_default().trim();
    // A colon, or only space as some write it.
    let (key, value) = line.split_once(':').or_else(|| line.rsplit_once([' ', '\t']))?;
    let key = key.trim().to_ascii_lowercase();
    let key = match key.as_str() {
        "user-agent" | "useragent" | "user agent" => "user-agent",
        "allow" => "allow",
        "disallow" | "dissallow" | "dissalow" | "disalow" | "diasllow" | "disallaw" => "disallow",
        "crawl-delay" | "crawldelay" | "crawl delay" => "crawl-delay",
        "sitemap" | "site-map" | "site map" => "sitemap",
        _ => return None,
    };
    Some((key, value.trim()))
}

fn agent(value: &str) -> &str {
    if value == "*" || value.starts_with("* ") { "*" } else { product_token(value) }
}

/// Rules begin with `/` or `*`; one that does not means the same as with `/`.
fn rule(value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    let (body, end) = value.strip_suffix('$').map_or((value, ""), |body| (body, "$"));
    let slash = if body.starts_with(['/', '*']) { "" } else { "/" };
    // A run of stars is one star. What is not ASCII the library escapes.
    let mut one_star = String::with_capacity(body.len());
    for character in literal(&normal_escapes(body)).chars() {
        if character != '*' || !one_star.ends_with('*') {
            one_star.push(character);
        }
    }
    format!("{slash}{one_star}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_brought_into_one_form() {
        for (line, cleaned) in [
            ("User-Agent : Bot/1.0 (x)", "user-agent: Bot\n"),
            ("USERAGENT: *", "user-agent: *\n"),
            ("user-agent: ", ""),
            ("Disallow:", "allow: \n"),
            ("Disallow /x", "disallow: /x\n"),
            ("disallow: a", "disallow: /a\n"),
            ("Allow: /***a**$ # why", "allow: /*a*$\n"),
            ("Disallow: /$/%7e%c3", "disallow: /%24/~%C3\n"),
            ("Sitemap: https://e.com/s.xml", "sitemap: https://e.com/s.xml\n"),
            ("Host: e.com", ""),
            ("just words", ""),
        ] {
            assert_eq!(clean(line.as_bytes()), cleaned, "{line}");
        }
    }
}
