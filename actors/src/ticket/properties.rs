//! Tickets and ledger against a model of them, under any interleaving of
//! work, retries, revocations, crashes and newer content.

use std::collections::BTreeMap;

use docmill_stages::failure::Failure;
use docmill_stages::ledger::{Attempt, Candidate, InFlightRoom, ItemState, Location, OUTPUT_FILES, Output};
use docmill_stages::{db, state};
use proptest::prelude::*;

use super::*;

/// Failed calls that an item may have.
const ATTEMPTS_MAX: u32 = 3;

/// How the work on an item ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    Skipped,
    Failed,
    Hopeless,
    Outage,
    Superseded,
    Dropped,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Content of a page comes in.
    Admit { page: usize, content: u8 },
    /// The door gives out tickets.
    Take { items: usize },
    /// A stage call begins and may be left open.
    Begin { ticket: usize },
    /// The holder of a ticket settles it.
    Settle { ticket: usize, end: End },
    /// The holder of a ticket loses it.
    Drop { ticket: usize },
    /// The supervisor takes a ticket back; its holder goes on with it.
    Revoke { ticket: usize },
    /// A holder whose ticket was taken back comes to its end.
    ComeBack { ghost: usize },
    /// What was posted is written.
    Write,
    /// The process dies, and another one starts.
    Crash,
    /// The process ends in order, and another one starts.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        4 => Just(End::Done),
        1 => Just(End::Skipped),
        3 => Just(End::Failed),
        1 => Just(End::Hopeless),
        1 => Just(End::Outage),
        1 => Just(End::Superseded),
        1 => Just(End::Dropped),
    ];
    let step = prop_oneof![
        4 => (0..5_usize, 0..3_u8).prop_map(|(page, content)| Step::Admit { page, content }),
        4 => (1..4_usize).prop_map(|items| Step::Take { items }),
        2 => (0..4_usize).prop_map(|ticket| Step::Begin { ticket }),
        6 => (0..4_usize, end).prop_map(|(ticket, end)| Step::Settle { ticket, end }),
        1 => (0..4_usize).prop_map(|ticket| Step::Drop { ticket }),
        2 => (0..4_usize).prop_map(|ticket| Step::Revoke { ticket }),
        2 => (0..4_usize).prop_map(|ghost| Step::ComeBack { ghost }),
        6 => Just(Step::Write),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..100)
}

/// An item as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    state: ItemState,
    content: u8,
    generation: u64,
    attempts: u32,
    crashes: u32,
    /// Whether a stage call is open.
    in_call: bool,
}

/// Ledger and tickets, and beside them what they have to be.
struct World {
    _folder: tempfile::TempDir,
    ledger: Writer,
    table: Arc<InFlight>,
    tickets: Vec<Ticket>,
    /// Tickets that were taken back, also from a process that is no more,
    /// with the table they post to.
    ghosts: Vec<(Ticket, Arc<InFlight>)>,
    expected: BTreeMap<String, Expected>,
    /// What was posted first for each key: generation, content, end.
    posted: Vec<(String, u64, u8, End)>,
    clock: i64,
}

