//! `docmill doctor`: what is fit for a run, and how to mend what is not.

use std::fs;

use serde_json::Value;

use crate::support::embedding_service::{EmbeddingService, KEY};
use crate::support::model::needs_model;
use crate::support::program::{Docmill, Finished};
use crate::support::server::Server;

/// The states of the checks of this name.
fn states(finished: &Finished, name: &str) -> Vec<String> {
    let answer: Value = finished.json();
    let checks = answer["checks"].as_array().unwrap();
    let of_name = checks.iter().filter(|check| check["name"] == name);
    of_name.map(|check| check["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_machine_that_is_fit_is_told_so_and_nothing_is_left_there() {
    needs_model!();
    let docmill = Docmill::new();
    let finished = docmill.run(&["doctor"]).expect(0);
    finished.prints(&["ok   DATA_DIR", "can be made", "ok   model", "384", "file events", "open files", "clock"]);
    assert!(!docmill.data_dir().exists());
    docmill.put_raw("item_1.json", r#"[{"url": "https://a.example/", "title": "A", "content": "Herons."}]"#);
    docmill.run(&["process"]).expect(0);
    docmill.put_dotenv("CHUNK_TOKNES=7\n");
    let finished = docmill.run(&["doctor", "--json"]).expect(0);
    assert_eq!(states(&finished, "settings"), ["ok", "warn"]);
    for name in ["DATA_DIR", "owner", "clock", "model files", "model"] {
        assert_eq!(states(&finished, name), ["ok"], "{name}\n{finished}");
    }
    let left = fs::read_dir(docmill.data_dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains("doctor")));
}

#[test]
fn a_model_that_is_not_there_is_a_warning_and_is_not_fetched() {
    let docmill = Docmill::new();
    let cache = docmill.path("cache");
    let docmill = docmill.env("MODEL_CACHE_DIR", cache.as_os_str());
    docmill.run(&["doctor"]).expect(0).prints(&["warn model files", "models pull", "--download"]);
    assert!(!cache.exists());
}

#[test]
fn what_a_run_cannot_work_with_fails() {
    let mut docmill = Docmill::new();
    let file = docmill.path("file");
    fs::write(&file, "").unwrap();
    docmill.set("DATA_DIR", file.join("data"));
    docmill.set("EMBEDDING_MODEL", docmill.path("home"));
    let finished = docmill.run(&["doctor", "--json"]).expect(1);
    assert_eq!(
        (states(&finished, "DATA_DIR"), states(&finished, "model files")),
        (vec!["fail".to_owned()], vec!["fail".to_owned()])
    );
    docmill.run(&["doctor"]).expect(1).prints(&["FAIL DATA_DIR", "set DATA_DIR"]);
    docmill.run(&["doctor", "--set", "CHUNK_TOKENS=many"]).expect(78).says(&["CHUNK_TOKENS"]);
}

#[test]
fn a_service_is_asked_and_its_key_is_never_shown() {
    let service = EmbeddingService::start();
    for provider in ["openai", "ollama"] {
        let docmill = service.docmill(provider);
        let finished = docmill.run(&["doctor"]).expect(0).prints(&["ok   service", "48"]);
        assert!(!finished.to_string().contains(KEY));
    }
    let gone = Server::start().url("/v1");
    let docmill = service.docmill("openai").env("OPENAI_API_BASE", gone).env("EMBEDDING_RETRIES", "0");
    let finished = docmill.run(&["doctor"]).expect(1).prints(&["FAIL service", "OPENAI_API_BASE"]);
    assert!(!finished.to_string().contains(KEY));
}

#[test]
fn sites_are_asked_for_only_where_a_person_wants_it() {
    let server = Server::start();
    server.put_html("/docs/", "<p>Here.");
    let docmill = Docmill::new().env("START_URLS", format!("{} {}", server.url("/docs/"), server.url("/gone")));
    docmill.run(&["doctor"]).expect(0).prints(&["--network"]);
    assert!(server.requests().is_empty());
    let finished = docmill.run(&["doctor", "--network", "--json"]).expect(1);
    assert_eq!(states(&finished, "network"), ["ok", "fail"], "{finished}");
}
