//! The embedder: chunks become vectors, part by part; the last part of a
//! document joins them.
//!
//! Gets its messages from the chunker and sends to the loader. Holds one part
//! while it works; a part's permit is freed when its vectors are made and not
//! at the join, so two long documents cannot wait for each other (invariant
//! 4). Leaves nothing after a crash but the cache, which costs nothing to
//! lose.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix::prelude::*;
use docmill_stages::batch::{BatchStage, WorkFolder};
use docmill_stages::embed::cache::{TextHash, VectorCache, text_hash};
use docmill_stages::embed::{Embedder as Model, Provider, Purpose, check_vectors};
use docmill_stages::failure::Failure;
use docmill_stages::fault;
use docmill_stages::item::EmbeddedDocument;
use docmill_stages::ledger::Verdict;

use crate::loader::{LoadDocument, LoadInput};
use crate::lock;
use crate::mailbox::{Mailbox, Permit};
use crate::pipeline::Fingerprints;
use crate::pool::{End, Seat};
use crate::settings::Retry;
use crate::ticket::{Ticket, TicketData};

/// All that a fresh embedder is made of.
pub(crate) struct Parameters {
    pub(crate) work: WorkFolder,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) cache: Option<Arc<VectorCache>>,
    pub(crate) fingerprints: Arc<Fingerprints>,
    pub(crate) retry: Retry,
    pub(crate) loader: Arc<Mailbox<LoadDocument>>,
}

/// Embed a part of a document's chunks.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EmbedPart {
    join: Arc<Join>,
    part: Part,
    permit: Permit,
}

/// Which chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    number: u32,
    chunks: Range<usize>,
}

impl EmbedPart {
    pub(crate) fn new(join: Arc<Join>, part: Part, permit: Permit) -> Self {
        Self { join, part, permit }
    }
}

/// A document whose parts are being embedded. It holds the ticket: when every
/// part is gone and the vectors are not all there, the ticket is dropped with
/// it.
pub(crate) struct Join {
    data: Arc<TicketData>,
    document: EmbeddedDocument,
    part_len: usize,
    parts_left: AtomicUsize,
    state: Mutex<JoinState>,
}

struct JoinState {
    ticket: Option<Ticket>,
    vectors: Vec<Vec<f32>>,
}

impl Join {
    pub(crate) fn new(ticket: Ticket, document: EmbeddedDocument, part_len: usize) -> Arc<Self> {
        let data = Arc::clone(ticket.data());
        let chunks = document.chunks.len();
        let part_len = part_len.max(1);
        // A document without chunks is one empty part.
        let parts_left = AtomicUsize::new(chunks.div_ceil(part_len).max(1));
        let state = Mutex::new(JoinState { ticket: Some(ticket), vectors: vec![Vec::new(); chunks] });
        Arc::new(Self { data, document, part_len, parts_left, state })
    }

    /// The parts, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let (chunks, len) = (self.document.chunks.len(), self.part_len);
        let starts = (0..chunks.max(1)).step_by(len);
        starts.zip(0..).map(move |(start, number)| Part { number, chunks: start..(start + len).min(chunks) })
    }

    /// Whether its ticket is settled, or was taken back.
    pub(crate) fn has_ended(&self) -> bool {
        !self.data.is_current() || lock(&self.state).ticket.is_none()
    }

    fn take_ticket(&self) -> Option<Ticket> {
        lock(&self.state).ticket.take()
    }

    /// Adds a part's vectors; the last part gets the ticket and the whole.
    fn add(&self, part: &Part, vectors: Vec<Vec<f32>>) -> Option<(Ticket, EmbeddedDocument)> {
        let mut state = lock(&self.state);
        for (place, vector) in part.chunks.clone().zip(vectors) {
            state.vectors[place] = vector;
        }
        if self.parts_left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        let ticket = state.ticket.take()?;
        let vectors = std::mem::take(&mut state.vectors);
        drop(state);
        let mut document = self.document.clone();
        for (chunk, vector) in document.chunks.iter_mut().zip(vectors) {
            chunk.embedding = vector;
        }
        Some((ticket, document))
    }
}

pub(crate) struct Embedder {
    parameters: Arc<Parameters>,
    seat: Seat<EmbedPart>,
    /// Loaded at the first part; of this thread alone. A call takes it out
    /// and puts it back, so one that panics in it leaves none.
    model: Rc<Cell<Option<Box<dyn Model>>>>,
}

impl Embedder {
    pub(crate) fn new(parameters: Arc<Parameters>, seat: Seat<EmbedPart>) -> Self {
        Self { parameters, seat, model: Rc::default() }
    }
}

impl Actor for Embedder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seat.ready(ctx);
    }
}

impl Handler<EmbedPart> for Embedder {
    type Result = ();

