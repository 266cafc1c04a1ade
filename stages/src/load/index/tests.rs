//! The index on real files: replaced, removed, damaged, swapped.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::load::samples::{self, load_all, model, wait};

fn open(folder: &Path) -> Index {
    Index::open(folder, &model("f")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_read_is_what_was_loaded(load in samples::hostile_document()) {
        let folder = tempfile::tempdir().unwrap();
        let index = open(folder.path());
        load_all(&index, std::slice::from_ref(&load));
        let embedded = &load.embedded;
        let (document, chunks) = index.reader().unwrap().document(&embedded.key).unwrap().unwrap();
        prop_assert_eq!(&document, &embedded.document);
        let bits = |chunks: &[crate::item::Chunk]| -> Vec<u32> {
            chunks.iter().flat_map(|chunk| &chunk.embedding).map(|value| value.to_bits()).collect()
        };
        prop_assert_eq!(bits(&chunks), bits(&embedded.chunks));
        prop_assert_eq!(&chunks, &embedded.chunks);
        let loaded = index.reader().unwrap().loaded(&embedded.key).unwrap().unwrap();
        prop_assert_eq!(loaded.fingerprints, load.fingerprints);
        prop_assert_eq!(&loaded.content_hash, &embedded.content_hash);
    }
}

fn rows(index: &Index) -> Vec<i64> {
    let reader = index.reader().unwrap();
    let count = |db: &Connection, sql: &str| Ok::<i64, DbError>(db.query_row(sql, [], |row| row.get(0))?);
    reader
        .in_one_state(|db| {
            ["document", "chunk", "vector", "link", "words"]
                .iter()
                .map(|table| count(db, &format!("SELECT COUNT(*) FROM {table}")))
                .collect()
        })
        .unwrap()
}

#[test]
fn a_replaced_or_removed_document_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let mut long = samples::document("https://a.example/", "T", &["one", "two", "three"]);
    long.embedded.document.metadata.related_links = samples::links(&["https://a.example/x", "https://b.example/"]);
    let short = samples::document("https://a.example/", "T", &["four"]);
    let other = samples::document("https://a.example/x", "X", &["five"]);
    load_all(&index, &[long.clone(), other.clone()]);
    assert_eq!(rows(&index), [2, 4, 4, 2, 4]);
    assert_eq!(index.reader().unwrap().counts().unwrap(), Counts { documents: 2, chunks: 4, links: 1 });
    load_all(&index, &[short]);
    assert_eq!(rows(&index), [2, 2, 2, 0, 2]);
    let recent: Vec<_> = index.reader().unwrap().recent(1).unwrap();
    assert_eq!((recent[0].title.as_str(), recent[0].chunks), ("T", 1));
    let mut loaded = Vec::new();
    index.reader().unwrap().each_loaded(|found| loaded.push(found.key)).unwrap();
    let mut expected = vec![long.embedded.key.clone(), other.embedded.key.clone()];
    expected.sort();
    assert_eq!(loaded, expected);
    let keys = [long.embedded.key, other.embedded.key, "unknown".to_owned()];
    assert_eq!(wait(index.remove(&keys)).unwrap(), 2);
    assert_eq!(rows(&index), [0, 0, 0, 0, 0]);
}

#[test]
fn a_document_that_fails_harms_no_neighbour_and_one_that_is_superseded_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let good = samples::document("https://a.example/1", "Good", &["one"]);
    let mut bad = samples::document("https://a.example/2", "Bad", &["two"]);
    bad.embedded.chunks[0].embedding = vec![1.0; samples::DIMENSION + 1];
    let stale = samples::document("https://a.example/3", "Stale", &["three"]);
    let stale_key = stale.embedded.key.clone();
    let current: StillCurrent = Arc::new(move |key| key != stale_key);
    let loads = [Arc::new(bad), Arc::new(stale), Arc::new(good)];
    let outcomes = wait(index.replace(&loads, &current));
    assert!(matches!(&outcomes[0], Err(LoadError::Vector { .. })), "{outcomes:?}");
    assert_eq!(*outcomes[1].as_ref().unwrap(), Outcome::Superseded);
    assert_eq!(*outcomes[2].as_ref().unwrap(), Outcome::Written);
    assert_eq!(rows(&index), [1, 1, 1, 0, 1]);
}

