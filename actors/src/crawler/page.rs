//! A page that was fetched: read on a thread of its own, written to the
//! store, and only then recorded. A store that is down is nobody's outcome:
//! the URL is given back.

use std::sync::Arc;

use docmill_stages::clock::iso8601;
use docmill_stages::crawl::decode::decode;
use docmill_stages::crawl::fetch::FetchedPage;
use docmill_stages::crawl::frontier::{self, Outcome, PageRecord};
use docmill_stages::crawl::page::{PageFacts, read_page, read_plain};
use docmill_stages::crawl::raw::{RawPage, raw_file, raw_file_name, raw_item};
use docmill_stages::failure::{Failure, chain};
use docmill_stages::fault;
use docmill_stages::item::RawItem;
use docmill_stages::store::{Folder, Store};

use super::{Parameters, Request, failed};
use crate::now_ms;

/// Keeps a page; the outcome is to be recorded after this has returned.
pub(super) async fn keep(parameters: &Parameters, request: &Request, fetched: FetchedPage) -> Result<Outcome, Failure> {
    let validators = fetched.validators.clone();
    let (facts, item) = match read(request, fetched).await {
        Ok(read) => read,
        Err(failure) => return Ok(failed(request, &failure, None)),
    };
    let mut record = PageRecord { validators, ..PageRecord::default() };
    if facts.links_cut > 0 {
        log::warn!("{} has {} links more than are followed", request.page.url, facts.links_cut);
    }
    for link in facts.links {
        if facts.robots.nofollow || !link.followed {
            record.links_nofollow.push(link.url)
        } else {
            record.links.push(link.url)
        }
    }
    record.is_indexable = !facts.robots.noindex;
    let is_known = request.page.raw_stem.is_some();
    if record.is_indexable || is_known {
        let item = if record.is_indexable { item } else { tombstone(&item) };
        let hash = item.content_hash();
        record.content_hash = record.is_indexable.then(|| hash.clone());
        match write(parameters, request, &facts.article_id, item, hash).await? {
            Err(failure) if failure.store_outage => return Err(failure),
            Err(failure) => return Ok(failed(request, &failure, None)),
            Ok(()) => {}
        }
        fault::of_item("crawler.written", request.page.url.as_str())?;
    }
    Ok(Outcome::Fetched(record))
}

/// Decodes and reads the page, within `STAGE_TIMEOUT`.
async fn read(request: &Request, fetched: FetchedPage) -> Result<(PageFacts, RawItem), Failure> {
    let (crawl, page) = (Arc::clone(&request.crawl), request.page.clone());
    let limit = crawl.stage_timeout;
    let reading = actix_rt::task::spawn_blocking(move || {
        let FetchedPage { content_type, robots_tags, body, .. } = fetched;
        let is_html = content_type.media.is_html();
        let text = decode(&body, content_type.charset.as_deref(), is_html).text;
        drop(body);
        let token = crawl.options.product_token();
        let facts = if is_html {
            read_page(&text, &page.url, &robots_tags, token, &crawl.options.urls)
        } else {
            read_plain(&robots_tags, token)
        };
        let item = raw_item(RawPage {
            url: &page.url,
            media: &content_type.media,
            text,
            facts: &facts,
            scraped_at: &iso8601(now_ms()),
            is_known: page.raw_stem.is_some(),
        });
        (facts, item)
    });
    match tokio::time::timeout(limit, reading).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(Failure::permanent("panicked", format!("reading the page failed: {error}"))),
        Err(_) => Err(Failure::permanent("timeout", format!("reading the page took over STAGE_TIMEOUT ({limit:?})"))),
    }
}

/// Writes the raw item, unless its content lies there already.
async fn write(
    parameters: &Parameters,
    request: &Request,
    article_id: &Option<String>,
    item: RawItem,
    hash: String,
) -> Result<Result<(), Failure>, Failure> {
    let (url, article_id) = (request.page.url.clone(), article_id.clone());
    let assign = move |db: &docmill_stages::db::Connection| frontier::assign_key(db, &url, article_id.as_deref());
    let (key, article_id) = request.crawl.ledger.call(assign).await?;
    let name = raw_file_name(&key, article_id.as_deref());
    let is_same = request.page.content_hash.as_ref() == Some(&hash);
    let (store, file_name) = (Arc::clone(&parameters.store), name.clone());
    let writing = actix_rt::task::spawn_blocking(move || put(store.as_ref(), &file_name, &item, is_same));
    Ok(match writing.await {
        Ok(Ok(true)) => {
            parameters.hints.add(&name);
            Ok(())
        }
        Ok(Ok(false)) => Ok(()),
        Ok(Err(failure)) => Err(failure),
        Err(error) => Err(Failure::transient("panicked", format!("writing the page failed: {error}"))),
    })
}

/// Says whether it wrote.
fn put(store: &dyn Store, name: &str, item: &RawItem, is_same: bool) -> Result<bool, Failure> {
    if is_same && store.stat(Folder::Raw, name)?.is_some() {
        return Ok(false);
    }
    let bytes = raw_file(item).map_err(|error| Failure::permanent("raw_item", chain(&error)))?;
    store.put(Folder::Raw, name, &bytes)?;
    Ok(true)
}

/// The page may no longer be indexed: it goes out through the same door.
fn tombstone(item: &RawItem) -> RawItem {
    let mut metadata = item.metadata.clone();
    metadata.change_status = Some("removed".to_owned());
    RawItem { html_content: None, content: None, text_content: None, metadata, ..item.clone() }
}
