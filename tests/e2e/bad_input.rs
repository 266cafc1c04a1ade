//! Bad input to the program: each gets an error that says what is wrong and
//! how to mend it, and the documented exit code.

use std::fs;
use std::path::Path;

use crate::support::model::{self, needs_model};
use crate::support::program::{Docmill, Signal};
use crate::support::random::seed;
use crate::support::server::{Answer, Server};
use crate::support::site::Site;

#[test]
fn without_a_url_it_says_what_to_type() {
    Docmill::new().run(&["crawl"]).expect(64).says(&["docmill", "URL"]);
    Docmill::new().run(&["run"]).expect(64).says(&["docmill", "URL"]);
}

#[test]
fn urls_that_cannot_be_crawled_are_refused() {
    for url in ["ftp://a.example/", "file:///etc/passwd", "not a url", "http://", "mailto:a@b.example"] {
        for command in ["run", "crawl"] {
            let finished = Docmill::new().run(&[command, url]).expect(64);
            finished.says(&["http"]);
        }
    }
}

#[test]
fn a_host_that_is_not_there_is_named() {
    let docmill = Docmill::new().env("RETRY_TIMES", "1");
    docmill.run(&["crawl", "http://no-such-host.invalid/docs/"]).expect(69).says(&["no-such-host.invalid"]);
}

#[test]
fn a_port_that_is_closed_is_named() {
    // A port that was free a moment ago, and that nobody listens on now.
    let url = Server::start().url("/docs/");
    let docmill = Docmill::new().env("RETRY_TIMES", "1");
    docmill.run(&["crawl", &url]).expect(69).says(&[&url]);
}

#[test]
fn a_start_url_that_is_gone_is_named() {
    let server = Server::start();
    let url = server.url("/docs/");
    Docmill::new().run(&["crawl", &url]).expect(69).says(&[&url, "404"]);
    server.put("/docs/", Answer::status(500));
    Docmill::new().env("RETRY_TIMES", "1").run(&["crawl", &url]).expect(69).says(&[&url, "500"]);
}

#[test]
fn a_start_url_that_leads_to_no_page_is_named() {
    let server = Server::start();
    server.put("/docs/a", Answer::redirect(302, "/docs/b"));
    server.put("/docs/b", Answer::redirect(302, "/docs/a"));
    server.put("/docs/paper.pdf", Answer::body("application/pdf", *b"%PDF-"));
    Docmill::new().run(&["crawl", &server.url("/docs/a")]).expect(69).says(&["redirects"]);
    Docmill::new().run(&["crawl", &server.url("/docs/paper.pdf")]).expect(69).says(&["paper.pdf", "content type"]);
}

#[test]
fn a_start_url_that_no_crawl_can_have_is_refused_before_anything_starts() {
    let long = format!("http://127.0.0.1:9/{}", "a".repeat(3_000));
    for url in ["http://user:pw@127.0.0.1:9/", &long] {
        let docmill = Docmill::new();
        docmill.run(&["run", url]).expect(78).says(&["URL"]);
        assert!(!docmill.data_dir().exists());
    }
}

#[test]
fn nothing_to_crawl_leaves_no_folder_behind() {
    let docmill = Docmill::new();
    docmill.run(&["run"]).expect(64);
    assert!(!docmill.data_dir().exists());
}

#[test]
fn a_start_url_that_robots_txt_forbids_is_left_out_and_that_is_said() {
    let server = Server::start();
    server.put("/robots.txt", Answer::body("text/plain", "User-agent: *\nDisallow: /\n"));
    server.put_html("/docs/", "<p>Private.");
    // What robots.txt forbids never changes the exit code.
    let url = server.url("/docs/");
    Docmill::new().run(&["crawl", &url]).expect(0).says(&[&url, "robots"]).prints(&["robots 1"]);
    assert_eq!(server.count("/docs/"), 0);
}

#[test]
fn all_bad_settings_are_reported_at_once_and_nothing_is_started() {
    let mut docmill = Docmill::new().env("MAX_IN_FLIGHT", "-1");
    docmill.unset("RETRY_BACKOFF_MAX");
    docmill.put_dotenv(
        "CHUNK_TOKENS=many\nRETRY_BACKOFF_MIN=soon\nPIPELINE_MODE=sideways\nCHUNK_TOKNES=7\nEMBEDDING_BATCH_SIZE=0\n",
    );
    let server = Server::start();
    let finished = docmill.run(&["run", &server.url("/"), "--set", "CRAWL_ALLOW=("]).expect(78);
    let finished =
        finished.says(&["CHUNK_TOKENS=many", "PIPELINE_MODE=sideways", "EMBEDDING_BATCH_SIZE=0", "MAX_IN_FLIGHT=-1"]);
    finished.says(&[".env line 1", "CRAWL_ALLOW"]);
    assert!(server.requests().is_empty() && !docmill.data_dir().exists());
}

#[test]
fn an_unknown_name_in_dotenv_is_a_warning() {
    let docmill = Docmill::new();
    docmill.put_dotenv("CHUNK_TOKNES=7\n");
    docmill.run(&["config"]).expect(0).says(&["CHUNK_TOKNES", "CHUNK_TOKENS"]);
}

