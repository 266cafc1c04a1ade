//! Each way in which the data can disagree is found, mended without loss, and
//! mended once.

use std::fs;

use rusqlite::Connection;

use super::*;
use crate::crawl::raw::raw_file;
use crate::crawl::url::UrlRules;
use crate::item::{RawItem, file_stem};
use crate::ledger::{self, InFlightRoom, OUTPUT_FILES, Output, Settlement, Verdict};
use crate::load::index::{INDEX_ID, Index};
use crate::load::{LoadDocument, files, samples};
use crate::store::{Folder, LocalStore};
use crate::{db, state, watch};

const URLS: [&str; 3] = ["https://a.example/1", "https://a.example/2", "https://a.example/3"];

struct Data {
    root: tempfile::TempDir,
    store: LocalStore,
}

impl Data {
    /// Three pages that are done.
    fn done() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(root.path()).unwrap();
        let data = Self { root, store };
        let db = data.state();
        for url in URLS {
            let item: RawItem =
                serde_json::from_value(serde_json::json!({"url": url, "title": url, "content": "Text."})).unwrap();
            let name = format!("{}.json", file_stem(&crate::item::key_of_url(url, 12), None));
            data.store.put(Folder::Raw, &name, &raw_file(&item).unwrap()).unwrap();
            let stamp = data.store.stat(Folder::Raw, &name).unwrap().unwrap().stamp;
            let read = watch::read(&data.store, &name, 1 << 20, &UrlRules::default()).unwrap();
            ledger::admit_file(&db, &name, &stamp, &read).unwrap();
        }
        let index = Index::open(data.root.path(), &samples::model("m")).unwrap();
        let room = InFlightRoom { items: 10, bytes: 1 << 20, empty: true };
        for taken in ledger::take(&db, 0, room, None).unwrap() {
            let mut load = samples::document(&taken.url, "T", &["one", "two"]);
            load.embedded.content_hash.clone_from(&taken.content_hash);
            load.embedded.document.metadata.related_links = samples::links(&[URLS[0]]);
            data.settle(&db, &index, &taken, &load);
        }
        data
    }

    fn settle(&self, db: &Connection, index: &Index, taken: &ledger::Taken, load: &LoadDocument) {
        let stem = file_stem(&taken.key, None);
        let written = files::write(&self.store, &stem, &[], &load.embedded).unwrap();
        samples::load_all(index, std::slice::from_ref(load));
        let output = |sink: &str, bytes| Output {
            sink: sink.to_owned(),
            stem: stem.clone(),
            fingerprint: "f".to_owned(),
            bytes,
        };
        let outputs = vec![output(OUTPUT_FILES, written.size()), output(INDEX_ID, 0)];
        let settlement = Settlement {
            key: taken.key.clone(),
            generation: taken.generation,
            content_hash: taken.content_hash.clone(),
            verdict: Verdict::Done { outputs, chunks: load.embedded.chunks.len() },
        };
        assert!(ledger::settle(db, &settlement).unwrap());
    }

    fn state(&self) -> Connection {
        db::open(&self.path(state::FILE), state::SCHEMA).unwrap()
    }

    fn index(&self) -> Connection {
        Connection::open(self.path("index.db")).unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// The only file of the first page in a folder.
    fn file(&self, folder: Folder) -> std::path::PathBuf {
        let mut names: Vec<String> = self.store.list(folder).unwrap().into_iter().map(|entry| entry.name).collect();
        names.sort();
        self.store.folder(folder).join(&names[0])
    }

    fn places(&self) -> Places<'_> {
        Places { data_dir: self.root.path(), store: &self.store, graph: None, is_running: false }
    }

    fn kinds(&self) -> Vec<&'static str> {
        let report = verify(self.places()).unwrap();
        let mut kinds: Vec<_> = report.findings.iter().map(|finding| finding.kind.name()).collect();
        kinds.dedup();
        kinds
    }
}

