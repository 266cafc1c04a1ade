//! What is fetched and what is not: scope, links, robots, redirects.

use crate::support::program::Docmill;
use crate::support::server::{Answer, Server};
use crate::support::site::html_page;

/// A page whose links lead there.
fn linking(title: &str, links: &[&str]) -> String {
    let links: Vec<String> = links.iter().map(|to| format!("<a href=\"{to}\">{to}</a>")).collect();
    html_page(title, &format!("<p>About {title}.</p>{}", links.join("\n")))
}

#[test]
fn only_pages_below_the_start_url_are_fetched_each_once() {
    let (server, elsewhere) = (Server::start(), Server::start());
    let there = elsewhere.url("/docs/x.html");
    server.put_html(
        "/docs/",
        linking(
            "Start",
            &[
                "a.html",
                "a.html#part",
                "./b/../a.html",
                "/docs/b/",
                "?page=2",
                "/blog/",
                "/docsearch.html",
                &there,
                "mailto:a@b.example",
                "javascript:void(0)",
                "http://[broken",
            ],
        ),
    );
    server.put_html("/docs/a.html", linking("A", &["/docs/", "b/c.html"]));
    server.put_html("/docs/b/", linking("B", &[]));
    server.put_html("/docs/b/c.html", linking("C", &["../a.html"]));
    server.put_html("/docs/?page=2", linking("Second", &[]));
    for outside in ["/blog/", "/docsearch.html"] {
        server.put_html(outside, linking("Outside", &[]));
    }
    let docmill = Docmill::new();
    docmill.run(&["crawl", &server.url("/docs/")]).expect(0);
    assert_eq!(server.paths_asked(), ["/docs/", "/docs/?page=2", "/docs/a.html", "/docs/b/", "/docs/b/c.html"]);
    for path in server.paths_asked() {
        assert_eq!(server.count(&path), 1, "{path}");
    }
    assert!(elsewhere.requests().is_empty());
    assert_eq!(docmill.raw_items().len(), 5);
    let status = docmill.status();
    assert_eq!(status.crawl("new"), 5);
    assert_eq!(status.left_out("scope"), 3, "{:#}", status.0);
}

#[test]
fn patterns_allow_and_deny() {
    let server = Server::start();
    server.put_html("/docs/", linking("Start", &["one.html", "two.html", "/api/three.html", "/api/private.html"]));
    for path in ["/docs/one.html", "/docs/two.html", "/api/three.html", "/api/private.html"] {
        server.put_html(path, linking(path, &[]));
    }
    let docmill = Docmill::new();
    let url = server.url("/docs/");
    docmill.run(&["crawl", &url, "--allow", "^/docs/", "--allow", "^/api/", "--deny", "two|private"]).expect(0);
    assert_eq!(docmill.raw_paths(), ["/api/three.html", "/docs/", "/docs/one.html"]);
}

#[test]
fn robots_txt_is_obeyed_by_our_name_and_can_be_switched_off() {
    let server = Server::start();
    let robots = "User-agent: *\nDisallow: /docs/\n\nUser-agent: docmill\nDisallow: /docs/secret\nAllow: /docs/secret/but-not-this\n";
    server.put("/robots.txt", Answer::body("text/plain", robots));
    server.put_html("/docs/", linking("Start", &["open.html", "secret.html", "secret/but-not-this.html"]));
    for path in ["/docs/open.html", "/docs/secret.html", "/docs/secret/but-not-this.html"] {
        server.put_html(path, linking(path, &[]));
    }
    let obeying = Docmill::new();
    obeying.run(&["crawl", &server.url("/docs/")]).expect(0);
    assert_eq!(obeying.raw_paths(), ["/docs/", "/docs/open.html", "/docs/secret/but-not-this.html"]);
    assert_eq!(obeying.status().left_out("robots"), 1);
    assert_eq!(server.count("/robots.txt"), 1);
    assert_eq!(server.count("/docs/secret.html"), 0);
    let agent = server.requests()[0].header("user-agent").unwrap().to_owned();
    assert!(agent.starts_with("docmill/"), "{agent}");

    let ignoring = Docmill::new().env("ROBOTSTXT_OBEY", "false");
    ignoring.run(&["crawl", &server.url("/docs/")]).expect(0);
    assert_eq!(ignoring.raw_paths().len(), 4);
}

