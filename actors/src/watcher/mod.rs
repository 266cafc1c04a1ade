//! The watcher: the only door into processing.
//!
//! It looks at files of `raw/` that it was hinted at, or at all of them, and
//! admits what is in them to the ledger; [`door`] gives what waits there out
//! as tickets. So what the crawler wrote, what was there before the start,
//! what a crash left and what another program dropped are one case. Exactly
//! one watcher looks at a time; it leaves nothing behind but what the ledger
//! holds.

pub(crate) mod door;
mod events;
mod hints;
mod probe;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use docmill_stages::crawl::url::UrlRules;
use docmill_stages::db::Writer;
use docmill_stages::failure::{Failure, StageError as _, one_line, panic_text};
use docmill_stages::fault;
use docmill_stages::ledger::{self, RawFile};
use docmill_stages::store::{Entry, Folder, Store};
use docmill_stages::watch::{self, ReadError};
use tokio::sync::{Notify, oneshot};

pub(crate) use events::watch_events;
pub(crate) use hints::{Hints, LookAt};
pub use probe::file_events_arrive;

use crate::mailbox::Permit;
use crate::outage::Place;
use crate::pool::{End, Seat};

/// A file that is not JSON may be in the middle of being written: it is
/// refused only when it has stood unchanged for so long.
const SETTLE: Duration = Duration::from_secs(2);
/// How soon such a file is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// All that a fresh watcher is made of.
pub(crate) struct Parameters {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ledger: Writer,
    pub(crate) urls: UrlRules,
    pub(crate) raw_bytes_max: u64,
    /// Told when something was admitted.
    pub(crate) admitted: Arc<Notify>,
}

/// Look at raw files and admit what has changed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Look {
    at: LookAt,
    _permit: Permit,
    answer: oneshot::Sender<Looked>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// Items that are new, or have new content.
    pub(crate) admitted: usize,
    /// Files that may be in the middle of being written, or could not be
    /// read; they are looked at again.
    pub(crate) unsettled: usize,
}

impl Look {
    pub(crate) fn new(at: LookAt, permit: Permit) -> (Self, oneshot::Receiver<Looked>) {
        let (answer, looked) = oneshot::channel();
        (Self { at, _permit: permit, answer }, looked)
    }
}

pub(crate) struct Watcher {
    parameters: Arc<Parameters>,
    seat: Seat<Look>,
    /// Stamps of files as they were read; `None` until the ledger was asked.
    seen: Option<HashMap<String, String>>,
    /// Files that could not be read yet, with their stamp and since when they
    /// have had it.
    unsettled: HashMap<String, (String, Instant)>,
}

impl Watcher {
    pub(crate) fn new(parameters: Arc<Parameters>, seat: Seat<Look>) -> Self {
        Self { parameters, seat, seen: None, unsettled: HashMap::new() }
    }

    /// Looks; blocking, on the watcher's own thread.
    fn look(&mut self, at: &LookAt) -> Result<Looked, Failure> {
        fault::point("watcher")?;
        let entries = self.changed(at)?;
        let mut looked = Looked::default();
        for entry in entries {
            match watch::read(
                self.parameters.store.as_ref(),
                &entry.name,
                self.parameters.raw_bytes_max,
                &self.parameters.urls,
            ) {
                Ok(file) => looked.admitted += self.admit(&entry, file)?,
                Err(ReadError::Missing { .. }) => {}
                Err(error) if self.may_settle(&entry, &error) => looked.unsettled += 1,
                Err(error) => self.refuse(&entry, &error)?,
            }
        }
        if looked.admitted > 0 {
            self.parameters.admitted.notify_one();
        }
        fault::point("watcher.done")?;
        Ok(looked)
    }

    fn changed(&mut self, at: &LookAt) -> Result<Vec<Entry>, Failure> {
        let store = Arc::clone(&self.parameters.store);
        // What the ledger forgot of (a superseded file) must be read again, so
        // a whole look starts from the ledger and not from memory.
        if self.seen.is_none() || *at == LookAt::All {
            // Two copies of a large folder need not be held at once.
            self.seen = None;
            self.seen = Some(self.parameters.ledger.call_blocking(ledger::raw_files)?);
        }
        let no_file = HashMap::new();
        let seen = self.seen.as_ref().unwrap_or(&no_file);
        let LookAt::Names(names) = at else {
            let scan = watch::scan(store.as_ref(), seen)?;
            if !scan.gone.is_empty() {
                self.parameters.ledger.call_blocking(move |db| ledger::forget_files(db, &scan.gone))?;
            }
            return Ok(scan.changed);
        };
        let mut entries = Vec::new();
        for name in names.iter().filter(|name| watch::may_hold_items(name)) {
            match store.stat(Folder::Raw, name) {
                Ok(entry) => entries.extend(entry),
                // Such as a link to itself. It must not hold up the others; a
                // look at the whole folder finds it when it can be read.
                Err(error) => log::warn!("watcher: {}", one_line(&docmill_stages::failure::chain(&error), 500)),
            }
        }
        entries.retain(|entry| seen.get(&entry.name) != Some(&entry.stamp));
        Ok(entries)
    }

