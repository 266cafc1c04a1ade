//! Data that was damaged, copied in the middle of a run, or taken from under
//! one: a clear error or recovery, and in the end the same data.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::seed;
use crate::support::site::Site;

const PAGES: usize = 8;

/// Noise over the file from its second page on, its log in it before.
fn overwrite(path: &Path) {
    let connection = docmill_stages::db::Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let mut bytes = fs::read(path).unwrap();
    fastrand::Rng::with_seed(seed()).fill(&mut bytes[4_096..]);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_database_full_of_noise_is_put_aside_and_the_data_comes_back() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let url = server.url(Site::ROOT);
    let docmill = Docmill::new();
    docmill.run(&["run", &url]).expect(0);
    let digest = docmill.digest();
    for name in ["state.db", "index.db", "cache.db"] {
        overwrite(&docmill.data_dir().join(name));
        docmill.run(&["verify"]).expect(1).prints(&["damaged_database", name, ".aside"]);
        if name == "state.db" {
            docmill.run(&["process"]).expect(69).says(&["state.db", "damaged", "verify --repair"]);
        }
        docmill.run(&["verify", "--repair"]).expect(0).prints(&["mended", name]);
        docmill.run(&["verify", "--repair"]).expect(0);
        docmill.run(&["process"]).expect(0);
        assert_eq!(docmill.digest(), digest, "{name}");
        assert_eq!(docmill.status().items("done"), PAGES as u64, "{name}");
        assert!(docmill.data_dir().join(format!("{name}.aside")).exists());
        docmill.run(&["verify"]).expect(0);
    }
    // The crawl knows nothing any more, and finds the same.
    docmill.run(&["run", &url]).expect(0);
    assert_eq!(docmill.digest(), digest);
}

/// A copy that is no moment's picture: some files are older than others.
#[test]
fn a_folder_that_was_copied_in_the_middle_of_a_run_is_mended() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let url = server.url(Site::ROOT);
    let undisturbed = Docmill::new();
    undisturbed.run(&["run", &url]).expect(0);
    let digest = undisturbed.digest();
    for copied_at in [1, PAGES / 2, PAGES - 1] {
        let docmill = Docmill::new();
        let mut running = docmill.start(&["run", &url]);
        running.until("some chunks", |_| (docmill.files("chunks").len() >= copied_at).then_some(()));
        let copy = Docmill::new();
        // A temporary file may go away while it is copied.
        let _some_may_be_gone = Command::new("cp").arg("-r").arg(docmill.data_dir()).arg(copy.data_dir()).output();
        running.signal(Signal::Kill);
        running.finish();
        let looked = copy.run(&["verify"]);
        assert!(matches!(looked.code, Some(0 | 1 | 69)), "{looked}");
        copy.run(&["verify", "--repair"]).expect(0);
        copy.run(&["run", &url]).expect(0);
        assert_eq!(copy.digest(), digest, "copied at {copied_at}");
        copy.run(&["verify"]).expect(0);
    }
}

/// Permissions stand for a disk that the system made read-only after an error.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_becomes_read_only_ends_the_run_and_blames_no_page() {
    use std::os::unix::fs::PermissionsExt as _;
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let url = server.url(Site::ROOT);
    let undisturbed = Docmill::new();
    undisturbed.run(&["run", &url]).expect(0);
    let digest = undisturbed.digest();
    for folder in ["chunks", "raw"] {
        let mut docmill = Docmill::new().env("MAX_ATTEMPTS", "1");
        docmill.bind_by_modes();
        docmill.run(&["crawl", &url, "--pages", "1"]).expect(0);
        let path = docmill.data_dir().join(folder);
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set(0o555);
        let finished = docmill.run(&["run", &url]).expect(75);
        finished.says(&["cannot be written", folder, "run again"]);
        set(0o755);
        docmill.run(&["run", &url]).expect(0);
        assert_eq!(docmill.digest(), digest, "{folder}");
        assert_eq!(docmill.status().items("dead"), 0, "{folder}");
        docmill.run(&["verify"]).expect(0);
    }
}
