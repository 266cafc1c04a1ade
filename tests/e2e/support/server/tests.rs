//! The server does what it is told: what a test of the crawler proves is
//! worth no more than that.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{Answer, Server};

/// Asks for a page on a connection of its own; the answer as it came.
fn ask(server: &Server, path: &str, headers: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn text(server: &Server, path: &str, headers: &str) -> String {
    String::from_utf8_lossy(&ask(server, path, headers)).into_owned()
}

#[test]
fn pages_are_answered_and_requests_remembered() {
    let server = Server::start();
    server.put_html("/a?b=1", "<p>one</p>");
    let answer = text(&server, "/a?b=1", "X-Asked: yes\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("<p>one</p>"), "{answer}");
    assert!(text(&server, "/other", "").starts_with("HTTP/1.1 404 "));
    server.remove("/a?b=1");
    assert!(text(&server, "/a?b=1", "").starts_with("HTTP/1.1 404 "));
    assert_eq!(server.paths_asked(), ["/a?b=1", "/other"]);
    assert_eq!(server.count("/a?b=1"), 2);
    let first = server.requests()[0].clone();
    assert_eq!((first.method.as_str(), first.header("x-asked")), ("GET", Some("yes")));
    assert!(first.at <= server.requests()[1].at);
    server.forget_requests();
    assert_eq!(server.count("/other"), 0);
}

#[test]
fn one_connection_serves_many_requests() {
    let server = Server::start();
    server.put_html("/a", "one");
    let mut stream = TcpStream::connect(server.address).unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\none") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
    }
    assert_eq!(server.count("/a"), 2);
}

#[test]
fn answers_come_in_turn_and_the_last_for_ever() {
    let server = Server::start();
    server.put_in_turn("/a", [Answer::status(503).header("Retry-After", "1"), Answer::html("now")]);
    assert!(text(&server, "/a", "").contains("Retry-After: 1\r\n"));
    for _ in 0..2 {
        assert!(text(&server, "/a", "").ends_with("now"));
    }
}

#[test]
fn validators_that_match_give_304_without_a_body() {
    let server = Server::start();
    let dated = Answer::html("body").header("ETag", "\"1\"").header("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT");
    server.put("/a", dated);
    for headers in ["If-None-Match: \"1\"\r\n", "If-Modified-Since: Sat, 01 Jan 2022 00:00:00 GMT\r\n"] {
        let answer = text(&server, "/a", headers);
        assert!(answer.starts_with("HTTP/1.1 304 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    let other = "If-None-Match: \"2\"\r\nIf-Modified-Since: Sat, 01 Jan 2022 00:00:00 GMT\r\n";
    assert!(text(&server, "/a", other).ends_with("body"));
}

#[test]
fn bodies_are_cut_claimed_streamed_dripped_and_packed() {
    let server = Server::start();
    server.put("/cut", Answer::html("0123456789").cut_after(4));
    server.put("/claim", Answer::html("0123").claiming(99));
    server.put("/stream", Answer::html("ab").streamed(200_001));
    server.put("/drip", Answer::html("0123456789").dripping(3, Duration::from_millis(1)));
    server.put("/gzip", Answer::html("packed ".repeat(100)).gzipped());
    server.put("/header", Answer::html("").header("X-Odd", [b'a', 0xff, 0xe9]));
    let cut = text(&server, "/cut", "");
    assert!(cut.contains("Content-Length: 10\r\n") && cut.ends_with("\r\n\r\n0123"), "{cut}");
    let claim = text(&server, "/claim", "");
    assert!(claim.contains("Content-Length: 99\r\n") && claim.ends_with("\r\n\r\n0123"), "{claim}");
    let streamed = text(&server, "/stream", "");
    let body = streamed.split_once("\r\n\r\n").unwrap().1;
    assert!(!streamed.contains("Content-Length") && body.len() == 200_001 && body.starts_with("abab"));
    assert!(text(&server, "/drip", "").ends_with("\r\n\r\n0123456789"));
    let packed = ask(&server, "/gzip", "");
    let start = packed.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed[start..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, "packed ".repeat(100));
    assert!(ask(&server, "/header", "").windows(3).any(|window| window == [b'a', 0xff, 0xe9]));
}

#[test]
fn a_server_that_never_answers_ends_all_the_same() {
    let server = Server::start();
    server.put("/never", Answer::never());
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    crate::support::wait::until("the request", || (server.count("/never") == 1).then_some(()));
    drop(server);
    let mut nothing = Vec::new();
    stream.read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn a_folder_is_served_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("site/deep")).unwrap();
    std::fs::write(folder.path().join("site/index.html"), "start").unwrap();
    std::fs::write(folder.path().join("site/deep/index.html"), "deep").unwrap();
    std::fs::write(folder.path().join("secret.html"), "secret").unwrap();
    let server = Server::of_folder(folder.path().join("site"));
    assert!(text(&server, "/", "").ends_with("start"));
    assert!(text(&server, "/index.html?x", "").contains("ETag: \""));
    assert!(text(&server, "/deep", "").contains("Location: /deep/\r\n"));
    assert!(text(&server, "/deep/", "").ends_with("deep"));
    for path in ["/../secret.html", "/deep/../../secret.html", "/none.html"] {
        assert!(text(&server, path, "").starts_with("HTTP/1.1 404 "), "{path}");
    }
}

#[test]
fn a_handler_sees_the_body() {
    let server = Server::of_handler(|request| Answer::body("text/plain", [b"got ", request.body.as_slice()].concat()));
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\ngot body"), "{answer}");
}