    fn handle(&mut self, message: EmbedPart, ctx: &mut Self::Context) {
        let (parameters, model) = (Arc::clone(&self.parameters), Rc::clone(&self.model));
        let work = embed_part(parameters, self.seat.clone(), model, message);
        ctx.spawn(work.into_actor(self).map(|end, actor, ctx| actor.seat.end(end, ctx)));
    }
}

async fn embed_part(
    parameters: Arc<Parameters>,
    seat: Seat<EmbedPart>,
    model: Rc<Cell<Option<Box<dyn Model>>>>,
    message: EmbedPart,
) -> End {
    let EmbedPart { join, part, permit } = message;
    if join.has_ended() || seat.caller.pauses() {
        return End::Ready;
    }
    let data = Arc::clone(&join.data);
    let made = seat.caller.call_async(&data, part.number, embed(&parameters, &join, &part, &model)).await;
    drop(permit);
    let vectors = match made {
        Ok(Embedded { vectors, cache_hits }) => {
            seat.caller.counters.vectors.add(vectors.len());
            if vectors.len() > cache_hits {
                seat.caller.service_worked();
            }
            seat.caller.counters.cache_hits.add(cache_hits);
            vectors
        }
        Err(end) => return seat.give_up(join.take_ticket(), end, &parameters.retry),
    };
    let Some((ticket, document)) = join.add(&part, vectors) else { return End::Ready };
    drop(join);
    if !data.spans_one_stage {
        seat.log_done(&ticket, &format!("embedded chunks={}", document.chunks.len()));
        LoadDocument::send(&parameters.loader, ticket, LoadInput::Document(Box::new(document))).await;
        return End::Ready;
    }
    // The parts have the numbers before; this call has the next.
    match seat.caller.call(&data, part.number + 1, || store(&parameters, &document)).await {
        Err(end) => seat.give_up(Some(ticket), end, &parameters.retry),
        Ok(()) => {
            seat.log_done(&ticket, &format!("embedded chunks={}", document.chunks.len()));
            ticket.settle(Verdict::Stored { stage: BatchStage::Embed.stored() });
            End::Ready
        }
    }
}

struct Embedded {
    vectors: Vec<Vec<f32>>,
    cache_hits: usize,
}

async fn embed(
    parameters: &Parameters,
    join: &Join,
    part: &Part,
    model: &Cell<Option<Box<dyn Model>>>,
) -> Result<Embedded, Failure> {
    fault::of_item("embedder", &join.data.item.url)?;
    let texts: Vec<&str> =
        join.document.chunks[part.chunks.clone()].iter().map(|chunk| chunk.text_to_embed()).collect();
    let hashes: Vec<TextHash> = texts.iter().map(|text| text_hash(text)).collect();
    let mut vectors = cached(parameters, &hashes);
    let missing: Vec<usize> = (0..texts.len()).filter(|&place| vectors[place].is_none()).collect();
    let cache_hits = texts.len() - missing.len();
    if !missing.is_empty() {
        let missing_texts: Vec<&str> = missing.iter().map(|&place| texts[place]).collect();
        let made = ask_model(parameters, model, &missing_texts).await?;
        check_vectors(&made, missing.len(), parameters.provider.info().dimension)?;
        if let Some(cache) = &parameters.cache {
            let kept = missing.iter().map(|&place| hashes[place]).zip(made.iter().cloned());
            cache.put_many(kept.collect());
        }
        for (place, vector) in missing.into_iter().zip(made) {
            vectors[place] = Some(vector);
        }
    }
    fault::of_item("embedder.done", &join.data.item.url)?;
    Ok(Embedded { vectors: vectors.into_iter().flatten().collect(), cache_hits })
}

/// What the cache has. One that cannot be read only costs time.
fn cached(parameters: &Parameters, hashes: &[TextHash]) -> Vec<Option<Vec<f32>>> {
    let found = parameters.cache.as_ref().map(|cache| cache.get_many(hashes));
    match found {
        Some(Ok(found)) => found,
        Some(Err(error)) => {
            log::warn!("embedding cache: {}; going on without it", docmill_stages::failure::chain(&error));
            vec![None; hashes.len()]
        }
        None => vec![None; hashes.len()],
    }
}

/// Loads the model where it is not loaded yet, and lets it make the vectors.
async fn ask_model(
    parameters: &Parameters,
    model: &Cell<Option<Box<dyn Model>>>,
    texts: &[&str],
) -> Result<Vec<Vec<f32>>, Failure> {
    let mut loaded = match model.take() {
        Some(loaded) => loaded,
        None => parameters.provider.open()?,
    };
    let made = loaded.embed(texts, Purpose::Passage).await;
    model.set(Some(loaded));
    Ok(made?)
}

fn store(parameters: &Parameters, document: &EmbeddedDocument) -> Result<(), Failure> {
    let made = parameters.fingerprints.made(&document.content_hash);
    Ok(parameters.work.put(BatchStage::Embed, &document.key, &made, document)?)
}
