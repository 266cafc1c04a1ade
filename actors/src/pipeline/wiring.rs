//! Who sends to whom.

use std::sync::Arc;

use actix::dev::ToEnvelope;
use actix::prelude::*;
use docmill_stages::db::DbError;
use docmill_stages::ledger;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, mpsc, watch};

use super::letters::Letters;
use super::recover::recover;
use super::{Fingerprints, Parameters, Processing};
use crate::call::{Caller, Calls};
use crate::chunker::{self, ChunkDocument, Chunker};
use crate::embedder::{self, EmbedPart, Embedder};
use crate::keeper::Keeper;
use crate::loader::{self, LoadDocument, Loader};
use crate::mailbox::Mailbox;
use crate::outage::{ServiceOutages, StoreOutage, keep_probing, probe_provider, probe_sinks};
use crate::pool::{Pool, Seat, Stopped, Supervised};
use crate::processor::{self, ProcessItem, Processor};
use crate::stats::{Counters, SessionStats, StageStats, Stats};
use crate::supervisor::{self, EndSupervision, Supervisor};
use crate::ticket::InFlight;
use crate::watcher::door::{Door, Opening};
use crate::watcher::{self, Hints, Watcher, keep_looking, watch_events};
use crate::{Stage, crawler};

/// A pipeline whose actors are up.
pub struct Pipeline {
    pub(super) parameters: Arc<Parameters>,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) hints: Arc<Hints>,
    pub(super) watcher: Arc<Mailbox<watcher::Look>>,
    pub(super) opening: watch::Sender<Opening>,
    pub(super) gave_up: watch::Receiver<Option<String>>,
    pub(super) crawler: crawler::Desk,
    pub(super) outage: StoreOutage,
    pub(super) services: ServiceOutages,
    pools: Vec<Arc<dyn Supervised>>,
    supervisor: Addr<Supervisor>,
    counters: Arc<Counters>,
    calls: Arc<Calls>,
    letters: Arc<Letters>,
    /// Keeps the file events coming.
    _events: Option<notify::RecommendedWatcher>,
    tasks: Vec<actix_rt::task::JoinHandle<()>>,
}

/// What every pool is started with.
struct Ground {
    parameters: Arc<Parameters>,
    hints: Arc<Hints>,
    in_flight: Arc<InFlight>,
    admitted: Arc<Notify>,
    caller: Caller,
    stopped: UnboundedSender<Stopped>,
}