#[test]
fn a_data_dir_that_cannot_be_written_is_named() {
    let server = Site::new(seed(), 1).server();
    let mut docmill = Docmill::new();
    let file = docmill.path("a-file");
    fs::write(&file, "").unwrap();
    for data_dir in [file.join("data"), Path::new("/proc/docmill").to_owned()] {
        docmill.set("DATA_DIR", &data_dir);
        let finished = docmill.run(&["crawl", &server.url(Site::ROOT)]).expect(78);
        finished.says(&[data_dir.to_str().unwrap(), "DATA_DIR"]);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_second_run_on_one_data_dir_is_refused_and_reading_is_not() {
    needs_model!();
    let docmill = Docmill::new();
    docmill.put_raw("item_1.json", r#"[{"url": "https://a.example/", "title": "A", "content": "Herons."}]"#);
    let mut first = docmill.start(&["watch"]);
    first.until("its document", |_| (docmill.files("chunks").len() == 1).then_some(()));
    for words in [&["process"][..], &["crawl", "http://127.0.0.1:1/"], &["watch"]] {
        let second = docmill.start_beside(words).finish().expect(69);
        second.says(&["DATA_DIR", "in use", &first.id().to_string()]);
    }
    first.until("an answer", |_| (!docmill.search("herons").is_empty()).then_some(()));
    assert_eq!(docmill.status().0["running"], true);
    first.signal(Signal::Interrupt);
    first.finish().expect(0);
    docmill.run(&["process"]).expect(0);
}

/// A model cache of our own, with a link to each of the real one's files.
fn own_model_cache(docmill: &Docmill) -> std::path::PathBuf {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &to);
            } else if !entry.file_name().to_string_lossy().starts_with('.') {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let own = docmill.path("models");
    copy(&model::cache_folder().join("models"), &own.join("models"));
    own
}

#[test]
fn a_model_file_that_was_cut_short_is_noticed() {
    needs_model!();
    let mut docmill = Docmill::new();
    let own = own_model_cache(&docmill);
    let weights = own.join("models/all-MiniLM-L6-v2/model.safetensors");
    let bytes = fs::metadata(&weights).unwrap().len();
    fs::OpenOptions::new().write(true).open(&weights).unwrap().set_len(bytes / 2).unwrap();
    docmill.set("MODEL_CACHE_DIR", &own);
    // No way to fetch it again: no Python and no hub.
    docmill.set("PATH", docmill.path("home"));
    docmill.set("HF_ENDPOINT", "http://127.0.0.1:9");
    docmill.put_raw("item_1.json", r#"[{"url": "https://a.example/", "title": "A", "content": "Herons."}]"#);
    let finished = docmill.run(&["process"]).expect(69);
    finished.says(&["model.safetensors", "EMBEDDING_MODEL", "HF_ENDPOINT"]);
    assert_eq!(docmill.files("chunks").len(), 0);
}

#[test]
fn a_model_folder_that_is_none_is_named() {
    let docmill = Docmill::new();
    let folder = docmill.path("empty-model");
    fs::create_dir(&folder).unwrap();
    let docmill = docmill.env("EMBEDDING_MODEL", folder.as_os_str());
    docmill.put_raw("item_1.json", "[]");
    docmill.run(&["process"]).expect(78).says(&[folder.to_str().unwrap()]);
    let unknown = Docmill::new().env("EMBEDDING_MODEL", "no-such/model");
    unknown.run(&["process"]).expect(78).says(&["no-such/model", "all-MiniLM-L6-v2"]);
}

#[test]
fn a_model_of_ones_own_runs_and_is_refused_where_it_cannot() {
    needs_model!();
    let mut docmill = Docmill::new();
    let folder = docmill.path("tiny-model");
    fs::create_dir(&folder).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("stages/tests/fixtures/sentence-models");
    for (from, to) in [("sentence.onnx", "model.onnx"), ("tokenizer.json", "tokenizer.json")] {
        fs::copy(fixtures.join(from), folder.join(to)).unwrap();
    }
    docmill.put_raw("item_1.json", r#"[{"url": "https://a.example/", "title": "A", "content": "Herons."}]"#);
    docmill.set("EMBEDDING_MODEL", &folder);
    docmill.run(&["process"]).expect(78).says(&["EMBEDDING_WINDOW", "tiny-model"]);
    for (name, value) in
        [("EMBEDDING_WINDOW", "32"), ("CHUNK_TOKENS", "30"), ("CHUNK_OVERLAP_TOKENS", "0"), ("CHUNK_CONTEXT", "false")]
    {
        docmill.set(name, value);
    }
    docmill.run(&["process"]).expect(0);
    docmill.set("EMBEDDING_PRECISION", "int8");
    docmill.run(&["process"]).expect(78).says(&["EMBEDDING_PRECISION", "tiny-model"]);
}

#[test]
fn a_dimension_that_is_not_the_models_is_refused() {
    needs_model!();
    let docmill = Docmill::new().env("EMBEDDING_DIMENSION", "1536");
    docmill.run(&["process"]).expect(78).says(&["EMBEDDING_DIMENSION", "1536", "384"]);
}

#[test]
fn a_damaged_index_is_named_and_mended_as_it_says() {
    needs_model!();
    let docmill = Docmill::new();
    docmill.put_raw("item_1.json", r#"[{"url": "https://a.example/", "title": "A", "content": "Herons."}]"#);
    docmill.run(&["process"]).expect(0);
    for ending in ["", "-wal", "-shm"] {
        let _may_not_be_there = fs::remove_file(docmill.data_dir().join(format!("index.db{ending}")));
    }
    fs::write(docmill.data_dir().join("index.db"), "no database at all, but long enough to have a header".repeat(100))
        .unwrap();
    docmill.run(&["search", "herons"]).expect(69).says(&["index.db", "away"]);
    fs::remove_file(docmill.data_dir().join("index.db")).unwrap();
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.search("herons").len(), 1);
}
