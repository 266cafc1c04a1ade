//! One raw file: a JSON list of raw items (or one raw item alone).

use serde_json::value::RawValue;

use crate::crawl::url::{NormalUrl, UrlRules};
use crate::failure::StageError;
use crate::fault;
use crate::item::{RawItem, article_id};
use crate::ledger::{Candidate, Location, RawFile, Refused};
use crate::store::{Folder, Store, StoreError};

/// Why a raw file, or an item of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such file (any more).
    #[error("{place} is gone; put it back, or crawl the page again")]
    Missing {
        /// Which file.
        place: String,
    },
    /// Not a JSON list of objects; perhaps not yet.
    #[error("{place} is not a JSON list of raw items: {reason}")]
    NotJson {
        /// Which file.
        place: String,
        /// What the parser said, and where.
        reason: String,
    },
}

impl StageError for ReadError {
    fn can_retry(&self) -> bool {
        match self {
            Self::Store(error) => error.can_retry(),
            Self::Missing { .. } | Self::NotJson { .. } => false,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Store(error) => error.kind(),
            Self::Missing { .. } => "raw_missing",
            Self::NotJson { .. } => "not_json",
        }
    }

    fn is_store_outage(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_store_outage())
    }
}

/// Reads a raw file of at most `bytes_max` bytes.
///
/// An element that is no item is refused alone; its neighbours are found.
///
/// # Errors
/// The file cannot be read, or is not JSON as a whole.
pub fn read(store: &dyn Store, name: &str, bytes_max: u64, urls: &UrlRules) -> Result<RawFile, ReadError> {
    let place = || store.locate(Folder::Raw, name);
    fault::point("watcher.read").map_err(|fault| StoreError::Io {
        action: "read",
        place: place(),
        source: fault.into(),
    })?;
    let bytes = store.get(Folder::Raw, name, bytes_max)?.ok_or_else(|| ReadError::Missing { place: place() })?;
    let not_json = |reason: String| ReadError::NotJson { place: place(), reason };
    let text = std::str::from_utf8(&bytes).map_err(|error| not_json(error.to_string()))?;
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    let elements = elements(json).map_err(|error| not_json(error.to_string()))?;

    let mut file = RawFile::default();
    for (element, position) in elements.into_iter().zip(0..) {
        let location = Location {
            file: name.to_owned(),
            position,
            start: offset_of(element.get(), text),
            bytes: element.get().len() as u64,
        };
        match candidate(element.get(), location, urls) {
            Ok(found) => file.found.push(found),
            Err(error) => {
                file.refused.push(Refused { position, error: format!("{} item {position}: {error}", place()) })
            }
        }
    }
    Ok(file)
}

fn elements(json: &str) -> serde_json::Result<Vec<&RawValue>> {
    if json.trim_start().starts_with('{') { Ok(vec![serde_json::from_str(json)?]) } else { serde_json::from_str(json) }
}

/// Where `part`, which lies within `whole`, begins.
fn offset_of(part: &str, whole: &str) -> u64 {
    (part.as_ptr().addr() - whole.as_ptr().addr()) as u64
}

fn candidate(json: &str, location: Location, urls: &UrlRules) -> Result<Candidate, String> {
    let item = parse(json)?;
    let url = NormalUrl::parse(&item.url, urls).map_err(|error| error.to_string())?;
    Ok(Candidate {
        url: url.as_str().to_owned(),
        article_id: article_id(item.metadata.article_id.as_deref()).map(ToOwned::to_owned),
        location,
        scraped_at: item.scraped_at.as_deref().and_then(microseconds).unwrap_or(i64::MIN),
        content_hash: item.content_hash(),
        tombstone: item.is_tombstone(),
    })
}

fn parse(json: &str) -> Result<RawItem, String> {
    let item: RawItem = match (serde_json::from_str(json), without_lone_surrogates(json)) {
        (Err(_), Some(mended)) => serde_json::from_str(&mended).map_err(|error| error.to_string())?,
        (read, _) => read.map_err(|error| error.to_string())?,
    };
    let has_text = item.html_content.is_some() || item.content.is_some() || item.text_content.is_some();
    if has_text || item.is_tombstone() {
        Ok(item)
    } else {
        Err("none of html_content, content and text_content is there".to_owned())
    }
}

/// Half of a surrogate pair, which Python writes and JSON's readers refuse,
/// becomes the mark of a character that is lost. `None` where there is none.
fn without_lone_surrogates(json: &str) -> Option<String> {
    let unit = |at: usize| -> Option<u32> {
        let escape = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(escape, 16).ok()
    };
    let (mut mended, mut kept_to, mut at) = (String::new(), 0, 0);
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let step = match unit(at) {
            Some(0xd800..0xdc00) if matches!(unit(at + 6), Some(0xdc00..0xe000)) => 12,
            Some(0xd800..0xe000) => {
                mended.push_str(json.get(kept_to..at)?);
                mended.push_str("\\ufffd");
                kept_to = at + 6;
                6
            }
            Some(_) => 6,
            None => 2,
        };
        at += step;
    }
    if kept_to == 0 {
        return None;
    }
    mended.push_str(json.get(kept_to..)?);
    Some(mended)
}

