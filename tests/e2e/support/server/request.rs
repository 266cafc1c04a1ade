//! A request as the server remembers it.

use std::io::{self, BufRead};
use std::time::Instant;

/// Lines and headers of a request at most.
const LINES_MAX: usize = 100;
/// Bytes of a request's body at most.
const BODY_BYTES_MAX: usize = 64 << 20;

/// What somebody asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `GET`, `HEAD`, ...
    pub(crate) method: String,
    /// With the query, as it was sent.
    pub(crate) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// What came behind the headers.
    pub(crate) body: Vec<u8>,
    /// When it came.
    pub(crate) at: Instant,
}

impl Request {
    /// The first header of that name (in lower case).
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Reads one; `None` where the other side has hung up.
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            if line.is_empty() && !lines.is_empty() {
                break;
            }
            if !line.is_empty() {
                lines.push(line.to_owned());
            }
            if lines.len() > LINES_MAX {
                return Err(io::Error::other("too many headers"));
            }
        }
        let mut words = lines[0].split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let header = |line: &String| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        };
        let (method, path) = (method.to_owned(), path.to_owned());
        let headers = lines.iter().skip(1).filter_map(header).collect();
        let mut request = Self { method, path, headers, body: Vec::new(), at: Instant::now() };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if length > BODY_BYTES_MAX {
            return Err(io::Error::other("too large a body"));
        }
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body)?;
        Ok(Some(request))
    }
}
