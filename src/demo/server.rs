//! Serves the handbook as a web server would: content types, validators and
//! "not modified", a redirect, a page that is not there. Loopback only.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use actix_web::dev::ServerHandle;
use actix_web::http::header::{self, ETag, EntityTag, HttpDate, IfModifiedSince, IfNoneMatch, LastModified};
use actix_web::http::{Method, StatusCode};
use actix_web::{App, HttpMessage as _, HttpRequest, HttpResponse, HttpServer, web};

use super::DemoError;
use super::port::{self, Bound};
use super::site::{File, Found, Site};

/// A handbook needs no more.
const WORKERS: usize = 1;

/// How pages were answered since the start; other files are not counted.
#[derive(Debug, Default)]
pub struct Answers {
    sent: AtomicU64,
    unchanged: AtomicU64,
}

impl Answers {
    /// Pages that were sent (200).
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Pages that the other side had already (304).
    pub fn unchanged(&self) -> u64 {
        self.unchanged.load(Ordering::Relaxed)
    }
}

/// The handbook, being served.
pub struct DemoServer {
    /// Where it begins, such as `http://127.0.0.1:7375/`.
    pub url: String,
    /// What a person should know, if anything: that its port has changed.
    pub note: Option<String>,
    answers: Arc<Answers>,
    handle: ServerHandle,
    running: actix_rt::task::JoinHandle<std::io::Result<()>>,
}

impl DemoServer {
    /// How pages were answered so far.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Stops at once; connections that are open are cut.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        // It has ended, whatever it has to say.
        let _ended = self.running.await;
    }
}

/// Serves the handbook on loopback until it is stopped, on the port that
/// `folder` remembers if there is one. Wants an actix system around it.
///
/// # Errors
/// No port can be listened on, or `folder` cannot be written.
pub async fn serve(folder: &Path) -> Result<DemoServer, DemoError> {
    start(port::bind(folder, port::PREFERRED)?)
}

pub(super) fn start(bound: Bound) -> Result<DemoServer, DemoError> {
    let Bound { listener, port, note } = bound;
    let answers = Arc::new(Answers::default());
    let (site, counted) = (web::Data::new(Site::new()), web::Data::from(Arc::clone(&answers)));
    let app = move || App::new().app_data(site.clone()).app_data(counted.clone()).default_service(web::to(answer));
    let server = HttpServer::new(app).workers(WORKERS).disable_signals().listen(listener);
    let server = server.map_err(|source| DemoError::Listen { source })?.run();
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    Ok(DemoServer { url: format!("http://127.0.0.1:{port}/"), note, answers, handle, running })
}

async fn answer(request: HttpRequest, site: web::Data<Site>, answers: web::Data<Answers>) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD")).finish();
    }
    match site.find(request.path()) {
        Found::File(file) => send(&request, file, &answers),
        Found::Moved(to) => HttpResponse::MovedPermanently().insert_header((header::LOCATION, to)).finish(),
        Found::Missing(None) => HttpResponse::NotFound().finish(),
        Found::Missing(Some(page)) => {
            let mut response = HttpResponse::NotFound();
            response.insert_header((header::CONTENT_TYPE, page.content_type)).body(page.body)
        }
    }
}

fn send(request: &HttpRequest, file: File, answers: &Answers) -> HttpResponse {
    let tag = EntityTag::new_strong(hex(&file.sha256));
    let is_unchanged = is_unchanged(request, &tag, file.modified);
    if file.is_page() {
        let count = if is_unchanged { &answers.unchanged } else { &answers.sent };
        count.fetch_add(1, Ordering::Relaxed);
    }
    let mut response = HttpResponse::build(if is_unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    // A newer binary has newer pages: browsers shall ask.
    response.insert_header((header::CACHE_CONTROL, "no-cache")).insert_header(ETag(tag));
    if let Some(modified) = file.modified {
        response.insert_header(LastModified(modified.into()));
    }
    if is_unchanged {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, file.content_type)).body(file.body)
}

/// RFC 9110: where there is an `If-None-Match`, a date says nothing.
fn is_unchanged(request: &HttpRequest, tag: &EntityTag, modified: Option<SystemTime>) -> bool {
    if request.headers().contains_key(header::IF_NONE_MATCH) {
        return match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
            None => false,
        };
    }
    let since = request.get_header::<IfModifiedSince>();
    since.zip(modified).is_some_and(|(IfModifiedSince(since), modified)| HttpDate::from(modified) <= since)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
