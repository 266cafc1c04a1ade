//! What the tests of this stage share: a small WordPiece tokenizer, built in
//! memory by the library that reads the real ones, and documents.

use std::num::NonZeroUsize;

use serde_json::{Map, Value, json};

use super::tokens::HuggingFaceCounter;
use super::{ChunkOptions, ChunkSettings};
use crate::item::{Document, DocumentMetadata};

/// Whole words of the small vocabulary; other words fall into characters.
const WORDS: &str = "the of and to in a is that for it as with on be this by are from or an which you not can \
    one two three four title part section whole code value file word text function returns error";

/// A `tokenizer.json` as models have it, which cuts every text at 8 tokens and
/// pads it: a counter must not obey that.
pub(super) fn tokenizer_json() -> Vec<u8> {
    let mut vocabulary = Map::new();
    let mut add = |token: String| {
        let id = vocabulary.len();
        vocabulary.entry(token).or_insert(json!(id));
    };
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].iter().for_each(|token| add((*token).to_owned()));
    WORDS.split_whitespace().for_each(|word| add(word.to_owned()));
    for character in ('!'..='~').chain(['é', '世', '界']) {
        add(character.to_string());
        add(format!("##{character}"));
    }
    let special = |id: usize, content: &str| {
        json!({"id": id, "special": true, "content": content, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false})
    };
    let whole = json!({
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": Value::Object(vocabulary)},
    });
    serde_json::to_vec(&whole).unwrap()
}

/// The counter of [`tokenizer_json`].
pub(super) fn word_pieces() -> HuggingFaceCounter {
    HuggingFaceCounter::from_bytes(&tokenizer_json()).unwrap()
}

/// A document with this Markdown.
pub(super) fn document(markdown: &str) -> Document {
    Document {
        url: "https://example.com/page".to_owned(),
        title: "The title".to_owned(),
        markdown_content: markdown.to_owned(),
        last_updated: None,
        metadata: DocumentMetadata { locale: Some("en".to_owned()), ..DocumentMetadata::default() },
    }
}

/// Sizes in tokens; the rest is usual.
pub(super) fn settings(tokens_max: usize, overlap_tokens: usize, window: usize) -> ChunkSettings {
    ChunkSettings {
        tokens_max: NonZeroUsize::new(tokens_max).unwrap(),
        overlap_tokens,
        chars_max: None,
        overlap_chars: None,
        window: NonZeroUsize::new(window).unwrap(),
        context: true,
    }
}

/// Options by [`settings`].
pub(super) fn options(tokens_max: usize, overlap_tokens: usize, window: usize) -> ChunkOptions {
    ChunkOptions::new(settings(tokens_max, overlap_tokens, window)).unwrap()
}
