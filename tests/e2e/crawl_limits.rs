//! Limits and failures of a crawl: depth, pages, sizes, types, retries.

use std::time::Duration;

use crate::support::program::Docmill;
use crate::support::random::seed;
use crate::support::server::{Answer, Server};
use crate::support::site::{Site, html_page};

fn page_with_links(links: &[&str]) -> String {
    let links: Vec<String> = links.iter().map(|to| format!("<a href=\"{to}\">{to}</a>")).collect();
    html_page("Page", &links.join("\n"))
}

#[test]
fn depth_is_the_shortest_path() {
    let server = Server::start();
    server.put_html("/docs/", page_with_links(&["1.html", "short.html"]));
    server.put_html("/docs/1.html", page_with_links(&["2.html"]));
    server.put_html("/docs/2.html", page_with_links(&["3.html"]));
    server.put_html("/docs/3.html", page_with_links(&["4.html"]));
    // The short way to 3 answers last.
    server.put("/docs/short.html", Answer::html(page_with_links(&["3.html"])).after(Duration::from_millis(400)));
    server.put_html("/docs/4.html", page_with_links(&[]));
    let docmill = Docmill::new();
    docmill.run(&["crawl", &server.url("/docs/"), "--depth", "2"]).expect(0);
    let within = ["/docs/", "/docs/1.html", "/docs/2.html", "/docs/3.html", "/docs/short.html"];
    assert_eq!(docmill.raw_paths(), within);
    assert_eq!(docmill.status().left_out("depth"), 1);
}

#[test]
fn a_page_limit_takes_the_same_pages_in_any_order() {
    let site = Site::new(seed(), 30);
    let server = Server::start();
    let mut random = fastrand::Rng::with_seed(seed());
    let mut chosen = Vec::new();
    for crawlers in ["1", "4", "4"] {
        for (path, html) in &site.pages {
            let delay = Duration::from_millis(random.u64(..60));
            server.put(path, Answer::html(html.as_str()).after(delay));
        }
        let docmill = Docmill::new().env("CRAWLER_ACTORS", crawlers);
        docmill.run(&["crawl", &server.url(Site::ROOT), "--pages", "11"]).expect(0);
        chosen.push(docmill.raw_paths());
    }
    assert_eq!(chosen[0].len(), 11);
    assert_eq!(chosen[0], chosen[1]);
    assert_eq!(chosen[0], chosen[2]);
}

#[test]
fn a_server_that_is_busy_is_asked_again_and_one_that_stays_so_is_an_error() {
    let server = Server::start();
    server.put_html("/docs/", page_with_links(&["busy.html", "limit.html", "broken.html"]));
    let fine = || Answer::html(page_with_links(&[]));
    let soon = || Answer::status(503).header("Retry-After", "0");
    server.put_in_turn("/docs/busy.html", [soon(), soon(), fine()]);
    server.put_in_turn("/docs/limit.html", [Answer::status(429).header("Retry-After", "1"), fine()]);
    server.put("/docs/broken.html", Answer::status(500));
    let docmill = Docmill::new();
    let finished = docmill.run(&["crawl", &server.url("/docs/")]).expect(1);
    assert_eq!(docmill.raw_paths(), ["/docs/", "/docs/busy.html", "/docs/limit.html"]);
    assert_eq!((server.count("/docs/busy.html"), server.count("/docs/broken.html")), (3, 3));
    assert_eq!(docmill.status().crawl("failed"), 1);
    finished.says(&["/docs/broken.html", "500"]);
    let asked: Vec<_> = server.requests().into_iter().filter(|request| request.path == "/docs/limit.html").collect();
    assert!(asked[1].at - asked[0].at >= Duration::from_millis(900), "Retry-After is not obeyed");
}

#[test]
fn a_page_that_is_gone_is_counted_apart_and_is_no_error() {
    let server = Server::start();
    server.put_html("/docs/", page_with_links(&["missing.html", "gone.html", "forbidden.html"]));
    server.put("/docs/gone.html", Answer::status(410));
    server.put("/docs/forbidden.html", Answer::status(403));
    let docmill = Docmill::new();
    let finished = docmill.run(&["crawl", &server.url("/docs/")]);
    let status = docmill.status();
    assert_eq!(status.crawl("gone"), 2);
    // 403 is neither gone nor a wish of the site's: that page is given up, once.
    finished.expect(1);
    assert_eq!((status.crawl("failed"), server.count("/docs/forbidden.html")), (1, 1));
    assert_eq!(docmill.raw_paths(), ["/docs/"]);
}