fn content_of(hash: &str) -> u8 {
    hash.parse().unwrap()
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = db::open(&folder.path().join(state::FILE), state::SCHEMA).unwrap();
        Self {
            _folder: folder,
            ledger: Writer::spawn(connection, "ledger").unwrap(),
            table: Arc::default(),
            tickets: Vec::new(),
            ghosts: Vec::new(),
            expected: BTreeMap::new(),
            posted: Vec::new(),
            clock: 0,
        }
    }

    async fn take_step(&mut self, step: Step) {
        match step {
            Step::Admit { page, content } => self.admit(page, content).await,
            Step::Take { items } => self.take(items).await,
            Step::Begin { ticket } if ticket < self.tickets.len() => self.begin(ticket).await,
            Step::Settle { ticket, end } if ticket < self.tickets.len() => {
                let ticket = self.tickets.swap_remove(ticket);
                self.post(&ticket.data().item.clone(), end);
                ticket.settle(verdict(end));
            }
            Step::Drop { ticket } if ticket < self.tickets.len() => {
                let ticket = self.tickets.swap_remove(ticket);
                self.post(&ticket.data().item.clone(), End::Dropped);
            }
            Step::Revoke { ticket } if ticket < self.tickets.len() => {
                let ticket = self.tickets.swap_remove(ticket);
                self.post(&ticket.data().item.clone(), End::Failed);
                self.table.revoke(ticket.data(), verdict(End::Failed));
                assert!(!ticket.data().is_current());
                self.ghosts.push((ticket, Arc::clone(&self.table)));
            }
            Step::ComeBack { ghost } if ghost < self.ghosts.len() => {
                let (ticket, table) = self.ghosts.swap_remove(ghost);
                // The model hears nothing of it: it must change nothing.
                ticket.settle(verdict(End::Done));
                if !Arc::ptr_eq(&table, &self.table) {
                    table.write_posted(&self.ledger).await.unwrap();
                }
            }
            Step::Write => self.write().await,
            Step::Crash => self.crash().await,
            Step::Restart => self.restart().await,
            Step::Begin { .. }
            | Step::Settle { .. }
            | Step::Drop { .. }
            | Step::Revoke { .. }
            | Step::ComeBack { .. } => {}
        }
    }

    async fn admit(&mut self, page: usize, content: u8) {
        let url = format!("https://a.example/{page}");
        self.clock += 1;
        let candidate = Candidate {
            url: url.clone(),
            article_id: None,
            location: Location { file: format!("item_{page}.json"), position: 0, start: 0, bytes: 10 },
            scraped_at: self.clock,
            content_hash: content.to_string(),
            tombstone: false,
        };
        self.ledger.call(move |db| ledger::admit(db, &candidate).map(drop)).await.unwrap();
        let known = self.expected.entry(url).or_insert(Expected {
            state: ItemState::Waiting,
            content,
            generation: 0,
            attempts: 0,
            crashes: 0,
            in_call: false,
        });
        if known.content != content || known.state == ItemState::Dead {
            let state = if known.state == ItemState::InFlight { ItemState::InFlight } else { ItemState::Waiting };
            *known = Expected { state, content, attempts: 0, crashes: 0, ..known.clone() };
        }
    }

    async fn take(&mut self, items: usize) {
        if self.table.runs_alone() {
            return;
        }
        let room = InFlightRoom { items, bytes: 1_000, empty: self.table.load().0 == 0 };
        let taken = self.ledger.call(move |db| ledger::take(db, i64::MAX, room, None)).await.unwrap();
        for item in taken {
            let known = self.expected.get_mut(&item.url).expect("an item that was admitted");
            assert_eq!(known.state, ItemState::Waiting, "nothing is done twice, and a key has one ticket: {item:?}");
            known.state = ItemState::InFlight;
            known.generation += 1;
            assert_eq!((item.generation, item.attempts), (known.generation, known.attempts));
            assert_eq!(content_of(&item.content_hash), known.content);
            assert_eq!(item.alone, known.crashes >= ledger::CRASHES_ALONE);
            assert!(!item.alone || self.table.load().0 == 0, "suspects run alone");
            self.tickets.push(self.table.issue(item, false));
        }
    }

    async fn begin(&mut self, ticket: usize) {
        let item = &self.tickets[ticket].data().item;
        let key = item.key.clone();
        self.expected.get_mut(&item.url).unwrap().in_call = true;
        self.ledger.call(move |db| ledger::begin_call(db, &key, "processor", 0)).await.unwrap();
    }

    fn post(&mut self, item: &Taken, end: End) {
        self.posted.push((item.url.clone(), item.generation, content_of(&item.content_hash), end));
    }

    async fn write(&mut self) {
        self.table.write_posted(&self.ledger).await.unwrap();
        for (url, generation, content, end) in std::mem::take(&mut self.posted) {
            let known = self.expected.get_mut(&url).unwrap();
            assert_eq!((known.state, known.generation), (ItemState::InFlight, generation));
            let is_newest = known.content == content;
            let finished = |state| if is_newest { state } else { ItemState::Waiting };
            match end {
                End::Done => {
                    *known = Expected { state: finished(ItemState::Done), attempts: 0, crashes: 0, ..known.clone() }
                }
                End::Skipped => {
                    *known = Expected { state: finished(ItemState::Skipped), attempts: 0, crashes: 0, ..known.clone() }
                }
                End::Failed | End::Hopeless if is_newest => {
                    known.attempts += 1;
                    let is_dead = matches!(end, End::Hopeless) || known.attempts >= ATTEMPTS_MAX;
                    known.state = if is_dead { ItemState::Dead } else { ItemState::Waiting };
                }
                _ => known.state = ItemState::Waiting,
            }
        }
    }

    /// What was posted and not written is lost with the process.
    async fn crash(&mut self) {
        self.recover(true).await;
        for known in self.expected.values_mut() {
            if known.state == ItemState::InFlight {
                known.crashes += u32::from(known.in_call);
                let is_dead = known.crashes >= ledger::CRASHES_MAX;
                known.state = if is_dead { ItemState::Dead } else { ItemState::Waiting };
            }
            known.in_call = false;
        }
    }

    async fn restart(&mut self) {
        self.table.revoke_all();
        let current: Vec<_> = self.tickets.iter().map(|ticket| ticket.data().item.clone()).collect();
        current.iter().for_each(|item| self.post(item, End::Dropped));
        self.write().await;
        self.recover(false).await;
        self.expected.values_mut().for_each(|known| known.in_call = false);
    }

    /// Another process, with a table of its own; the last one's may still be
    /// written, late, and the ledger must not listen.
    async fn recover(&mut self, suspects: bool) {
        let table = std::mem::take(&mut self.table);
        self.ghosts.extend(self.tickets.drain(..).map(|ticket| (ticket, Arc::clone(&table))));
        self.posted.clear();
        self.ledger.call(move |db| ledger::recover_after_crash(db, suspects)).await.unwrap();
    }

    /// The ledger is as the model, and its numbers add up.
    async fn check(&self) {
        let (items, counts, wrong) = self
            .ledger
            .call(|db| Ok((ledger::booked(db)?, ledger::counts(db)?, ledger::miscounts(db)?)))
            .await
            .unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(counts.admitted(), self.expected.len() as u64, "nothing is forgotten");
        assert_eq!(counts.in_flight, self.table.load().0 as u64);
        let seen: Vec<_> =
            items.iter().map(|i| (i.url.as_str(), i.state, content_of(&i.content_hash), i.generation)).collect();
        let expected: Vec<_> =
            self.expected.iter().map(|(url, e)| (url.as_str(), e.state, e.content, e.generation)).collect();
        assert_eq!(seen, expected);
    }

    /// Whatever has happened, the rest can be done.
    async fn finish(&mut self) {
        self.restart().await;
        loop {
            self.take(usize::MAX).await;
            if self.tickets.is_empty() {
                break;
            }
            while !self.tickets.is_empty() {
                self.take_step(Step::Settle { ticket: 0, end: End::Done }).await;
            }
            self.write().await;
        }
        self.check().await;
        assert!(self.expected.values().all(|e| !matches!(e.state, ItemState::Waiting | ItemState::InFlight)));
    }
}

