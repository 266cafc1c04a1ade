//! The fault points of fetching a model: its files come into place whole or
//! not at all, and the next fetch goes on.

use std::path::Path;

use docmill_stages::fault::{POINTS, Point};

use crate::ground::ends_as_documented;
use crate::support::model::{self, needs_model};
use crate::support::program::Docmill;
use crate::support::server::{Answer, Server};
use crate::table::Act;

/// A hub on loopback that has the real model.
fn hub() -> Server {
    let files = model::files().expect("the model is there");
    let files: Vec<_> = files.all().map(|file| file.path.clone()).collect();
    Server::of_handler(move |request| {
        let name = request.path.rsplit('/').next().unwrap_or_default();
        let file = files.iter().find(|path| path.file_name().is_some_and(|known| known == name));
        let bytes = file.map(|path| std::fs::read(path).expect("a file of the cache can be read"));
        bytes.map_or(Answer::status(404), |bytes| Answer::body("application/octet-stream", bytes))
    })
}

/// Names in the cache that are not whole files.
fn partial(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".partial")).collect()
}

fn check(hub: &Server, point: &Point, act: Act) {
    let runtime = &model::files().unwrap().runtime.path;
    let docmill = Docmill::new();
    let cache = docmill.path("cache");
    let mut docmill = docmill
        .env("MODEL_CACHE_DIR", cache.clone())
        .env("ORT_DYLIB_PATH", runtime)
        // No Python, and so no package index: the hub is asked.
        .env("PATH", cache.join("no-programs"))
        .env("HF_ENDPOINT", hub.url(""));
    docmill.set("FAILPOINTS", act.told(point, 0));
    let finished = docmill.run(&["models", "pull"]);
    assert!(finished.stderr.contains(&act.trace(point)), "{} was not passed\n{finished}", point.name);
    if act == Act::KillOnce {
        assert_eq!(finished.code, None, "{finished}");
    } else {
        ends_as_documented(&finished);
        assert_ne!(finished.code, Some(0), "a fetch that failed is told\n{finished}");
    }
    docmill.unset("FAILPOINTS");
    docmill.run(&["models", "pull"]).expect(0);
    docmill.run(&["models", "verify"]).expect(0).prints(&["whole"]);
    let left = partial(&cache.join("models/all-MiniLM-L6-v2"));
    assert!(left.is_empty(), "{} {act:?} left {left:?}", point.name);
}

#[test]
fn a_fetch_that_is_cut_off_leaves_nothing_half() {
    needs_model!();
    let hub = hub();
    for point in POINTS.iter().filter(|point| point.name.starts_with("models.")) {
        for act in [Act::ErrorOnce, Act::PanicOnce, Act::KillOnce] {
            check(&hub, point, act);
        }
    }
}
