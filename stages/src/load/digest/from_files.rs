//! The digest of the per-document files in the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{DataDigest, Digester};
use crate::item::{Document, EmbeddedDocument, KEY_LEN, KEY_LEN_LONG, key_of_url};
use crate::load::LoadError;
use crate::load::files::{self, PROCESSED_ENDING, chunks_name, processed_name};
use crate::load::index::link_target;
use crate::store::{Folder, Store};

/// The digest of files, and what was not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesDigest {
    /// Of the documents' files.
    pub digest: DataDigest,
    /// Names in `processed/` that are no document's: batch files, and what
    /// another program left there under a key that is not its URL's.
    pub left_out: Vec<String>,
}

/// The digest of `processed/` and `chunks/`, per-document files only. Reads
/// every document twice and its chunks once; holds the URLs of all in memory
/// and the rest of one.
///
/// # Errors
/// A file is over `bytes_max` bytes, damaged or missing, or two files are the
/// same document's.
pub fn of_files(store: &dyn Store, bytes_max: u64) -> Result<FilesDigest, LoadError> {
    let Listing { stems, urls, left_out } = list(store, bytes_max)?;
    let mut digester = Digester::default();
    for (key, stem) in &stems {
        let document = read_document(store, stem, bytes_max)?;
        let chunks = files::read_chunks(store, stem, bytes_max)?.ok_or_else(|| {
            files::damaged(store, Folder::Processed, &processed_name(stem), format!("{} is missing", chunks_name(stem)))
        })?;
        let embedded = EmbeddedDocument { key: key.clone(), content_hash: String::new(), document, chunks };
        crate::load::sink::check_names(&embedded)
            .map_err(|error| files::damaged(store, Folder::Chunks, &chunks_name(stem), error))?;
        digester.document(key, &embedded.document, &embedded.chunks)?;
        for target in targets(key, &embedded.document, &urls) {
            digester.edge(key, target)?;
        }
    }
    Ok(FilesDigest { digest: digester.finish(), left_out })
}

struct Listing {
    /// By key.
    stems: BTreeMap<String, String>,
    /// Keys by URL.
    urls: HashMap<String, String>,
    left_out: Vec<String>,
}

fn list(store: &dyn Store, bytes_max: u64) -> Result<Listing, LoadError> {
    let mut listing = Listing { stems: BTreeMap::new(), urls: HashMap::new(), left_out: Vec::new() };
    let mut names: Vec<String> = store.list(Folder::Processed)?.into_iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    for name in names {
        let Some((stem, key)) = stem_and_key(&name) else {
            listing.left_out.push(name);
            continue;
        };
        let document = read_document(store, stem, bytes_max)?;
        if key_of_url(&document.url, key.len()) != key {
            listing.left_out.push(name);
            continue;
        }
        let other = listing.stems.insert(key.to_owned(), stem.to_owned());
        let other = other.or_else(|| listing.urls.insert(document.url, key.to_owned()));
        if let Some(other) = other {
            let reason = format!("{other} is the same document");
            return Err(files::damaged(store, Folder::Processed, &name, reason));
        }
    }
    Ok(listing)
}

/// A name may claim any key; whoever calls this compares it with the URL.
fn stem_and_key(name: &str) -> Option<(&str, &str)> {
    let stem = name.strip_suffix(PROCESSED_ENDING)?;
    let (_, key) = stem.strip_prefix("item_").map(|rest| rest.rsplit_once('_').unwrap_or(("", rest)))?;
    matches!(key.len(), KEY_LEN | KEY_LEN_LONG).then_some((stem, key))
}

fn read_document(store: &dyn Store, stem: &str, bytes_max: u64) -> Result<Document, LoadError> {
    files::read_document(store, stem, bytes_max)?
        .ok_or_else(|| files::damaged(store, Folder::Processed, &processed_name(stem), "it went away meanwhile"))
}

fn targets<'a>(key: &str, document: &Document, urls: &'a HashMap<String, String>) -> BTreeSet<&'a str> {
    let links = &document.metadata.related_links;
    let targets = links.iter().filter_map(|link| urls.get(link_target(&link.url))).map(String::as_str);
    targets.filter(|target| *target != key).collect()
}
