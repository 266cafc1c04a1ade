//! The actors of one stage: a thread (arbiter) each, started from a factory.

use std::sync::{Arc, Mutex};

use actix::dev::{MessageResponse, ToEnvelope};
use actix::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use crate::call::{CallEnd, Caller};
use crate::mailbox::{Incarnation, Mailbox, SlotId};
use crate::ticket::{Ticket, describe};
use crate::{Stage, lock};

/// How an actor ended its work on a message.
pub(crate) enum End {
    /// Ready for the next.
    Ready,
    /// It wants fresh state; the reason is in the log already.
    Restart,
    /// Another has taken its place: end, and the thread with it.
    Abandoned,
}

/// Tells the supervisor that an actor has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) stage: Stage,
    pub(crate) slot: SlotId,
    pub(crate) incarnation: Incarnation,
}

/// An actor's place in its pool: its mailbox, its name, its way to say that
/// it has stopped.
pub(crate) struct Seat<M>
where
    M: Message<Result = ()> + Send + 'static,
{
    pub(crate) mailbox: Arc<Mailbox<M>>,
    pub(crate) caller: Caller,
    incarnation: Incarnation,
    supervisor: UnboundedSender<Stopped>,
}

impl<M> Clone for Seat<M>
where
    M: Message<Result = ()> + Send + 'static,
{
    fn clone(&self) -> Self {
        Self {
            mailbox: Arc::clone(&self.mailbox),
            caller: self.caller.clone(),
            incarnation: self.incarnation,
            supervisor: self.supervisor.clone(),
        }
    }
}

impl<M> Seat<M>
where
    M: Message<Result = ()> + Send + 'static,
{
    /// The actor is up and ready.
    pub(crate) fn ready<A>(&self, ctx: &Context<A>)
    where
        A: Actor<Context = Context<A>> + Handler<M>,
        A::Result: MessageResponse<A, M>,
        Context<A>: ToEnvelope<A, M>,
    {
        self.mailbox.ready(self.caller.slot, self.incarnation, ctx.address().recipient());
    }

    /// What every actor does when its work on a message has ended.
    pub(crate) fn end<A>(&self, end: End, ctx: &mut Context<A>)
    where
        A: Actor<Context = Context<A>> + Handler<M>,
        Context<A>: ToEnvelope<A, M>,
    {
        match end {
            End::Ready => self.ready(ctx),
            End::Restart => {
                ctx.stop();
                let stopped =
                    Stopped { stage: self.caller.stage, slot: self.caller.slot, incarnation: self.incarnation };
                // A supervisor that is gone has ended the pipeline.
                let _ended = self.supervisor.send(stopped);
            }
            End::Abandoned => {
                ctx.stop();
                Arbiter::current().stop();
            }
        }
    }

    /// Settles a ticket whose stage call did not end well, and says so in the
    /// log: the one place where a failed call is decided on.
    pub(crate) fn give_up(&self, ticket: Option<Ticket>, end: CallEnd, retry: &crate::settings::Retry) -> End {
        let who = ticket.as_ref().map(|ticket| describe(self.caller.stage, self.caller.slot, ticket.data()));
        let who = who.unwrap_or_default();
        let (failure, end) = match end {
            CallEnd::NotBegun => return End::Ready,
            CallEnd::Abandoned => {
                log::warn!("{who} came back after it was given up; what it made is not used");
                return End::Abandoned;
            }
            CallEnd::Failed(failure) => (failure, End::Ready),
            CallEnd::Panicked(failure) => (failure, End::Restart),
        };
        log::warn!("{who} failed kind={} error={failure}", failure.kind);
        self.caller.outage.note_failure(&failure);
        self.caller.services.note(self.caller.stage, &failure);
        if let Some(ticket) = ticket {
            let verdict = retry.failed(self.caller.stage, failure, ticket.data().item.attempts);
            ticket.settle(verdict);
        }
        end
    }

    /// A line in the log for an item that this actor is through with.
    pub(crate) fn log_done(&self, ticket: &Ticket, what: &str) {
        log::info!("{} {what}", describe(self.caller.stage, self.caller.slot, ticket.data()));
    }
}