#[test]
fn a_reader_sees_the_old_document_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let version = |number: usize| {
        let word = format!("version{number}");
        let text = format!("{word} common");
        let texts = vec![text.as_str(); 1 + number % 5];
        samples::document("https://a.example/", &word, &texts)
    };
    load_all(&index, &[version(0)]);
    let key = version(0).embedded.key;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let reader = Reader::open(folder.path()).unwrap().unwrap();
            let (mut seen, mut last) = (0, String::new());
            while !is_over.load(Ordering::Relaxed) || seen == 0 {
                let (document, chunks) = reader.document(&key).unwrap().expect("it is never gone");
                let number: usize = document.title.trim_start_matches("version").parse().unwrap();
                assert_eq!(chunks.len(), 1 + number % 5, "{}", document.title);
                assert!(chunks.iter().all(|chunk| chunk.content == format!("{} common", document.title)));
                // Each of words alone, vectors alone and both gives all chunks
                // of one version, and their texts are of that version too.
                let vector: &[f32] = &[1.0, 1.0, 0.0, 0.0];
                for (question, vector) in [("common", None), ("?", Some(vector)), ("common", Some(vector))] {
                    let answer = reader.search(question, vector, crate::load::search::HITS).unwrap();
                    let title = answer.hits[0].title.clone();
                    let number: usize = title.trim_start_matches("version").parse().unwrap();
                    assert_eq!(answer.hits.len(), 1 + number % 5, "{answer:?}");
                    let text = format!("{title} common");
                    assert!(answer.hits.iter().all(|hit| hit.text == text && hit.title == title), "{answer:?}");
                }
                seen += usize::from(document.title != last);
                last = document.title;
            }
            seen
        });
        for number in 1..=200 {
            load_all(&index, &[version(number)]);
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reading.join().unwrap() > 1, "the reader saw no replacement");
    });
    assert_eq!(rows(&index), [1, 1, 1, 0, 1]);
}

#[test]
fn another_models_index_is_built_beside_and_swapped_in_when_whole() {
    let folder = tempfile::tempdir().unwrap();
    let load = samples::document("https://a.example/", "T", &["one"]);
    let first = Index::open(folder.path(), &model("first")).unwrap();
    assert!(first.is_current().unwrap());
    load_all(&first, std::slice::from_ref(&load));
    drop(first);

    let mut wider = model("second");
    wider.dimension = 2;
    let second = Index::open(folder.path(), &wider).unwrap();
    assert!(!second.is_current().unwrap());
    let reader = Reader::open(folder.path()).unwrap().unwrap();
    assert_eq!((reader.model().fingerprint.as_str(), reader.counts().unwrap().documents), ("first", 1));
    let mut other = load.clone();
    other.embedded.chunks[0].embedding.truncate(2);
    load_all(&second, &[other]);
    drop(second);

    // A crash before the swap: the work goes on where it was.
    let second = Index::open(folder.path(), &wider).unwrap();
    assert_eq!(second.reader().unwrap().counts().unwrap().documents, 1);
    assert!(second.promote().unwrap());
    assert!(!second.promote().unwrap());
    assert!(reader.is_replaced(folder.path()).unwrap());
    assert_eq!(reader.counts().unwrap().documents, 1, "who reads the old one may end in peace");
    let reader = Reader::open(folder.path()).unwrap().unwrap();
    assert_eq!(*reader.model(), wider);
    assert!(!folder.path().join("index.db").exists());

    drop(second);
    let back = Index::open(folder.path(), &model("first")).unwrap();
    assert!(!back.is_current().unwrap());
    assert_eq!(back.reader().unwrap().counts().unwrap(), Counts::default());
}

