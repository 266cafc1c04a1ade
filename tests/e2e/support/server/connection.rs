//! One connection: requests are read and answered until one side hangs up.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::answer::{Answer, Delivery};
use super::{Request, Shared};

/// Between two looks whether the server is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A connection that says nothing for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// What a body that is made while it is sent is written in.
const PIECE_BYTES: usize = 1 << 16;

/// Serves until either side hangs up or the server stops.
pub(super) fn serve(stream: TcpStream, shared: &Shared) {
    // The client may go away at any moment: that ends the connection.
    let _hung_up = try_serve(stream, shared);
}

fn try_serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK_EVERY))?;
    stream.set_write_timeout(Some(IDLE_MAX))?;
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(Patient { stream, shared });
    while let Some(request) = Request::read(&mut reader)? {
        let answer = shared.answer(&request);
        let answer = if is_unchanged(&request, &answer) { not_modified(answer) } else { answer };
        if !send(&mut out, &request, &answer, shared)? {
            break;
        }
    }
    Ok(())
}

/// A reader that waits on while the server lives.
struct Patient<'a> {
    stream: TcpStream,
    shared: &'a Shared,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = Instant::now() + IDLE_MAX;
        loop {
            match self.stream.read(buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.shared.is_stopped() || Instant::now() > end {
                        return Ok(0);
                    }
                }
                read => return read,
            }
        }
    }
}

/// Whether the client's validators say that it has this page already.
fn is_unchanged(request: &Request, answer: &Answer) -> bool {
    let same = |asked: &str, has: &str| {
        request.header(asked).is_some_and(|value| answer.header_value(has) == Some(value.as_bytes()))
    };
    answer.status == 200
        && match request.header("if-none-match") {
            Some(_) => same("if-none-match", "etag"),
            None => same("if-modified-since", "last-modified"),
        }
}

fn not_modified(answer: Answer) -> Answer {
    let mut bare = Answer { body: Vec::new(), claimed_bytes: None, ..answer.with_status(304) };
    bare.delivery = Delivery::Whole;
    bare
}

/// Sends it; says whether the connection can be used again.
fn send(out: &mut TcpStream, request: &Request, answer: &Answer, shared: &Shared) -> io::Result<bool> {
    pause(answer.before, shared);
    if answer.delivery == Delivery::Never {
        while !shared.is_stopped() {
            std::thread::sleep(LOOK_EVERY);
        }
        return Ok(false);
    }
    let keeps_open =
        matches!(answer.delivery, Delivery::Whole | Delivery::Drip { .. }) && answer.claimed_bytes.is_none();
    out.write_all(&head(answer, keeps_open))?;
    if request.method == "HEAD" || answer.status == 304 {
        return Ok(keeps_open);
    }
    match answer.delivery {
        Delivery::Whole => out.write_all(&answer.body)?,
        Delivery::Cut { bytes } => out.write_all(&answer.body[..bytes.min(answer.body.len())])?,
        Delivery::Streamed { bytes } => stream(out, &answer.body, bytes, shared)?,
        Delivery::Drip { bytes, pause: time } => {
            for piece in answer.body.chunks(bytes.max(1)) {
                out.write_all(piece)?;
                pause(time, shared);
            }
        }
        Delivery::Never => {}
    }
    out.flush()?;
    Ok(keeps_open)
}

fn head(answer: &Answer, keeps_open: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Said\r\n", answer.status).into_bytes();
    let has_length = !matches!(answer.delivery, Delivery::Streamed { .. }) || answer.claimed_bytes.is_some();
    if has_length && answer.status != 304 {
        let bytes = answer.claimed_bytes.unwrap_or(answer.body.len() as u64);
        head.extend_from_slice(format!("Content-Length: {bytes}\r\n").as_bytes());
    }
    if !keeps_open {
        head.extend_from_slice(b"Connection: close\r\n");
    }
    for (name, value) in &answer.headers {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Sends `pattern` again and again, `bytes` in all.
fn stream(out: &mut impl Write, pattern: &[u8], bytes: u64, shared: &Shared) -> io::Result<()> {
    let pattern = if pattern.is_empty() { b" ".as_slice() } else { pattern };
    let piece: Vec<u8> = pattern.iter().copied().cycle().take(PIECE_BYTES.next_multiple_of(pattern.len())).collect();
    let mut left = bytes;
    while left > 0 && !shared.is_stopped() {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        out.write_all(&piece[..size])?;
        left -= size as u64;
    }
    Ok(())
}

fn pause(time: Duration, shared: &Shared) {
    let end = Instant::now() + time;
    while Instant::now() < end && !shared.is_stopped() {
        std::thread::sleep(LOOK_EVERY.min(end.saturating_duration_since(Instant::now())));
    }
}
