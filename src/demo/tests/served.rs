//! The handbook on a real socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use docmill_stages::crawl::fetch::{FetchRequest, Fetched, Fetcher, Validators};
use docmill_stages::crawl::options::CrawlOptions;
use docmill_stages::crawl::url::{NormalUrl, UrlRules};

use super::{BROKEN, DISALLOWED, pages, text};
use crate::demo::server::start;
use crate::demo::{DemoServer, port};

/// A server on a free port.
fn served(folder: &Path) -> DemoServer {
    start(port::bind(folder, 0).unwrap()).unwrap()
}

/// An answer, as it came over the socket.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// One request, on a thread of its own: the server needs this one.
async fn ask(server: &DemoServer, method: &str, path: &str, headers: &str) -> Answer {
    let address = server.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    let asking = actix_rt::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        Answer { head: String::from_utf8(answer[..end].to_vec()).unwrap(), body: answer[end + 4..].to_vec() }
    });
    asking.await.unwrap()
}

fn in_system(test: impl AsyncFnOnce(DemoServer)) {
    let folder = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async { test(served(folder.path())).await });
}

#[test]
fn every_page_is_sent_whole_and_then_known_by_its_etag() {
    in_system(async |server| {
        let paths: Vec<String> = pages().into_keys().filter(|path| path != super::MISSING).collect();
        for path in &paths {
            let first = ask(&server, "GET", path, "").await;
            assert_eq!(
                (first.status(), first.header("content-type")),
                (200, Some("text/html; charset=utf-8")),
                "{path}"
            );
            assert!(first.body == text(path).into_bytes(), "{path}");
            let etag = first.header("etag").unwrap();
            assert!(etag.starts_with('"') && etag.len() == 66, "{etag} is a strong one");
            assert!(first.header("last-modified").is_some(), "{path}");
            let again = ask(&server, "GET", path, &format!("if-none-match: \"x\", {etag}\r\n")).await;
            assert_eq!((again.status(), again.body.len(), again.header("etag")), (304, 0, Some(etag)), "{path}");
        }
        let count = paths.len() as u64;
        assert_eq!((server.answers().sent(), server.answers().unchanged()), (count, count));
        server.stop().await;
    });
}

#[test]
fn the_crawler_understands_what_it_is_answered() {
    in_system(async |server| {
        let fetcher = Fetcher::new(&CrawlOptions::default()).unwrap();
        let fetch = async |path: &str, validators: Validators| {
            let url = NormalUrl::parse(&server.url, &UrlRules::default()).unwrap();
            let url = url.join(path, &UrlRules::default()).unwrap();
            let robots = fetcher.fetch_robots(&url).await.unwrap();
            assert_eq!(robots.allows(&url), path != DISALLOWED, "{path}");
            fetcher.fetch(&FetchRequest { url, validators }).await.unwrap()
        };
        let Fetched::Page(page) = fetch("/guide/modes.html", Validators::default()).await else { panic!("no page") };
        assert_eq!(page.body, text("guide/modes.html").into_bytes());
        assert_eq!(fetch("/guide/modes.html", page.validators).await, Fetched::NotModified);
        assert_eq!(fetch(BROKEN, Validators::default()).await, Fetched::Gone { status: 404 });
        assert!(matches!(fetch("/", Validators::default()).await, Fetched::Redirect { .. }));
        assert!(
            matches!(fetch(DISALLOWED, Validators::default()).await, Fetched::Page(_)),
            "only robots.txt forbids it"
        );
        server.stop().await;
    });
}

#[test]
fn a_date_counts_only_where_no_etag_is_sent() {
    in_system(async |server| {
        let modified = ask(&server, "GET", "/index.html", "").await.header("last-modified").unwrap().to_owned();
        for (headers, status) in [
            (format!("if-modified-since: {modified}\r\n"), 304),
            ("if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT\r\n".to_owned(), 200),
            ("if-modified-since: whenever\r\n".to_owned(), 200),
            (format!("if-modified-since: {modified}\r\nif-none-match: \"other\"\r\n"), 200),
            (format!("if-modified-since: {modified}\r\nif-none-match: nonsense\r\n"), 200),
            ("if-none-match: *\r\n".to_owned(), 304),
        ] {
            assert_eq!(ask(&server, "GET", "/index.html", &headers).await.status(), status, "{headers}");
        }
        server.stop().await;
    });
}

#[test]
fn what_has_moved_is_gone_or_is_no_page_is_answered_so() {
    in_system(async |server| {
        for (path, to) in [("/", "/index.html"), ("/start/quickstart.html", "/start/first-site.html")] {
            let moved = ask(&server, "GET", path, "").await;
            assert_eq!((moved.status(), moved.header("location")), (301, Some(to)));
        }
        for path in [BROKEN, "/404.html", "/_redirects", "/guide", "/guide/", "/../Cargo.toml", "/%2e%2e/%00", "//"] {
            let gone = ask(&server, "GET", path, "").await;
            assert_eq!(gone.status(), 404, "{path}");
            assert!(gone.body == text("404.html").into_bytes(), "{path}");
        }
        for (path, content_type) in [
            ("/robots.txt", "text/plain; charset=utf-8"),
            ("/assets/style.css", "text/css; charset=utf-8"),
            ("/assets/pipeline.svg", "image/svg+xml"),
        ] {
            let file = ask(&server, "GET", path, "").await;
            assert_eq!((file.status(), file.header("content-type")), (200, Some(content_type)), "{path}");
        }
        assert_eq!((server.answers().sent(), server.answers().unchanged()), (0, 0), "only pages are counted");
        server.stop().await;
    });
}

#[test]
fn head_is_get_without_a_body_and_nothing_else_is_taken() {
    in_system(async |server| {
        let page = ask(&server, "GET", "/index.html", "").await;
        let head = ask(&server, "HEAD", "/index.html", "").await;
        assert_eq!((head.status(), head.body.len()), (200, 0));
        for name in ["etag", "last-modified", "content-type", "content-length"] {
            assert_eq!(head.header(name), page.header(name), "{name}");
        }
        let post = ask(&server, "POST", "/index.html", "content-length: 0\r\n").await;
        assert_eq!((post.status(), post.header("allow")), (405, Some("GET, HEAD")));
        server.stop().await;
    });
}

#[test]
fn a_server_that_was_stopped_comes_back_at_the_same_address() {
    let folder = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let first = served(folder.path());
        let url = first.url.clone();
        ask(&first, "GET", "/index.html", "").await;
        first.stop().await;
        let second = served(folder.path());
        assert_eq!((&second.url, &second.note), (&url, &None));
        assert_eq!(ask(&second, "GET", "/index.html", "").await.status(), 200);
        second.stop().await;
    });
}
