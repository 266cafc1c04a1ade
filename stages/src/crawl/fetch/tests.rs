//! The fetcher against a real server on loopback, one behaviour a path.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};

use super::super::url::UrlRules;
use super::*;
use crate::failure::StageError as _;

const BYTES_MAX: u64 = 100_000;

/// Answers each request by its path, and closes the connection after it.
struct Server {
    address: SocketAddr,
    /// The heads of the requests, in order.
    heads: Arc<Mutex<Vec<String>>>,
    /// Connections that hang are held until this is dropped.
    _release: mpsc::Sender<()>,
}

impl Server {
    fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (release, held) = mpsc::channel::<()>();
        let (seen, held) = (Arc::clone(&heads), Arc::new(Mutex::new(held)));
        std::thread::spawn(move || {
            let answer = Arc::new(answer);
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, seen, held) = (Arc::clone(&answer), Arc::clone(&seen), Arc::clone(&held));
                std::thread::spawn(move || serve(stream, &*answer, &seen, &held));
            }
        });
        Self { address, heads, _release: release }
    }

    fn url(&self, path: &str) -> NormalUrl {
        NormalUrl::parse(&format!("http://{}{path}", self.address), &UrlRules::default()).unwrap()
    }
}

enum Answer {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing while the server lives.
    Hang(Vec<u8>),
}

fn serve(
    mut stream: TcpStream,
    answer: &dyn Fn(&str) -> Answer,
    seen: &Mutex<Vec<String>>,
    held: &Mutex<mpsc::Receiver<()>>,
) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    seen.lock().unwrap().push(head.clone());
    let path = head.split(' ').nth(1).unwrap_or_default();
    // A client that has gone away is part of some tests.
    match answer(path) {
        Answer::Bytes(bytes) => drop(stream.write_all(&bytes)),
        Answer::Hang(bytes) => {
            drop(stream.write_all(&bytes));
            // Ends with an error when the server is dropped.
            assert!(held.lock().unwrap().recv().is_err());
        }
    }
}

