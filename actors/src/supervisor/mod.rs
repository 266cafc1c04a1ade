//! Our own supervisor: actix neither restarts an actor that panicked, nor
//! backs off, nor sees one that hangs (invariant 5).

mod intensity;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use docmill_stages::failure::{Failure, panic_text};
use docmill_stages::fault;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use crate::Stage;
use crate::call::{Calls, RunningCall};
use crate::pool::{Stopped, Supervised};
use crate::settings::{Limits, RestartIntensity, Retry};
use crate::stats::Counters;
use crate::ticket::{InFlight, describe};
use intensity::{Decision, Intensity};

/// Between two looks at calls that hang and actors that vanished.
const TICK: Duration = Duration::from_millis(100);

/// All that the supervisor is made of.
pub(crate) struct Parameters {
    pub(crate) pools: Vec<Arc<dyn Supervised>>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) limits: Limits,
    pub(crate) retry: Retry,
    pub(crate) intensity: RestartIntensity,
    /// Where it says that it gives up, and why.
    pub(crate) gave_up: watch::Sender<Option<String>>,
}

/// Starts stopped actors anew, replaces those that hang, and gives up when
/// neither helps.
pub(crate) struct Supervisor {
    parameters: Parameters,
    intensity: Intensity,
    stopped: Option<UnboundedReceiver<Stopped>>,
    hung: usize,
}

impl Supervisor {
    pub(crate) fn new(parameters: Parameters, stopped: UnboundedReceiver<Stopped>) -> Self {
        let intensity = Intensity::new(parameters.intensity);
        Self { parameters, intensity, stopped: Some(stopped), hung: 0 }
    }

    fn pool(&self, stage: Stage) -> Option<&Arc<dyn Supervised>> {
        self.parameters.pools.iter().find(|pool| pool.stage() == stage)
    }

    /// Without a supervisor nobody would notice what hangs: its own panic
    /// ends the process.
    fn guarded(&mut self, ctx: &mut Context<Self>, work: impl FnOnce(&mut Self, &mut Context<Self>)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(self, ctx))) {
            self.give_up(format!("the supervisor panicked: {}", panic_text(panic.as_ref())));
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        fault::pass("supervisor.tick");
        for call in self.parameters.calls.abandon_over(self.parameters.limits.stage_timeout) {
            self.replace_hung(&call, ctx);
        }
        let vanished: Vec<_> = self
            .parameters
            .pools
            .iter()
            .flat_map(|pool| pool.vanished().into_iter().map(|slot| (pool.stage(), slot)))
            .collect();
        for (stage, slot) in vanished {
            log::error!("{stage}-{slot} vanished");
            self.restart(stage, slot, ctx);
        }
    }

    fn replace_hung(&mut self, call: &RunningCall, ctx: &mut Context<Self>) {
        let limit = self.parameters.limits.stage_timeout;
        let what = format!("{} took over STAGE_TIMEOUT ({limit:?}); not waited for", call.stage);
        log::error!("{} {what}", describe(call.stage, call.slot, &call.ticket));
        let failure = Failure::transient("timeout", what);
        let verdict = self.parameters.retry.failed(call.stage, failure, call.ticket.item.attempts);
        self.parameters.in_flight.revoke(&call.ticket, verdict);
        self.hung += 1;
        self.parameters.counters.hung.add(1);
        if self.hung > self.parameters.limits.hung_max {
            self.give_up(format!(
                "{} stage calls never came back (HUNG_MAX is {}); the last was the {} on {}",
                self.hung, self.parameters.limits.hung_max, call.stage, call.ticket.item.url
            ));
            return;
        }
        if let Some(pool) = self.pool(call.stage) {
            pool.replace(call.slot);
        }
        if self.decide(call.stage, ctx) {
            self.parameters.counters.stage(call.stage).restarts.add(1);
        }
    }

    /// Counts a restart that has happened already. Says whether that was all.
    fn decide(&mut self, stage: Stage, ctx: &mut Context<Self>) -> bool {
        match self.intensity.stopped(stage, Instant::now()) {
            Decision::Actor { .. } => true,
            decision => {
                self.escalate(stage, decision, ctx);
                false
            }
        }
    }

    fn actor_stopped(&mut self, stopped: Stopped, ctx: &mut Context<Self>) {
        if self.pool(stopped.stage).is_some_and(|pool| pool.has_left(stopped)) {
            self.restart(stopped.stage, stopped.slot, ctx);
        }
    }

    fn restart(&mut self, stage: Stage, slot: usize, ctx: &mut Context<Self>) {
        match self.intensity.stopped(stage, Instant::now()) {
            Decision::Actor { restarts_before } => {
                let delay = self.parameters.retry.backoff.delay(restarts_before);
                // The first restart is for free: most often it heals.
                let delay = if restarts_before == 0 { Duration::ZERO } else { delay };
                log::warn!("{stage}-{slot} is started anew in {delay:?}");
                self.start_later(stage, slot, delay, ctx);
            }
            decision => self.escalate(stage, decision, ctx),
        }
    }

    fn escalate(&mut self, stage: Stage, decision: Decision, ctx: &mut Context<Self>) {
        let RestartIntensity { max, window } = self.parameters.intensity;
        let why = format!("the {stage} was restarted more than {max} times in {window:?} (RESTART_MAX)");
        let stages: Vec<Stage> = match decision {
            Decision::Actor { .. } => return,
            Decision::Process => return self.give_up(why),
            Decision::Stage => vec![stage],
            Decision::Pipeline => self.parameters.pools.iter().map(|pool| pool.stage()).collect(),
        };
        let what = if decision == Decision::Stage { "the stage" } else { "the pipeline" };
        log::error!("{why}: {what} is started anew");
        let delay = self.parameters.retry.backoff.delay(u32::MAX);
        for stage in stages {
            let slots = self.pool(stage).map_or(0, |pool| pool.slots());
            for slot in 0..slots {
                self.start_later(stage, slot, delay, ctx);
            }
        }
    }

    fn start_later(&self, stage: Stage, slot: usize, delay: Duration, ctx: &mut Context<Self>) {
        let Some(pool) = self.pool(stage).map(Arc::clone) else { return };
        self.parameters.counters.stage(stage).restarts.add(1);
        ctx.run_later(delay, move |_, _| pool.start(slot));
    }

    fn give_up(&self, why: String) {
        log::error!("giving up: {why}");
        self.parameters.gave_up.send_replace(Some(why));
    }
}

/// End: the pools are stopped.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EndSupervision;

impl Handler<EndSupervision> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: EndSupervision, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(TICK, |supervisor, ctx| supervisor.guarded(ctx, Self::tick));
        if let Some(stopped) = self.stopped.take() {
            ctx.add_stream(futures_util::stream::unfold(stopped, |mut stopped| async {
                stopped.recv().await.map(|message| (message, stopped))
            }));
        }
    }
}

impl StreamHandler<Stopped> for Supervisor {
    fn handle(&mut self, stopped: Stopped, ctx: &mut Self::Context) {
        self.guarded(ctx, |supervisor, ctx| supervisor.actor_stopped(stopped, ctx));
    }

    /// The pools are gone; the pipeline ends the supervisor itself.
    fn finished(&mut self, _: &mut Self::Context) {}
}
