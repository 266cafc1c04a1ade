//! One request, one answer: what the crawler asks a server for and what the
//! answer means.
//!
//! Nothing is followed or repeated here: a redirect is an answer that the
//! frontier deals with, and a failure says whether a retry may help. Every
//! answer is bounded: its time by `DOWNLOAD_TIMEOUT` as a whole, its body,
//! decompressed, by `DOWNLOAD_MAXSIZE`, its headers by the client (a hundred
//! of them, some hundred KiB).

mod error;
mod media;
mod resolve;
mod robots;

use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

pub use self::error::{FetchError, FetchErrorKind};
pub use self::media::{ContentType, Media};
use self::resolve::Resolver;
pub use self::robots::RobotsAnswer;
use super::options::{CrawlOptions, RetryCodes};
use super::retry::RetryAfter;
use super::url::{NormalUrl, UrlRules};

/// To find the host and connect to it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// What pages we can read, the best first.
const ACCEPT: &str = "text/html,application/xhtml+xml;q=0.9,text/markdown;q=0.9,text/plain;q=0.8,*/*;q=0.1";
/// How many header values of one name are looked at.
const VALUES_MAX: usize = 32;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The page.
    pub url: NormalUrl,
    /// What the page's last answer said; makes the request a conditional one.
    /// Send these only while the page's raw item is still there.
    pub validators: Validators,
}

/// What tells a server which version of a page we have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header as it was.
    pub etag: Option<String>,
    /// The `Last-Modified` header as it was.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether a request with these is an ordinary one.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// What the answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// A page that we can read.
    Page(FetchedPage),
    /// The version that we have is still the current one.
    NotModified,
    /// The page is elsewhere.
    Redirect {
        /// Where, normalised.
        to: NormalUrl,
    },
    /// The page is elsewhere, at an address that cannot be crawled.
    RedirectNowhere {
        /// Why not, with the address.
        reason: String,
    },
    /// There is no such page (404, 410).
    Gone {
        /// The status.
        status: u16,
    },
    /// The server does not give us the page (any other 4xx).
    Refused {
        /// The status.
        status: u16,
    },
    /// What is there is no page.
    WrongType {
        /// The media type, shortened; empty where the server names none.
        media_type: String,
    },
    /// The body is larger than `DOWNLOAD_MAXSIZE`.
    TooLarge {
        /// The bound, in bytes.
        bytes_max: u64,
    },
}

/// A page as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPage {
    /// The status, 200 to 299.
    pub status: u16,
    /// What the body is.
    pub content_type: ContentType,
    /// The values of `X-Robots-Tag`.
    pub robots_tags: Vec<String>,
    /// For the next crawl.
    pub validators: Validators,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// Asks servers for pages over one set of connections.
///
/// Its connections belong to the async runtime that made the request: use one
/// fetcher for each runtime. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
    timeout: Duration,
    body_bytes_max: u64,
    retry_codes: RetryCodes,
    urls: UrlRules,
    product_token: String,
}

impl Fetcher {
    /// A fetcher with a crawl's limits.
    ///
    /// # Errors
    /// [`FetchErrorKind::Client`] where `USER_AGENT` cannot be sent or the
    /// system lacks what the client needs.
    pub fn new(options: &CrawlOptions) -> Result<Self, FetchError> {
        let user_agent = HeaderValue::from_str(&options.user_agent).map_err(|_| FetchError::user_agent())?;
        let client = Client::builder()
            .user_agent(user_agent)
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(options.timeout))
            .timeout(options.timeout)
            .dns_resolver(std::sync::Arc::new(Resolver))
            .pool_max_idle_per_host(options.requests_per_host_max.get())
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .build()
            .map_err(|error| FetchError::client(&error))?;
        Ok(Self {
            client,
            timeout: options.timeout,
            body_bytes_max: options.body_bytes_max,
            retry_codes: options.retry_codes.clone(),
            urls: options.urls,
            product_token: options.product_token().to_owned(),
        })
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// Where there is no answer or none that means anything; see
    /// [`FetchError::can_retry`](crate::failure::StageError::can_retry).
    pub async fn fetch(&self, request: &FetchRequest) -> Result<Fetched, FetchError> {
        let response = self.ask(&request.url, ACCEPT, &request.validators).await?;
        let status = response.status().as_u16();
        match status {
            200..=299 => self.read_page(&request.url, response).await,
            304 if !request.validators.is_empty() => Ok(Fetched::NotModified),
            300..=399 => self.read_redirect(&request.url, &response),
            _ if self.retry_codes.contains(status) => {
                let asked = text(response.headers(), &header::RETRY_AFTER).and_then(|value| RetryAfter::parse(&value));
                Err(FetchError::status(&request.url, status, true, asked))
            }
            404 | 410 => Ok(Fetched::Gone { status }),
            400..=499 => Ok(Fetched::Refused { status }),
            _ => Err(FetchError::status(&request.url, status, false, None)),
        }
    }

