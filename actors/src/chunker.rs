//! The chunker: one document becomes chunks, which go to the embedder in
//! parts.
//!
//! Gets its messages from the processor (in batch mode from the watcher's
//! door) and sends to the embedder, or to the loader where a document has no
//! text. Holds one document and its chunks while it works; leaves nothing
//! after a crash.

use std::sync::Arc;

use actix::prelude::*;
use docmill_stages::batch::{BatchStage, WorkFolder};
use docmill_stages::chunk::tokens::TokenCounter;
use docmill_stages::chunk::{self, ChunkOptions};
use docmill_stages::failure::Failure;
use docmill_stages::fault;
use docmill_stages::item::{Document, EmbeddedDocument};
use docmill_stages::ledger::{Taken, Verdict};

use crate::embedder::{EmbedPart, Join};
use crate::loader::{LoadDocument, LoadInput};
use crate::mailbox::{Mailbox, Permit};
use crate::pipeline::Fingerprints;
use crate::pool::{End, Seat};
use crate::settings::Retry;
use crate::ticket::Ticket;

/// All that a fresh chunker is made of.
pub(crate) struct Parameters {
    pub(crate) work: WorkFolder,
    pub(crate) options: ChunkOptions,
    pub(crate) tokens: Arc<dyn TokenCounter>,
    pub(crate) fingerprints: Arc<Fingerprints>,
    pub(crate) retry: Retry,
    /// Chunks of one message to the embedder.
    pub(crate) part_len: usize,
    pub(crate) embedder: Arc<Mailbox<EmbedPart>>,
    pub(crate) loader: Arc<Mailbox<LoadDocument>>,
}

/// Cut a document into chunks.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ChunkDocument {
    ticket: Ticket,
    permit: Permit,
    input: ChunkInput,
}

/// Where the document is.
pub(crate) enum ChunkInput {
    /// Here.
    Document(Box<Document>),
    /// Batch: stored by the processor.
    StoredDocument,
    /// Batch: cut already, and stored; to be sent on in parts.
    StoredChunks,
}

impl ChunkDocument {
    /// Waits for a place in the chunker's mailbox. A mailbox that is closed
    /// drops the ticket.
    pub(crate) async fn send(chunker: &Mailbox<Self>, ticket: Ticket, input: ChunkInput) {
        if let Some(permit) = chunker.permit().await {
            chunker.deliver(Self { ticket, permit, input });
        }
    }
}

pub(crate) struct Chunker {
    parameters: Arc<Parameters>,
    seat: Seat<ChunkDocument>,
}

impl Chunker {
    pub(crate) fn new(parameters: Arc<Parameters>, seat: Seat<ChunkDocument>) -> Self {
        Self { parameters, seat }
    }
}

impl Actor for Chunker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seat.ready(ctx);
    }
}

impl Handler<ChunkDocument> for Chunker {
    type Result = ();

    fn handle(&mut self, message: ChunkDocument, ctx: &mut Self::Context) {
        let work = chunk_document(Arc::clone(&self.parameters), self.seat.clone(), message);
        ctx.spawn(work.into_actor(self).map(|end, actor, ctx| actor.seat.end(end, ctx)));
    }
}

/// What one stage call made of a document.
enum Chunked {
    Chunks(Box<EmbeddedDocument>),
    /// Batch: so many chunks.
    Stored(usize),
    /// Batch: what was to be stored is not there as it should be.
    NotStored,
}

async fn chunk_document(parameters: Arc<Parameters>, seat: Seat<ChunkDocument>, message: ChunkDocument) -> End {
    let ChunkDocument { ticket, permit, input } = message;
    let data = Arc::clone(ticket.data());
    if !data.is_current() {
        return End::Ready;
    }
    let is_new = !matches!(input, ChunkInput::StoredChunks);
    match seat.caller.call(&data, 0, || chunk_input(&parameters, &ticket, input)).await {
        Err(end) => seat.give_up(Some(ticket), end, &parameters.retry),
        Ok(Chunked::Chunks(document)) => {
            if is_new {
                seat.caller.counters.chunks.add(document.chunks.len());
                seat.log_done(&ticket, &format!("chunked chunks={}", document.chunks.len()));
            }
            send_parts(&parameters, ticket, *document, permit).await;
            End::Ready
        }
        Ok(Chunked::Stored(chunks)) => {
            seat.caller.counters.chunks.add(chunks);
            seat.log_done(&ticket, &format!("chunked chunks={chunks}"));
            ticket.settle(Verdict::Stored { stage: BatchStage::Chunk.stored() });
            End::Ready
        }
        Ok(Chunked::NotStored) => {
            ticket.settle(Verdict::Stored { stage: 0 });
            End::Ready
        }
    }
}

fn chunk_input(parameters: &Parameters, ticket: &Ticket, input: ChunkInput) -> Result<Chunked, Failure> {
    let data = ticket.data();
    let item = &data.item;
    let made = parameters.fingerprints.made(&item.content_hash);
    let document = match input {
        ChunkInput::Document(document) => Some(*document),
        ChunkInput::StoredDocument => parameters.work.get(BatchStage::Process, &item.key, &made)?,
        ChunkInput::StoredChunks => {
            let stored = parameters.work.get(BatchStage::Chunk, &item.key, &made)?;
            return Ok(stored.map_or(Chunked::NotStored, |document| Chunked::Chunks(Box::new(document))));
        }
    };
    let Some(document) = document else { return Ok(Chunked::NotStored) };
    let chunked = chunk(parameters, item, document)?;
    if data.spans_one_stage {
        parameters.work.put(BatchStage::Chunk, &item.key, &made, &chunked)?;
        return Ok(Chunked::Stored(chunked.chunks.len()));
    }
    Ok(Chunked::Chunks(Box::new(chunked)))
}

fn chunk(parameters: &Parameters, item: &Taken, document: Document) -> Result<EmbeddedDocument, Failure> {
    fault::of_item("chunker", &item.url)?;
    let chunked = chunk::chunk(&item.key, &document, parameters.tokens.as_ref(), &parameters.options)?;
    fault::of_item("chunker.done", &item.url)?;
    Ok(EmbeddedDocument {
        key: item.key.clone(),
        content_hash: item.content_hash.clone(),
        document,
        chunks: chunked.chunks,
    })
}

/// Sends a document's chunks on in parts. The permit of the chunker is held
/// until the last part is sent: a long document slows what comes after it.
async fn send_parts(parameters: &Parameters, ticket: Ticket, document: EmbeddedDocument, permit: Permit) {
    if document.chunks.is_empty() && !ticket.data().spans_one_stage {
        drop(permit);
        return LoadDocument::send(&parameters.loader, ticket, LoadInput::Document(Box::new(document))).await;
    }
    let join = Join::new(ticket, document, parameters.part_len);
    for part in join.parts() {
        let Some(place) = parameters.embedder.permit().await else { return };
        if join.has_ended() {
            return;
        }
        parameters.embedder.deliver(EmbedPart::new(Arc::clone(&join), part, place));
    }
}
