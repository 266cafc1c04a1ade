//! A stage's mailbox, shared by the actors of its pool and bounded by
//! permits.
//!
//! A bounded actix mailbox alone gives no back-pressure (`send` to a full one
//! still enqueues), and mail in the mailbox of an actor that hangs is lost to
//! its neighbours. So a message waits here, holding a permit, until an actor
//! is ready; an actor is given one message at a time. Invariant 4: no permit,
//! no send; whatever drops a message frees its permit.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use actix::prelude::{Message, Recipient, SendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Stage, lock};

/// The right to one place in a stage's mailbox, until it is dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped gives its place away"]
pub(crate) struct Permit {
    _place: OwnedSemaphorePermit,
}

/// Which actor of a pool, from 0.
pub(crate) type SlotId = usize;

/// Which of the actors that a slot had one after the other, from 1.
pub(crate) type Incarnation = u64;

/// See the module's text.
pub(crate) struct Mailbox<M>
where
    M: Message<Result = ()> + Send + 'static,
{
    stage: Stage,
    capacity: usize,
    permits: Arc<Semaphore>,
    state: Mutex<State<M>>,
}

struct State<M>
where
    M: Message<Result = ()> + Send + 'static,
{
    queue: VecDeque<M>,
    ready: VecDeque<(SlotId, Recipient<M>)>,
    /// Which actor of each slot may take mail; one that was replaced may not.
    present: HashMap<SlotId, Incarnation>,
    closed: bool,
}

impl<M> Mailbox<M>
where
    M: Message<Result = ()> + Send + 'static,
{
    pub(crate) fn new(stage: Stage, capacity: usize) -> Self {
        let state = State { queue: VecDeque::new(), ready: VecDeque::new(), present: HashMap::new(), closed: false };
        Self { stage, capacity, permits: Arc::new(Semaphore::new(capacity)), state: Mutex::new(state) }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Waits for a place; `None` once the mailbox is closed.
    pub(crate) async fn permit(&self) -> Option<Permit> {
        let place = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        Some(Permit { _place: place })
    }

    /// Hands `message`, which holds its permit, to an actor that is ready, or
    /// keeps it until one is. A closed mailbox drops it.
    pub(crate) fn deliver(&self, message: M) {
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            return drop(message);
        }
        state.queue.push_back(message);
        state.pair_up();
    }

    /// An actor is ready for one message.
    pub(crate) fn ready(&self, slot: SlotId, incarnation: Incarnation, actor: Recipient<M>) {
        let mut state = lock(&self.state);
        if state.present.get(&slot) != Some(&incarnation) {
            return;
        }
        state.ready.retain(|(waiting, _)| *waiting != slot);
        state.ready.push_back((slot, actor));
        state.pair_up();
    }

    /// A new actor takes the slot; the one before gets no more mail.
    pub(crate) fn seat(&self, slot: SlotId, incarnation: Incarnation) {
        let mut state = lock(&self.state);
        state.present.insert(slot, incarnation);
        state.ready.retain(|(waiting, _)| *waiting != slot);
    }

    /// Takes no more messages and drops those that wait.
    pub(crate) fn close(&self) {
        self.permits.close();
        let queue = {
            let mut state = lock(&self.state);
            state.closed = true;
            state.ready.clear();
            std::mem::take(&mut state.queue)
        };
        drop(queue);
    }

    /// Messages that wait for an actor.
    pub(crate) fn queued(&self) -> usize {
        lock(&self.state).queue.len()
    }

    /// Permits that are free.
    pub(crate) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
}

impl<M> State<M>
where
    M: Message<Result = ()> + Send + 'static,
{
    fn pair_up(&mut self) {
        while let Some((_, actor)) = self.ready.front() {
            let Some(message) = self.queue.pop_front() else { return };
            let unsent = match actor.try_send(message) {
                Ok(()) => None,
                // An actor that is gone, or that has mail it was not given
                // here: not one to send to.
                Err(SendError::Closed(message) | SendError::Full(message)) => Some(message),
            };
            self.ready.pop_front();
            if let Some(message) = unsent {
                self.queue.push_front(message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::prelude::*;
    use tokio::sync::mpsc;

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Letter(u32, #[expect(dead_code, reason = "held until the letter is dropped")] Permit);

    struct Reader(mpsc::UnboundedSender<u32>);
    impl Actor for Reader {
        type Context = Context<Self>;
    }
    impl Handler<Letter> for Reader {
        type Result = ();
        fn handle(&mut self, letter: Letter, _: &mut Self::Context) {
            self.0.send(letter.0).unwrap();
        }
    }

    #[actix_rt::test]
    async fn a_message_waits_for_an_actor_and_its_permit_comes_back_when_it_is_dropped() {
        let mailbox = Mailbox::new(Stage::Chunker, 2);
        for n in 0..2 {
            let permit = mailbox.permit().await.unwrap();
            mailbox.deliver(Letter(n, permit));
        }
        assert_eq!((mailbox.queued(), mailbox.free()), (2, 0));
        let (read, mut letters) = mpsc::unbounded_channel();
        let reader = Reader(read).start();
        mailbox.seat(0, 1);
        for n in 0..2 {
            mailbox.ready(0, 1, reader.clone().recipient());
            assert_eq!(letters.recv().await, Some(n), "one at a time, in order");
        }
        let both = mailbox.permits.acquire_many(2).await.unwrap();
        assert_eq!(both.num_permits(), 2);
    }

    #[actix_rt::test]
    async fn a_closed_mailbox_drops_what_waits_and_gives_no_permit() {
        let mailbox = Mailbox::new(Stage::Chunker, 1);
        let permit = mailbox.permit().await.unwrap();
        mailbox.deliver(Letter(1, permit));
        mailbox.close();
        assert_eq!(mailbox.queued(), 0);
        assert!(mailbox.permit().await.is_none());
    }

    #[actix_rt::test]
    async fn an_actor_that_has_died_loses_no_message() {
        let mailbox = Mailbox::new(Stage::Chunker, 1);
        let (read, mut letters) = mpsc::unbounded_channel();
        let (dead, _gone) = mpsc::unbounded_channel();
        let arbiter = Arbiter::new();
        let doomed = Reader::start_in_arbiter(&arbiter.handle(), move |_| Reader(dead));
        arbiter.stop();
        arbiter.join().unwrap();
        mailbox.seat(0, 1);
        mailbox.seat(1, 1);
        mailbox.ready(0, 1, doomed.recipient());
        let permit = mailbox.permit().await.unwrap();
        mailbox.deliver(Letter(7, permit));
        mailbox.ready(1, 1, Reader(read).start().recipient());
        assert_eq!(letters.recv().await, Some(7));
    }
}
