//! The embed stage: texts in, one vector a text out, in the same order.
//!
//! A [`Provider`] describes a model and opens [`Embedder`]s, one for each
//! thread that embeds. The local provider ([`local`]) runs one text at a time,
//! so that a vector is a function of its text and the model alone, whatever
//! its neighbours, the batch size or the number of threads; [`service`] asks
//! one on the network. A text over the model's window is an error and never
//! cut. [`models`] brings a model's files to this machine; [`cache`] keeps
//! vectors between runs; [`prefixed`] puts words in front of texts.

pub mod cache;
mod error;
pub mod local;
pub mod models;
pub mod prefixed;
pub mod service;

use std::num::NonZeroUsize;

use futures_util::future::BoxFuture;

pub use error::EmbedError;

/// How far a vector's length may be from 1. Rounding in 32 bits stays three
/// orders of magnitude below; a wrong model does not.
const NORM_TOLERANCE: f64 = 1e-3;

/// What a model is, as its users need to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name that a person sees, such as `all-MiniLM-L6-v2`.
    pub name: String,
    /// Components of each vector.
    pub dimension: usize,
    /// Tokens of a text at most, the special ones included.
    pub window: NonZeroUsize,
    /// Everything that changes a vector: provider, weights, precision and the
    /// version of the code. Two models with one fingerprint give the same
    /// vectors.
    pub fingerprint: String,
}

/// A model that is ready to be opened.
pub trait Provider: Send + Sync {
    /// What the model is.
    fn info(&self) -> &ModelInfo;

    /// A fresh embedder, for one thread.
    ///
    /// # Errors
    /// Where the model cannot be loaded.
    fn open(&self) -> Result<Box<dyn Embedder>, EmbedError>;
}

/// What a text is to the model: some were trained with other words in front
/// of questions than in front of what answers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A chunk, to be found.
    Passage,
    /// A question, to find it with.
    Question,
}

/// A loaded model, or the way to one.
pub trait Embedder: Send {
    /// One vector for each text, in order, of the model's dimension and of
    /// length 1. A model on this machine calculates on the thread that polls;
    /// a service is waited for.
    ///
    /// # Errors
    /// [`EmbedError::TooLong`] for a text over the window, and whatever fails
    /// in the model; never fewer vectors than texts.
    fn embed<'a>(
        &'a mut self,
        texts: &'a [&'a str],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>>;
}

/// Holds a provider's answer to its promise: `count` vectors of `dimension`
/// finite components and length 1.
///
/// # Errors
/// The first promise that is broken.
pub fn check_vectors(vectors: &[Vec<f32>], count: usize, dimension: usize) -> Result<(), EmbedError> {
    if vectors.len() != count {
        return Err(EmbedError::Count { expected: count, found: vectors.len() });
    }
    for (index, vector) in vectors.iter().enumerate() {
        check_vector(vector, dimension).map_err(|reason| EmbedError::Vector { index, reason })?;
    }
    Ok(())
}

/// Why `vector` is none of a model with `dimension` components, if it is not.
fn check_vector(vector: &[f32], dimension: usize) -> Result<(), String> {
    if vector.len() != dimension {
        return Err(format!("it has {} components instead of {dimension}", vector.len()));
    }
    // A component that is not finite makes the sum not finite.
    let norm = vector.iter().map(|&component| f64::from(component).powi(2)).sum::<f64>().sqrt();
    if !norm.is_finite() || (norm - 1.0).abs() > NORM_TOLERANCE {
        return Err(format!("its length is {norm} instead of 1"));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
