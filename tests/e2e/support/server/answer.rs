//! What the server says to one request, and how badly it behaves about it.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) before: Duration,
    pub(super) delivery: Delivery,
    /// What `Content-Length` says, where it is not the truth.
    pub(super) claimed_bytes: Option<u64>,
}

/// How the body goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// At once.
    Whole,
    /// In pieces of `bytes`, with a pause after each.
    Drip {
        /// Size of a piece.
        bytes: usize,
        /// After each piece.
        pause: Duration,
    },
    /// Only so many bytes of it, then the connection is closed.
    Cut {
        /// How many.
        bytes: usize,
    },
    /// Made while it is sent: the body again and again up to `bytes`.
    Streamed {
        /// How many in all.
        bytes: u64,
    },
    /// Nothing is ever sent.
    Never,
}

impl Answer {
    /// 200 with a UTF-8 HTML page.
    pub(crate) fn html(html: impl Into<String>) -> Self {
        Self::body("text/html; charset=utf-8", html.into())
    }

    /// 200 with any body.
    pub(crate) fn body(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::bare(200) }.header("Content-Type", content_type)
    }

    /// An error with a short page.
    pub(crate) fn status(status: u16) -> Self {
        let html = format!("<!doctype html><title>{status}</title><p>Status {status}.</p>");
        Self { status, ..Self::html(html) }
    }

    /// A redirect; `to` may be relative.
    pub(crate) fn redirect(status: u16, to: &str) -> Self {
        Self::bare(status).header("Location", to)
    }

    /// An answer that never comes.
    pub(crate) fn never() -> Self {
        Self { delivery: Delivery::Never, ..Self::bare(200) }
    }

    fn bare(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            before: Duration::ZERO,
            delivery: Delivery::Whole,
            claimed_bytes: None,
        }
    }

    /// With another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With one more header; its bytes need not be ASCII.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a pause before the first byte.
    pub(crate) fn after(self, pause: Duration) -> Self {
        Self { before: pause, ..self }
    }

    /// In pieces, with a pause after each.
    pub(crate) fn dripping(self, bytes: usize, pause: Duration) -> Self {
        Self { delivery: Delivery::Drip { bytes, pause }, ..self }
    }

    /// Closed after so many bytes of the body.
    pub(crate) fn cut_after(self, bytes: usize) -> Self {
        Self { delivery: Delivery::Cut { bytes }, ..self }
    }

    /// With a `Content-Length` that is not so.
    pub(crate) fn claiming(self, bytes: u64) -> Self {
        Self { claimed_bytes: Some(bytes), ..self }
    }

    /// With the body said again and again, up to `bytes`, and no length.
    pub(crate) fn streamed(self, bytes: u64) -> Self {
        Self { delivery: Delivery::Streamed { bytes }, ..self }
    }

    /// With the body compressed.
    pub(crate) fn gzipped(self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.body).expect("memory takes all bytes");
        let body = encoder.finish().expect("memory takes all bytes");
        Self { body, ..self }.header("Content-Encoding", "gzip")
    }

    /// The first header of that name.
    pub(super) fn header_value(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}
