//! docmill's side: one session a core, each taking the next text.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use docmill_stages::embed::{Embedder, Provider, Purpose};

use crate::Result;
use crate::report::Round;

/// Open sessions of a model.
pub(crate) struct Sessions(Vec<Box<dyn Embedder>>);

/// How many sessions run at a time.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

impl Sessions {
    pub(crate) fn open(provider: &dyn Provider) -> Result<Self> {
        let sessions = (0..cores()).map(|_| provider.open()).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Self(sessions))
    }

    /// Embeds all texts.
    pub(crate) fn embed(&mut self, texts: &[String]) -> Result<Round> {
        let next = AtomicUsize::new(0);
        let vectors = Mutex::new(vec![Vec::new(); texts.len()]);
        let start = Instant::now();
        std::thread::scope(|scope| {
            let workers: Vec<_> = self
                .0
                .iter_mut()
                .map(|session| scope.spawn(|| work(session.as_mut(), texts, &next, &vectors)))
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err("a session panicked".into())))
        })?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Round { seconds, vectors: vectors.into_inner().unwrap_or_else(PoisonError::into_inner) })
    }
}

fn work(
    session: &mut dyn Embedder,
    texts: &[String],
    next: &AtomicUsize,
    vectors: &Mutex<Vec<Vec<f32>>>,
) -> std::result::Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    while let Some((index, text)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, texts.get(i)?))) {
        let embedded = runtime.block_on(session.embed(&[text.as_str()], Purpose::Passage));
        let vector = embedded.map_err(|error| error.to_string())?.pop().unwrap_or_default();
        vectors.lock().unwrap_or_else(PoisonError::into_inner)[index] = vector;
    }
    Ok(())
}