#[test]
fn gone_pages_alone_end_well() {
    let server = Server::start();
    server.put_html("/docs/", page_with_links(&["missing.html"]));
    let docmill = Docmill::new();
    docmill.run(&["crawl", &server.url("/docs/")]).expect(0);
    assert_eq!(docmill.status().crawl("gone"), 1);
}

#[test]
fn what_is_too_large_or_no_text_is_left_out() {
    let server = Server::start();
    server.put_html(
        "/docs/",
        page_with_links(&["huge.html", "claims.html", "bomb.html", "picture.png", "data.zip", "notes.txt"]),
    );
    server.put("/docs/huge.html", Answer::html("<p>much ".repeat(100)).streamed(1 << 30));
    server.put("/docs/claims.html", Answer::html("<p>little").claiming(1 << 40));
    server.put("/docs/bomb.html", Answer::html("<p>bomb</p>".repeat(1_000_000)).gzipped());
    server.put("/docs/picture.png", Answer::body("image/png", *b"\x89PNG\r\n"));
    server.put("/docs/data.zip", Answer::body("application/zip", *b"PK"));
    server.put("/docs/notes.txt", Answer::body("text/plain", "Plain notes about lanterns."));
    let docmill = Docmill::new().env("DOWNLOAD_MAXSIZE", "1MiB");
    docmill.run(&["crawl", &server.url("/docs/")]).expect(0);
    let status = docmill.status();
    assert_eq!((status.left_out("too_large"), status.left_out("content_type")), (3, 2), "{:#}", status.0);
    assert_eq!(docmill.raw_paths(), ["/docs/", "/docs/notes.txt"]);
}

#[test]
fn pages_that_are_slow_cut_or_never_come_are_given_up_alone() {
    let server = Server::start();
    server.put_html("/docs/", page_with_links(&["never.html", "cut.html", "drip.html", "fine.html", "odd.html"]));
    server.put("/docs/never.html", Answer::never());
    server.put("/docs/cut.html", Answer::html(page_with_links(&[])).cut_after(20));
    let endless = Answer::html(page_with_links(&[])).dripping(1, Duration::from_millis(500));
    server.put("/docs/drip.html", endless);
    let slow = Answer::html(page_with_links(&[])).dripping(100, Duration::from_millis(5));
    server.put("/docs/fine.html", slow);
    let odd = Answer::html(page_with_links(&[])).header("X-Odd", [0xff, 0xe9, b'x']).header("Content-Language", [0xe9]);
    server.put("/docs/odd.html", odd);
    let docmill = Docmill::new().envs([("DOWNLOAD_TIMEOUT", "1s"), ("RETRY_TIMES", "1")]);
    let finished = docmill.run(&["crawl", &server.url("/docs/")]).expect(1);
    finished.says(&["/docs/never.html", "/docs/cut.html", "/docs/drip.html"]);
    assert_eq!(docmill.status().crawl("failed"), 3);
    assert_eq!(docmill.raw_paths(), ["/docs/", "/docs/fine.html", "/docs/odd.html"]);
    assert_eq!((server.count("/docs/never.html"), server.count("/docs/cut.html")), (2, 2));
}

#[test]
fn a_time_limit_ends_a_crawl_that_would_not_end() {
    let server = Server::start();
    let mut links = Vec::new();
    for page in 0..40 {
        let path = format!("/docs/{page}.html");
        server.put(&path, Answer::html(page_with_links(&[])).after(Duration::from_millis(300)));
        links.push(path);
    }
    server.put_html("/docs/", page_with_links(&links.iter().map(String::as_str).collect::<Vec<_>>()));
    let docmill = Docmill::new().envs([("CLOSESPIDER_TIMEOUT", "1s"), ("CONCURRENT_REQUESTS", "1")]);
    docmill.run(&["crawl", &server.url("/docs/")]).expect(0);
    let status = docmill.status();
    assert!(status.left_out("time_limit") > 0, "{:#}", status.0);
    assert_eq!(docmill.raw_items().len() as u64 + status.left_out("time_limit"), 41, "{:#}", status.0);
}