/// What the supervisor knows of a pool, whatever its actors are.
pub(crate) trait Supervised: Send + Sync {
    fn stage(&self) -> Stage;
    fn slots(&self) -> usize;
    /// Starts a fresh actor in the slot, on the slot's thread.
    fn start(&self, slot: SlotId);
    /// Starts a fresh actor on a fresh thread: the old one hangs.
    fn replace(&self, slot: SlotId);
    /// Notes that an actor has stopped; says whether it was the slot's present
    /// one, and that was not known yet.
    fn has_left(&self, stopped: Stopped) -> bool;
    /// Slots whose actor should be there and is not: what slipped through
    /// every catch.
    fn vanished(&self) -> Vec<SlotId>;
    /// Takes no more messages, drops those that wait, stops the threads that
    /// come back.
    fn stop(&self);
    /// Waiting messages, free permits, permits.
    fn mailbox_load(&self) -> (usize, usize, usize);
}

type Factory<A, M> = Arc<dyn Fn(Seat<M>) -> A + Send + Sync>;

/// The actors of one stage.
pub(crate) struct Pool<A, M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message<Result = ()> + Send + 'static,
{
    mailbox: Arc<Mailbox<M>>,
    caller: Caller,
    factory: Factory<A, M>,
    supervisor: UnboundedSender<Stopped>,
    slots: Vec<Mutex<Slot<A>>>,
}

struct Slot<A: Actor> {
    thread: Arbiter,
    actor: Option<Addr<A>>,
    incarnation: Incarnation,
}

impl<A, M> Pool<A, M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message<Result = ()> + Send + 'static,
    Context<A>: ToEnvelope<A, M>,
{
    /// Starts `actors` actors, each on a thread of its own.
    pub(crate) fn start(
        mailbox: Arc<Mailbox<M>>,
        actors: usize,
        caller: &Caller,
        supervisor: UnboundedSender<Stopped>,
        factory: impl Fn(Seat<M>) -> A + Send + Sync + 'static,
    ) -> Arc<Self> {
        let slots = (0..actors).map(|_| Mutex::new(Slot { thread: Arbiter::new(), actor: None, incarnation: 0 }));
        let caller = Caller { stage: mailbox.stage(), ..caller.clone() };
        let pool = Self { mailbox, caller, factory: Arc::new(factory), supervisor, slots: slots.collect() };
        for slot in 0..actors {
            Supervised::start(&pool, slot);
        }
        Arc::new(pool)
    }

    fn start_in(&self, slot: &mut Slot<A>, id: SlotId) {
        slot.incarnation += 1;
        self.mailbox.seat(id, slot.incarnation);
        let seat = Seat {
            mailbox: Arc::clone(&self.mailbox),
            caller: Caller { slot: id, ..self.caller.clone() },
            incarnation: slot.incarnation,
            supervisor: self.supervisor.clone(),
        };
        let factory = Arc::clone(&self.factory);
        slot.actor = Some(A::start_in_arbiter(&slot.thread.handle(), move |_| factory(seat)));
    }
}

impl<A, M> Supervised for Pool<A, M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message<Result = ()> + Send + 'static,
    Context<A>: ToEnvelope<A, M>,
{
    fn stage(&self) -> Stage {
        self.mailbox.stage()
    }

    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn start(&self, slot: SlotId) {
        self.start_in(&mut lock(&self.slots[slot]), slot);
    }

    fn replace(&self, slot: SlotId) {
        let mut place = lock(&self.slots[slot]);
        // The old thread is never joined: it ends when its call comes back.
        place.thread = Arbiter::new();
        self.start_in(&mut place, slot);
    }

    fn has_left(&self, stopped: Stopped) -> bool {
        let Some(slot) = self.slots.get(stopped.slot) else { return false };
        let mut slot = lock(slot);
        slot.incarnation == stopped.incarnation && slot.actor.take().is_some()
    }

    fn vanished(&self) -> Vec<SlotId> {
        let vanished = |slot: &Mutex<Slot<A>>| {
            let mut slot = lock(slot);
            let is_gone = slot.actor.as_ref().is_some_and(|actor| !actor.connected());
            if is_gone {
                slot.actor = None;
            }
            is_gone
        };
        self.slots.iter().enumerate().filter(|(_, slot)| vanished(slot)).map(|(id, _)| id).collect()
    }

    fn stop(&self) {
        self.mailbox.close();
        for slot in &self.slots {
            let mut slot = lock(slot);
            slot.actor = None;
            slot.thread.stop();
        }
    }

    fn mailbox_load(&self) -> (usize, usize, usize) {
        (self.mailbox.queued(), self.mailbox.free(), self.mailbox.capacity())
    }
}