impl Pipeline {
    /// Brings the ledger in order and starts every stage's actors, the last
    /// stage first. Nothing goes through the door yet.
    ///
    /// # Errors
    /// The ledger cannot be read or written.
    pub async fn start(parameters: Parameters) -> Result<Self, DbError> {
        recover(&parameters).await?;
        let parameters = Arc::new(parameters);
        let counters = Arc::new(Counters::default());
        let calls = Arc::new(Calls::default());
        let (stopped, stops) = mpsc::unbounded_channel();
        let (gave_up_at, gave_up) = watch::channel(None);
        let (opening, opening_seen) = watch::channel(Opening::Closed);
        let ground = Ground::new(&parameters, &calls, &counters, stopped);
        let keeper = Keeper { intensity: parameters.restarts, gave_up: gave_up_at.clone() };

        let mut tasks = Vec::new();
        let mut pools = Vec::new();
        if let Some(processing) = &parameters.processing {
            let mut door = ground.start_processing(processing, opening_seen, &mut pools);
            let keep = keeper.clone();
            tasks.push(actix_rt::spawn(async move { keep.keep("door", async || door.keep_open().await).await }));
            let probes = [
                (Stage::Embedder, probe_provider(&processing.provider)),
                (Stage::Loader, probe_sinks(&processing.sinks)),
            ];
            for (stage, probe) in probes {
                let services = ground.caller.services.clone();
                let (backoff, time_max) = (parameters.retry.backoff, parameters.limits.stage_timeout);
                let keep = keeper.clone();
                tasks.push(actix_rt::spawn(async move {
                    keep.keep("prober", async || keep_probing(&services, stage, &probe, backoff, time_max).await).await;
                }));
            }
        }
        let watcher = ground.start_watcher(&mut pools);
        let crawler = crawler::Desk::start(
            &parameters,
            Arc::clone(&ground.hints),
            &ground.caller,
            ground.stopped.clone(),
            &mut pools,
        );
        let supervisor = supervisor::Parameters {
            pools: pools.clone(),
            calls: Arc::clone(&calls),
            in_flight: Arc::clone(&ground.in_flight),
            counters: Arc::clone(&counters),
            limits: parameters.limits,
            retry: parameters.retry,
            intensity: parameters.restarts,
            gave_up: gave_up_at,
        };
        let outage = ground.caller.outage.clone();
        let (table, state, noted) = (Arc::clone(&ground.in_flight), parameters.state.clone(), outage.clone());
        let letters = ground.letters();
        let (kept, keep) = (Arc::clone(&letters), keeper.clone());
        tasks.push(actix_rt::spawn(async move {
            keep.keep("keeper of the dead letters", async || Arc::clone(&kept).keep_in_step().await).await;
        }));
        let keep = keeper.clone();
        tasks.push(actix_rt::spawn(async move {
            keep.keep("keeper of the ledger", async || table.keep_ledger(&state, &noted).await).await;
        }));
        let (looker, hints, interval) =
            (Arc::clone(&watcher), Arc::clone(&ground.hints), parameters.limits.rescan_interval);
        tasks.push(actix_rt::spawn(async move {
            keeper.keep("watcher's clock", async || keep_looking(&looker, &hints, interval).await).await;
        }));
        let events = parameters.raw_folder.as_ref().and_then(|folder| watch_events(folder, &ground.hints));
        Ok(Self {
            parameters,
            in_flight: ground.in_flight,
            hints: ground.hints,
            watcher,
            opening,
            gave_up,
            crawler,
            outage,
            services: ground.caller.services.clone(),
            pools,
            supervisor: Supervisor::new(supervisor, stops).start(),
            counters,
            calls,
            letters,
            _events: events,
            tasks,
        })
    }

    /// The pipeline at this moment.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn stats(&self) -> Result<Stats, DbError> {
        let counts = |db: &docmill_stages::db::Connection| Ok((ledger::counts(db)?, ledger::apart(db)?));
        let (items, apart) = self.parameters.state.call(counts).await?;
        let crawl = self.crawler.counts().await?;
        let stages = self.pools.iter().rev().map(|pool| {
            let (queued, permits_free, permits) = pool.mailbox_load();
            let counted = self.counters.snapshot_of(pool.stage());
            StageStats { queued, permits_free, permits, actors: pool.slots(), ..counted }
        });
        let counters = &self.counters;
        let session = SessionStats {
            files: counters.files.get(),
            documents: counters.documents.get(),
            chunks_done: counters.chunks_done.get(),
            removed: counters.removed.get(),
            chunks: counters.chunks.get(),
            vectors: counters.vectors.get(),
            cache_hits: counters.cache_hits.get(),
            bytes_in_flight: self.in_flight.load().1,
            hung: counters.hung.get(),
        };
        Ok(Stats { items, apart, crawl, stages: stages.collect(), outages: self.services.snapshot(), session })
    }

    /// What each actor works on now: the actor, the URL, and for how many
    /// seconds.
    pub fn working_on(&self) -> Vec<(String, String, f64)> {
        let running = self.calls.running().into_iter();
        running
            .map(|call| {
                let actor = format!("{}-{}", call.stage, call.slot);
                (actor, call.ticket.item.url.clone(), call.since.elapsed().as_secs_f64())
            })
            .collect()
    }

    /// Ends the actors. What is in flight goes back to the ledger, unburnt.
    pub(super) async fn end(&self, is_whole: bool) {
        // A supervisor with timers must not outlive the runtime. One that is
        // gone already has ended.
        let _gone = self.supervisor.send(EndSupervision).await;
        self.pools.iter().for_each(|pool| pool.stop());
        self.in_flight.revoke_all();
        self.tasks.iter().for_each(actix_rt::task::JoinHandle::abort);
        if let Err(error) = self.in_flight.write_posted(&self.parameters.state).await {
            let error = docmill_stages::failure::chain(&error);
            log::error!("cannot write to the ledger: {error}; the next start mends it");
        }
        self.letters.finish(is_whole).await;
        let cache = self.parameters.processing.as_ref().and_then(|processing| processing.cache.clone());
        if let Some(cache) = cache {
            // What the cache loses only costs time.
            let flushed = actix_rt::task::spawn_blocking(move || cache.flush()).await;
            if let Ok(Err(error)) = flushed {
                log::warn!("embedding cache: {}", docmill_stages::failure::chain(&error));
            }
        }
    }
}

