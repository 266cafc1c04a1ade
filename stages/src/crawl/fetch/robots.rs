//! A host's robots.txt, fetched as RFC 9309 says.

use super::super::robots::{ROBOTS_BYTES_MAX, RobotRules};
use super::super::url::NormalUrl;
use super::{FetchError, Fetched, Fetcher, Validators};

/// How many redirects lead to a robots.txt.
const REDIRECTS_MAX: usize = 5;

/// What asking for a robots.txt came to.
pub type RobotsAnswer = Result<RobotRules, FetchError>;

impl Fetcher {
    /// The rules of the host of `page`. Any 4xx and a redirect without end
    /// mean that there are none; at most [`ROBOTS_BYTES_MAX`] are read.
    ///
    /// # Errors
    /// Where the host could not be asked or answered 5xx or 429: nothing of
    /// it may be fetched until it can. All of these are worth a retry.
    pub async fn fetch_robots(&self, page: &NormalUrl) -> RobotsAnswer {
        let Ok(mut url) = page.join("/robots.txt", &self.urls) else { return Ok(RobotRules::allow_all()) };
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask(&url, "text/plain,*/*;q=0.1", &Validators::default()).await?;
            let status = response.status().as_u16();
            match status {
                200..=299 => {
                    let body = self.read_body(&url, response, ROBOTS_BYTES_MAX as u64 + 1).await?;
                    return Ok(RobotRules::parse(&body.bytes, &self.product_token));
                }
                300..=399 => match self.read_redirect(&url, &response) {
                    Ok(Fetched::Redirect { to }) => url = to,
                    Ok(_) | Err(_) => return Ok(RobotRules::allow_all()),
                },
                429 | 500.. => {
                    let asked = super::text(response.headers(), &super::header::RETRY_AFTER);
                    let asked = asked.and_then(|value| super::RetryAfter::parse(&value));
                    return Err(FetchError::status(&url, status, true, asked));
                }
                _ => return Ok(RobotRules::allow_all()),
            }
        }
        Ok(RobotRules::allow_all())
    }
}
