//! What the first docmill left behind is read by every later one.
//!
//! `tests/fixtures/foundation` is a `DATA_DIR` of docmill 0.1.0 with two
//! pages. To make such a folder again, with the program whose data is to be
//! kept: put `tests/fixtures/foundation-raw.json` into an empty `DATA_DIR` as
//! `raw/pages.json`, run `docmill process`, and then in `sqlite3` on each of
//! the three databases `PRAGMA wal_checkpoint(TRUNCATE)`, so that no `-wal`
//! is needed; leave the `-wal`, `-shm` and `.lock` files out. A folder that is
//! kept is never made anew: a later schema gets a folder of its own.

use std::fs;
use std::path::Path;

use docmill_stages::db::Connection;

use crate::support::model::needs_model;
use crate::support::program::Docmill;

const URLS: [&str; 2] = ["https://docs.example.com/guide/ferry.html", "https://docs.example.com/guide/kiln.html"];

/// A place with a copy of the kept folder.
fn foundation() -> Docmill {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if from.is_dir() { copy(&from, &to) } else { assert!(fs::copy(&from, &to).unwrap() > 0) }
        }
    }
    let docmill = Docmill::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foundation"), &docmill.data_dir());
    docmill
}

#[test]
fn the_first_docmills_data_is_read_and_nothing_is_lost() {
    needs_model!();
    let docmill = foundation();
    let files = docmill.run(&["digest", "--from", "files", "--json"]).expect(0).json();
    assert_eq!((&files["documents"], docmill.documents().len()), (&2.into(), 2));
    let before = docmill.documents();
    // What only reads changes nothing, and says what does.
    for words in [&["status"][..], &["dead", "list"]] {
        docmill.run(words).expect(69).says(&["older docmill", "docmill process"]);
    }
    docmill.run(&["process"]).expect(0);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("admitted")), (2, 2), "{:#}", status.0);
    assert_eq!(docmill.digest().documents, 2);
    let after = docmill.documents();
    assert!(before.keys().eq(after.keys()) && after.keys().eq(URLS.iter()), "{:?}", after.keys());
    for (question, url) in ["crossing the river by ferry", "firing clay in the kiln"].into_iter().zip(URLS) {
        assert!(docmill.search(question)[0].url.starts_with(url), "{question}");
    }
}

#[test]
fn a_newer_docmills_data_is_refused_by_name() {
    needs_model!();
    for (file, commands) in [
        (
            "state.db",
            &[
                &["run"][..],
                &["process"],
                &["status"],
                &["remove", URLS[0]],
                &["reprocess"],
                &["dead", "list"],
                &["dead", "replay", "--all"],
            ][..],
        ),
        ("index.db", &[&["process"], &["search", "ferry"], &["status"], &["digest"], &["remove", URLS[0]]]),
    ] {
        let docmill = foundation();
        raise_version(&docmill.data_dir().join(file));
        for words in commands {
            docmill.run(words).expect(69).says(&[file, "use a newer docmill"]);
        }
        assert_eq!(docmill.documents().len(), 2, "something was taken out");
    }
    // The cache can be made again: it is set aside.
    let docmill = foundation();
    raise_version(&docmill.data_dir().join("cache.db"));
    docmill.run(&["process"]).expect(0).says(&["cache.db.aside"]);
}

fn raise_version(path: &Path) {
    let db = Connection::open(path).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    db.execute_batch(&format!("PRAGMA user_version = {}", version + 100)).unwrap();
}