impl Ground {
    fn new(
        parameters: &Arc<Parameters>,
        calls: &Arc<Calls>,
        counters: &Arc<Counters>,
        stopped: UnboundedSender<Stopped>,
    ) -> Self {
        let caller = Caller {
            ledger: parameters.state.clone(),
            calls: Arc::clone(calls),
            counters: Arc::clone(counters),
            outage: StoreOutage::default(),
            services: ServiceOutages::default(),
            // Each pool puts its own stage, and each seat its own slot.
            stage: Stage::Watcher,
            slot: 0,
        };
        Self {
            parameters: Arc::clone(parameters),
            hints: Arc::default(),
            in_flight: Arc::default(),
            admitted: Arc::default(),
            caller,
            stopped,
        }
    }

    fn letters(&self) -> Arc<Letters> {
        let Parameters { store, state, .. } = self.parameters.as_ref();
        Letters::new(Arc::clone(store), state.clone(), Arc::clone(&self.hints), self.caller.outage.clone())
    }

    fn mailbox<M: Message<Result = ()> + Send>(&self, stage: Stage) -> Arc<Mailbox<M>> {
        Arc::new(Mailbox::new(stage, self.parameters.limits.mailbox_capacity))
    }

    fn start_watcher(&self, pools: &mut Vec<Arc<dyn Supervised>>) -> Arc<Mailbox<watcher::Look>> {
        let mailbox = Arc::new(Mailbox::new(Stage::Watcher, 1));
        let made_of = Arc::new(watcher::Parameters {
            store: Arc::clone(&self.parameters.store),
            ledger: self.parameters.state.clone(),
            urls: self.parameters.urls,
            raw_bytes_max: self.parameters.limits.raw_bytes_max,
            admitted: Arc::clone(&self.admitted),
        });
        pools.push(self.start_pool(&mailbox, 1, move |seat| Watcher::new(Arc::clone(&made_of), seat)));
        mailbox
    }

    fn start_pool<A, M>(
        &self,
        mailbox: &Arc<Mailbox<M>>,
        actors: usize,
        factory: impl Fn(Seat<M>) -> A + Send + Sync + 'static,
    ) -> Arc<dyn Supervised>
    where
        A: Actor<Context = Context<A>> + Handler<M>,
        M: Message<Result = ()> + Send + 'static,
        Context<A>: ToEnvelope<A, M>,
    {
        Pool::start(Arc::clone(mailbox), actors, &self.caller, self.stopped.clone(), factory)
    }

    fn start_processing(
        &self,
        processing: &Processing,
        opening: watch::Receiver<Opening>,
        pools: &mut Vec<Arc<dyn Supervised>>,
    ) -> Door {
        let fingerprints = Arc::new(processing.fingerprints());
        let loader = self.start_loaders(processing, &fingerprints, pools);
        let embedder = self.start_embedders(processing, &fingerprints, &loader, pools);
        let chunker = self.start_chunkers(processing, &fingerprints, embedder, &loader, pools);
        let processor = self.start_processors(processing, fingerprints, &chunker, &loader, pools);
        Door {
            ledger: self.parameters.state.clone(),
            in_flight: Arc::clone(&self.in_flight),
            limits: self.parameters.limits,
            opening,
            admitted: Arc::clone(&self.admitted),
            outage: self.caller.outage.clone(),
            services: self.caller.services.clone(),
            processor,
            chunker,
            loader,
        }
    }