fn verdict(end: End) -> Verdict {
    let failed = |failure| Verdict::Failed {
        stage: "processor".to_owned(),
        failure,
        attempt: Attempt { attempts_max: ATTEMPTS_MAX, not_before_ms: 5 },
    };
    match end {
        End::Done => {
            let output = Output {
                sink: OUTPUT_FILES.to_owned(),
                stem: "item_x".to_owned(),
                fingerprint: "f".to_owned(),
                bytes: 1,
            };
            Verdict::Done { outputs: vec![output], chunks: 3 }
        }
        End::Skipped => Verdict::Skipped("nothing to do".to_owned()),
        End::Failed => failed(Failure::transient("io", "later")),
        End::Hopeless => failed(Failure::permanent("bad", "never")),
        End::Outage => failed(Failure { outage: true, ..Failure::transient("down", "not its fault") }),
        End::Superseded => Verdict::Superseded { not_before_ms: 5 },
        End::Dropped => Verdict::Dropped,
    }
}

proptest! {
    #[test]
    fn ledger_and_tickets_are_as_the_model_whatever_happens(steps in steps()) {
        actix::System::new().block_on(async {
            let mut world = World::new();
            for step in steps {
                world.take_step(step).await;
                world.check().await;
            }
            world.finish().await;
        });
    }
}
