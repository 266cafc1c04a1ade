//! What is fetched, and how politely. Names and defaults are Scrapy's where
//! it has the setting; docs2vector's `SCRAPER_*` are other names for them.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use url::Url;

use super::parse;
use super::row::settings;

/// A day, in seconds.
const DAY_S: u64 = 86_400;
/// The longest a crawl may be told to go on, in seconds.
const YEAR_S: u64 = 366 * DAY_S;
/// The largest page that can be asked for, in bytes.
const PAGE_BYTES_MAX: u64 = 1 << 30;

settings! {
    /// What is fetched, and how politely.
    Crawl => Crawl {
        /// Where crawls start when the command line names no URL; blanks between several
        start_urls: Vec<Url> = "START_URLS", "", "", parse::urls;
        /// Patterns (regular expressions, blanks between them) of URLs to fetch; empty: same host, below the start URL's folder
        allow: Vec<String> = "CRAWL_ALLOW", "", "", parse::patterns;
        /// Patterns of URLs not to fetch; wins over CRAWL_ALLOW
        deny: Vec<String> = "CRAWL_DENY", "", "", parse::patterns;
        /// Links to follow from a start URL at most; 0: no limit
        depth_limit: Option<NonZeroU64> = "DEPTH_LIMIT" | "SCRAPER_DEPTH_LIMIT", "0", "", parse::limit::<1_000_000>;
        /// Pages to fetch at most; 0: no limit
        page_count_max: Option<NonZeroU64> = "CLOSESPIDER_PAGECOUNT", "0", "", parse::limit::<{ u32::MAX as usize }>;
        /// Time after which no more pages are fetched; 0: no limit
        time_max: Option<Duration> = "CLOSESPIDER_TIMEOUT", "0", "s", parse::time_limit::<YEAR_S>;
        /// Pause between two requests to one host
        download_delay: Duration = "DOWNLOAD_DELAY" | "SCRAPER_DOWNLOAD_DELAY", "0", "s", parse::seconds::<0, DAY_S>;
        /// Requests at a time
        concurrent_requests: NonZeroUsize = "CONCURRENT_REQUESTS" | "SCRAPER_CONCURRENT_REQUESTS", "16", "", parse::positive::<1_024>;
        /// Requests at a time to one host
        concurrent_requests_per_domain: NonZeroUsize = "CONCURRENT_REQUESTS_PER_DOMAIN", "8", "", parse::positive::<1_024>;
        /// Time that one page may take
        download_timeout: Duration = "DOWNLOAD_TIMEOUT", "180", "s", parse::seconds::<100, DAY_S>;
        /// The largest page that is taken, as it is after decompression
        download_size_max: u64 = "DOWNLOAD_MAXSIZE", "33554432", "bytes", parse::bytes::<1_024, PAGE_BYTES_MAX>;
        /// Times that a page is asked for again after a failure that may pass
        retry_times: u64 = "RETRY_TIMES", "2", "", parse::whole::<0, 100>;
        /// Status codes after which a page is asked for again; 5xx stands for all of them
        retry_http_codes: String = "RETRY_HTTP_CODES", "5xx, 408, 429", "", parse::status_codes;
        /// Redirects that are followed for one page
        redirects_max: u64 = "REDIRECT_MAX_TIMES", "20", "", parse::whole::<0, 100>;
        /// Whether robots.txt is obeyed
        obey_robots: bool = "ROBOTSTXT_OBEY", "true", "", parse::flag;
        /// What the crawler calls itself; robots.txt rules are looked up by its first word
        user_agent: String = "USER_AGENT", concat!("docmill/", env!("CARGO_PKG_VERSION")), "", parse::user_agent;
        /// Whether URLs that differ in the order of their query's parameters are one page
        sort_query: bool = "CRAWL_SORT_QUERY", "false", "", parse::flag;
        /// The longest URL that is followed
        url_length_max: usize = "URLLENGTH_LIMIT", "2083", "bytes", parse::count::<64, 65_536>;
    }
}
