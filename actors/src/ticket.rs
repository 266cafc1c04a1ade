//! Tickets, and the table of what is in flight.
//!
//! A ticket travels with the work on one item and is settled exactly once;
//! one that is dropped on any path is settled as dropped (invariant 2). A
//! settlement is only posted to a table that outlives every actor; a task of
//! its own writes what was posted to the ledger, in the order of posting.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use docmill_stages::db::{DbError, Writer};
use docmill_stages::failure::Failure;
use docmill_stages::fault;
use docmill_stages::ledger::{self, Settlement, Taken, Verdict};
use tokio::sync::Notify;

use crate::outage::{Place, StoreOutage, TRY_AGAIN};
use crate::{Stage, lock};

/// What a ticket stands for.
#[derive(Debug)]
pub(crate) struct TicketData {
    /// The item, as the ledger gave it.
    pub(crate) item: Taken,
    /// Batch mode: the ticket spans one stage, whose output is stored.
    pub(crate) spans_one_stage: bool,
    revoked: AtomicBool,
}

impl TicketData {
    /// Whether the ticket still counts: nobody took it back.
    pub(crate) fn is_current(&self) -> bool {
        !self.revoked.load(Ordering::Acquire)
    }
}

/// The right, and the duty, to settle one item.
#[must_use = "a ticket that is dropped is settled as dropped"]
pub(crate) struct Ticket {
    data: Arc<TicketData>,
    table: Arc<InFlight>,
}

impl Ticket {
    pub(crate) fn data(&self) -> &Arc<TicketData> {
        &self.data
    }

    pub(crate) fn settle(self, verdict: Verdict) {
        self.table.post(&self.data.item, verdict);
        // Dropping it posts again, and the table takes the first only.
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.table.post(&self.data.item, Verdict::Dropped);
    }
}

/// The table of tickets in flight.
#[derive(Default)]
pub(crate) struct InFlight {
    table: Mutex<Table>,
    posted: Notify,
    changed: Notify,
}

#[derive(Default)]
struct Table {
    entries: HashMap<String, Entry>,
    posted: Vec<Settlement>,
    bytes: u64,
}

struct Entry {
    data: Arc<TicketData>,
    settled: bool,
}

impl InFlight {
    /// Makes the ticket of an item that the ledger has put in flight.
    pub(crate) fn issue(self: &Arc<Self>, item: Taken, spans_one_stage: bool) -> Ticket {
        let data = Arc::new(TicketData { item, spans_one_stage, revoked: AtomicBool::new(false) });
        let mut table = lock(&self.table);
        table.bytes += data.item.location.bytes;
        let before = table.entries.insert(data.item.key.clone(), Entry { data: Arc::clone(&data), settled: false });
        if let Some(before) = before {
            // The ledger has it settled already; this table was about to hear.
            debug_assert!(before.settled, "invariant 2: one ticket for a key at a time");
            table.bytes -= before.data.item.location.bytes;
        }
        drop(table);
        Ticket { data, table: Arc::clone(self) }
    }

    fn post(&self, item: &Taken, verdict: Verdict) {
        let mut table = lock(&self.table);
        let Some(entry) = table.entries.get_mut(&item.key) else { return };
        if entry.settled || entry.data.item.generation != item.generation {
            return;
        }
        entry.settled = true;
        table.posted.push(Settlement {
            key: item.key.clone(),
            generation: item.generation,
            content_hash: item.content_hash.clone(),
            verdict,
        });
        drop(table);
        self.posted.notify_one();
    }

    /// Takes a ticket back from whoever holds it: what they still do with it
    /// counts no more.
    pub(crate) fn revoke(&self, data: &TicketData, verdict: Verdict) {
        data.revoked.store(true, Ordering::Release);
        self.post(&data.item, verdict);
    }

