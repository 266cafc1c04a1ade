//! The letters are what the ledger says, whatever happens to either.

use std::collections::{BTreeMap, HashSet};
use std::fs;

use proptest::prelude::*;

use super::*;
use crate::db::{self, Connection, Writer};
use crate::failure::Failure;
use crate::ledger::{
    self, Attempt, Candidate, InFlightRoom, Location, Named, OUTPUT_FILES, Output, Settlement, Verdict,
};
use crate::state;
use crate::store::{Folder, LocalStore, Store as _};

/// A ledger and a store in a folder of their own.
struct Place {
    folder: tempfile::TempDir,
    store: LocalStore,
    ledger: Writer,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::prepare(folder.path()).unwrap();
        let connection = db::open(&folder.path().join(state::FILE), state::SCHEMA).unwrap();
        Self { ledger: Writer::spawn(connection, "state").unwrap(), store, folder }
    }

    fn call<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, crate::db::DbError> + Send + 'static,
    ) -> T {
        self.ledger.call_blocking(write).unwrap()
    }

    /// What lies in the folder, by name.
    fn letters(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = self.store.list(Folder::Dead).unwrap().into_iter();
        entries
            .map(|entry| (entry.name.clone(), self.store.get(Folder::Dead, &entry.name, 1 << 20).unwrap().unwrap()))
            .collect()
    }

    fn wanted(&self) -> BTreeMap<String, Vec<u8>> {
        let items = self.call(|db| ledger::dead_after(db, i64::MIN, usize::MAX));
        items.iter().map(|item| (letter_name(&item.key), letter(item).unwrap())).collect()
    }

    fn align(&self) -> Followed {
        align(&self.store, &self.ledger, &|| true).unwrap()
    }

    fn follow(&self) -> Followed {
        follow(&self.store, &self.ledger, &|| true).unwrap()
    }
}

fn url(page: u8) -> String {
    format!("https://a.example/{page}")
}

fn admit(db: &Connection, page: u8, content: u8) -> Result<(), crate::db::DbError> {
    let candidate = Candidate {
        url: url(page),
        article_id: None,
        location: Location { file: format!("item_{page}.json"), position: 0, start: 1, bytes: 10 },
        scraped_at: 0,
        content_hash: content.to_string(),
        tombstone: false,
    };
    ledger::admit(db, &candidate).map(drop)
}

/// Brings whatever waits to this end.
fn settle_all(db: &Connection, verdict: &Verdict) -> Result<(), crate::db::DbError> {
    let room = InFlightRoom { items: 100, bytes: 1 << 20, empty: true };
    for taken in ledger::take(db, i64::MAX, room, None)? {
        let settlement = Settlement {
            key: taken.key,
            generation: taken.generation,
            content_hash: taken.content_hash,
            verdict: verdict.clone(),
        };
        ledger::settle(db, &settlement)?;
    }
    Ok(())
}

fn done() -> Verdict {
    let output =
        Output { sink: OUTPUT_FILES.to_owned(), stem: "item".to_owned(), fingerprint: "f".to_owned(), bytes: 1 };
    Verdict::Done { outputs: vec![output], chunks: 3 }
}

fn failed() -> Verdict {
    let failure = Failure::permanent("bad\u{1b}", "never \"so\"\nagain");
    let attempt = Attempt { attempts_max: 3, not_before_ms: 0 };
    Verdict::Failed { stage: "processor".to_owned(), failure, attempt }
}

/// The item of this name, which is dead.
fn dead(place: &Place, name: &str) -> ledger::DeadItem {
    let owned = name.to_owned();
    match place.call(move |db| ledger::named(db, &owned)) {
        Named::Dead(item) => *item,
        other => panic!("{name}: {other:?}"),
    }
}

fn all() -> Picked {
    Picked::Selected(Selection::default())
}

#[test]
fn a_letter_holds_all_and_goes_when_newer_content_comes() {
    let place = Place::new();
    place.call(|db| admit(db, 1, 1).and_then(|()| settle_all(db, &failed())));
    assert_eq!(place.follow(), Followed { written: 1, ..Followed::default() });
    let item = dead(&place, &url(1));
    let bytes = place.letters().remove(&letter_name(&item.key)).unwrap();
    let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&read["url"], &read["file"], &read["bytes"]), (&url(1).into(), &"item_1.json".into(), &10.into()));
    assert_eq!((&read["stage"], &read["attempts"], &read["crashes"]), (&"processor".into(), &1.into(), &0.into()));
    assert_eq!((&read["content_hash"], &read["version"]), (&"1".into(), &env!("CARGO_PKG_VERSION").into()));
    let died: jiff::Timestamp = read["died_at"].as_str().unwrap().parse().unwrap();
    assert!(died.as_second() > 1_700_000_000, "{died}");
    place.call(|db| admit(db, 1, 2));
    assert_eq!(place.follow(), Followed { removed: 1, ..Followed::default() });
    assert_eq!((place.letters().len(), place.follow()), (0, Followed::default()));
}

