//! Where the CPU seconds go: each stage on its own, in one thread, over real
//! documentation (the Rust book), with the settings' defaults.
//!
//! Run: `cargo bench --bench stages -- [--pages N] [--precision fp32|int8]`

#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::expect_used,
    reason = "shared with the tests and other benchmarks"
)]
mod support;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use docmill_stages::chunk::tokens::HuggingFaceCounter;
use docmill_stages::chunk::{ChunkOptions, ChunkSettings, chunk};
use docmill_stages::clock::iso8601;
use docmill_stages::crawl::decode::decode;
use docmill_stages::crawl::fetch::{FetchRequest, Fetched, FetchedPage, Fetcher, Validators};
use docmill_stages::crawl::options::CrawlOptions;
use docmill_stages::crawl::page::read_page;
use docmill_stages::crawl::raw::{RawPage, raw_file, raw_file_name, raw_item};
use docmill_stages::crawl::url::{NormalUrl, UrlRules};
use docmill_stages::embed::local::{LocalOptions, LocalProvider, Precision};
use docmill_stages::embed::models::{self, DEFAULT_MODEL, ModelFiles, ModelRequest};
use docmill_stages::embed::{Provider as _, Purpose};
use docmill_stages::item::{Document, EmbeddedDocument, KEY_LEN, RawItem, file_stem, key_of_url};
use docmill_stages::load::index::{Index, Model};
use docmill_stages::load::{Fingerprints, LoadDocument, files};
use docmill_stages::process::{ProcessOptions, process};
use docmill_stages::store::{Folder, LocalStore, Store as _};
use support::measure::time;
use support::report::Report;
use support::server::Server;
use support::{Result, book, flag};

fn main() -> Result<()> {
    let (folder, name) = book::folder();
    let server = Server::of_folder(&folder);
    let mut urls = pages_of(&folder, &server)?;
    urls.truncate(flag("--pages", usize::MAX)?);
    let data = tempfile::tempdir()?;
    let store = LocalStore::prepare(data.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut table = Table { report: Report::new("stages", COLUMNS), rows: Vec::new(), pages: urls.len() };

    let files = model_files()?;
    let items = table.row("crawl (fetch, read, store)", || runtime.block_on(crawl(&urls, &store)))?;
    let bytes: usize = items.iter().map(|item| item.html_content.as_ref().map_or(0, String::len)).sum();
    let documents = table.row("process", || clean(&items))?;
    let mut embedded = table.row("chunk", || cut(&documents, &files))?;
    let provider = LocalProvider::load(&files, LocalOptions { precision: precision()?, ..LocalOptions::default() })?;
    let chunks: usize = embedded.iter().map(|document| document.chunks.len()).sum();
    table.row("embed", || runtime.block_on(embed(&provider, &mut embedded)))?;
    table.row("load (files, index)", || runtime.block_on(load(&provider, embedded, &store, data.path())))?;
    table.finish(name, bytes, chunks)
}

fn precision() -> Result<Precision> {
    match flag("--precision", "fp32".to_owned())?.as_str() {
        "fp32" => Ok(Precision::Fp32),
        "int8" => Ok(Precision::Int8),
        other => Err(format!("--precision {other}: expected fp32 or int8").into()),
    }
}

const COLUMNS: &[&str] = &["wall s", "cpu s", "cpu share %", "pages/s", "MB/s"];

/// Measured stages; shares and sizes are known only at the end.
struct Table {
    report: Report,
    rows: Vec<(&'static str, f64, f64)>,
    pages: usize,
}

impl Table {
    fn row<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (made, wall_s, cpu_s) = time(work);
        self.rows.push((name, wall_s, cpu_s));
        made
    }

    fn finish(mut self, site: &str, bytes: usize, chunks: usize) -> Result<()> {
        let cpu_s: f64 = self.rows.iter().map(|(_, _, cpu_s)| cpu_s).sum();
        let wall_s: f64 = self.rows.iter().map(|(_, wall_s, _)| wall_s).sum();
        let (pages, megabytes) = (self.pages as f64, bytes as f64 / 1e6);
        for (name, wall, cpu) in self.rows.iter().chain([&("all, one after the other", wall_s, cpu_s)]) {
            self.report.row(*name, &[*wall, *cpu, cpu / cpu_s * 100.0, pages / wall, megabytes / wall]);
        }
        self.report.fact("site", site);
        self.report.fact("pages", self.pages);
        self.report.fact("HTML MB", megabytes);
        self.report.fact("chunks", chunks);
        self.report.finish()
    }
}

/// The URLs of the HTML files of a site's folder, without its print page,
/// which holds all others once more.
fn pages_of(folder: &Path, server: &Server) -> Result<Vec<NormalUrl>> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") && !path.ends_with("print.html") {
                paths.push(path.strip_prefix(folder)?.to_string_lossy().into_owned());
            }
        }
    }
    paths.sort();
    let url = |path: &String| Ok(NormalUrl::parse(&server.url(&format!("/{path}")), &UrlRules::default())?);
    paths.iter().map(url).collect()
}

