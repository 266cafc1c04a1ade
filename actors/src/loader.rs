//! The loader: an embedded document becomes real, in the files and in every
//! sink; then, and only then, its ticket is done.
//!
//! Gets its messages from the embedder (in batch mode from the watcher's
//! door; a tombstone from the processor) and sends to nobody. In this order,
//! and each step can be done twice without harm: files, sinks, ledger. A
//! crash between two steps repeats the item (invariant 8).

use std::sync::Arc;

use actix::prelude::*;
use docmill_stages::batch::{BatchStage, WorkFolder};
use docmill_stages::db::Writer;
use docmill_stages::failure::Failure;
use docmill_stages::fault;
use docmill_stages::item::{EmbeddedDocument, file_stem};
use docmill_stages::ledger::{self, OUTPUT_FILES, Output, Verdict};
use docmill_stages::load::{self, Outcome, Sink, StillCurrent, files};
use docmill_stages::store::Store;

use crate::mailbox::{Mailbox, Permit};
use crate::pipeline::Fingerprints;
use crate::pool::{End, Seat};
use crate::settings::Retry;
use crate::ticket::{Ticket, TicketData};

/// All that a fresh loader is made of.
pub(crate) struct Parameters {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) work: WorkFolder,
    pub(crate) ledger: Writer,
    pub(crate) sinks: Vec<Arc<dyn Sink>>,
    pub(crate) fingerprints: Arc<Fingerprints>,
    pub(crate) retry: Retry,
}

/// Load, or remove, one document.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LoadDocument {
    ticket: Ticket,
    _permit: Permit,
    input: LoadInput,
}

/// What is to be done.
pub(crate) enum LoadInput {
    /// Load this.
    Document(Box<EmbeddedDocument>),
    /// Batch: load what the embedder has stored.
    StoredDocument,
    /// The page is gone.
    Remove,
}

impl LoadDocument {
    /// Waits for a place in the loader's mailbox. A mailbox that is closed
    /// drops the ticket.
    pub(crate) async fn send(loader: &Mailbox<Self>, ticket: Ticket, input: LoadInput) {
        if let Some(permit) = loader.permit().await {
            loader.deliver(Self { ticket, _permit: permit, input });
        }
    }
}

pub(crate) struct Loader {
    parameters: Arc<Parameters>,
    seat: Seat<LoadDocument>,
}

impl Loader {
    pub(crate) fn new(parameters: Arc<Parameters>, seat: Seat<LoadDocument>) -> Self {
        Self { parameters, seat }
    }
}

impl Actor for Loader {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seat.ready(ctx);
    }
}

impl Handler<LoadDocument> for Loader {
    type Result = ();

    fn handle(&mut self, message: LoadDocument, ctx: &mut Self::Context) {
        let work = load_document(Arc::clone(&self.parameters), self.seat.clone(), message);
        ctx.spawn(work.into_actor(self).map(|end, actor, ctx| actor.seat.end(end, ctx)));
    }
}

async fn load_document(parameters: Arc<Parameters>, seat: Seat<LoadDocument>, message: LoadDocument) -> End {
    let LoadDocument { ticket, input, _permit: permit } = message;
    let data = Arc::clone(ticket.data());
    if !data.is_current() || seat.caller.pauses() {
        return End::Ready;
    }
    let verdict = match seat.caller.call_async(&data, 0, load(&parameters, &data, input)).await {
        Err(end) => return seat.give_up(Some(ticket), end, &parameters.retry),
        Ok(verdict) => verdict,
    };
    seat.caller.service_worked();
    match &verdict {
        Verdict::Done { chunks, .. } => {
            seat.caller.counters.documents.add(1);
            seat.caller.counters.chunks_done.add(*chunks);
            seat.log_done(&ticket, &format!("loaded chunks={chunks}"));
        }
        Verdict::Removed => {
            seat.caller.counters.removed.add(1);
            seat.log_done(&ticket, "removed");
        }
        _ => {}
    }
    ticket.settle(verdict);
    drop(permit);
    End::Ready
}

async fn load(parameters: &Parameters, data: &Arc<TicketData>, input: LoadInput) -> Result<Verdict, Failure> {
    let item = &data.item;
    fault::of_item("loader", &item.url)?;
    let stem = file_stem(&item.key, item.article_id.as_deref());
    let document = match input {
        LoadInput::Document(document) => *document,
        LoadInput::StoredDocument => {
            let made = parameters.fingerprints.made(&item.content_hash);
            match parameters.work.get(BatchStage::Embed, &item.key, &made)? {
                Some(document) => document,
                None => return Ok(Verdict::Stored { stage: 0 }),
            }
        }
        LoadInput::Remove => return remove(parameters, data, &stem).await,
    };
    let chunks = document.chunks.len();
    let outputs = replace(parameters, data, &stem, document).await?;
    fault::of_item("loader.done", &item.url)?;
    Ok(outputs.map_or(Verdict::Dropped, |outputs| Verdict::Done { outputs, chunks }))
}

/// Writes the document everywhere; `None` where the ticket was taken back
/// meanwhile.
async fn replace(
    parameters: &Parameters,
    data: &Arc<TicketData>,
    stem: &str,
    document: EmbeddedDocument,
) -> Result<Option<Vec<Output>>, Failure> {
    if !data.is_current() {
        return Ok(None);
    }
    let old_stems = old_stems(parameters, &document.key, stem).await?;
    let written = files::write(parameters.store.as_ref(), stem, &old_stems, &document)?;
    fault::of_item("loader.files", &document.document.url)?;
    let output =
        |sink: String, fingerprint: String, bytes: u64| Output { sink, stem: stem.to_owned(), fingerprint, bytes };
    let mut outputs = vec![output(OUTPUT_FILES.to_owned(), parameters.fingerprints.document(), written.size())];
    for sink in &parameters.sinks {
        let fingerprints = parameters.fingerprints.of_sink(sink.as_ref());
        let load = [Arc::new(load::LoadDocument { embedded: document.clone(), fingerprints })];
        for outcome in sink.replace(&load, &still_current(data)).await {
            if outcome? == Outcome::Superseded {
                return Ok(None);
            }
        }
        outputs.push(output(sink.id(), parameters.fingerprints.with_sink(sink.as_ref()), 0));
    }
    Ok(Some(outputs))
}

async fn remove(parameters: &Parameters, data: &Arc<TicketData>, stem: &str) -> Result<Verdict, Failure> {
    if !data.is_current() {
        return Ok(Verdict::Dropped);
    }
    let key = &data.item.key;
    let mut was_there = false;
    for sink in &parameters.sinks {
        was_there |= sink.remove(std::slice::from_ref(key)).await? > 0;
    }
    for stem in old_stems(parameters, key, "").await?.iter().map(String::as_str).chain([stem]) {
        was_there |= files::remove(parameters.store.as_ref(), stem)?;
    }
    if was_there || data.item.attempts > 0 || data.item.generation > 1 {
        return Ok(Verdict::Removed);
    }
    Ok(Verdict::Skipped("the page is gone and was never loaded".to_owned()))
}

async fn old_stems(parameters: &Parameters, key: &str, stem: &str) -> Result<Vec<String>, Failure> {
    let (key, stem) = (key.to_owned(), stem.to_owned());
    Ok(parameters.ledger.call(move |db| ledger::old_stems(db, &key, &stem)).await?)
}

fn still_current(data: &Arc<TicketData>) -> StillCurrent {
    let data = Arc::clone(data);
    Arc::new(move |_key| data.is_current())
}