#[test]
fn whatever_lies_in_the_folder_is_put_right_and_others_files_are_left_alone() {
    let place = Place::new();
    place.call(|db| (1..=5).try_for_each(|page| admit(db, page, 1)).and_then(|()| settle_all(db, &failed())));
    place.follow();
    let names: Vec<String> = place.letters().into_keys().collect();
    let path = |name: &str| place.folder.path().join("dead").join(name);
    fs::remove_file(path(&names[0])).unwrap();
    fs::write(path(&names[1]), "{").unwrap();
    let len = fs::metadata(path(&names[2])).unwrap().len();
    fs::write(path(&names[2]), vec![b'x'; usize::try_from(len).unwrap()]).unwrap();
    fs::remove_file(path(&names[3])).unwrap();
    fs::create_dir_all(path(&names[3]).join("in the way")).unwrap();
    fs::write(path("0123456789ab.json"), "of nobody").unwrap();
    fs::write(path("notes.json"), "mine").unwrap();
    assert_eq!(place.align(), Followed { written: 3, removed: 1, ..Followed::default() });
    let mut wanted = place.wanted();
    wanted.remove(&names[3]);
    wanted.insert("notes.json".to_owned(), b"mine".to_vec());
    assert_eq!(place.letters(), wanted);
}

#[test]
fn a_part_is_done_where_there_is_no_time_and_the_rest_stays_due() {
    let place = Place::new();
    place.call(|db| {
        for file in 0..450 {
            ledger::refuse_file(db, &format!("{file}.json"), "s", "not_json", "no")?;
        }
        Ok(())
    });
    let first = follow(&place.store, &place.ledger, &|| false).unwrap();
    assert!((1..450).contains(&first.written) && first.is_cut, "{first:?}");
    assert_eq!(place.follow(), Followed { written: 450 - first.written, ..Followed::default() });
    assert_eq!(place.letters(), place.wanted());
}

#[test]
fn what_is_replayed_waits_and_what_is_dropped_is_skipped_until_it_has_newer_content() {
    let place = Place::new();
    place.call(|db| {
        admit(db, 1, 1)?;
        settle_all(db, &done())?;
        (1..=4).try_for_each(|page| admit(db, page, 2))?;
        settle_all(db, &failed())?;
        ledger::refuse_file(db, "x.json", "s", "not_json", "no")
    });
    let there: HashSet<String> = ["item_1.json", "item_2.json", "item_4.json"].map(str::to_owned).into();
    let not_json = Picked::Selected(Selection { kind: Some("not_json".to_owned()), ..Selection::default() });
    let replayed = place.call(move |db| replay(db, &not_json, &HashSet::new()));
    assert_eq!((replayed.count, replayed.gone.len()), (1, 0), "a refused file is read anew, there or not");
    assert!(place.follow().look && place.call(ledger::raw_files).is_empty());

    let named = Picked::Named(vec![dead(&place, &url(1)).key, url(2), "no such".to_owned()]);
    assert_eq!(place.call(move |db| drop_all(db, &named)), (2, vec![url(1)]));
    let replayed = place.call(move |db| replay(db, &all(), &there));
    assert_eq!((replayed.count, replayed.gone), (1, vec![(url(3), "item_3.json".to_owned())]));
    let counts = place.call(|db| Ok((ledger::counts(db)?, ledger::apart(db)?)));
    assert_eq!((counts.0.skipped, counts.0.waiting, counts.0.dead, counts.1.dropped), (2, 1, 1, 2));

    // The same content changes nothing, newer content does.
    place.call(|db| admit(db, 1, 2).and_then(|()| admit(db, 2, 3)));
    let counts = place.call(|db| Ok((ledger::counts(db)?, ledger::apart(db)?)));
    assert_eq!((counts.0.skipped, counts.0.waiting, counts.1.dropped), (1, 2, 1));
}

