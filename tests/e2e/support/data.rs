//! What a run left behind, read as another program would: the JSON files
//! under `DATA_DIR`, and docmill's own answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use docmill_stages::item::{Chunk, Document};
use docmill_stages::{db, state};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::program::Docmill;

/// Final data in a few words, the same in the files and in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    /// How many documents.
    pub(crate) documents: u64,
    /// How many chunks.
    pub(crate) chunks: u64,
    /// Of documents, chunks and vectors.
    pub(crate) data: String,
    /// Of the links between them.
    pub(crate) edges: String,
}

impl Docmill {
    /// What `docmill digest` says of the index, which must be what it says of
    /// the files.
    #[track_caller]
    pub(crate) fn digest(&self) -> Digest {
        let [index, files] = ["index", "files"].map(|place| {
            let answer = self.run(&["digest", "--from", place, "--json"]).expect(0).json();
            Digest {
                documents: answer["documents"].as_u64().expect("documents are counted"),
                chunks: answer["chunks"].as_u64().expect("chunks are counted"),
                data: answer["digest"].as_str().expect("a digest").to_owned(),
                edges: answer["edges_digest"].as_str().expect("a digest").to_owned(),
            }
        });
        assert_eq!(index, files, "the index and the files differ");
        index
    }

    /// `docmill status --json`, whose numbers must add up (invariant 1).
    #[track_caller]
    pub(crate) fn status(&self) -> Status {
        let status = Status(self.run(&["status", "--json"]).expect(0).json());
        let sum: u64 =
            ["done", "skipped", "dead", "waiting", "in_flight"].iter().map(|state| status.items(state)).sum();
        assert_eq!(status.items("admitted"), sum, "{:#}", status.0);
        status
    }

    /// How many stage calls are under way, as the ledger has them: what it
    /// would know of them if the process died now.
    pub(crate) fn stage_calls(&self) -> u64 {
        let file = self.data_dir().join(state::FILE);
        let db = db::open_read_only(&file, state::SCHEMA).expect("state.db can be read").expect("state.db is there");
        db.query_row("SELECT count(*) FROM stage_call", [], |row| row.get(0)).expect("the ledger has its table")
    }

    /// The hits of `docmill search --json`.
    #[track_caller]
    pub(crate) fn search(&self, question: &str) -> Vec<Hit> {
        let answer = self.run(&["search", "--json", "--", question]).expect(0).json();
        assert_eq!(answer["query"], question);
        serde_json::from_value(answer["hits"].clone()).expect("hits have the documented shape")
    }

    /// Every document under `processed/`, by URL.
    pub(crate) fn documents(&self) -> BTreeMap<String, Document> {
        let documents: Vec<Document> = read_lists(&self.data_dir().join("processed"));
        let count = documents.len();
        let by_url: BTreeMap<_, _> = documents.into_iter().map(|document| (document.url.clone(), document)).collect();
        assert_eq!(by_url.len(), count, "a document lies there twice");
        by_url
    }

    /// Every chunk under `chunks/`, in the order of the files' names.
    pub(crate) fn chunks(&self) -> Vec<Chunk> {
        read_lists(&self.data_dir().join("chunks"))
    }

    /// Every raw item under `raw/`.
    pub(crate) fn raw_items(&self) -> Vec<Value> {
        read_lists(&self.data_dir().join("raw"))
    }

    /// The paths of the pages under `raw/`, sorted.
    pub(crate) fn raw_paths(&self) -> Vec<String> {
        let mut paths: Vec<String> =
            self.raw_items().iter().map(|item| path_of(item["url"].as_str().expect("a raw item has a URL"))).collect();
        paths.sort();
        paths
    }

    /// The names of the whole files in a folder under `DATA_DIR`.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        json_files(&self.data_dir().join(folder))
            .iter()
            .filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()))
            .collect()
    }
}

/// What `status --json` said.
#[derive(Debug, Clone)]
pub(crate) struct Status(pub(crate) Value);

impl Status {
    /// How many items are in a state, or `admitted`.
    #[track_caller]
    pub(crate) fn items(&self, state: &str) -> u64 {
        self.0["items"][state].as_u64().unwrap_or_else(|| panic!("no items {state:?} in {:#}", self.0))
    }

    /// A count of the crawl.
    #[track_caller]
    pub(crate) fn crawl(&self, name: &str) -> u64 {
        self.0["crawl"][name].as_u64().unwrap_or_else(|| panic!("no crawl {name:?} in {:#}", self.0))
    }

    /// How many URLs the crawl left out for a reason.
    pub(crate) fn left_out(&self, reason: &str) -> u64 {
        self.0["crawl"]["left_out"][reason].as_u64().unwrap_or(0)
    }

    /// The dead items.
    pub(crate) fn dead(&self) -> &[Value] {
        self.0["dead"].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// A hit of a search, as a program reads it.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Hit {
    pub(crate) rank: usize,
    pub(crate) score: f64,
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) headings: Vec<String>,
    pub(crate) text: String,
    pub(crate) chunk_id: String,
}

impl Hit {
    /// The page's path, without the section's anchor.
    pub(crate) fn path(&self) -> String {
        path_of(&self.url)
    }
}

/// The path of an absolute URL, without query and fragment.
pub(crate) fn path_of(url: &str) -> String {
    url::Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}")).path().to_owned()
}

/// The whole JSON files of a folder, sorted; none where it is not there.
fn json_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    files
}

fn read_lists<T: DeserializeOwned>(folder: &Path) -> Vec<T> {
    let mut all = Vec::new();
    for file in json_files(folder) {
        let bytes = std::fs::read(&file).expect("a file that is listed can be read");
        let list: Vec<T> = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        all.extend(list);
    }
    all
}
