//! The digest is the same from both places, and tells every difference.

use proptest::prelude::*;

use super::*;
use crate::item::{EmbeddedDocument, Heading, KEY_LEN_LONG, chunk_id, file_stem, key_of_url};
use crate::load::index::Index;
use crate::load::{LoadDocument, files, samples};
use crate::store::{Folder, LocalStore, Store as _};

fn in_both(loads: &[LoadDocument]) -> (FilesDigest, DataDigest) {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::prepare(root.path()).unwrap();
    let index = Index::open(root.path(), &samples::model("f")).unwrap();
    for load in loads {
        files::write(&store, &file_stem(&load.embedded.key, None), &[], &load.embedded).unwrap();
    }
    samples::load_all(&index, loads);
    (of_files(&store, files::FILE_BYTES_MAX).unwrap(), of_index(&index.reader().unwrap()).unwrap())
}

fn digest(load: &LoadDocument) -> DataDigest {
    let mut digester = Digester::default();
    digester.document(&load.embedded.key, &load.embedded.document, &load.embedded.chunks).unwrap();
    digester.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn files_and_index_give_the_same_whatever_the_order(
        loads in prop::collection::vec(samples::hostile_document(), 1..6)
    ) {
        // The last of each key wins.
        let mut last: Vec<LoadDocument> = Vec::new();
        for load in &loads {
            last.retain(|other| other.embedded.key != load.embedded.key);
            last.push(load.clone());
        }
        last.sort_by(|one, other| one.embedded.key.cmp(&other.embedded.key));
        let (files, index) = in_both(&loads);
        prop_assert_eq!(&files.digest, &index);
        prop_assert!(files.left_out.is_empty());
        prop_assert_eq!(in_both(&last), (files, index));
    }
}

#[test]
fn links_between_documents_are_edges() {
    let mut one = samples::document("https://a.example/1", "One", &["x"]);
    let two = samples::document("https://a.example/2", "Two", &["y"]);
    one.embedded.document.metadata.related_links = samples::links(&[
        "https://a.example/2#here",
        "https://a.example/2",
        "https://a.example/1#self",
        "https://elsewhere.example/",
    ]);
    let (files, index) = in_both(&[one.clone(), two.clone()]);
    assert_eq!(files.digest, index);
    assert_eq!((index.documents, index.chunks, index.edges), (2, 2, 1));
    let (_, alone) = in_both(&[one]);
    assert_eq!(alone.edges, 0);
    assert_ne!(alone.edges_digest, index.edges_digest);
}

#[test]
fn every_field_that_lasts_changes_the_digest() {
    let good = samples::document("https://a.example/", "Title", &["one", "two"]);
    type Change = fn(&mut EmbeddedDocument);
    let changes: [Change; 17] = [
        |it| it.key.push('0'),
        |it| it.document.url.push('x'),
        |it| it.document.title.push('x'),
        |it| it.document.markdown_content.push('x'),
        |it| it.document.metadata.locale = Some("en".to_owned()),
        |it| it.document.metadata.breadcrumbs.push("x".to_owned()),
        |it| it.document.metadata.related_links = samples::links(&["https://x/"]),
        |it| it.document.metadata.headings = vec![Heading { level: 1, text: String::new(), anchor: None, offset: 0 }],
        |it| it.chunks[1].id.push('x'),
        |it| it.chunks[1].content.push('x'),
        |it| it.chunks[0].embedded_text = None,
        |it| it.chunks[1].metadata.headings.push(String::new()),
        |it| it.chunks[1].metadata.source_url.push('x'),
        |it| it.chunks[1].metadata.span.0 += 1,
        |it| it.chunks[1].metadata.span.1 += 1,
        |it| it.chunks[1].embedding[2] = -0.0,
        |it| drop(it.chunks.pop()),
    ];
    let mut seen = vec![digest(&good).digest];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = good.clone();
        change(&mut changed.embedded);
        let digest = digest(&changed).digest;
        assert!(!seen.contains(&digest), "change {number}");
        seen.push(digest);
    }
    let mut later = good.clone();
    let metadata = &mut later.embedded.document.metadata;
    metadata.scraped_at = Some("2030".to_owned());
    metadata.change_status = Some("updated".to_owned());
    metadata.page_hash = Some("x".to_owned());
    assert_eq!(digest(&later), digest(&good));
}

#[test]
fn text_that_moves_from_one_field_to_the_next_changes_the_digest() {
    let good = samples::document("https://a.example/", "ab", &["one"]);
    let mut moved = good.clone();
    moved.embedded.document.title = "a".to_owned();
    moved.embedded.document.markdown_content.insert(0, 'b');
    assert_ne!(digest(&good).digest, digest(&moved).digest);
}

#[test]
fn other_programs_files_are_left_out_and_damaged_ones_are_named() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::prepare(root.path()).unwrap();
    let load = samples::document("https://a.example/", "T", &["one"]).embedded;
    let stem = file_stem(&load.key, Some("KB_1"));
    files::write(&store, &stem, &[], &load).unwrap();
    let alone = of_files(&store, files::FILE_BYTES_MAX).unwrap();
    store.put(Folder::Processed, "processed_docs_20250101_000000.json", b"[1]").unwrap();
    let document = store.get(Folder::Processed, &files::processed_name(&stem), 1_000_000).unwrap().unwrap();
    store.put(Folder::Processed, "item_0123456789ab_processed.json", &document).unwrap();
    let all = of_files(&store, files::FILE_BYTES_MAX).unwrap();
    assert_eq!(all.digest, alone.digest);
    assert_eq!(all.left_out, ["item_0123456789ab_processed.json", "processed_docs_20250101_000000.json"]);

    let chunks = files::chunks_name(&stem);
    store.put(Folder::Chunks, &chunks, b"[{\"id\":\"x\"").unwrap();
    let error = of_files(&store, files::FILE_BYTES_MAX).unwrap_err();
    assert!(matches!(&error, LoadError::File { place, .. } if place.ends_with(&chunks)), "{error}");
    store.remove(Folder::Chunks, &chunks).unwrap();
    let error = of_files(&store, files::FILE_BYTES_MAX).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
}

#[test]
fn one_document_in_two_files_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::prepare(root.path()).unwrap();
    let mut load = samples::document("https://a.example/", "T", &["one"]).embedded;
    files::write(&store, &file_stem(&load.key, None), &[], &load).unwrap();
    load.key = key_of_url(&load.document.url, KEY_LEN_LONG);
    load.chunks[0].id = chunk_id(&load.key, 0);
    load.chunks[0].metadata.chunk_id = chunk_id(&load.key, 0);
    files::write(&store, &file_stem(&load.key, None), &[], &load).unwrap();
    let error = of_files(&store, files::FILE_BYTES_MAX).unwrap_err();
    assert!(error.to_string().contains("is the same document"), "{error}");
}
