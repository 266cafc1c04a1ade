//! A server that dies while it is loaded into: the loader pauses.

use super::check_digest;
use crate::support::embedding_service::EmbeddingService;
use crate::support::neo4j::{Neo4j, needs_neo4j};
use crate::support::program::{Docmill, Running};
use crate::support::random::seed;
use crate::support::server::Server;
use crate::support::site::Site;

const PAGES: usize = 12;

/// A run that has loaded some pages, whose server then died. One attempt is
/// all that an item has.
fn interrupted(graph: &mut Neo4j, site: &Server, docmill: &mut Docmill) -> Running {
    docmill.set("FAILPOINTS", "loader=sleep(150)");
    docmill.set("MAX_ATTEMPTS", "1");
    let mut running = docmill.start(&["run", &site.url(Site::ROOT)]);
    running.until("documents in the graph", |_| (graph.count("(:Document)") >= 2).then_some(()));
    graph.kill();
    running.until("a pause", |running| running.stderr().contains("the loader pauses").then_some(()));
    running
}

#[test]
fn a_server_that_comes_back_is_waited_for_and_no_attempt_is_burnt() {
    let mut graph = needs_neo4j!();
    let (service, site) = (EmbeddingService::start(), Site::new(seed(), PAGES).server());
    let mut docmill = graph.set_up(service.docmill("openai"));
    let mut running = interrupted(&mut graph, &site, &mut docmill);
    running.until("its tickets back", |running| {
        let probed = running.stderr().contains("the loader still pauses");
        (probed && docmill.status().items("in_flight") == 0).then_some(())
    });
    assert!(docmill.status().items("waiting") > 0);
    graph.start_again();
    running.finish().expect(0).says(&["kind=neo4j_down", "the loader goes on"]);
    let status = docmill.status();
    assert_eq!((status.items("done"), status.items("dead")), (PAGES as u64, 0));
    let digest = check_digest(&docmill);
    let undisturbed = service.docmill("openai");
    undisturbed.run(&["run", &site.url(Site::ROOT)]).expect(0);
    assert_eq!(digest, undisturbed.digest());
}

#[test]
fn a_server_that_stays_away_ends_the_run_and_nothing_is_lost() {
    let mut graph = needs_neo4j!();
    let (service, site) = (EmbeddingService::start(), Site::new(seed(), PAGES).server());
    let mut docmill = graph.set_up(service.docmill("openai")).env("OUTAGE_LIMIT", "2s");
    let finished = interrupted(&mut graph, &site, &mut docmill).finish().expect(69);
    let last = finished.stderr.lines().last().unwrap_or_default();
    assert!(last.contains("OUTAGE_LIMIT") && last.contains("start again"), "{finished}");
    let status = docmill.status();
    assert_eq!((status.items("dead"), status.items("in_flight")), (0, 0));
    // Its server is not there at the start either: said at once.
    docmill.run(&["run", &site.url(Site::ROOT)]).expect(69).says(&["cannot be reached", "NEO4J_URI"]);
    graph.start_again();
    docmill.run(&["run", &site.url(Site::ROOT)]).expect(0);
    assert_eq!(docmill.status().items("done"), PAGES as u64);
    check_digest(&docmill);
}
