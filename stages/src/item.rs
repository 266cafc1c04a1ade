//! The values that travel: raw item, document, chunk, and how they are named
//! (invariant 7: ids are made of the normalised URL and nothing else).
//!
//! The JSON shapes are those of docs2vector, so that its data can be read and
//! its readers can read ours; fields that docmill adds come after them.

use std::num::NonZeroUsize;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;

/// One page as the crawler, or another program, saved it.
///
/// `url` and `title` are required, and at least one of `html_content`,
/// `content` and `text_content` (which may be empty) unless the item is a
/// tombstone. Every other field may be missing or `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object with url, title and html_content, content or text_content")]
pub struct RawItem {
    /// Where the page was found, as written by whoever saved it.
    pub url: String,
    /// The page's title; may be empty.
    pub title: String,
    /// HTML, Markdown or plain text of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The whole page's HTML, as UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html_content: Option<String>,
    /// The content as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_content: Option<String>,
    /// When the page says it was last changed, as it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<String>,
    /// The page's place in its site, outermost first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub breadcrumbs: Vec<String>,
    /// Links to other pages of the site.
    #[serde(default, deserialize_with = "null_is_default")]
    pub related_links: Vec<Link>,
    /// docs2vector's lists beside the content.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub things_to_know: Vec<String>,
    /// docs2vector's lists beside the content.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub things_to_do: Vec<String>,
    /// docs2vector's lists beside the content.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub things_to_avoid: Vec<String>,
    /// What is known of the page beside its text.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: RawMetadata,
    /// When the page was fetched, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scraped_at: Option<String>,
}

/// A link as it stands on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The link's text; may be empty.
    #[serde(default, deserialize_with = "null_is_default")]
    pub text: String,
    /// Absolute URL.
    pub url: String,
}

/// What is known of a raw item beside its text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RawMetadata {
    /// Language tag, such as `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The site's own name for the page; see [`article_id`].
    #[serde(default, deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub article_id: Option<String>,
    /// docs2vector's hash of the page; never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_hash: Option<String>,
    /// `new`, `updated` or `unchanged`; `removed` makes the item a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_status: Option<String>,
    /// Media type of `html_content` or `text_content` as the server gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What the page names as its own URL (`rel=canonical`), absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_url: Option<String>,
    /// Whatever else another program wrote; kept, never read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl RawItem {
    /// Whether the item says that its page is gone.
    pub fn is_tombstone(&self) -> bool {
        self.metadata.change_status.as_deref() == Some("removed")
    }

    /// SHA-256 of what the stages read, in hex: two items with one hash give
    /// the same output. Times, `change_status` and `page_hash` are left out.
    pub fn content_hash(&self) -> String {
        let mut stripped = self.clone();
        stripped.scraped_at = None;
        stripped.metadata.page_hash = None;
        if !self.is_tombstone() {
            stripped.metadata.change_status = None;
        }
        // Serialising into a hasher cannot fail: every field is plain data
        // with string keys, and the hasher's `write` never errs.
        let mut hasher = Sha256::new();
        let _never_fails = serde_json::to_writer(&mut hasher, &stripped);
        hex::encode(hasher.finalize())
    }
}

/// A cleaned page: Markdown and metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The page's normalised URL: its identity.
    pub url: String,
    /// The page's title.
    pub title: String,
    /// GitHub-flavoured Markdown; empty where the page has no text.
    pub markdown_content: String,
    /// When the page says it was last changed, as it says it.
    pub last_updated: Option<String>,
    /// What is known of the document beside its text.
    pub metadata: DocumentMetadata,
}

/// What is known of a document beside its text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentMetadata {
    /// The raw item's URL as it was written there.
    pub source_url: String,
    /// The same as [`Document::title`].
    pub document_title: String,
    /// The same as [`Document::last_updated`].
    pub last_updated: Option<String>,
    /// The page's place in its site, outermost first.
    pub breadcrumbs: Vec<String>,
    /// Links to other pages, in the order of the page, each URL once.
    pub related_links: Vec<Link>,
    /// From the raw item.
    pub scraped_at: Option<String>,
    /// The outermost breadcrumb that is not the site itself, if any.
    pub category: Option<String>,
    /// See [`article_id`].
    pub article_id: Option<String>,
    /// Language tag, such as `en`.
    pub locale: Option<String>,
    /// From the raw item.
    pub page_hash: Option<String>,
    /// From the raw item.
    pub change_status: Option<String>,
    /// What the page names as its own URL, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_url: Option<String>,
    /// The Markdown's headings, in order.
    #[serde(default)]
    pub headings: Vec<Heading>,
}

/// A heading of a document's Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// The heading's text without markup.
    pub text: String,
    /// The fragment that leads there (without `#`, as it stands in the HTML,
    /// not percent-encoded), where the page has one.
    pub anchor: Option<String>,
    /// Byte offset of the heading's first character (its `#`) in the Markdown.
    pub offset: usize,
}

/// A piece of a document, small enough for the model's window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// See [`chunk_id`].
    pub id: String,
    /// The piece's Markdown.
    pub content: String,
    /// What is embedded, where it differs from `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded_text: Option<String>,
    /// The vector, once the embedder has made it; empty before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embedding: Vec<f32>,
    /// Where the piece comes from.
    pub metadata: ChunkMetadata,
}

