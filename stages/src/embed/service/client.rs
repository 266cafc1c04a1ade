//! One request, one answer, both bounded.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::error::ServiceError;
use super::wire::WireFormat;
use crate::crawl::retry::RetryAfter;

/// To find the host and connect to it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer with an error is read.
const REFUSAL_BYTES_MAX: usize = 1 << 16;

/// Asks a service; its connections belong to the runtime that asked first.
pub(super) struct Client {
    http: reqwest::Client,
}

impl Client {
    pub(super) fn new(wire: &dyn WireFormat) -> Result<Self, ServiceError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("docmill/", env!("CARGO_PKG_VERSION")))
            .default_headers(wire.headers()?)
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        if wire.base().scheme() != "https" {
            // A proxy would read the key; through https it only passes bytes on.
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build().map_err(|error| ServiceError::client(&error))? })
    }

    /// The answer's body, of at most `bytes_max`, decompressed.
    pub(super) async fn post(
        &self,
        wire: &dyn WireFormat,
        url: &Url,
        request: &Value,
        bytes_max: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, ServiceError> {
        let network = |error: reqwest::Error| ServiceError::network(wire, &error, timeout);
        let request = self
            .http
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(request.to_string())
            .timeout(timeout);
        let response = request.send().await.map_err(network)?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(wire, status, response).await);
        }
        match read(response, bytes_max).await.map_err(network)? {
            Body { bytes, is_cut: false } => Ok(bytes),
            Body { .. } => Err(ServiceError::broken(wire, &format!("it is larger than {bytes_max} bytes"))),
        }
    }
}

async fn refusal(wire: &dyn WireFormat, status: StatusCode, response: Response) -> ServiceError {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| RetryAfter::parse(value.to_str().ok()?));
    // The status alone says enough where the rest does not come.
    let body = read(response, REFUSAL_BYTES_MAX).await.map(|body| body.bytes).unwrap_or_default();
    ServiceError::status(wire, status.as_u16(), &wire.read_refusal(&body), asked)
}

/// A body, or its first `bytes_max`.
struct Body {
    bytes: Vec<u8>,
    is_cut: bool,
}

async fn read(mut response: Response, bytes_max: usize) -> Result<Body, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > bytes_max {
            bytes.extend_from_slice(&chunk[..bytes_max - bytes.len()]);
            return Ok(Body { bytes, is_cut: true });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Body { bytes, is_cut: false })
}
