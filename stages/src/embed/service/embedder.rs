//! A call: its requests, their repetitions, and who is to blame in the end.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::super::{EmbedError, Embedder, Purpose};
use super::client::Client;
use super::error::ServiceError;
use super::gate::Gate;
use super::requests;
use super::vectors::normalised;
use super::wire::{Limits, WireFormat};
use crate::chunk::tokens::TokenCounter;
use crate::crawl::retry::backoff;

/// A text of no meaning that any model takes.
const PROBE: &str = "docmill";
/// An answer's size beside its numbers, at most.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// A number's size in an answer at most, with what stands around it.
const NUMBER_BYTES_MAX: usize = 64;
/// The longest vector that is taken before a model's own is known.
const DIMENSION_MAX: usize = 65_536;
/// The part of a call's time, in percent, that repetitions may take; in the
/// rest it is found out who is to blame.
const PATIENT_PERCENT: u32 = 90;

/// A service as all embedders of a process share it.
pub(super) struct Service {
    pub(super) wire: Box<dyn WireFormat>,
    pub(super) limits: Limits,
    /// Numbers of each vector; `None` until the first has come.
    pub(super) dimension: Option<usize>,
    /// The window where tokens are counted exactly as the model counts them.
    pub(super) window: Option<NonZeroUsize>,
    pub(super) retries_max: u32,
    pub(super) timeout: Duration,
    pub(super) time_max: Duration,
    pub(super) tokens: Arc<dyn TokenCounter>,
    pub(super) gate: Gate,
}

/// Asks the service on one thread.
pub(super) struct ServiceEmbedder {
    client: Client,
    service: Arc<Service>,
}

impl ServiceEmbedder {
    pub(super) fn new(client: Client, service: Arc<Service>) -> Self {
        Self { client, service }
    }
}

impl Embedder for ServiceEmbedder {
    fn embed<'a>(
        &'a mut self,
        texts: &'a [&'a str],
        _purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
        self.service.embed(&self.client, texts).boxed()
    }
}

impl Service {
    async fn embed(&self, client: &Client, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.check_window(texts)?;
        let begin = Instant::now();
        let patient_until = begin + self.time_max * PATIENT_PERCENT / 100;
        let mut vectors = Vec::with_capacity(texts.len());
        let mut left = requests::ranges(texts, self.limits, self.tokens.as_ref());
        left.reverse();
        while let Some(range) = left.pop() {
            let error = match self.ask_vectors(client, &texts[range.clone()], patient_until).await {
                Ok(made) => {
                    vectors.extend(made);
                    continue;
                }
                Err(error) => error,
            };
            if range.len() > 1 && error.may_be_for_one_text() {
                let middle = range.start + range.len() / 2;
                left.extend([middle..range.end, range.start..middle]);
                continue;
            }
            let error = match texts[range.clone()] {
                [text] => error.of_text(range.start, text, self.tokens.count(text)),
                _ => error,
            };
            return Err(self.blame(client, error, begin + self.time_max).await.into());
        }
        Ok(vectors)
    }

    /// Where tokens are counted as the model counts them, a long text need not
    /// be sent to be refused.
    fn check_window(&self, texts: &[&str]) -> Result<(), EmbedError> {
        let Some(window) = self.window else { return Ok(()) };
        for (index, text) in texts.iter().enumerate() {
            // No token is shorter than a byte.
            let tokens = if text.len() > window.get() { self.tokens.count(text) } else { 0 };
            if tokens > window.get() {
                return Err(EmbedError::TooLong { index, tokens, window });
            }
        }
        Ok(())
    }

    /// How many tokens the service says that the model takes.
    pub(super) async fn ask_window(&self, client: &Client) -> Result<Option<NonZeroUsize>, ServiceError> {
        let Some((url, request)) = self.wire.window_request() else { return Ok(self.wire.known_window()) };
        let read = |answer: &[u8]| Ok(self.wire.read_window(answer));
        // A description holds the model's licence and template, too.
        self.ask(client, &url, &request, 16 * ANSWER_BYTES_MAX, Instant::now() + self.time_max, read).await
    }