    /// Takes every ticket back, unburnt.
    pub(crate) fn revoke_all(&self) {
        let all: Vec<_> = lock(&self.table).entries.values().map(|entry| Arc::clone(&entry.data)).collect();
        for data in all {
            self.revoke(&data, Verdict::Dropped);
        }
    }

    /// Items and bytes in flight.
    pub(crate) fn load(&self) -> (usize, u64) {
        let table = lock(&self.table);
        (table.entries.len(), table.bytes)
    }

    /// Whether an item is in flight that has to be there alone.
    pub(crate) fn runs_alone(&self) -> bool {
        lock(&self.table).entries.values().any(|entry| entry.data.item.alone)
    }

    /// Waits until tickets were settled since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Writes what is posted to the ledger; for ever.
    pub(crate) async fn keep_ledger(&self, ledger: &Writer, outage: &StoreOutage) {
        loop {
            // At first what a run of this task that panicked has left.
            while let Err(error) = self.write_posted(ledger).await {
                let failure = Failure::from(error);
                log::error!("cannot write to the ledger, trying again: {failure}");
                outage.failed(Place::Settling, &failure);
                tokio::time::sleep(TRY_AGAIN).await;
            }
            outage.worked(Place::Settling);
            self.posted.notified().await;
        }
    }

    /// Writes what is posted until now. What cannot be written stays posted.
    pub(crate) async fn write_posted(&self, ledger: &Writer) -> Result<(), DbError> {
        let posted = lock(&self.table).posted.clone();
        if posted.is_empty() {
            return Ok(());
        }
        fault::point("keeper.write")?;
        let settlements = posted.clone();
        ledger
            .call(move |db| {
                for settlement in &settlements {
                    ledger::settle(db, settlement)?;
                }
                Ok(())
            })
            .await?;
        let mut table = lock(&self.table);
        table.posted.drain(..posted.len());
        for settlement in &posted {
            let is_its_own =
                table.entries.get(&settlement.key).is_some_and(|e| e.data.item.generation == settlement.generation);
            if is_its_own && let Some(entry) = table.entries.remove(&settlement.key) {
                table.bytes -= entry.data.item.location.bytes;
            }
        }
        drop(table);
        self.changed.notify_one();
        Ok(())
    }
}

/// What the log and the ledger say of where a ticket is.
pub(crate) fn describe(stage: Stage, slot: usize, data: &TicketData) -> String {
    let url = docmill_stages::failure::one_line(&data.item.url, 300);
    format!("{stage}-{slot} key={} url={url}", data.item.key)
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;
    use docmill_stages::ledger::Location;

    fn item(generation: u64) -> Taken {
        Taken {
            key: "k".to_owned(),
            url: "https://a/".to_owned(),
            article_id: None,
            location: Location { file: "f.json".to_owned(), position: 0, start: 0, bytes: 10 },
            content_hash: "h".to_owned(),
            tombstone: false,
            generation,
            attempts: 0,
            alone: false,
        }
    }

    fn posted(table: &InFlight) -> Vec<Verdict> {
        lock(&table.table).posted.iter().map(|settlement| settlement.verdict.clone()).collect()
    }

    #[test]
    fn a_ticket_is_settled_once_and_a_dropped_one_as_dropped() {
        let table = Arc::new(InFlight::default());
        drop(table.issue(item(1), false));
        assert_eq!(posted(&table), [Verdict::Dropped]);
        let table = Arc::new(InFlight::default());
        table.issue(item(1), false).settle(Verdict::Removed);
        assert_eq!(posted(&table), [Verdict::Removed]);
        assert_eq!(table.load(), (1, 10), "in flight until the ledger says otherwise");
    }

    #[test]
    fn what_a_revoked_ticket_does_counts_no_more() {
        let table = Arc::new(InFlight::default());
        let ticket = table.issue(item(1), false);
        table.revoke(ticket.data(), Verdict::Dropped);
        assert!(!ticket.data().is_current());
        ticket.settle(Verdict::Removed);
        assert_eq!(posted(&table), [Verdict::Dropped]);
    }
}