fn overwrite(path: &std::path::Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn data_that_agrees_has_no_finding() {
    let data = Data::done();
    let report = verify(data.places()).unwrap();
    assert_eq!((report.findings, report.notes, report.items, report.documents), (vec![], vec![], 3, 3));
}

/// How something is broken, and what is found.
type Breakage = (&'static str, fn(&Data));

/// What waits again, leaves or is counted anew: all of it is mended.
const MENDED: [Breakage; 15] = [
    ("files_damaged", |data| overwrite(&data.file(Folder::Chunks), |bytes| bytes.truncate(bytes.len() / 2))),
    ("files_damaged", |data| overwrite(&data.file(Folder::Processed), |bytes| bytes[0] = b'{')),
    ("files_missing", |data| fs::remove_file(data.file(Folder::Chunks)).unwrap()),
    // Whole, of the right size, and of other words.
    ("index_differs", |data| {
        overwrite(&data.file(Folder::Chunks), |bytes| {
            let at = bytes.windows(3).position(|word| word == b"two").unwrap();
            bytes[at..at + 3].copy_from_slice(b"six");
        });
    }),
    ("index_differs", |data| drop(data.index().execute("UPDATE vector SET vector = zeroblob(16) WHERE chunk = 1", []))),
    ("index_differs", |data| drop(data.index().execute("UPDATE vector SET vector = x'00' WHERE chunk = 1", []))),
    ("index_differs", |data| drop(data.index().execute("DELETE FROM words WHERE rowid = 2", []))),
    ("index_differs", |data| drop(data.index().execute("DELETE FROM link WHERE document = 1", []))),
    ("index_missing", |data| drop(data.index().execute("UPDATE document SET content_hash = 'x' WHERE id = 1", []))),
    ("index_strays", |data| {
        drop(data.index().execute("INSERT INTO words (rowid, title, headings, text) VALUES (99, 'a', 'b', 'c')", []));
    }),
    ("index_missing", |data| {
        for ending in ["", "-wal", "-shm"] {
            let _may_not_be_there = fs::remove_file(data.path(&format!("index.db{ending}")));
        }
    }),
    ("miscount", |data| drop(data.state().execute("UPDATE item_count SET items = 7 WHERE state = 'done'", []))),
    ("orphan_document", |data| {
        let index = Index::open(data.root.path(), &samples::model("m")).unwrap();
        samples::load_all(&index, &[samples::document("https://b.example/", "B", &["lost"])]);
    }),
    ("orphan_file", |data| {
        let load = samples::document("https://b.example/", "B", &["lost"]);
        files::write(&data.store, &file_stem(&load.embedded.key, None), &[], &load.embedded).unwrap();
    }),
    ("leftover", |data| fs::write(data.store.folder(Folder::Raw).join(".tmp-x"), "half").unwrap()),
];

#[test]
fn what_disagrees_is_found_and_mended_once_and_raw_files_are_as_they_were() {
    for (number, (kind, break_it)) in MENDED.iter().enumerate() {
        let data = Data::done();
        let raw: Vec<_> = data.store.list(Folder::Raw).unwrap();
        break_it(&data);
        assert_eq!(data.kinds(), [*kind], "breakage {number}");
        assert_eq!(data.kinds(), [*kind], "breakage {number}: looking changes nothing");
        let repaired = repair(data.places()).unwrap();
        assert_eq!(repaired.left.findings, [], "breakage {number}");
        assert!(!repaired.mended.is_empty());
        assert_eq!(repair(data.places()).unwrap().mended, [], "breakage {number}: a second repair");
        let waiting = ledger::counts(&data.state()).unwrap().waiting;
        let is_of_an_item = kind.starts_with("files") || kind.starts_with("index");
        assert_eq!(waiting > 0, is_of_an_item && *kind != "index_strays", "breakage {number}: {waiting} wait");
        let mut after = data.store.list(Folder::Raw).unwrap();
        after.sort_by(|a, b| a.name.cmp(&b.name));
        let mut before = raw;
        before.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(after, before, "breakage {number}");
    }
}

#[test]
fn an_orphan_is_kept_aside() {
    let data = Data::done();
    let load = samples::document("https://b.example/", "B", &["lost"]);
    let stem = file_stem(&load.embedded.key, None);
    let index = Index::open(data.root.path(), &samples::model("m")).unwrap();
    samples::load_all(&index, std::slice::from_ref(&load));
    drop(index);
    // Another program's file under a key that is not its URL's stays.
    let mut other = samples::document("https://c.example/", "C", &["theirs"]).embedded.document;
    other.url = "https://d.example/".to_owned();
    let theirs = "item_0123456789ab_processed.json";
    data.store.put(Folder::Processed, theirs, &serde_json::to_vec(&[other]).unwrap()).unwrap();
    repair(data.places()).unwrap();
    let aside = LocalStore::open(&data.path(SET_ASIDE));
    let kept = files::read_chunks(&aside, &stem, 1 << 20).unwrap().unwrap();
    assert_eq!(kept, load.embedded.chunks);
    assert!(data.store.stat(Folder::Processed, theirs).unwrap().is_some());
    assert_eq!(verify(data.places()).unwrap().documents, 3);
}

#[test]
fn a_raw_item_that_is_gone_or_rotten_is_told_and_nothing_is_given_up_for_it() {
    let data = Data::done();
    let raw = data.file(Folder::Raw);
    fs::remove_file(&raw).unwrap();
    assert_eq!(data.kinds(), ["raw_missing"]);
    fs::remove_file(data.file(Folder::Chunks)).unwrap();
    let repaired = repair(data.places()).unwrap();
    // It could not be made anew: the index keeps what it has.
    assert_eq!(ledger::counts(&data.state()).unwrap().waiting, 0);
    assert_eq!(repaired.left.documents, 3);
    assert!(!repaired.left.findings.is_empty() && repaired.mended.is_empty());

    let data = Data::done();
    let raw = data.file(Folder::Raw);
    overwrite(&raw, |bytes| *bytes.last_mut().unwrap() = b'x');
    let report = verify(data.places()).unwrap();
    assert_eq!((report.findings.len(), report.notes.len()), (0, 1), "it was changed: that is work, and no fault");
    let name = raw.file_name().unwrap().to_str().unwrap();
    overwrite(&raw, |bytes| bytes[20] ^= 1);
    let stamp = data.store.stat(Folder::Raw, name).unwrap().unwrap().stamp;
    data.state().execute("UPDATE raw_file SET stamp = ?1 WHERE name = ?2", [stamp.as_str(), name]).unwrap();
    assert_eq!(data.kinds(), ["raw_damaged"]);
}

#[test]
fn a_damaged_ledger_or_index_is_put_aside_and_no_document_with_it() {
    for name in ["state.db", "index.db", "cache.db"] {
        let data = Data::done();
        fs::write(data.path("cache.db"), "").unwrap();
        for db in [data.state(), data.index()] {
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        let noise: Vec<u8> =
            (0..1_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        overwrite(&data.path(name), |bytes| {
            let length = bytes.len();
            bytes.resize(length.max(8_192), 0);
            let end = bytes.len();
            bytes[4_096..end].copy_from_slice(&noise[..end - 4_096]);
            if length == 0 {
                bytes[..4_096].copy_from_slice(&noise[..4_096]);
            }
        });
        assert_eq!(data.kinds(), ["damaged_database"], "{name}");
        let repaired = repair(data.places()).unwrap();
        assert_eq!(repaired.left.findings, [], "{name}");
        assert!(data.path(&format!("{name}.aside")).exists());
        assert!(!data.path(SET_ASIDE).exists(), "{name}: nothing is an orphan for it");
        let again = repair(data.places()).unwrap();
        assert_eq!((again.mended, again.left.findings), (vec![], vec![]), "{name}");
        let counts = ledger::counts(&data.state()).unwrap();
        match name {
            "state.db" => assert_eq!((counts.admitted(), repaired.left.documents), (0, 3)),
            "index.db" => assert_eq!((counts.waiting, repaired.left.documents), (3, 0)),
            _ => assert_eq!((counts.done, repaired.left.documents), (3, 3)),
        }
    }
}

#[test]
fn a_ledger_whose_lookup_alone_is_wrong_keeps_its_items() {
    let data = Data::done();
    data.state()
        .execute_batch(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE INDEX item_file ON item (url)' WHERE name = 'item_file';",
        )
        .unwrap();
    assert_eq!(data.kinds(), ["damaged_database"]);
    assert_eq!(repair(data.places()).unwrap().left.findings, []);
    assert_eq!(ledger::counts(&data.state()).unwrap().done, 3);
    assert!(!data.path("state.db.aside").exists());
}

#[test]
fn a_folder_or_a_link_to_nowhere_in_a_files_place_is_put_aside() {
    let data = Data::done();
    let chunks = std::fs::read_dir(data.path("chunks")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&chunks).unwrap();
    std::fs::create_dir(&chunks).unwrap();
    assert_eq!(repair(data.places()).unwrap().left.findings, []);
    assert!(!chunks.exists() && data.path(SET_ASIDE).join("chunks").join(chunks.file_name().unwrap()).is_dir());
    for name in ["state.db", "index.db"] {
        let data = Data::done();
        for end in ["", "-wal", "-shm"] {
            let _may_not_be_there = std::fs::remove_file(data.path(&format!("{name}{end}")));
        }
        if name == "state.db" {
            std::fs::create_dir(data.path(name)).unwrap();
        } else {
            std::os::unix::fs::symlink("/nowhere/x", data.path(name)).unwrap();
        }
        assert_eq!(data.kinds(), ["damaged_database"], "{name}");
        assert_eq!(repair(data.places()).unwrap().left.findings, [], "{name}");
    }
}