#[test]
fn what_died_before_its_time_was_noted_has_a_letter_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(state::FILE);
    let first = db::Schema { migrations: &state::SCHEMA.migrations[..1] };
    let old = db::open(&path, first).unwrap();
    old.execute_batch(
        "INSERT INTO item (key, url, file, position, start, bytes, scraped_at, content_hash, tombstone, state, error)
         VALUES ('0123456789ab', 'https://a.example/', 'f.json', 0, 1, 2, 0, 'h', 0, 'dead', 'e')",
    )
    .unwrap();
    drop(old);
    let store = LocalStore::prepare(folder.path()).unwrap();
    let ledger = Writer::spawn(db::open(&path, state::SCHEMA).unwrap(), "state").unwrap();
    let place = Place { folder, store, ledger };
    assert_eq!(place.align().written, 1);
    let item = dead(&place, "0123456789ab");
    assert_eq!((item.died_at, item.version, item.error.as_str()), (None, None, "e"));
}

/// What may happen to a ledger and to the folder, in any order.
#[derive(Debug, Clone)]
enum Step {
    Admit {
        page: u8,
        content: u8,
    },
    Settle {
        fail: bool,
    },
    Crash,
    Refuse {
        file: u8,
    },
    Forget {
        file: u8,
    },
    Replay,
    Drop {
        page: u8,
    },
    Damage {
        letter: usize,
        with: Option<String>,
    },
    Follow,
    /// A new process: it compares all.
    Start,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..5_u8, 0..3_u8).prop_map(|(page, content)| Step::Admit { page, content }),
        4 => any::<bool>().prop_map(|fail| Step::Settle { fail }),
        1 => Just(Step::Crash),
        2 => (0..3_u8).prop_map(|file| Step::Refuse { file }),
        1 => (0..3_u8).prop_map(|file| Step::Forget { file }),
        1 => Just(Step::Replay),
        1 => (0..5_u8).prop_map(|page| Step::Drop { page }),
        2 => (0..5_usize, proptest::option::of("[{}a-z]{0,9}")).prop_map(|(letter, with)| Step::Damage { letter, with }),
        2 => Just(Step::Follow),
        1 => Just(Step::Start),
    ];
    prop::collection::vec(step, 0..30)
}

fn do_step(place: &Place, step: Step) {
    match step {
        Step::Admit { page, content } => place.call(move |db| admit(db, page, content)),
        Step::Settle { fail } => {
            place.call(move |db| settle_all(db, &if fail { failed() } else { done() }));
        }
        Step::Crash => {
            place.call(|db| {
                let room = InFlightRoom { items: 1, bytes: 1 << 20, empty: true };
                for taken in ledger::take(db, i64::MAX, room, None)? {
                    ledger::begin_call(db, &taken.key, "embedder", 0)?;
                }
                ledger::recover_after_crash(db, true)
            });
        }
        Step::Refuse { file } => {
            place.call(move |db| ledger::refuse_file(db, &format!("{file}.json"), "s", "not_json", "no"));
        }
        Step::Forget { file } => place.call(move |db| ledger::forget_files(db, &[format!("{file}.json")])),
        Step::Replay => {
            let there = (0..5).map(|page| format!("item_{page}.json")).collect();
            place.call(move |db| replay(db, &all(), &there));
        }
        Step::Drop { page } => {
            place.call(move |db| drop_all(db, &Picked::Named(vec![url(page)])));
        }
        Step::Damage { letter, with } => {
            if let Some(name) = place.letters().into_keys().nth(letter) {
                let path = place.folder.path().join("dead").join(name);
                match with {
                    Some(text) => fs::write(path, text).unwrap(),
                    None => fs::remove_file(path).unwrap(),
                }
            }
        }
        Step::Follow => drop(place.follow()),
        Step::Start => {
            place.align();
            assert_eq!(place.letters(), place.wanted(), "after a start");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A start puts everything right; without damage, following does.
    #[test]
    fn letters_are_in_step_after_whatever_happened(steps in steps()) {
        let place = Place::new();
        let mut is_damaged = false;
        for step in steps {
            match &step {
                Step::Damage { .. } => is_damaged = true,
                Step::Start => is_damaged = false,
                _ => {}
            }
            do_step(&place, step);
        }
        place.follow();
        if !is_damaged {
            prop_assert_eq!(place.letters(), place.wanted(), "after following");
        }
        place.align();
        prop_assert_eq!(place.letters(), place.wanted(), "at the end");
    }
}
