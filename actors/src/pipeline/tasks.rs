//! The tasks that last as long as the pipeline, each kept by a [`Keeper`].

use std::sync::Arc;
use std::time::Duration;

use actix_rt::task::JoinHandle;
use docmill_stages::db::Writer;

use super::letters::Letters;
use super::{Parameters, Processing};
use crate::Stage;
use crate::keeper::Keeper;
use crate::mailbox::Mailbox;
use crate::outage::{Probe, ServiceOutages, StoreOutage, keep_probing, probe_provider, probe_sinks};
use crate::ticket::InFlight;
use crate::watcher::door::Door;
use crate::watcher::{self, Hints, keep_looking};

/// What was started.
pub(super) struct Tasks {
    keeper: Keeper,
    handles: Vec<JoinHandle<()>>,
}

impl Tasks {
    pub(super) fn new(keeper: Keeper) -> Self {
        Self { keeper, handles: Vec::new() }
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        self.handles.push(actix_rt::spawn(task));
    }

    /// Gives tickets out.
    pub(super) fn keep_door(&mut self, mut door: Door) {
        let keeper = self.keeper.clone();
        self.spawn(async move { keeper.keep("door", async || door.keep_open().await).await });
    }

    /// Asks services that are down whether they are back.
    pub(super) fn keep_probes(&mut self, services: &ServiceOutages, parameters: &Parameters, processing: &Processing) {
        let probes: [(Stage, Probe); 2] =
            [(Stage::Embedder, probe_provider(&processing.provider)), (Stage::Loader, probe_sinks(&processing.sinks))];
        let (backoff, time_max) = (parameters.retry.backoff, parameters.limits.stage_timeout);
        for (stage, probe) in probes {
            let (keeper, services) = (self.keeper.clone(), services.clone());
            self.spawn(async move {
                keeper.keep("prober", async || keep_probing(&services, stage, &probe, backoff, time_max).await).await;
            });
        }
    }

    /// Writes dead letters.
    pub(super) fn keep_letters(&mut self, letters: Arc<Letters>) {
        let keeper = self.keeper.clone();
        let keep = async move || Arc::clone(&letters).keep_in_step().await;
        self.spawn(async move { keeper.keep("keeper of the dead letters", keep).await });
    }

    /// Writes how tickets ended.
    pub(super) fn keep_ledger(&mut self, table: Arc<InFlight>, ledger: Writer, outage: StoreOutage) {
        let keeper = self.keeper.clone();
        self.spawn(async move {
            keeper.keep("keeper of the ledger", async || table.keep_ledger(&ledger, &outage).await).await;
        });
    }

    /// Has the raw folder looked at now and then.
    pub(super) fn keep_looking(&mut self, watcher: Arc<Mailbox<watcher::Look>>, hints: Arc<Hints>, interval: Duration) {
        let keeper = self.keeper.clone();
        self.spawn(async move {
            keeper.keep("watcher's clock", async || keep_looking(&watcher, &hints, interval).await).await;
        });
    }

    /// Ends them all.
    pub(super) fn abort(&self) {
        self.handles.iter().for_each(JoinHandle::abort);
    }
}
