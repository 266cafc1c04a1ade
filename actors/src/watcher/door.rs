//! The door: gives what waits in the ledger out as tickets, within
//! `MAX_IN_FLIGHT` and `MAX_IN_FLIGHT_BYTES`.

use std::sync::Arc;
use std::time::Duration;

use docmill_stages::batch::BatchStage;
use docmill_stages::db::Writer;
use docmill_stages::failure::Failure;
use docmill_stages::fault;
use docmill_stages::ledger::{self, InFlightRoom};
use tokio::sync::{Notify, watch};

use crate::chunker::{ChunkDocument, ChunkInput};
use crate::loader::{LoadDocument, LoadInput};
use crate::mailbox::Mailbox;
use crate::now_ms;
use crate::outage::{Place, ServiceOutages, StoreOutage};
use crate::processor::ProcessItem;
use crate::settings::Limits;
use crate::ticket::{InFlight, Ticket};

/// Backoffs end at times that nothing tells of: at most so long is slept.
const NAP: Duration = Duration::from_millis(200);
/// Tickets issued at once.
const ISSUE_MAX: usize = 64;

/// What the door lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Nothing.
    Closed,
    /// Any item, through all stages.
    Streaming,
    /// Items with so many stages' outputs stored, through the next stage.
    Batch {
        /// 0 to 3.
        stored: u32,
    },
}

/// All that the door is made of.
pub(crate) struct Door {
    pub(crate) ledger: Writer,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) limits: Limits,
    pub(crate) opening: watch::Receiver<Opening>,
    pub(crate) admitted: Arc<Notify>,
    pub(crate) outage: StoreOutage,
    pub(crate) services: ServiceOutages,
    pub(crate) processor: Arc<Mailbox<ProcessItem>>,
    pub(crate) chunker: Arc<Mailbox<ChunkDocument>>,
    pub(crate) loader: Arc<Mailbox<LoadDocument>>,
}

impl Door {
    /// Gives out tickets for as long as the pipeline lives.
    pub(crate) async fn keep_open(&mut self) {
        loop {
            while self.let_in().await {}
            tokio::select! {
                changed = self.opening.changed() => if changed.is_err() { return },
                () = self.admitted.notified() => {}
                () = self.in_flight.changed() => {}
                () = tokio::time::sleep(NAP) => {}
            }
        }
    }

    /// Lets in what there is room for; says whether there was anything.
    async fn let_in(&mut self) -> bool {
        let opening = *self.opening.borrow_and_update();
        let stored = match opening {
            Opening::Closed => return false,
            Opening::Streaming => None,
            Opening::Batch { stored } => Some(stored),
        };
        if self.services.pauses_any() {
            return false;
        }
        let (items, bytes) = self.in_flight.load();
        let room = InFlightRoom {
            items: self.limits.in_flight.saturating_sub(items).min(ISSUE_MAX),
            bytes: self.limits.in_flight_bytes.saturating_sub(bytes),
            empty: items == 0,
        };
        if room.items == 0 || self.in_flight.runs_alone() {
            return false;
        }
        fault::pass("door.let_in");
        let taken = match self.ledger.call(move |db| ledger::take(db, now_ms(), room, stored)).await {
            Ok(taken) => taken,
            Err(error) => {
                let failure = Failure::from(error);
                log::error!("door: {failure}");
                self.outage.failed(Place::Door, &failure);
                return false;
            }
        };
        self.outage.worked(Place::Door);
        // Every ticket is issued before the first is waited with.
        let tickets: Vec<Ticket> = taken.into_iter().map(|item| self.in_flight.issue(item, stored.is_some())).collect();
        let any = !tickets.is_empty();
        if any {
            fault::pass("door.issued");
        }
        for ticket in tickets {
            self.send(ticket, stored.unwrap_or(0)).await;
        }
        any
    }

    async fn send(&self, ticket: Ticket, stored: u32) {
        if stored == BatchStage::Process.stored() {
            ChunkDocument::send(&self.chunker, ticket, ChunkInput::StoredDocument).await;
        } else if stored == BatchStage::Chunk.stored() {
            ChunkDocument::send(&self.chunker, ticket, ChunkInput::StoredChunks).await;
        } else if stored == BatchStage::Embed.stored() {
            LoadDocument::send(&self.loader, ticket, LoadInput::StoredDocument).await;
        } else if let Some(permit) = self.processor.permit().await {
            self.processor.deliver(ProcessItem::new(ticket, permit));
        }
    }
}
