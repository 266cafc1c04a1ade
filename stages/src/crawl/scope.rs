//! Which URLs belong to a crawl.
//!
//! Without patterns: the URLs on a start URL's host and port (`http` and
//! `https` alike) whose path begins with the start URL's directory, that is
//! with its path up to the last `/`. Where a start URL redirects, the
//! directory of the place it leads to counts instead, so that
//! `http://x/docs`, which leads to `https://x/docs/`, crawls `/docs/`.
//!
//! `CRAWL_ALLOW` and `CRAWL_DENY` are lists of regular expressions, found
//! anywhere in a URL's path and query. One that begins with `http` or `^http`
//! is about the whole URL instead and must match from its beginning. Then:
//!
//! * a URL that any `CRAWL_DENY` matches is out, whatever else holds;
//! * with `CRAWL_ALLOW`, directories no longer count: a URL on a start URL's
//!   host is in if any pattern matches, and a URL on another host if a
//!   pattern about whole URLs does.
//!
//! A start URL itself, and what it redirects to, needs no pattern and no
//! directory, but can be denied.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

use super::url::NormalUrl;
use crate::failure::one_line;

/// How large a compiled pattern may be, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} holds {pattern:?}, which is no regular expression: {reason}")]
pub struct PatternError {
    /// `CRAWL_ALLOW` or `CRAWL_DENY`.
    pub setting: &'static str,
    /// As it was written.
    pub pattern: String,
    /// What the parser said, on one line.
    pub reason: String,
}

/// `CRAWL_ALLOW` and `CRAWL_DENY`, ready to match.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    allow: Option<PatternSet>,
    deny: PatternSet,
}

/// Patterns about paths, and patterns about whole URLs.
#[derive(Debug, Clone, Default)]
struct PatternSet {
    path: Vec<Regex>,
    whole: Vec<Regex>,
}

impl Patterns {
    /// Compiles both lists; an empty `allow` means that directories count.
    ///
    /// # Errors
    /// All patterns that are no regular expressions.
    pub fn new(allow: &[String], deny: &[String]) -> Result<Self, Vec<PatternError>> {
        let mut errors = Vec::new();
        let allowed = PatternSet::new("CRAWL_ALLOW", allow, &mut errors);
        let deny = PatternSet::new("CRAWL_DENY", deny, &mut errors);
        let allow = (!allow.is_empty()).then_some(allowed);
        if errors.is_empty() { Ok(Self { allow, deny }) } else { Err(errors) }
    }

    /// Whether `CRAWL_DENY` keeps even a start URL out.
    pub fn denies(&self, url: &NormalUrl) -> bool {
        self.deny.matches(url)
    }
}

impl PatternSet {
    fn new(setting: &'static str, patterns: &[String], errors: &mut Vec<PatternError>) -> Self {
        let mut set = Self::default();
        for pattern in patterns {
            let bare = pattern.strip_prefix('^').unwrap_or(pattern);
            let is_whole = bare.starts_with("http");
            let regex = if is_whole { format!("^(?:{bare})") } else { pattern.clone() };
            match RegexBuilder::new(&regex).size_limit(PATTERN_BYTES_MAX).build() {
                Ok(regex) if is_whole => set.whole.push(regex),
                Ok(regex) => set.path.push(regex),
                Err(error) => errors.push(PatternError {
                    setting,
                    pattern: pattern.clone(),
                    reason: one_line(&error.to_string(), 300),
                }),
            }
        }
        set
    }

    fn matches(&self, url: &NormalUrl) -> bool {
        self.matches_path(url) || self.matches_whole(url)
    }

    fn matches_path(&self, url: &NormalUrl) -> bool {
        self.path.iter().any(|regex| regex.is_match(url.path_and_query()))
    }

    fn matches_whole(&self, url: &NormalUrl) -> bool {
        self.whole.iter().any(|regex| regex.is_match(url.as_str()))
    }
}

/// The directory of a URL with its host, such as `example.com/docs/`: what a
/// start URL brings into scope.
pub fn directory(url: &NormalUrl) -> String {
    let path = url.as_url().path();
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    format!("{}{}", url.host_key(), &path[..end])
}

/// The scope of a crawl as far as it is known: it only grows, as start URLs
/// answer and show where they lead.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    patterns: &'a Patterns,
    /// [`directory`] of each start URL.
    directories: &'a BTreeSet<String>,
}