impl Chunk {
    /// The text whose vector stands for this chunk.
    pub fn text_to_embed(&self) -> &str {
        self.embedded_text.as_deref().unwrap_or(&self.content)
    }
}

/// Where a chunk comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChunkMetadata {
    /// The headings that apply, as in docs2vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h1: Option<String>,
    /// See `h1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h2: Option<String>,
    /// See `h1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h3: Option<String>,
    /// See `h1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h4: Option<String>,
    /// Position in the document, from 0.
    pub chunk_index: usize,
    /// Position among the chunks of one section, from 0.
    pub sub_chunk_index: usize,
    /// The innermost heading, or the document's title.
    pub chunk_title: String,
    /// The same as [`Chunk::id`].
    pub chunk_id: String,
    /// The document's normalised URL.
    pub doc_id: String,
    /// Link that lands on the section: the URL with the nearest anchor.
    pub source_url: String,
    /// The document's title.
    pub document_title: String,
    /// All headings that apply, outermost first.
    pub headings: Vec<String>,
    /// Tokens of what is embedded, special tokens included, by the
    /// embedding model's own tokenizer.
    pub token_count: usize,
    /// Byte span of `content` in the document's Markdown: start, end. A piece
    /// that repeats a table's header is spanned without the repetition.
    pub span: (usize, usize),
    /// Language tag, such as `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// A document with its chunks, each with its vector: what the loader loads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddedDocument {
    /// See [`key_of_url`].
    pub key: String,
    /// Hash of the raw item it was made of ([`RawItem::content_hash`]).
    pub content_hash: String,
    /// The document.
    pub document: Document,
    /// Its chunks in order; empty where the page has no text.
    pub chunks: Vec<Chunk>,
}

/// Length of a usual key, in hex digits.
pub const KEY_LEN: usize = 12;
/// Length of a key whose short form another URL has.
pub const KEY_LEN_LONG: usize = 24;

/// The first `len` hex digits of the md5 of a normalised URL. md5 is no
/// protection against anybody: the ledger checks that a key has one URL.
pub fn key_of_url(normalised_url: &str, len: usize) -> String {
    let mut key = hex::encode(Md5::digest(normalised_url.as_bytes()));
    key.truncate(len);
    key
}

/// The id of a document's chunk number `index` (from 0).
pub fn chunk_id(key: &str, index: usize) -> String {
    format!("{key}_{index}")
}

/// The name, without folder and ending, under which an item's files stand.
pub fn file_stem(key: &str, article_id: Option<&str>) -> String {
    match article_id {
        Some(article) => format!("item_{article}_{key}"),
        None => format!("item_{key}"),
    }
}

/// `candidate` if it may decorate a file name: `[A-Za-z0-9_-]{1,64}`.
pub fn article_id(candidate: Option<&str>) -> Option<&str> {
    candidate.filter(|id| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    })
}

/// A model's window in tokens, special tokens included.
pub type Window = NonZeroUsize;

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// docs2vector writes some lists as one text where there is one entry.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::<OneOrMany>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(OneOrMany::One(text)) if text.trim().is_empty() => Vec::new(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    })
}

/// Article ids are numbers on some sites.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    use serde::de::Error as _;
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(D::Error::custom("article_id is neither a text nor a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> RawItem {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_raw_item_of_docs2vector_is_read_with_nulls_and_numbers() {
        let item = raw(r#"{"url":"https://a/b","title":"T","content":"c","breadcrumbs":null,"things_to_know":"one",
                "things_to_do":["a","b"],"metadata":{"article_id":42,"page_hash":"x","custom":1},"related_links":[{"text":null,"url":"u"}]}"#);
        assert_eq!(item.metadata.article_id.as_deref(), Some("42"));
        assert_eq!(item.things_to_know, ["one"]);
        assert_eq!(item.metadata.other["custom"], 1);
    }

    #[test]
    fn the_content_hash_leaves_out_times_and_status() {
        let one = raw(
            r#"{"url":"u","title":"t","content":"c","scraped_at":"2024","metadata":{"change_status":"new","page_hash":"p"}}"#,
        );
        let two =
            raw(r#"{"url":"u","title":"t","content":"c","scraped_at":"2025","metadata":{"change_status":"updated"}}"#);
        let other = raw(r#"{"url":"u","title":"t","content":"d"}"#);
        assert_eq!(one.content_hash(), two.content_hash());
        assert_ne!(one.content_hash(), other.content_hash());
    }

    #[test]
    fn an_article_id_never_becomes_a_path() {
        assert_eq!(article_id(Some("KB-12_a")), Some("KB-12_a"));
        for hostile in ["", "../x", "a/b", "a.b", "a b", "é", &"x".repeat(65)] {
            assert_eq!(article_id(Some(hostile)), None, "{hostile}");
        }
    }

    #[test]
    fn keys_are_the_first_digits_of_md5() {
        assert_eq!(key_of_url("https://example.com/", KEY_LEN), "182ccedb33a9");
        assert!(key_of_url("https://example.com/", KEY_LEN_LONG).starts_with("182ccedb33a9"));
    }
}
