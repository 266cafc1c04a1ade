//! What every test here stands on: one site and one embedding service for
//! all, and what a run that nothing disturbs makes of it.

use crate::support::data::Digest;
use crate::support::embedding_service::EmbeddingService;
use crate::support::program::{Docmill, Finished};
use crate::support::random::seed;
use crate::support::server::Server;
use crate::support::site::Site;

/// What every panic that is asked for says.
pub(crate) const PANIC: &str = "panic(a test's panic)";

/// A site and a service.
pub(crate) struct Ground {
    server: Server,
    service: EmbeddingService,
    /// Pages of the site.
    pub(crate) pages: u64,
}

impl Ground {
    pub(crate) fn new(pages: usize) -> Self {
        let server = Site::new(seed(), pages).server();
        Self { server, service: EmbeddingService::start(), pages: pages as u64 }
    }

    /// A fresh place whose settings name the service.
    pub(crate) fn docmill(&self) -> Docmill {
        self.service.docmill("openai").env("CHUNK_TOKENS", "128").env("SHUTDOWN_GRACE", "5s")
    }

    /// The words of a run over the site.
    pub(crate) fn run(&self) -> Vec<String> {
        vec!["run".to_owned(), self.server.url(Site::ROOT)]
    }

    /// The data of a run that nothing disturbs.
    pub(crate) fn undisturbed(&self) -> Digest {
        let docmill = self.docmill();
        docmill.run(&self.run()).expect(0);
        assert_eq!(docmill.status().items("done"), self.pages);
        docmill.digest()
    }
}

/// An end that is neither 0 nor 1 is a documented one, and the reason is the
/// last line.
#[track_caller]
pub(crate) fn ends_as_documented(finished: &Finished) {
    match finished.code {
        Some(0 | 1) => {}
        Some(69 | 70 | 75) => {
            let last = finished.stderr.lines().last().unwrap_or_default();
            assert!(last.starts_with("docmill: "), "the reason is not the last line\n{finished}");
        }
        _ => panic!("not a documented end\n{finished}"),
    }
}

/// Starts `words` until nothing is left to do: what is dead is put back, and
/// anything else goes on by itself. Nothing disturbs any more.
#[track_caller]
pub(crate) fn recover(docmill: &Docmill, words: &[String], first: Finished) {
    let mut last = first;
    for _ in 0..4 {
        if last.code == Some(0) {
            return;
        }
        // The numbers add up after each end, whichever.
        let status = docmill.status();
        if last.code == Some(1) && status.items("dead") > 0 {
            docmill.run(&["reprocess", "--dead"]).expect(0);
        }
        // Pages that could not be kept are asked for again.
        last = docmill.run(words);
        assert!(matches!(last.code, Some(0 | 1)), "it does not recover\n{last}");
    }
    last.expect(0);
}

/// The data is what it should be, and nothing is left over.
#[track_caller]
pub(crate) fn is_whole(docmill: &Docmill, expected: &Digest, items: u64) {
    assert_eq!(docmill.digest(), *expected);
    let status = docmill.status();
    let counted = ["done", "dead", "waiting", "in_flight"].map(|state| status.items(state));
    assert_eq!(counted, [items, 0, 0, 0], "{:?}", status.dead());
    assert_eq!(docmill.stage_calls(), 0, "stage calls are left");
}