    fn start_loaders(
        &self,
        processing: &Processing,
        fingerprints: &Arc<Fingerprints>,
        pools: &mut Vec<Arc<dyn Supervised>>,
    ) -> Arc<Mailbox<LoadDocument>> {
        let mailbox = self.mailbox(Stage::Loader);
        let made_of = Arc::new(loader::Parameters {
            store: Arc::clone(&self.parameters.store),
            work: processing.work.clone(),
            ledger: self.parameters.state.clone(),
            sinks: processing.sinks.clone(),
            fingerprints: Arc::clone(fingerprints),
            retry: self.parameters.retry,
        });
        let fresh = move |seat| Loader::new(Arc::clone(&made_of), seat);
        pools.push(self.start_pool(&mailbox, self.parameters.actors.loader, fresh));
        mailbox
    }

    fn start_embedders(
        &self,
        processing: &Processing,
        fingerprints: &Arc<Fingerprints>,
        loader: &Arc<Mailbox<LoadDocument>>,
        pools: &mut Vec<Arc<dyn Supervised>>,
    ) -> Arc<Mailbox<EmbedPart>> {
        let mailbox = self.mailbox(Stage::Embedder);
        let made_of = Arc::new(embedder::Parameters {
            work: processing.work.clone(),
            provider: Arc::clone(&processing.provider),
            cache: processing.cache.clone(),
            fingerprints: Arc::clone(fingerprints),
            retry: self.parameters.retry,
            loader: Arc::clone(loader),
        });
        let fresh = move |seat| Embedder::new(Arc::clone(&made_of), seat);
        pools.push(self.start_pool(&mailbox, self.parameters.actors.embedder, fresh));
        mailbox
    }

    fn start_chunkers(
        &self,
        processing: &Processing,
        fingerprints: &Arc<Fingerprints>,
        embedder: Arc<Mailbox<EmbedPart>>,
        loader: &Arc<Mailbox<LoadDocument>>,
        pools: &mut Vec<Arc<dyn Supervised>>,
    ) -> Arc<Mailbox<ChunkDocument>> {
        let mailbox = self.mailbox(Stage::Chunker);
        let made_of = Arc::new(chunker::Parameters {
            work: processing.work.clone(),
            options: processing.chunk.clone(),
            tokens: Arc::clone(&processing.tokens),
            fingerprints: Arc::clone(fingerprints),
            retry: self.parameters.retry,
            part_len: self.parameters.limits.embedding_batch,
            embedder,
            loader: Arc::clone(loader),
        });
        let fresh = move |seat| Chunker::new(Arc::clone(&made_of), seat);
        pools.push(self.start_pool(&mailbox, self.parameters.actors.chunker, fresh));
        mailbox
    }

    fn start_processors(
        &self,
        processing: &Processing,
        fingerprints: Arc<Fingerprints>,
        chunker: &Arc<Mailbox<ChunkDocument>>,
        loader: &Arc<Mailbox<LoadDocument>>,
        pools: &mut Vec<Arc<dyn Supervised>>,
    ) -> Arc<Mailbox<ProcessItem>> {
        let mailbox = self.mailbox(Stage::Processor);
        let made_of = Arc::new(processor::Parameters {
            store: Arc::clone(&self.parameters.store),
            work: processing.work.clone(),
            options: processing.process,
            fingerprints,
            retry: self.parameters.retry,
            hints: Arc::clone(&self.hints),
            chunker: Arc::clone(chunker),
            loader: Arc::clone(loader),
        });
        let fresh = move |seat| Processor::new(Arc::clone(&made_of), seat);
        pools.push(self.start_pool(&mailbox, self.parameters.actors.processor, fresh));
        mailbox
    }
}
