//! Fetches a model's files from a model hub over HTTP.

use std::path::Path;
use std::time::Duration;

use url::Url;

use super::known::{KnownModel, PinnedFile};
use super::place::Placing;
use super::{ModelError, ModelRequest, Progress};
use crate::failure::chain;

/// Longest time until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time without a byte.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for one file.
const FILE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How often a file is asked for whose download broke off.
const TRIES: u32 = 3;
/// Pause before the second try; each further one is twice as long.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Downloads the files of `model` into `folder`.
pub(super) fn fetch(
    request: &ModelRequest,
    model: &KnownModel,
    folder: &Path,
    progress: &dyn Fn(Progress<'_>),
) -> Result<(), ModelError> {
    let Some(endpoint) = &request.hub else {
        return Err(ModelError::Way("none is set".to_owned()));
    };
    let endpoint = parse_endpoint(endpoint)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ModelError::Way(error.to_string()))?;
    runtime.block_on(async {
        let client = client(&endpoint)?;
        for file in model.files() {
            let url = file_url(&endpoint, model, file)?;
            fetch_file(&client, &url, file, folder, request, progress).await?;
        }
        Ok(())
    })
}

fn parse_endpoint(endpoint: &str) -> Result<Url, ModelError> {
    let url = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| ModelError::Way(format!("HF_ENDPOINT is {endpoint}, which is no http(s) URL")))
}

/// `ENDPOINT/REPOSITORY/resolve/REVISION/FILE`.
fn file_url(endpoint: &Url, model: &KnownModel, file: &PinnedFile) -> Result<Url, ModelError> {
    let mut url = endpoint.clone();
    url.path_segments_mut()
        .map_err(|()| ModelError::Way(format!("{endpoint} takes no path")))?
        .pop_if_empty()
        .extend(model.repository.split('/'))
        .extend(["resolve", model.revision, file.name]);
    Ok(url)
}

fn client(endpoint: &Url) -> Result<reqwest::Client, ModelError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("docmill/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .timeout(FILE_TIMEOUT)
        // The sizes are those of the files themselves.
        .no_gzip()
        .no_brotli()
        .no_deflate();
    if matches!(endpoint.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| ModelError::Way(chain(&error)))
}

async fn fetch_file(
    client: &reqwest::Client,
    url: &Url,
    file: &PinnedFile,
    folder: &Path,
    request: &ModelRequest,
    progress: &dyn Fn(Progress<'_>),
) -> Result<(), ModelError> {
    let mut pause = RETRY_PAUSE;
    for tries_left in (0..TRIES).rev() {
        match try_fetch(client, url, file, folder, request, progress).await {
            Err(TryError::Transient(_)) if tries_left > 0 => tokio::time::sleep(pause).await,
            Err(TryError::Transient(reason)) => return Err(ModelError::Way(format!("{url}: {reason}"))),
            Err(TryError::Final(ModelError::Way(reason))) => return Err(ModelError::Way(format!("{url}: {reason}"))),
            Err(TryError::Final(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
        pause *= 2;
    }
    Err(ModelError::Way(format!("{url}: not tried")))
}

enum TryError {
    /// Another try may help.
    Transient(String),
    Final(ModelError),
}

impl From<ModelError> for TryError {
    fn from(error: ModelError) -> Self {
        Self::Final(error)
    }
}

impl From<reqwest::Error> for TryError {
    fn from(error: reqwest::Error) -> Self {
        Self::Transient(chain(&error.without_url()))
    }
}

async fn try_fetch(
    client: &reqwest::Client,
    url: &Url,
    file: &PinnedFile,
    folder: &Path,
    request: &ModelRequest,
    progress: &dyn Fn(Progress<'_>),
) -> Result<(), TryError> {
    request.check_cancelled()?;
    let mut response = client.get(url.clone()).send().await?;
    let status = response.status();
    if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
        return Err(TryError::Transient(format!("it answered {status}")));
    }
    if !status.is_success() {
        return Err(TryError::Final(ModelError::Way(format!("it answered {status}"))));
    }
    let mut placing = Placing::begin(file, folder, progress)?;
    while let Some(bytes) = response.chunk().await? {
        request.check_cancelled()?;
        placing.write(&bytes)?;
    }
    Ok(placing.finish()?)
}
