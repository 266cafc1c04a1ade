//! The second crawl: validators, changes, pages that are gone, and a crawl
//! that was interrupted.

use std::time::Duration;

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Signal};
use crate::support::random::seed;
use crate::support::server::{Answer, Server};
use crate::support::site::{Site, html_page, with_etag};

#[test]
fn unchanged_pages_answer_304_and_their_links_come_from_the_frontier() {
    let site = Site::new(seed(), 12);
    let server = site.server();
    let docmill = Docmill::new();
    let url = server.url(Site::ROOT);
    docmill.run(&["crawl", &url]).expect(0);
    let files = docmill.files("raw");
    server.forget_requests();

    docmill.run(&["crawl", &url]).expect(0);
    assert_eq!(server.paths_asked().len(), 12, "a page behind a 304 was not found again");
    for request in server.requests().iter().filter(|request| request.path != "/robots.txt") {
        assert!(request.header("if-none-match").is_some(), "{}", request.path);
    }
    let status = docmill.status();
    assert_eq!((status.crawl("unchanged"), status.crawl("new"), status.crawl("updated")), (12, 0, 0));
    assert_eq!(docmill.files("raw"), files);
}

#[test]
fn last_modified_serves_where_there_is_no_etag() {
    let server = Server::start();
    let date = "Sat, 01 Jan 2022 00:00:00 GMT";
    server.put("/docs/", Answer::html(html_page("Dated", "<p>Old.</p>")).header("Last-Modified", date));
    let docmill = Docmill::new();
    for _ in 0..2 {
        docmill.run(&["crawl", &server.url("/docs/")]).expect(0);
    }
    let last = server.requests().pop().unwrap();
    assert_eq!((last.path.as_str(), last.header("if-modified-since")), ("/docs/", Some(date)));
    assert_eq!(docmill.status().crawl("unchanged"), 1);
}

#[test]
fn a_second_run_does_only_what_is_new() {
    needs_model!();
    let site = Site::new(seed(), 8);
    let server = site.server();
    let docmill = Docmill::new();
    let url = server.url(Site::ROOT);
    docmill.run(&["run", &url]).expect(0);
    let before = docmill.digest();
    assert_eq!(before.documents, 8);

    // Nothing has changed: nothing is embedded, and the data is the same.
    docmill.run(&["run", &url]).expect(0).prints(&["0 embedded"]);
    assert_eq!(docmill.digest(), before);

    // One page changes and one comes; without a URL the sites that are known
    // are crawled.
    let changed = &site.subjects[5].path;
    let extra = "<p>The walrus was repainted.</p><a href=\"/docs/extra.html\">Extra</a>";
    server.put(changed, with_etag(&html_page("Changed", extra)));
    server.put("/docs/extra.html", with_etag(&html_page("Extra", "<p>The pelican has arrived.</p>")));
    docmill.run(&["run"]).expect(0);
    let status = docmill.status();
    assert_eq!((status.crawl("unchanged"), status.crawl("updated"), status.crawl("new")), (7, 1, 1));
    assert_eq!(docmill.search("walrus repainted")[0].path(), *changed);
    assert_eq!(docmill.search("pelican arrived")[0].path(), "/docs/extra.html");
    let after = docmill.digest();
    assert_eq!(after.documents, 9);

    // The same data as that of a run that begins with the site as it is now.
    let fresh = Docmill::new();
    fresh.run(&["run", &url]).expect(0);
    assert_eq!(fresh.digest(), after);
}

#[test]
fn a_crawl_that_was_stopped_goes_on_where_it_was() {
    for signal in [Signal::Interrupt, Signal::Terminate, Signal::Kill] {
        let site = Site::new(seed(), 30);
        let server = Server::start();
        for (path, html) in &site.pages {
            server.put(path, with_etag(html).after(Duration::from_millis(80)));
        }
        let docmill = Docmill::new().envs([("CONCURRENT_REQUESTS", "2"), ("SHUTDOWN_GRACE", "5s")]);
        let url = server.url(Site::ROOT);
        let mut running = docmill.start(&["crawl", &url]);
        running.until("the tenth page", |_| (docmill.files("raw").len() >= 10).then_some(()));
        running.signal(signal);
        let finished = running.finish();
        let saved = docmill.files("raw").len();
        assert!(saved < 30, "it was not interrupted");
        if signal != Signal::Kill {
            assert_eq!(finished.code, Some(75), "{finished}");
        }
        docmill.run(&["crawl", &url]).expect(0);
        assert_eq!(docmill.raw_items().len(), 30, "after {signal:?}");
        // What was being fetched or saved may be fetched again, and no more.
        let twice = site.pages.keys().filter(|path| server.count(path) > 1).count();
        assert!(twice <= 6, "{twice} pages were fetched twice after {signal:?}");
    }
}
