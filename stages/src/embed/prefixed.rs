//! A provider that puts words in front of texts: some models were trained
//! with other words before a question than before what answers it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{EmbedError, Embedder, ModelInfo, Provider, Purpose};
use crate::chunk::tokens::TokenCounter;

/// The words before a question and before a passage; a blank is put between
/// them and the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// `EMBEDDING_QUERY_PREFIX`.
    pub question: String,
    /// `EMBEDDING_PASSAGE_PREFIX`.
    pub passage: String,
}

/// `EMBEDDING_PASSAGE_PREFIX` leaves nothing of the model's window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("EMBEDDING_PASSAGE_PREFIX has {tokens} tokens and the model's window is {window}; shorten it")]
pub struct PrefixTooLong {
    tokens: usize,
    window: NonZeroUsize,
}

impl Prefixes {
    /// `provider` with these words in front of its texts; itself where there
    /// are none. The passage's words are taken off the window, and one token
    /// more for the seam.
    ///
    /// # Errors
    /// Where they fill the window.
    pub fn around(
        self,
        provider: Arc<dyn Provider>,
        tokens: &dyn TokenCounter,
    ) -> Result<Arc<dyn Provider>, PrefixTooLong> {
        if self == Self::default() {
            return Ok(provider);
        }
        let mut info = provider.info().clone();
        if !self.passage.is_empty() {
            let (count, window) = (tokens.count(&format!("{} ", self.passage)) + 1, info.window);
            let left = NonZeroUsize::new(window.get().saturating_sub(count));
            info.window = left.ok_or(PrefixTooLong { tokens: count, window })?;
            info.fingerprint = format!("{};passage={:?}", info.fingerprint, self.passage);
        }
        Ok(Arc::new(Prefixed { provider, info, prefixes: Arc::new(self) }))
    }

    fn before(&self, text: &str, purpose: Purpose) -> String {
        let prefix = match purpose {
            Purpose::Passage => &self.passage,
            Purpose::Question => &self.question,
        };
        if prefix.is_empty() { text.to_owned() } else { format!("{prefix} {text}") }
    }
}

struct Prefixed {
    provider: Arc<dyn Provider>,
    info: ModelInfo,
    prefixes: Arc<Prefixes>,
}

struct PrefixedEmbedder {
    embedder: Box<dyn Embedder>,
    prefixes: Arc<Prefixes>,
}

impl Provider for Prefixed {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn open(&self) -> Result<Box<dyn Embedder>, EmbedError> {
        Ok(Box::new(PrefixedEmbedder { embedder: self.provider.open()?, prefixes: Arc::clone(&self.prefixes) }))
    }
}

impl Embedder for PrefixedEmbedder {
    fn embed<'a>(
        &'a mut self,
        texts: &'a [&'a str],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
        async move {
            let texts: Vec<String> = texts.iter().map(|text| self.prefixes.before(text, purpose)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            self.embedder.embed(&texts, purpose).await
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::tokens::OpenAiCounter;

    /// A model whose vectors tell the texts that it was given.
    struct Telling(ModelInfo);

    impl Provider for Telling {
        fn info(&self) -> &ModelInfo {
            &self.0
        }

        fn open(&self) -> Result<Box<dyn Embedder>, EmbedError> {
            Ok(Box::new(Telling(self.0.clone())))
        }
    }

    impl Embedder for Telling {
        fn embed<'a>(
            &'a mut self,
            texts: &'a [&'a str],
            _purpose: Purpose,
        ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
            let told = texts.iter().map(|text| text.bytes().map(f32::from).collect()).collect();
            std::future::ready(Ok(told)).boxed()
        }
    }

    fn provider(window: usize) -> Arc<dyn Provider> {
        let (name, fingerprint) = ("m".to_owned(), "f".to_owned());
        Arc::new(Telling(ModelInfo { name, dimension: 1, window: NonZeroUsize::new(window).unwrap(), fingerprint }))
    }

    fn told(provider: &dyn Provider, purpose: Purpose) -> String {
        let mut embedder = provider.open().unwrap();
        let told = embedder.embed(&["text"], purpose).now_or_never().unwrap().unwrap();
        told[0].iter().map(|&byte| char::from(byte as u8)).collect()
    }

    fn prefixes(question: &str, passage: &str) -> Prefixes {
        Prefixes { question: question.to_owned(), passage: passage.to_owned() }
    }

    #[test]
    fn each_purpose_has_its_words() {
        let tokens = OpenAiCounter::estimate().unwrap();
        let both = prefixes("query:", "passage:").around(provider(100), &tokens).unwrap();
        assert_eq!(told(both.as_ref(), Purpose::Question), "query: text");
        assert_eq!(told(both.as_ref(), Purpose::Passage), "passage: text");
        assert!(both.info().window.get() < 98 && both.info().window.get() > 90);
        assert_eq!(both.info().fingerprint, "f;passage=\"passage:\"");
        // A question's words change no vector that is kept.
        let question = prefixes("query:", "").around(provider(100), &tokens).unwrap();
        assert_eq!((question.info().window.get(), question.info().fingerprint.as_str()), (100, "f"));
        assert_eq!(told(question.as_ref(), Purpose::Passage), "text");
        let none = Prefixes::default().around(provider(100), &tokens).unwrap();
        assert_eq!(told(none.as_ref(), Purpose::Question), "text");
    }

    #[test]
    fn words_that_fill_the_window_are_refused() {
        let tokens = OpenAiCounter::estimate().unwrap();
        let error = prefixes("", "many words in front of it").around(provider(6), &tokens).err().unwrap();
        assert!(error.to_string().contains("EMBEDDING_PASSAGE_PREFIX has"), "{error}");
    }
}