impl<'a> Scope<'a> {
    /// The scope of start URLs with these directories.
    pub fn new(patterns: &'a Patterns, directories: &'a BTreeSet<String>) -> Self {
        Self { patterns, directories }
    }

    /// Whether a link to `url` is followed.
    pub fn contains(&self, url: &NormalUrl) -> bool {
        if self.patterns.denies(url) {
            return false;
        }
        match &self.patterns.allow {
            None => self.holds_directory_of(url),
            Some(allow) => allow.matches_whole(url) || (self.holds_host_of(url) && allow.matches_path(url)),
        }
    }

    /// Walks up the URL's own directories: a crawl may have thousands of start
    /// URLs, a path has few directories.
    fn holds_directory_of(&self, url: &NormalUrl) -> bool {
        let own = directory(url);
        let slashes = own.match_indices('/').map(|(at, _)| at + 1);
        slashes.into_iter().any(|end| self.directories.contains(&own[..end]))
    }

    fn holds_host_of(&self, url: &NormalUrl) -> bool {
        let root = format!("{}/", url.host_key());
        self.directories.range(root.clone()..).next().is_some_and(|first| first.starts_with(&root))
    }
}

#[cfg(test)]
mod tests {
    use super::super::url::UrlRules;
    use super::*;

    fn url(text: &str) -> NormalUrl {
        NormalUrl::parse(text, &UrlRules::default()).unwrap()
    }

    fn check(starts: &[&str], allow: &[&str], deny: &[&str], inside: &[&str], outside: &[&str]) {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let patterns = Patterns::new(&owned(allow), &owned(deny)).unwrap();
        let directories = starts.iter().map(|start| directory(&url(start))).collect();
        let scope = Scope::new(&patterns, &directories);
        for link in inside {
            assert!(scope.contains(&url(link)), "{link} is not in");
        }
        for link in outside {
            assert!(!scope.contains(&url(link)), "{link} is in");
        }
    }

    #[test]
    fn directories_count_where_there_is_no_pattern() {
        check(
            &["http://e.com/docs/intro.html", "https://o.com:8443/"],
            &[],
            &[],
            &["http://e.com/docs/", "https://e.com/docs/a/b?c", "http://e.com/docs/x", "http://o.com:8443/any"],
            &["http://e.com/", "http://e.com/docs", "http://e.com/docs2/", "http://o.com/", "http://e.com:81/docs/a"],
        );
        check(&["http://e.com/docs"], &[], &[], &["http://e.com/blog"], &["http://sub.e.com/docs", "http://e.co/"]);
    }

    #[test]
    fn allowing_replaces_directories_and_can_name_other_hosts() {
        check(
            &["http://e.com/docs/"],
            &["^/(docs|api)/", "https?://other.com/guide/"],
            &[],
            &["http://e.com/api/x", "http://e.com/docs/", "https://other.com/guide/a", "http://other.com/guide/"],
            &[
                "http://e.com/blog",
                "http://o.com/docs/",
                "http://x.com/?u=http://other.com/guide/",
                "http://other.com/",
            ],
        );
    }

    #[test]
    fn denying_always_wins() {
        check(
            &["http://e.com/"],
            &["^http://e.com/"],
            &[r"\.pdf$", "^https://e.com/old/", "[?&]print="],
            &["http://e.com/a", "http://e.com/old/"],
            &["http://e.com/a.pdf", "http://e.com/?a=1&print=1"],
        );
        check(&["http://e.com/"], &[], &["^https://e.com/old/"], &["http://e.com/old/"], &["https://e.com/old/x"]);
    }

    #[test]
    fn a_pattern_about_whole_urls_cannot_be_met_in_the_middle() {
        check(&["http://e.com/"], &["http://a|http://b"], &[], &["http://b.com/"], &["http://c.com/?http://b"]);
    }

    #[test]
    fn all_bad_patterns_are_named_at_once() {
        let errors = Patterns::new(&["(".to_owned(), "ok".to_owned()], &["[".to_owned(), "x{99999}".to_owned()]);
        let errors = errors.unwrap_err();
        let settings: Vec<_> = errors.iter().map(|error| error.setting).collect();
        assert_eq!(settings, ["CRAWL_ALLOW", "CRAWL_DENY", "CRAWL_DENY"]);
        assert!(errors.iter().all(|error| !error.to_string().contains('\n')));
    }
}