#[test]
fn an_empty_index_takes_any_model_and_a_leftover_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(Index::open(folder.path(), &model("first")).unwrap());
    let second = Index::open(folder.path(), &model("second")).unwrap();
    assert!(second.is_current().unwrap());
    load_all(&second, &[samples::document("https://a.example/", "T", &["one"])]);
    let beside = Index::open(folder.path(), &model("third")).unwrap();
    let path = beside.path().to_owned();
    drop(beside);
    assert!(path.exists());
    drop(second);
    drop(Index::open(folder.path(), &model("second")).unwrap());
    assert!(!path.exists());
}

#[test]
fn one_fingerprint_with_two_dimensions_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    load_all(&open(folder.path()), &[samples::document("https://a.example/", "T", &["one"])]);
    let mut other = model("f");
    other.dimension = 3;
    assert!(matches!(Index::open(folder.path(), &other), Err(LoadError::Model { .. })));
}

#[test]
fn no_index_is_no_error_and_a_damaged_one_is_named_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Reader::open(folder.path()).unwrap().is_none());
    fs::write(folder.path().join("index.db"), b"noise, and nothing but noise, ".repeat(500)).unwrap();
    let error = Reader::open(folder.path()).unwrap_err();
    assert!(crate::failure::chain(&error).contains("index.db"), "{error}");
    let index = Index::open(folder.path(), &model("f")).unwrap();
    let aside = index.set_aside().unwrap();
    assert!(fs::read(aside).unwrap().starts_with(b"noise"), "nothing is thrown away");
    assert_eq!(index.reader().unwrap().counts().unwrap(), Counts::default());
}

/// The writer's thread closes the file, and with it removes the log, when it
/// has done what waits.
fn wait_until_closed(path: &Path) {
    let log = path.with_extension("db-wal");
    for _ in 0..3_000 {
        if !log.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{} was not closed", path.display());
}

#[test]
fn a_page_of_noise_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.db");
    let loads: Vec<_> = (0..200)
        .map(|number| {
            samples::document(&format!("https://a.example/{number}"), "T", &["some text".repeat(50).as_str()])
        })
        .collect();
    load_all(&open(folder.path()), &loads);
    wait_until_closed(&path);
    let mut bytes = fs::read(&path).unwrap();
    // Every page but the first, which holds the schema's root.
    bytes[4_096..].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let outcome = Reader::open(folder.path()).and_then(|reader| {
        let reader = reader.expect("the file is there");
        reader.document(&loads[0].embedded.key).map(drop)?;
        reader.search("some text", Some(&[1.0, 0.0, 0.0, 0.0]), crate::load::search::HITS).map(drop)
    });
    let error = outcome.unwrap_err();
    assert!(matches!(&error, LoadError::Damaged { .. } | LoadError::Index { .. }), "{error:?}");
    assert!(crate::failure::chain(&error).contains("move"), "{error}");
}

#[test]
fn a_row_that_docmill_never_writes_is_an_error_and_no_wrong_answer() {
    let load = samples::document("https://a.example/", "T", &["one"]);
    for damage in [
        "UPDATE vector SET vector = x'00'",
        "UPDATE vector SET vector = x'0000803f'",
        "UPDATE vector SET vector = zeroblob(16)",
        "UPDATE vector SET vector = 'text'",
        "UPDATE chunk SET metadata = '{'",
        "DELETE FROM vector",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let index = open(folder.path());
        load_all(&index, std::slice::from_ref(&load));
        let damaging = Connection::open(index.path()).unwrap();
        damaging.execute_batch(damage).unwrap();
        let reader = index.reader().unwrap();
        let vector: &[f32] = &[1.0, 0.0, 0.0, 0.0];
        let read = reader.document(&load.embedded.key);
        let searched = reader.search("one", Some(vector), crate::load::search::HITS);
        assert!(read.is_err() || searched.is_err(), "{damage}");
        // Whichever of the two noticed it names the file.
        let error = read.err().or(searched.err()).unwrap();
        assert!(crate::failure::chain(&error).contains("index.db"), "{damage}: {error}");
    }
}