fn model_files() -> Result<ModelFiles> {
    let folder = models::default_cache_folder(|name| std::env::var_os(name)).ok_or("HOME is not set")?;
    Ok(models::acquire(&ModelRequest::new(DEFAULT_MODEL, folder), &|_step| ())?)
}

/// One request at a time: what it costs, not how long servers take.
async fn crawl(urls: &[NormalUrl], store: &LocalStore) -> Result<Vec<RawItem>> {
    let options = CrawlOptions::default();
    let fetcher = Fetcher::new(&options)?;
    let mut items = Vec::new();
    for url in urls {
        let request = FetchRequest { url: url.clone(), validators: Validators::default() };
        let Fetched::Page(page) = fetcher.fetch(&request).await? else {
            return Err(format!("{url} is no page").into());
        };
        let FetchedPage { content_type, robots_tags, body, .. } = page;
        let text = decode(&body, content_type.charset.as_deref(), true).text;
        let facts = read_page(&text, url, &robots_tags, options.product_token(), &options.urls);
        let scraped_at = iso8601(0);
        let media = &content_type.media;
        let item = raw_item(RawPage { url, media, text, facts: &facts, scraped_at: &scraped_at, is_known: false });
        let name = raw_file_name(&key_of_url(url.as_str(), KEY_LEN), None);
        store.put(Folder::Raw, &name, &raw_file(&item)?)?;
        items.push(item);
    }
    Ok(items)
}

fn clean(items: &[RawItem]) -> Result<Vec<Document>> {
    let options = ProcessOptions { html_bytes_max: 32 << 20 };
    items.iter().map(|item| Ok(process(item, &item.url, &options)?.document)).collect()
}

fn cut(documents: &[Document], files: &ModelFiles) -> Result<Vec<EmbeddedDocument>> {
    let counter = HuggingFaceCounter::from_bytes(&std::fs::read(&files.tokenizer.path)?)?;
    let (tokens_max, window) = (NonZeroUsize::new(200), files.window);
    let options = ChunkOptions::new(ChunkSettings {
        tokens_max: tokens_max.ok_or("no chunk size")?,
        overlap_tokens: 32,
        chars_max: None,
        overlap_chars: None,
        window: window.ok_or("the model's window is not known")?,
        context: true,
    })?;
    let cut_one = |document: &Document| {
        let key = key_of_url(&document.url, KEY_LEN);
        let chunks = chunk(&key, document, &counter, &options)?.chunks;
        Ok(EmbeddedDocument { key, content_hash: String::new(), document: document.clone(), chunks })
    };
    documents.iter().map(cut_one).collect()
}

async fn embed(provider: &LocalProvider, documents: &mut [EmbeddedDocument]) -> Result<()> {
    let mut embedder = provider.open()?;
    for document in documents {
        let texts: Vec<String> = document.chunks.iter().map(|chunk| chunk.text_to_embed().to_owned()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = embedder.embed(&texts, Purpose::Passage).await?;
        for (chunk, vector) in document.chunks.iter_mut().zip(vectors) {
            chunk.embedding = vector;
        }
    }
    Ok(())
}

async fn load(
    provider: &LocalProvider,
    documents: Vec<EmbeddedDocument>,
    store: &LocalStore,
    folder: &Path,
) -> Result<()> {
    let info = provider.info();
    let model = Model { name: info.name.clone(), dimension: info.dimension, fingerprint: info.fingerprint.clone() };
    let index = Index::open(folder, &model)?;
    for embedded in documents {
        files::write(store, &file_stem(&embedded.key, None), &[], &embedded)?;
        let load = LoadDocument { embedded, fingerprints: Fingerprints::default() };
        index.replace_one(Arc::new(load), Arc::new(|_key| true)).await?;
    }
    Ok(())
}