    /// How many numbers the model's vectors have.
    pub(super) async fn ask_dimension(&self, client: &Client) -> Result<usize, ServiceError> {
        let made = self.ask_vectors(client, &[PROBE], Instant::now() + self.time_max).await?;
        made.first().map(Vec::len).ok_or_else(|| ServiceError::broken(self.wire.as_ref(), "it has no vector"))
    }

    async fn ask_vectors(
        &self,
        client: &Client,
        texts: &[&str],
        until: Instant,
    ) -> Result<Vec<Vec<f32>>, ServiceError> {
        let request = self.wire.embeddings_request(texts);
        let numbers = self.dimension.unwrap_or(DIMENSION_MAX).saturating_mul(texts.len());
        let bytes_max = numbers.saturating_mul(NUMBER_BYTES_MAX).saturating_add(ANSWER_BYTES_MAX);
        let read = |answer: &[u8]| self.read_vectors(answer, texts.len());
        self.ask(client, &self.wire.embeddings_url(), &request, bytes_max, until, read).await
    }

    fn read_vectors(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f32>>, ServiceError> {
        let wire = self.wire.as_ref();
        let found = wire.read_embeddings(answer, count).map_err(|reason| ServiceError::broken(wire, &reason))?;
        let mut vectors = Vec::with_capacity(count);
        for numbers in found {
            if let Some(dimension) = self.dimension.filter(|&dimension| dimension != numbers.len()) {
                return Err(ServiceError::dimension(wire, dimension, numbers.len()));
            }
            vectors.push(normalised(&numbers).ok_or_else(|| ServiceError::no_direction(wire))?);
        }
        Ok(vectors)
    }

    /// Asks until there is an answer, a failure that does not pass, or no time
    /// for one more try.
    async fn ask<T>(
        &self,
        client: &Client,
        url: &Url,
        request: &Value,
        bytes_max: usize,
        until: Instant,
        read: impl Fn(&[u8]) -> Result<T, ServiceError> + Sync,
    ) -> Result<T, ServiceError> {
        let wire = self.wire.as_ref();
        let mut failures = 0;
        loop {
            let (wait, left) = (self.gate.wait(), until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(ServiceError::out_of_time(wire));
            }
            if wait >= left {
                return Err(ServiceError::closed(wire, wait));
            }
            tokio::time::sleep(wait).await;
            let timeout = self.timeout.min(left - wait);
            let answer = client.post(wire, url, request, bytes_max, timeout).await;
            let error = match answer.and_then(|answer| read(&answer)) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            failures += 1;
            if let Some(asked) = error.retry_after {
                self.gate.close_for(asked.delay(now_ms()));
            }
            if !error.may_pass() || failures > self.retries_max {
                return Err(error);
            }
            let pause = backoff(failures.into(), fastrand::f64(), error.retry_after, now_ms());
            if pause >= until.saturating_duration_since(Instant::now()) {
                return Err(error.too_long_a_pause(pause));
            }
            log::debug!("{error}; asking again in {} ms", pause.as_millis());
            tokio::time::sleep(pause).await;
        }
    }

    /// Finds out whether the service would have failed over any text: a text
    /// of no meaning then fares no better, and the item is not to blame.
    async fn blame(&self, client: &Client, error: ServiceError, until: Instant) -> ServiceError {
        if error.is_of_the_service() {
            return error.into_outage();
        }
        let wire = self.wire.as_ref();
        let request = wire.embeddings_request(&[PROBE]);
        let timeout = self.timeout.min(until.saturating_duration_since(Instant::now()));
        let answer = client.post(wire, &wire.embeddings_url(), &request, ANSWER_BYTES_MAX * 4, timeout).await;
        match answer.and_then(|answer| self.read_vectors(&answer, 1)) {
            Ok(_vector) => error,
            Err(_alike) => error.into_outage(),
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
