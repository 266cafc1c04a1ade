//! Runs the model: one text at a time, on the calling thread.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ort::session::Session;
use ort::value::TensorRef;

use super::super::{EmbedError, Embedder, Purpose, check_vectors};
use super::bert::{INPUT, OUTPUT};
use super::table::TokenTable;
use super::word_pieces::WordPieces;

/// A session with what it shares with the others.
pub(super) struct LocalEmbedder {
    session: Session,
    word_pieces: Arc<WordPieces>,
    table: Arc<TokenTable>,
    window: NonZeroUsize,
    /// The tokens' vectors of the text at hand; kept for its space.
    rows: Vec<f32>,
}

impl LocalEmbedder {
    pub(super) fn new(
        session: Session,
        word_pieces: Arc<WordPieces>,
        table: Arc<TokenTable>,
        window: NonZeroUsize,
    ) -> Self {
        Self { session, word_pieces, table, window, rows: Vec::new() }
    }

    fn embed_one(&mut self, index: usize, text: &str) -> Result<Vec<f32>, EmbedError> {
        let ids = self.word_pieces.ids(text).map_err(|reason| EmbedError::Tokenize { index, reason })?;
        if ids.is_empty() {
            let reason = "the tokenizer gives no token at all, not even a special one".to_owned();
            return Err(EmbedError::Tokenize { index, reason });
        }
        if ids.len() > self.window.get() {
            return Err(EmbedError::TooLong { index, tokens: ids.len(), window: self.window });
        }
        self.table.look_up(&ids, &mut self.rows)?;
        let rows = TensorRef::from_array_view(([1, ids.len(), self.table.hidden()], self.rows.as_slice()))?;
        let outputs = self.session.run(ort::inputs![INPUT => rows])?;
        let output = outputs.get(OUTPUT).ok_or_else(|| EmbedError::Inference { reason: "no output".to_owned() })?;
        let (_, vector) = output.try_extract_tensor::<f32>()?;
        Ok(vector.to_vec())
    }
}

impl LocalEmbedder {
    fn embed_all(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            vectors.push(self.embed_one(index, text)?);
        }
        check_vectors(&vectors, texts.len(), self.table.hidden())?;
        Ok(vectors)
    }
}

impl Embedder for LocalEmbedder {
    fn embed<'a>(
        &'a mut self,
        texts: &'a [&'a str],
        _purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
        Box::pin(async move { self.embed_all(texts) })
    }
}