#[test]
fn noindex_is_followed_and_nofollow_is_indexed() {
    let server = Server::start();
    let with_meta = |robots: &str, links: &[&str]| {
        linking("Page", links).replace("<title>", &format!("<meta name=\"robots\" content=\"{robots}\"><title>"))
    };
    server.put_html("/docs/", linking("Start", &["noindex.html", "nofollow.html", "header.html", "other.html"]));
    server.put_html("/docs/noindex.html", with_meta("NOINDEX", &["behind-noindex.html"]));
    server.put_html("/docs/nofollow.html", with_meta("index, nofollow", &["behind-nofollow.html"]));
    let none = Answer::html(linking("Header", &["behind-header.html"])).header("X-Robots-Tag", "none");
    server.put("/docs/header.html", none);
    let for_another = Answer::html(linking("Other", &[])).header("X-Robots-Tag", "otherbot: noindex");
    server.put("/docs/other.html", for_another);
    for path in ["/docs/behind-noindex.html", "/docs/behind-nofollow.html", "/docs/behind-header.html"] {
        server.put_html(path, linking(path, &[]));
    }
    let docmill = Docmill::new();
    docmill.run(&["crawl", &server.url("/docs/")]).expect(0);
    let indexed = ["/docs/", "/docs/behind-noindex.html", "/docs/nofollow.html", "/docs/other.html"];
    assert_eq!(docmill.raw_paths(), indexed);
    let status = docmill.status();
    assert_eq!((status.left_out("noindex"), status.left_out("nofollow")), (2, 2), "{:#}", status.0);
    assert_eq!(server.count("/docs/behind-nofollow.html") + server.count("/docs/behind-header.html"), 0);
}

#[test]
fn redirects_are_followed_within_the_scope_and_loops_end() {
    let (server, elsewhere) = (Server::start(), Server::start());
    let links = ["moved.html", "chain-1.html", "loop-1.html", "away.html", "out.html"];
    server.put_html("/docs/", linking("Start", &links));
    server.put("/docs/moved.html", Answer::redirect(301, "new.html"));
    server.put_html("/docs/new.html", linking("New", &["moved.html"]));
    server.put("/docs/chain-1.html", Answer::redirect(302, "/docs/chain-2.html"));
    server.put("/docs/chain-2.html", Answer::redirect(308, &server.url("/docs/chain-3.html")));
    server.put_html("/docs/chain-3.html", linking("End of the chain", &[]));
    server.put("/docs/loop-1.html", Answer::redirect(302, "loop-2.html"));
    server.put("/docs/loop-2.html", Answer::redirect(302, "loop-1.html"));
    server.put("/docs/away.html", Answer::redirect(302, &elsewhere.url("/docs/")));
    server.put("/docs/out.html", Answer::redirect(302, "/blog/"));
    elsewhere.put_html("/docs/", linking("Elsewhere", &[]));
    server.put_html("/blog/", linking("Blog", &[]));
    let docmill = Docmill::new();
    docmill.run(&["crawl", &server.url("/docs/")]).expect(0);
    assert_eq!(docmill.raw_paths(), ["/docs/", "/docs/chain-3.html", "/docs/new.html"]);
    assert!(elsewhere.requests().is_empty());
    assert_eq!(server.count("/blog/"), 0);
    assert_eq!(server.count("/docs/new.html"), 1);
    assert!(server.count("/docs/loop-1.html") <= 2, "a loop went on");
}

#[test]
fn a_start_url_that_redirects_says_where_the_site_is() {
    let server = Server::start();
    server.put("/docs", Answer::redirect(301, "/guide/en/"));
    server.put_html("/guide/en/", linking("Start", &["a.html", "/guide/fr/"]));
    server.put_html("/guide/en/a.html", linking("A", &[]));
    server.put_html("/guide/fr/", linking("French", &[]));
    let docmill = Docmill::new();
    docmill.run(&["crawl", &server.url("/docs")]).expect(0);
    assert_eq!(docmill.raw_paths(), ["/guide/en/", "/guide/en/a.html"]);
}

#[test]
fn one_site_is_asked_politely() {
    let server = Server::start();
    let links: Vec<String> = (0..6).map(|page| format!("{page}.html")).collect();
    server.put_html("/docs/", linking("Start", &links.iter().map(String::as_str).collect::<Vec<_>>()));
    for link in &links {
        server.put_html(&format!("/docs/{link}"), linking(link, &[]));
    }
    let docmill = Docmill::new().env("CRAWLER_ACTORS", "4");
    docmill.run(&["crawl", &server.url("/docs/"), "--delay", "500ms"]).expect(0);
    let requests = server.requests();
    assert_eq!(requests.len(), 8, "robots.txt and 7 pages");
    // Requests leave with the pause between them; that the network bunches
    // two of them is no fault of the crawler's, so the whole is measured.
    let whole = requests[7].at - requests[1].at;
    assert!(whole >= std::time::Duration::from_millis(6 * 500 - 300), "{whole:?}");
}
