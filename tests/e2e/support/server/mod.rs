//! A small hostile web server on loopback: it answers as it is told, page by
//! page, slow, cut, lying or for ever, and remembers who asked for what.

mod answer;
mod connection;
mod folder;
mod request;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub(crate) use answer::Answer;
pub(crate) use request::Request;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// Makes an answer of a request.
type Handler = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// What the connections of one server share.
#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    pages: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    folder: Mutex<Option<PathBuf>>,
    handler: Mutex<Option<Handler>>,
    requests: Mutex<Vec<Request>>,
}

impl Server {
    /// Starts one on a free port. It answers 404 until it is given pages.
    pub(crate) fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on"))
    }

    /// Starts one that serves the files below `root`.
    pub(crate) fn of_folder(root: impl Into<PathBuf>) -> Self {
        let server = Self::start();
        *lock(&server.shared.folder) = Some(root.into());
        server
    }

    /// Starts one whose answers are made when they are asked for.
    pub(crate) fn of_handler(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let server = Self::start();
        *lock(&server.shared.handler) = Some(Arc::new(handler));
        server
    }

    fn listen(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// The absolute URL of `path` (which begins with `/`).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers `path` (with its query, if any) so from now on.
    pub(crate) fn put(&self, path: &str, answer: Answer) {
        self.put_in_turn(path, [answer]);
    }

    /// Gives each answer once, in turn, and the last for ever.
    pub(crate) fn put_in_turn(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.shared.pages).insert(path.to_owned(), answers.into_iter().collect());
    }

    /// An HTML page.
    pub(crate) fn put_html(&self, path: &str, html: impl Into<String>) {
        self.put(path, Answer::html(html));
    }

    /// Answers `path` with 404 again.
    pub(crate) fn remove(&self, path: &str) {
        lock(&self.shared.pages).remove(path);
    }

    /// All requests up to now, in the order in which they came.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Requests for `path` up to now.
    pub(crate) fn count(&self, path: &str) -> usize {
        lock(&self.shared.requests).iter().filter(|request| request.path == path).count()
    }

    /// The paths that were asked for, each once, but for `/robots.txt`.
    pub(crate) fn paths_asked(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.requests().into_iter().map(|request| request.path).collect();
        paths.sort();
        paths.dedup();
        paths.retain(|path| path != "/robots.txt");
        paths
    }

    /// Forgets the requests up to now.
    pub(crate) fn forget_requests(&self) {
        lock(&self.shared.requests).clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is over.
        let _wake = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ended = acceptor.join();
        }
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// The answer to a request, which is remembered.
    fn answer(&self, request: &Request) -> Answer {
        lock(&self.requests).push(request.clone());
        let mut pages = lock(&self.pages);
        if let Some(answers) = pages.get_mut(&request.path) {
            let is_last = answers.len() <= 1;
            let answer = if is_last { answers.front().cloned() } else { answers.pop_front() };
            return answer.unwrap_or_else(|| Answer::status(404));
        }
        drop(pages);
        let handler = lock(&self.handler).clone();
        if let Some(handler) = handler {
            return handler(request);
        }
        let root = lock(&self.folder).clone();
        root.and_then(|root| folder::answer(&root, &request.path)).unwrap_or_else(|| Answer::status(404))
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_stopped() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || connection::serve(stream, &shared));
    }
}

/// A test that panicked with a lock held has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