    async fn ask(&self, url: &NormalUrl, accept: &'static str, known: &Validators) -> Result<Response, FetchError> {
        let mut request = self.client.get(url.as_url().clone()).header(header::ACCEPT, accept);
        for (name, value) in [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.last_modified)] {
            // A value that we cannot send back is one that the server should
            // not have sent; the request is an ordinary one then.
            if let Some(value) = value.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request = request.header(name, value);
            }
        }
        request.send().await.map_err(|error| FetchError::network(url, &error, self.timeout))
    }

    async fn read_page(&self, url: &NormalUrl, response: Response) -> Result<Fetched, FetchError> {
        // The client takes the header away from what it has decompressed.
        if let Some(coding) = text(response.headers(), &header::CONTENT_ENCODING)
            && !coding.trim().is_empty()
            && !coding.trim().eq_ignore_ascii_case("identity")
        {
            return Err(FetchError::coding(url, &coding));
        }
        let status = response.status().as_u16();
        let named = text(response.headers(), &header::CONTENT_TYPE);
        let content_type = named.as_deref().map(ContentType::parse);
        if let Some(ContentType { media: Media::Other(media_type), .. }) = content_type {
            return Ok(Fetched::WrongType { media_type });
        }
        let robots_tags = texts(response.headers(), &HeaderName::from_static("x-robots-tag"));
        let validators = Validators {
            etag: text(response.headers(), &header::ETAG),
            last_modified: text(response.headers(), &header::LAST_MODIFIED),
        };
        if response.content_length().is_some_and(|bytes| bytes > self.body_bytes_max) {
            return Ok(Fetched::TooLarge { bytes_max: self.body_bytes_max });
        }
        let Some(body) = self.read_body(url, response, self.body_bytes_max).await?.whole() else {
            return Ok(Fetched::TooLarge { bytes_max: self.body_bytes_max });
        };
        let Some(content_type) = content_type.or_else(|| ContentType::of_body(&body)) else {
            return Ok(Fetched::WrongType { media_type: String::new() });
        };
        Ok(Fetched::Page(FetchedPage { status, content_type, robots_tags, validators, body }))
    }

    fn read_redirect(&self, url: &NormalUrl, response: &Response) -> Result<Fetched, FetchError> {
        let status = response.status().as_u16();
        let Some(location) = text(response.headers(), &header::LOCATION) else {
            return Err(FetchError::status(url, status, false, None));
        };
        Ok(match url.join(&location, &self.urls) {
            Ok(to) => Fetched::Redirect { to },
            Err(error) => Fetched::RedirectNowhere { reason: error.to_string() },
        })
    }

    /// Reads the body up to `bytes_max`; the bytes that are counted are those
    /// that come out of the decompressor.
    async fn read_body(&self, url: &NormalUrl, mut response: Response, bytes_max: u64) -> Result<Body, FetchError> {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        loop {
            let chunk = response.chunk().await.map_err(|error| FetchError::network(url, &error, self.timeout))?;
            let Some(chunk) = chunk else { return Ok(Body { bytes, is_cut: false }) };
            if bytes.len() + chunk.len() > bytes_max {
                bytes.extend_from_slice(&chunk[..bytes_max - bytes.len()]);
                return Ok(Body { bytes, is_cut: true });
            }
            bytes.extend_from_slice(&chunk);
        }
    }
}

/// A body, or as much of it as was wanted.
struct Body {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Body {
    fn whole(self) -> Option<Vec<u8>> {
        (!self.is_cut).then_some(self.bytes)
    }
}

/// A header's value, whatever bytes the server wrote.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn texts(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().take(VALUES_MAX);
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

#[cfg(test)]
mod tests;