    fn admit(&mut self, entry: &Entry, file: RawFile) -> Result<usize, Failure> {
        for refused in &file.refused {
            log::warn!("watcher: {}", one_line(&refused.error, 500));
        }
        let (name, stamp) = (entry.name.clone(), entry.stamp.clone());
        let admitted = self.parameters.ledger.call_blocking(move |db| ledger::admit_file(db, &name, &stamp, &file))?;
        self.seat.caller.counters.files.add(1);
        self.settled(entry);
        log::debug!("watcher read file={} admitted={admitted}", one_line(&entry.name, 300));
        Ok(admitted)
    }

    fn settled(&mut self, entry: &Entry) {
        self.unsettled.remove(&entry.name);
        if let Some(seen) = self.seen.as_mut() {
            seen.insert(entry.name.clone(), entry.stamp.clone());
        }
    }

    /// Whether the file may yet become readable; then it is looked at again.
    fn may_settle(&mut self, entry: &Entry, error: &ReadError) -> bool {
        if !matches!(error, ReadError::NotJson { .. }) && !error.can_retry() {
            return false;
        }
        let now = Instant::now();
        let (stamp, since) = self.unsettled.entry(entry.name.clone()).or_insert_with(|| (entry.stamp.clone(), now));
        if *stamp != entry.stamp {
            (*stamp, *since) = (entry.stamp.clone(), now);
        }
        since.elapsed() < SETTLE
    }

    fn refuse(&mut self, entry: &Entry, error: &ReadError) -> Result<(), Failure> {
        let error_text = docmill_stages::failure::chain(error);
        log::warn!("watcher: {}", one_line(&error_text, 500));
        let (name, stamp, kind) = (entry.name.clone(), entry.stamp.clone(), error.kind());
        let text = one_line(&error_text, docmill_stages::failure::MESSAGE_BYTES_MAX);
        self.parameters.ledger.call_blocking(move |db| ledger::refuse_file(db, &name, &stamp, kind, &text))?;
        self.settled(entry);
        Ok(())
    }
}

impl Actor for Watcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seat.ready(ctx);
    }
}

impl Handler<Look> for Watcher {
    type Result = ();

    fn handle(&mut self, message: Look, ctx: &mut Self::Context) {
        let looked = std::panic::catch_unwind(AssertUnwindSafe(|| self.look(&message.at)));
        let seat = self.seat.clone();
        match looked {
            Ok(Ok(looked)) => {
                seat.caller.outage.worked(Place::Watcher);
                // Whoever asked may have gone.
                let _gone = message.answer.send(looked);
                seat.end(End::Ready, ctx);
            }
            Ok(Err(failure)) => {
                log::error!("watcher: {failure}");
                seat.caller.outage.failed(Place::Watcher, &failure);
                seat.end(End::Ready, ctx);
            }
            Err(panic) => {
                log::error!("watcher panicked: {}", panic_text(panic.as_ref()));
                seat.end(End::Restart, ctx);
            }
        }
    }
}

/// Has the watcher look: whenever it is hinted, and at everything every
/// `interval`; for ever.
pub(crate) async fn keep_looking(watcher: &crate::mailbox::Mailbox<Look>, hints: &Hints, interval: Duration) {
    // What was hinted at before may have been lost, where this is begun anew.
    hints.add_all();
    loop {
        let at = tokio::select! {
            () = hints.added() => hints.take(),
            () = tokio::time::sleep(interval) => Some(LookAt::All),
        };
        let Some(at) = at else { continue };
        fault::pass("watcher.keep_looking");
        let looked = look(watcher, at.clone()).await;
        if looked.is_none_or(|looked| looked.unsettled > 0) {
            tokio::time::sleep(LOOK_AGAIN).await;
            match at {
                LookAt::All => hints.add_all(),
                LookAt::Names(names) => names.iter().for_each(|name| hints.add(name)),
            }
        }
    }
}

/// One look; `None` where it failed.
pub(crate) async fn look(watcher: &crate::mailbox::Mailbox<Look>, at: LookAt) -> Option<Looked> {
    let permit = watcher.permit().await?;
    let (look, looked) = Look::new(at, permit);
    watcher.deliver(look);
    looked.await.ok()
}
