//! The processor: one raw item becomes one document.
//!
//! Gets its messages from the watcher's door and sends to the chunker; a
//! tombstone goes straight to the loader. Holds one raw item and its document
//! while it works; leaves nothing after a crash.

use std::sync::Arc;

use actix::prelude::*;
use docmill_stages::batch::{BatchStage, WorkFolder};
use docmill_stages::failure::Failure;
use docmill_stages::fault;
use docmill_stages::item::{Document, RawItem};
use docmill_stages::ledger::Verdict;
use docmill_stages::process::{self, ProcessOptions};
use docmill_stages::store::Store;
use docmill_stages::watch;

use crate::chunker::{ChunkDocument, ChunkInput};
use crate::loader::{LoadDocument, LoadInput};
use crate::mailbox::{Mailbox, Permit};
use crate::now_ms;
use crate::pipeline::Fingerprints;
use crate::pool::{End, Seat};
use crate::settings::Retry;
use crate::ticket::Ticket;
use crate::watcher::Hints;

/// How long an item waits whose bytes have moved on, until its file was read
/// anew, in milliseconds.
const SUPERSEDED_MS: i64 = 500;

/// All that a fresh processor is made of.
pub(crate) struct Parameters {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) work: WorkFolder,
    pub(crate) options: ProcessOptions,
    pub(crate) fingerprints: Arc<Fingerprints>,
    pub(crate) retry: Retry,
    pub(crate) hints: Arc<Hints>,
    pub(crate) chunker: Arc<Mailbox<ChunkDocument>>,
    pub(crate) loader: Arc<Mailbox<LoadDocument>>,
}

/// Clean the raw item that the ticket stands for.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ProcessItem {
    ticket: Ticket,
    permit: Permit,
}

impl ProcessItem {
    pub(crate) fn new(ticket: Ticket, permit: Permit) -> Self {
        Self { ticket, permit }
    }
}

pub(crate) struct Processor {
    parameters: Arc<Parameters>,
    seat: Seat<ProcessItem>,
}

impl Processor {
    pub(crate) fn new(parameters: Arc<Parameters>, seat: Seat<ProcessItem>) -> Self {
        Self { parameters, seat }
    }
}

impl Actor for Processor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seat.ready(ctx);
    }
}

impl Handler<ProcessItem> for Processor {
    type Result = ();

    fn handle(&mut self, message: ProcessItem, ctx: &mut Self::Context) {
        let work = process_item(Arc::clone(&self.parameters), self.seat.clone(), message);
        ctx.spawn(work.into_actor(self).map(|end, actor, ctx| actor.seat.end(end, ctx)));
    }
}

/// What one stage call made of an item.
enum Processed {
    Document(Box<Document>),
    Stored,
    Tombstone,
    Superseded,
}

async fn process_item(parameters: Arc<Parameters>, seat: Seat<ProcessItem>, message: ProcessItem) -> End {
    let ProcessItem { ticket, permit } = message;
    let data = Arc::clone(ticket.data());
    if !data.is_current() {
        return End::Ready;
    }
    match seat.caller.call(&data, 0, || process(&parameters, &ticket)).await {
        Err(end) => seat.give_up(Some(ticket), end, &parameters.retry),
        Ok(Processed::Document(document)) => {
            seat.log_done(&ticket, &format!("processed markdown_bytes={}", document.markdown_content.len()));
            drop(permit);
            ChunkDocument::send(&parameters.chunker, ticket, ChunkInput::Document(document)).await;
            End::Ready
        }
        Ok(Processed::Tombstone) => {
            drop(permit);
            LoadDocument::send(&parameters.loader, ticket, LoadInput::Remove).await;
            End::Ready
        }
        Ok(Processed::Stored) => {
            seat.log_done(&ticket, "processed");
            ticket.settle(Verdict::Stored { stage: BatchStage::Process.stored() });
            End::Ready
        }
        Ok(Processed::Superseded) => {
            seat.log_done(&ticket, "has newer content; reading it");
            parameters.hints.add(&data.item.location.file);
            ticket.settle(Verdict::Superseded { not_before_ms: now_ms() + SUPERSEDED_MS });
            End::Ready
        }
    }
}

fn process(parameters: &Parameters, ticket: &Ticket) -> Result<Processed, Failure> {
    let data = ticket.data();
    let item = &data.item;
    let Some(raw) = watch::fetch(parameters.store.as_ref(), &item.location, &item.content_hash)? else {
        return Ok(Processed::Superseded);
    };
    if raw.is_tombstone() {
        return Ok(Processed::Tombstone);
    }
    let document = clean(&raw, ticket, &parameters.options)?;
    if data.spans_one_stage {
        let made = parameters.fingerprints.made(&item.content_hash);
        parameters.work.put(BatchStage::Process, &item.key, &made, &document)?;
        return Ok(Processed::Stored);
    }
    Ok(Processed::Document(Box::new(document)))
}

fn clean(raw: &RawItem, ticket: &Ticket, options: &ProcessOptions) -> Result<Document, Failure> {
    let item = &ticket.data().item;
    fault::of_item("processor", &item.url)?;
    let mut processed = process::process(raw, &item.url, options)?;
    processed.document.metadata.article_id.clone_from(&item.article_id);
    log::debug!(
        "processor url={}: extraction={:?} tag_bytes_dropped={}",
        docmill_stages::failure::one_line(&item.url, 300),
        processed.notes.extraction,
        processed.notes.tag_bytes_dropped
    );
    fault::of_item("processor.done", &item.url)?;
    Ok(processed.document)
}
