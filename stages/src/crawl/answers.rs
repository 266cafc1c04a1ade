//! Whether a site is there at all: one request, nothing read.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode, redirect};
use url::Url;

use crate::failure::{chain, one_line};

/// How much of a reason is told, in bytes.
const REASON_BYTES_MAX: usize = 300;

/// The status that `url` answers with. No redirect is followed, and no body
/// is read.
///
/// # Errors
/// Why there is no answer within `timeout` (twice as long where the server
/// knows no HEAD).
pub async fn answers(url: &Url, user_agent: &str, timeout: Duration) -> Result<u16, String> {
    let said = |error: &reqwest::Error| one_line(&chain(error), REASON_BYTES_MAX);
    let client = Client::builder().user_agent(user_agent).timeout(timeout).redirect(redirect::Policy::none()).build();
    let client = client.map_err(|error| said(&error))?;
    let ask = async |method: Method| client.request(method, url.clone()).send().await.map(|answer| answer.status());
    let status = ask(Method::HEAD).await.map_err(|error| said(&error))?;
    let status = match status {
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            ask(Method::GET).await.map_err(|error| said(&error))?
        }
        status => status,
    };
    Ok(status.as_u16())
}