fn http(status: &str, headers: &str, body: &[u8]) -> Answer {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    Answer::Bytes(bytes)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn site(path: &str) -> Answer {
    const HTML: &str = "Content-Type: text/html; charset=utf-8\r\n";
    let html = |headers: &str, body: &[u8]| http("200 OK", &format!("{HTML}{headers}"), body);
    let cut = |headers: &str, body: &[u8]| {
        let mut bytes = format!("HTTP/1.1 200 OK\r\n{HTML}{headers}Connection: close\r\n\r\n").into_bytes();
        bytes.extend_from_slice(body);
        Answer::Bytes(bytes)
    };
    match path {
        "/page" => html("ETag: \"v1\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n", "<p>é".as_bytes()),
        "/known" => http("304 Not Modified", "ETag: \"v1\"\r\n", b""),
        "/gzip" => html("Content-Encoding: gzip\r\n", &gzip(b"<p>packed")),
        "/bomb" => html("Content-Encoding: gzip\r\n", &gzip(&vec![b' '; 10_000_000])),
        "/zstd" => html("Content-Encoding: zstd\r\n", b"(\xb5/\xfd"),
        "/large" => html("", &vec![b'x'; BYTES_MAX as usize + 1]),
        "/full" => html("", &vec![b'x'; BYTES_MAX as usize]),
        "/endless" => {
            let mut bytes = format!("HTTP/1.1 200 OK\r\n{HTML}\r\n").into_bytes();
            bytes.resize(bytes.len() + BYTES_MAX as usize * 2, b'x');
            Answer::Hang(bytes)
        }
        "/slow" => Answer::Hang(format!("HTTP/1.1 200 OK\r\n{HTML}Content-Length: 10\r\n\r\nabc").into_bytes()),
        "/mute" => Answer::Hang(Vec::new()),
        "/cut" => cut("Content-Length: 10\r\n", b"abc"),
        "/cut-gzip" => cut("Content-Encoding: gzip\r\n", &gzip(&[b'a'; 9_999])[..20]),
        "/odd-headers" => Answer::Bytes(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Robots-Tag: noindex\r\nX-Robots-Tag: \xc3\xa9: none\r\n\
              X-Odd: \xff\xfe\r\nno colon at all\r\nETag: \"\xe9\"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
                .to_vec(),
        ),
        "/garbage" => Answer::Bytes(b"\x00\x01 no http at all\r\n\r\n".to_vec()),
        "/many-headers" => html(&"X: y\r\n".repeat(10_000), b"x"),
        "/pdf" => http("200 OK", "Content-Type: application/pdf\r\n", b"%PDF"),
        "/no-type" => http("200 OK", "", b"<!doctype html><p>x"),
        "/no-type-binary" => http("200 OK", "", b"\x7fELF"),
        "/moved" => http("301 Moved", "Location: page#part\r\n", b""),
        "/moved-utf8" => http("302 Found", "Location: /\u{e9}\r\n", b""),
        "/moved-mail" => http("302 Found", "Location: mailto:x@y\r\n", b""),
        "/moved-nowhere" => http("302 Found", "", b""),
        "/unasked-304" => http("304 Not Modified", "", b""),
        "/gone" => http("410 Gone", "", b""),
        "/forbidden" => http("403 Forbidden", "", b""),
        "/busy" => http("429 Too Many", "Retry-After: 7\r\n", b""),
        "/down" => http("503 Down", "Retry-After: Mon, 01 Jan 2024 00:00:00 GMT\r\n", b""),
        "/status/600" => http("600 Odd", "", b""),
        "/empty" => http("204 No Content", HTML, b""),
        _ => http("404 Not Found", "", b""),
    }
}

fn fetcher(timeout: Duration) -> Fetcher {
    let options = CrawlOptions {
        timeout,
        body_bytes_max: BYTES_MAX,
        user_agent: "docmill/9 (test)".to_owned(),
        ..CrawlOptions::default()
    };
    Fetcher::new(&options).unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn get_within(server: &Server, path: &str, timeout: Duration) -> Result<Fetched, FetchError> {
    let request = FetchRequest { url: server.url(path), validators: Validators::default() };
    wait(async { fetcher(timeout).fetch(&request).await })
}

fn get(path: &str) -> Result<Fetched, FetchError> {
    get_within(&Server::start(site), path, Duration::from_secs(60))
}

fn page(path: &str) -> FetchedPage {
    match get(path).unwrap() {
        Fetched::Page(page) => page,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn a_page_comes_with_its_type_and_its_validators() {
    let page = page("/page");
    assert_eq!((page.status, page.body.as_slice()), (200, "<p>é".as_bytes()));
    assert_eq!(page.content_type, ContentType { media: Media::Html, charset: Some("utf-8".to_owned()) });
    assert_eq!(page.validators.etag.as_deref(), Some("\"v1\""));
    assert_eq!(page.validators.last_modified.as_deref(), Some("Mon, 01 Jan 2024 00:00:00 GMT"));
}

#[test]
fn requests_say_who_asks_and_what_is_known() {
    let server = Server::start(site);
    let validators = Validators { etag: Some("\"v1\"".to_owned()), last_modified: Some("bad\nvalue".to_owned()) };
    let known = FetchRequest { url: server.url("/known"), validators };
    let fetcher = fetcher(Duration::from_secs(60));
    wait(async {
        assert_eq!(fetcher.fetch(&known).await.unwrap(), Fetched::NotModified);
    });
    let heads = server.heads.lock().unwrap();
    let head = heads[0].to_lowercase();
    assert!(head.starts_with("get /known http/1.1") && head.contains("if-none-match: \"v1\""), "{head}");
    assert!(head.contains("user-agent: docmill/9 (test)") && !head.contains("if-modified-since"), "{head}");
    let codings = head.lines().find_map(|line| line.strip_prefix("accept-encoding:")).unwrap();
    assert!(["gzip", "deflate", "br"].iter().all(|coding| codings.contains(coding)), "{codings}");
}

#[test]
fn bodies_are_unpacked_and_their_bound_holds_for_what_comes_out() {
    assert_eq!(page("/gzip").body, b"<p>packed");
    assert_eq!(page("/full").body.len() as u64, BYTES_MAX);
    for path in ["/bomb", "/large", "/endless"] {
        assert_eq!(get(path).unwrap(), Fetched::TooLarge { bytes_max: BYTES_MAX }, "{path}");
    }
    let coding = get("/zstd").unwrap_err();
    assert_eq!((coding.kind, coding.can_retry()), (FetchErrorKind::Coding, false));
}

#[test]
fn what_is_no_page_is_told_apart() {
    assert_eq!(get("/pdf").unwrap(), Fetched::WrongType { media_type: "application/pdf".to_owned() });
    assert_eq!(get("/no-type-binary").unwrap(), Fetched::WrongType { media_type: String::new() });
    assert_eq!(page("/no-type").content_type.media, Media::Html);
    assert_eq!(get("/nothing").unwrap(), Fetched::Gone { status: 404 });
    assert_eq!(get("/gone").unwrap(), Fetched::Gone { status: 410 });
    assert_eq!(get("/forbidden").unwrap(), Fetched::Refused { status: 403 });
    assert_eq!(page("/empty").body, b"");
}

#[test]
fn redirects_are_answers_and_not_followed() {
    let to = |path: &str| match get(path).unwrap() {
        Fetched::Redirect { to } => to.path_and_query().to_owned(),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(to("/moved"), "/page");
    assert_eq!(to("/moved-utf8"), "/%C3%A9");
    assert!(matches!(get("/moved-mail").unwrap(), Fetched::RedirectNowhere { reason } if reason.contains("mailto:")));
    for path in ["/moved-nowhere", "/unasked-304"] {
        assert!(matches!(get(path).unwrap_err().kind, FetchErrorKind::Status(_)), "{path}");
    }
}

#[test]
fn odd_headers_are_borne() {
    let page = page("/odd-headers");
    assert_eq!(page.robots_tags[0], "noindex");
    assert_eq!((page.robots_tags.len(), page.body.as_slice()), (2, b"ok".as_slice()));
}

#[test]
fn broken_answers_are_worth_a_retry() {
    for path in ["/cut", "/cut-gzip", "/garbage", "/many-headers"] {
        let error = get(path).unwrap_err();
        assert_eq!((error.kind, error.can_retry()), (FetchErrorKind::Broken, true), "{path}: {error}");
        assert!(error.to_string().contains(path) && !error.is_unreachable(), "{error}");
    }
}

#[test]
fn statuses_to_retry_carry_what_the_server_asks_for() {
    let busy = get("/busy").unwrap_err();
    assert_eq!((busy.kind, busy.can_retry()), (FetchErrorKind::StatusToRetry(429), true));
    assert_eq!(busy.retry_after, Some(RetryAfter::Delay(Duration::from_secs(7))));
    assert_eq!(get("/down").unwrap_err().retry_after, Some(RetryAfter::At(1_704_067_200_000)));
    assert!(!get("/status/600").unwrap_err().can_retry());
}

#[test]
fn a_slow_server_is_given_up_at_the_timeout() {
    let server = Server::start(site);
    for path in ["/slow", "/mute"] {
        let error = get_within(&server, path, Duration::from_millis(300)).unwrap_err();
        assert_eq!((error.kind, error.can_retry()), (FetchErrorKind::Timeout, true), "{path}: {error}");
        assert!(error.to_string().contains("DOWNLOAD_TIMEOUT=0.3"), "{error}");
    }
}

#[test]
fn a_closed_port_and_an_unknown_host_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    for (url, kind, says) in [
        (closed.as_str(), FetchErrorKind::ConnectionRefused, "connection refused"),
        ("http://no-such-host.invalid/", FetchErrorKind::Unresolved, "no-such-host.invalid is not known"),
    ] {
        let url = NormalUrl::parse(url, &UrlRules::default()).unwrap();
        let request = FetchRequest { url, validators: Validators::default() };
        let error = wait(async { fetcher(Duration::from_secs(60)).fetch(&request).await }).unwrap_err();
        assert_eq!((error.kind, error.is_unreachable()), (kind, true), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_user_agent_that_no_header_can_hold_is_refused() {
    let options = CrawlOptions { user_agent: "a\nb".to_owned(), ..CrawlOptions::default() };
    assert_eq!(Fetcher::new(&options).unwrap_err().kind, FetchErrorKind::Client);
}

/// Rules of a robots.txt that is served so: whether `/secret` is allowed.
fn may_read_secret(answer: fn(&str) -> Answer) -> Result<bool, FetchError> {
    let server = Server::start(answer);
    let rules = wait(async { fetcher(Duration::from_secs(60)).fetch_robots(&server.url("/a/b?c")).await })?;
    Ok(rules.allows(&server.url("/secret")))
}

#[test]
fn a_robots_file_is_fetched_as_the_rfc_says() {
    const RULES: &[u8] = b"User-agent: docmill\nDisallow: /secret\n";
    assert!(!may_read_secret(|_| http("200 OK", "", RULES)).unwrap());
    assert!(may_read_secret(|_| http("404 No", "", RULES)).unwrap());
    assert!(may_read_secret(|_| http("401 No", "", RULES)).unwrap());
    assert!(may_read_secret(|_| http("302 Loop", "Location: /robots.txt\r\n", b"")).unwrap());
    assert!(
        !may_read_secret(|path| match path {
            "/robots.txt" => http("301 Moved", "Location: /other\r\n", b""),
            _ => http("200 OK", "Content-Type: application/octet-stream\r\n", RULES),
        })
        .unwrap()
    );
    assert!(
        !may_read_secret(|_| {
            let mut long = RULES.to_vec();
            long.resize(600_000, b'#');
            http("200 OK", "", &long)
        })
        .unwrap()
    );
    for status in ["503 Down", "500 Error", "429 Many"] {
        let status: &'static str = status;
        let server = Server::start(move |_| http(status, "Retry-After: 3\r\n", b""));
        let error = wait(async { fetcher(Duration::from_secs(60)).fetch_robots(&server.url("/")).await }).unwrap_err();
        assert!(error.can_retry() && error.retry_after.is_some(), "{status}");
    }
}
