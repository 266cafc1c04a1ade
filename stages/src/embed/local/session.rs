//! Runs the model: one text at a time, on the calling thread.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ort::session::Session;
use ort::value::TensorRef;

use super::super::{EmbedError, Embedder, Purpose, check_vectors};
use super::bert::{INPUT, OUTPUT};
use super::onnx::OnnxSession;
use super::sentence::Prompts;
use super::table::TokenTable;
use super::word_pieces::WordPieces;

/// Makes tokens of texts, as the model wants them. A clone shares the
/// tokenizer.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) word_pieces: Arc<WordPieces>,
    /// Tokens of a text at most, special ones and the prompt's included.
    pub(super) window: NonZeroUsize,
    /// What goes in front.
    pub(super) prompts: Prompts,
}

impl Reader {
    /// The window that a passage has without its prompt. `folder` is the
    /// model's, for the error.
    ///
    /// # Errors
    /// Where a prompt leaves nothing of the window.
    pub(super) fn room(&self, folder: &Path) -> Result<NonZeroUsize, EmbedError> {
        let count =
            |text: &str| self.word_pieces.count(text).map_err(|reason| EmbedError::Tokenize { index: 0, reason });
        let special = count("")?;
        let mut room = self.window;
        for purpose in [Purpose::Question, Purpose::Passage] {
            let tokens = count(self.prompts.of(purpose))?;
            let left = self.window.get().saturating_sub(tokens).checked_add(special).filter(|&left| left > special);
            room = left.and_then(NonZeroUsize::new).ok_or_else(|| EmbedError::PromptTooLong {
                folder: folder.to_owned(),
                tokens,
                window: self.window,
            })?;
        }
        Ok(room)
    }

    /// The ids of the text's tokens, the prompt's and special ones included.
    pub(super) fn ids(&self, index: usize, text: &str, purpose: Purpose) -> Result<Vec<u32>, EmbedError> {
        let prompt = self.prompts.of(purpose);
        let ids = if prompt.is_empty() {
            self.word_pieces.ids(text)
        } else {
            self.word_pieces.ids(&format!("{prompt}{text}"))
        };
        let ids = ids.map_err(|reason| EmbedError::Tokenize { index, reason })?;
        if ids.is_empty() {
            let reason = "the tokenizer gives no token at all, not even a special one".to_owned();
            return Err(EmbedError::Tokenize { index, reason });
        }
        if ids.len() > self.window.get() {
            return Err(EmbedError::TooLong { index, tokens: ids.len(), window: self.window });
        }
        Ok(ids)
    }
}

/// A session of docmill's own graph, with the table that it shares.
pub(super) struct BertSession {
    session: Session,
    table: Arc<TokenTable>,
    /// The tokens' vectors of the text at hand; kept for its space.
    rows: Vec<f32>,
}

impl BertSession {
    pub(super) fn new(session: Session, table: Arc<TokenTable>) -> Self {
        Self { session, table, rows: Vec::new() }
    }

    fn run(&mut self, ids: &[u32]) -> Result<Vec<f32>, EmbedError> {
        self.table.look_up(ids, &mut self.rows)?;
        let rows = TensorRef::from_array_view(([1, ids.len(), self.table.hidden()], self.rows.as_slice()))?;
        let outputs = self.session.run(ort::inputs![INPUT => rows])?;
        let output = outputs.get(OUTPUT).ok_or_else(|| EmbedError::Inference { reason: "no output".to_owned() })?;
        let (_, vector) = output.try_extract_tensor::<f32>()?;
        Ok(vector.to_vec())
    }
}

/// An open session of a network: from a text's tokens to its vector.
pub(super) enum Network {
    Bert(BertSession),
    Onnx(OnnxSession),
}

/// A network with what makes tokens for it.
pub(super) struct LocalEmbedder {
    network: Network,
    reader: Reader,
    dimension: usize,
}

impl LocalEmbedder {
    pub(super) fn new(network: Network, reader: Reader, dimension: usize) -> Self {
        Self { network, reader, dimension }
    }

    fn embed_all(&mut self, texts: &[&str], purpose: Purpose) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let ids = self.reader.ids(index, text, purpose)?;
            vectors.push(match &mut self.network {
                Network::Bert(session) => session.run(&ids)?,
                Network::Onnx(session) => session.run(&ids)?,
            });
        }
        check_vectors(&vectors, texts.len(), self.dimension)?;
        Ok(vectors)
    }
}

impl Embedder for LocalEmbedder {
    fn embed<'a>(
        &'a mut self,
        texts: &'a [&'a str],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
        Box::pin(async move { self.embed_all(texts, purpose) })
    }
}
