//! The limits of a crawl, under the names that Scrapy's users know.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use super::url::UrlRules;

/// Everything a crawl is bounded by. Defaults are Scrapy's where it has the
/// setting; each field names the setting it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct CrawlOptions {
    /// `USER_AGENT`: sent with every request; its product token (what stands
    /// before the first `/` or space) is the name that robots.txt knows us by.
    pub user_agent: String,
    /// `ROBOTSTXT_OBEY`.
    pub robots_obey: bool,
    /// `CONCURRENT_REQUESTS`: in flight at most, over all hosts.
    pub requests_max: NonZeroUsize,
    /// `CONCURRENT_REQUESTS_PER_DOMAIN`: in flight at most to one host.
    pub requests_per_host_max: NonZeroUsize,
    /// `DOWNLOAD_DELAY`: between the starts of two requests to one host.
    pub delay: Duration,
    /// `DOWNLOAD_TIMEOUT`: for a request as a whole, the body included.
    pub timeout: Duration,
    /// `DOWNLOAD_MAXSIZE`: of a body, decompressed, in bytes.
    pub body_bytes_max: u64,
    /// `DEPTH_LIMIT`: links away from a start URL; `None` is no limit.
    pub depth_max: Option<NonZeroU64>,
    /// `CLOSESPIDER_PAGECOUNT`: pages that are indexed; `None` is no limit.
    pub pages_max: Option<NonZeroU64>,
    /// `CLOSESPIDER_TIMEOUT`: for the crawl as a whole; `None` is no limit.
    pub time_max: Option<Duration>,
    /// `REDIRECT_MAX_TIMES`: redirects in a row.
    pub redirects_max: u64,
    /// `RETRY_TIMES`: after the first attempt.
    pub retries_max: u64,
    /// `RETRY_HTTP_CODES`.
    pub retry_codes: RetryCodes,
    /// `URLLENGTH_LIMIT`, and `CRAWL_SORT_QUERY`.
    pub urls: UrlRules,
    /// `CRAWL_ALLOW`: see [`super::scope::Patterns`].
    pub allow: Vec<String>,
    /// `CRAWL_DENY`: see [`super::scope::Patterns`].
    pub deny: Vec<String>,
}

impl Default for CrawlOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("docmill/", env!("CARGO_PKG_VERSION")).to_owned(),
            robots_obey: true,
            requests_max: const { NonZeroUsize::new(16).unwrap() },
            requests_per_host_max: const { NonZeroUsize::new(8).unwrap() },
            delay: Duration::ZERO,
            timeout: Duration::from_secs(180),
            body_bytes_max: 32 << 20,
            depth_max: None,
            pages_max: None,
            time_max: None,
            redirects_max: 20,
            retries_max: 2,
            retry_codes: RetryCodes::default(),
            urls: UrlRules::default(),
            allow: Vec::new(),
            deny: Vec::new(),
        }
    }
}

impl CrawlOptions {
    /// The name that robots.txt and robots tags know us by: the leading
    /// letters, digits, `-` and `_` of the user agent.
    pub fn product_token(&self) -> &str {
        product_token(&self.user_agent)
    }
}

/// The leading letters, digits, `-` and `_` of a user agent.
pub fn product_token(user_agent: &str) -> &str {
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let end = user_agent.find(|character| !is_part(character)).unwrap_or(user_agent.len());
    &user_agent[..end]
}

/// The HTTP status codes after which a request is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryCodes {
    /// Single codes and hundreds (5 for 500 to 599), as they were written.
    codes: Vec<RetryCode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RetryCode {
    One(u16),
    Hundred(u16),
}

impl RetryCodes {
    /// Whether `status` is among them.
    pub fn contains(&self, status: u16) -> bool {
        self.codes.iter().any(|code| match *code {
            RetryCode::One(one) => status == one,
            RetryCode::Hundred(hundred) => status / 100 == hundred,
        })
    }
}

/// Every server error, and 408 and 429: Scrapy's list and the rest of the 5xx.
impl Default for RetryCodes {
    fn default() -> Self {
        Self { codes: vec![RetryCode::Hundred(5), RetryCode::One(408), RetryCode::One(429)] }
    }
}

impl fmt::Display for RetryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, code) in self.codes.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match code {
                RetryCode::One(one) => write!(f, "{comma}{one}")?,
                RetryCode::Hundred(hundred) => write!(f, "{comma}{hundred}xx")?,
            }
        }
        Ok(())
    }
}

/// A text that is no list of status codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} is no HTTP status from 400 to 599; write a list such as 5xx,408,429")]
pub struct RetryCodesError {
    part: String,
}

impl FromStr for RetryCodes {
    type Err = RetryCodesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let codes = parts.map(|part| code(part).ok_or_else(|| RetryCodesError { part: part.to_owned() }));
        Ok(Self { codes: codes.collect::<Result<_, _>>()? })
    }
}

fn code(part: &str) -> Option<RetryCode> {
    match part.to_ascii_lowercase().as_str() {
        "4xx" => Some(RetryCode::Hundred(4)),
        "5xx" => Some(RetryCode::Hundred(5)),
        number => number.parse().ok().filter(|number| (400..600).contains(number)).map(RetryCode::One),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_codes_hold_scrapys_list() {
        let codes = RetryCodes::default();
        for status in [500, 502, 503, 504, 522, 524, 408, 429] {
            assert!(codes.contains(status), "{status}");
        }
        for status in [200, 301, 400, 403, 404, 410] {
            assert!(!codes.contains(status), "{status}");
        }
    }

    #[test]
    fn codes_are_read_as_they_are_shown() {
        for text in ["5xx,408,429", "503", ""] {
            assert_eq!(text.parse::<RetryCodes>().unwrap().to_string(), text);
        }
        assert_eq!(" 503 , 5XX ".parse::<RetryCodes>().unwrap().to_string(), "503,5xx");
        for bad in ["200", "x", "503 504", "70000", "6xx"] {
            assert!(bad.parse::<RetryCodes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_product_token_ends_before_the_version() {
        assert!(CrawlOptions::default().user_agent.starts_with("docmill/"));
        assert_eq!(CrawlOptions::default().product_token(), "docmill");
        assert_eq!(product_token("My_Bot-2 (+https://e.com)"), "My_Bot-2");
        assert_eq!(product_token("(x)"), "");
    }
}