/// ISO 8601 with or without an offset (then UTC), as Python writes it too.
fn microseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let timestamp = text.parse::<jiff::Timestamp>().ok();
    let timestamp = timestamp.or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    timestamp.map(jiff::Timestamp::as_microsecond)
}

/// Reads one item again from where the ledger says that it lies.
///
/// `Ok(None)` where something else lies there by now: newer content, which
/// the next scan admits.
///
/// # Errors
/// The file is gone, or cannot be read.
pub fn fetch(store: &dyn Store, location: &Location, content_hash: &str) -> Result<Option<RawItem>, ReadError> {
    let bytes = store.get_range(Folder::Raw, &location.file, location.start, location.bytes)?;
    let Some(bytes) = bytes else {
        return match store.stat(Folder::Raw, &location.file)? {
            Some(_) => Ok(None),
            None => Err(ReadError::Missing { place: store.locate(Folder::Raw, &location.file) }),
        };
    };
    let item = std::str::from_utf8(&bytes).ok().and_then(|json| parse(json).ok());
    Ok(item.filter(|item| item.content_hash() == content_hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LocalStore;

    fn read_text(text: &str) -> (tempfile::TempDir, LocalStore, Result<RawFile, ReadError>) {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(folder.path()).unwrap();
        store.put(Folder::Raw, "x.json", text.as_bytes()).unwrap();
        let file = read(&store, "x.json", 1 << 20, &UrlRules::default());
        (folder, store, file)
    }

    #[test]
    fn each_element_is_an_item_or_refused_alone() {
        let text = "\u{feff}[ {\"url\":\"https://a/é\",\"title\":\"t\",\"content\":\"c\"}, 7, {\"url\":\"https://a/2\",\"title\":\"t\"},
            {\"url\":\"mailto:x\",\"title\":\"t\",\"content\":\"\"}, {\"url\":\"https://a/3\",\"title\":1,\"content\":\"\"},
            {\"url\":\"https://a/4\",\"title\":\"t\",\"text_content\":\"\",\"scraped_at\":\"2024-05-01T10:00:00.5\"} ]";
        let (_folder, store, file) = read_text(text);
        let file = file.unwrap();
        let urls: Vec<_> = file.found.iter().map(|found| found.url.as_str()).collect();
        assert_eq!(urls, ["https://a/%C3%A9", "https://a/4"]);
        assert_eq!(file.refused.iter().map(|refused| refused.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(file.found[1].scraped_at, 1_714_557_600_500_000);
        for found in &file.found {
            let item = fetch(&store, &found.location, &found.content_hash).unwrap().unwrap();
            assert_eq!(item.title, "t");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_one_lost_character() {
        let mended = |text: &str| without_lone_surrogates(text);
        assert_eq!(mended(r"a\\ud800 \ud83d\ude00 \u00e9"), None, "an escaped backslash, a whole pair, a letter");
        assert_eq!(mended(r"\ud800x\udc00\ud83d\ude00").as_deref(), Some(r"\ufffdx\ufffd\ud83d\ude00"));
        assert_eq!(mended(r"\ud83d\ud83d\ude00\").as_deref(), Some(r"\ufffd\ud83d\ude00\"));
        let (_folder, store, file) = read_text(r#"[{"url":"https://a/","title":"t\udfff","content":"\ud800 c"}]"#);
        let found = file.unwrap().found.remove(0);
        let item = fetch(&store, &found.location, &found.content_hash).unwrap().unwrap();
        assert_eq!((item.title.as_str(), item.content.as_deref()), ("t\u{fffd}", Some("\u{fffd} c")));
    }

    #[test]
    fn one_item_alone_is_a_file_too() {
        let (_folder, _store, file) = read_text(r#" {"url":"https://a/","title":"t","content":"c"}"#);
        assert_eq!(file.unwrap().found.len(), 1);
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_one_error() {
        for text in ["", "[{\"url\":", "null", "\"x\"", &"[".repeat(100_000)] {
            let (_folder, _store, file) = read_text(text);
            assert!(matches!(file, Err(ReadError::NotJson { .. })), "{text:.20}");
        }
    }

    #[test]
    fn bytes_that_have_moved_on_are_nobodys() {
        let (_folder, store, file) = read_text(r#"[{"url":"https://a/","title":"t","content":"c"}]"#);
        let found = file.unwrap().found.remove(0);
        store.put(Folder::Raw, "x.json", br#"[{"url":"https://a/","title":"t","content":"d"}]"#).unwrap();
        assert_eq!(fetch(&store, &found.location, &found.content_hash).unwrap(), None);
        store.remove(Folder::Raw, "x.json").unwrap();
        assert!(matches!(fetch(&store, &found.location, &found.content_hash), Err(ReadError::Missing { .. })));
    }
}
