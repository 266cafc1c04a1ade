//! What the ledger promises, transition by transition.

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::failure::Failure;

fn ledger() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    for script in crate::state::SCHEMA.migrations {
        db.execute_batch(script).unwrap();
    }
    db
}

/// Invariant 1: the counts that are kept are those of the items.
fn assert_counted(db: &Connection) {
    let kept = counts(db).unwrap();
    let count = |state: &str| -> u64 {
        db.query_row("SELECT count(*) FROM item WHERE state = ?1", [state], |row| row.get(0)).unwrap()
    };
    let counted = ["done", "skipped", "dead", "waiting", "in_flight"].map(count);
    assert_eq!([kept.done, kept.skipped, kept.dead, kept.waiting, kept.in_flight], counted);
    assert_eq!(kept.admitted(), counted.iter().sum::<u64>());
    let chunks: u64 =
        db.query_row("SELECT coalesce(sum(chunks), 0) FROM item WHERE state = 'done'", [], |row| row.get(0)).unwrap();
    assert_eq!(kept.chunks, chunks);
}

fn candidate(url: &str, hash: &str) -> Candidate {
    Candidate {
        url: url.to_owned(),
        article_id: None,
        location: Location { file: format!("item_{hash}.json"), position: 0, start: 1, bytes: 10 },
        scraped_at: 0,
        content_hash: hash.to_owned(),
        tombstone: false,
    }
}

const ROOM: InFlightRoom = InFlightRoom { items: 100, bytes: 1_000, empty: true };

fn take_one(db: &Connection, now_ms: i64) -> Taken {
    let mut taken = take(db, now_ms, ROOM, None).unwrap();
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

fn settled(taken: &Taken, verdict: Verdict) -> Settlement {
    Settlement {
        key: taken.key.clone(),
        generation: taken.generation,
        content_hash: taken.content_hash.clone(),
        verdict,
    }
}

fn done() -> Verdict {
    let output =
        Output { sink: OUTPUT_FILES.to_owned(), stem: "item_x".to_owned(), fingerprint: "f".to_owned(), bytes: 1 };
    Verdict::Done { outputs: vec![output], chunks: 3 }
}

fn failed(failure: Failure) -> Verdict {
    let attempt = Attempt { attempts_max: 3, not_before_ms: 1_000 };
    Verdict::Failed { stage: "processor".to_owned(), failure, attempt }
}

#[test]
fn an_item_is_admitted_once_and_done_once() {
    let db = ledger();
    assert_eq!(admit(&db, &candidate("https://a/", "h1")).unwrap(), Admission::New);
    assert_eq!(admit(&db, &candidate("https://a/", "h1")).unwrap(), Admission::Unchanged);
    let taken = take_one(&db, 0);
    assert!(settle(&db, &settled(&taken, done())).unwrap());
    assert!(!settle(&db, &settled(&taken, done())).unwrap(), "a ticket is settled once");
    let counted = counts(&db).unwrap();
    assert_eq!((counted.done, counted.chunks, counted.admitted()), (1, 3, 1));
    assert!(take(&db, 0, ROOM, None).unwrap().is_empty());
}

#[test]
fn newer_content_waits_until_the_ticket_in_flight_is_settled() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h1")).unwrap();
    let taken = take_one(&db, 0);
    assert_eq!(admit(&db, &candidate("https://a/", "h2")).unwrap(), Admission::Newer);
    assert!(take(&db, 0, ROOM, None).unwrap().is_empty(), "one ticket for a key at a time");
    settle(&db, &settled(&taken, done())).unwrap();
    let again = take_one(&db, 0);
    assert_eq!((again.content_hash.as_str(), again.generation), ("h2", taken.generation + 1));
}

#[test]
fn of_two_files_with_one_url_the_newest_wins_in_any_order() {
    for flip in [false, true] {
        let db = ledger();
        let old = Candidate { scraped_at: 1, ..candidate("https://a/", "old") };
        let new = Candidate { scraped_at: 2, ..candidate("https://a/", "new") };
        let order = if flip { [&new, &old] } else { [&old, &new] };
        for each in order {
            admit(&db, each).unwrap();
        }
        assert_eq!(take_one(&db, 0).content_hash, "new");
    }
}

#[test]
fn a_failure_that_a_retry_may_heal_waits_and_dies_after_its_attempts() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h")).unwrap();
    for attempt in 1..=3 {
        let taken = take_one(&db, 1_000);
        assert_eq!(taken.attempts, attempt - 1);
        settle(&db, &settled(&taken, failed(Failure::transient("io", "later")))).unwrap();
        assert!(take(&db, 999, ROOM, None).unwrap().is_empty(), "in backoff");
    }
    assert_eq!(counts(&db).unwrap().dead, 1);
    let dead = dead_items(&db, 10).unwrap();
    assert_eq!((dead[0].kind.as_str(), dead[0].stage.as_str(), dead[0].attempts), ("io", "processor", 3));
}

#[test]
fn a_permanent_failure_is_dead_at_once_and_newer_content_lives() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h1")).unwrap();
    let taken = take_one(&db, 0);
    settle(&db, &settled(&taken, failed(Failure::permanent("bad", "never")))).unwrap();
    assert_eq!(counts(&db).unwrap().dead, 1);
    assert_eq!(admit(&db, &candidate("https://a/", "h2")).unwrap(), Admission::Newer);
    assert_eq!(take_one(&db, 0).attempts, 0);
}

#[test]
fn a_dead_item_whose_file_is_read_again_is_tried_again() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h")).unwrap();
    let taken = take_one(&db, 0);
    settle(&db, &settled(&taken, failed(Failure::permanent("bad", "never")))).unwrap();
    assert_eq!(admit(&db, &candidate("https://a/", "h")).unwrap(), Admission::Newer);
    assert_eq!(take_one(&db, 0).attempts, 0);
}

#[test]
fn dropped_tickets_and_outages_burn_no_attempt() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h")).unwrap();
    for _ in 0..10 {
        let taken = take_one(&db, 9_999);
        settle(&db, &settled(&taken, Verdict::Dropped)).unwrap();
        let taken = take_one(&db, 9_999);
        let outage = Failure { outage: true, ..Failure::transient("down", "down") };
        settle(&db, &settled(&taken, failed(outage))).unwrap();
    }
    assert_eq!(take_one(&db, 9_999).attempts, 0);
}

#[test]
fn after_a_crash_items_wait_again_and_one_that_crashes_three_times_is_dead() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h1")).unwrap();
    admit(&db, &candidate("https://b/", "h2")).unwrap();
    for crash in 1..=3 {
        let taken = take(&db, 0, ROOM, None).unwrap();
        let guilty = taken.iter().find(|item| item.url == "https://a/").unwrap();
        assert_eq!(guilty.alone, crash == 3);
        assert_eq!(taken.len(), if crash == 3 { 1 } else { 2 }, "alone after two crashes");
        begin_call(&db, &guilty.key, "processor", 0).unwrap();
        recover_after_crash(&db, true).unwrap();
    }
    let dead = dead_items(&db, 10).unwrap();
    assert_eq!((dead.len(), dead[0].kind.as_str(), dead[0].stage.as_str()), (1, "crashed", "processor"));
    assert_eq!(take_one(&db, 0).url, "https://b/");
}

#[test]
fn a_process_that_a_person_ended_makes_no_item_suspect() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h")).unwrap();
    for _ in 0..5 {
        begin_call(&db, &take_one(&db, 0).key, "embedder", 0).unwrap();
        assert_eq!(recover_after_crash(&db, false).unwrap(), 1);
    }
    assert!(!take_one(&db, 0).alone);
}

#[test]
fn room_is_kept_but_one_large_item_may_go_alone() {
    let db = ledger();
    for n in 0..4 {
        let mut item = candidate(&format!("https://a/{n}"), &format!("h{n}"));
        item.location.bytes = if n == 2 { 5_000 } else { 400 };
        admit(&db, &item).unwrap();
    }
    assert_eq!(take(&db, 0, ROOM, None).unwrap().len(), 2);
    let busy = InFlightRoom { empty: false, ..ROOM };
    assert!(take(&db, 0, busy, None).unwrap().is_empty(), "the large one waits, and keeps its turn");
    assert_eq!(take(&db, 0, ROOM, None).unwrap().len(), 1);
    assert_eq!(take(&db, 0, busy, None).unwrap().len(), 1);
}

#[test]
fn batch_takes_what_has_so_many_stages_stored_and_streaming_starts_over() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h")).unwrap();
    let taken = take(&db, 0, ROOM, Some(0)).unwrap().remove(0);
    settle(&db, &settled(&taken, Verdict::Stored { stage: 1 })).unwrap();
    assert!(take(&db, 0, ROOM, Some(0)).unwrap().is_empty());
    assert_eq!(next_due(&db, Some(1)).unwrap(), Some(0));
    let taken = take_one(&db, 0);
    settle(&db, &settled(&taken, Verdict::Dropped)).unwrap();
    assert_eq!(take(&db, 0, ROOM, Some(0)).unwrap().len(), 1);
}

#[test]
fn changed_settings_put_what_is_done_back() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h")).unwrap();
    let taken = take_one(&db, 0);
    settle(&db, &settled(&taken, done())).unwrap();
    assert_eq!(requeue_stale(&db, OUTPUT_FILES, "f").unwrap(), 0);
    assert_eq!(requeue_stale(&db, OUTPUT_FILES, "other").unwrap(), 1);
    assert_eq!(counts(&db).unwrap().waiting, 1);
}

#[test]
fn a_file_that_is_no_item_is_dead_until_it_is_read_anew() {
    let db = ledger();
    let refused = Refused { position: 3, error: "no".to_owned() };
    admit_file(&db, "x.json", "stamp", &RawFile { refused: vec![refused], ..RawFile::default() }).unwrap();
    refuse_file(&db, "y.json", "stamp", "not_json", "no").unwrap();
    assert_eq!(counts(&db).unwrap().dead, 2);
    admit_file(&db, "x.json", "other", &RawFile::default()).unwrap();
    assert_eq!(counts(&db).unwrap().admitted(), 1);
    forget_files(&db, &["y.json".to_owned()]).unwrap();
    assert_eq!(counts(&db).unwrap().admitted(), 0);
}

/// A raw file that holds these items.
fn file(found: &[Candidate]) -> RawFile {
    RawFile { found: found.to_vec(), ..RawFile::default() }
}

/// A candidate at this place of a list.
fn listed(url: &str, hash: &str, position: u64, scraped_at: i64) -> Candidate {
    let mut found = candidate(url, hash);
    found.location.file = "list.json".to_owned();
    found.location.position = position;
    found.scraped_at = scraped_at;
    found
}

#[test]
fn what_waits_in_a_file_and_is_no_longer_there_is_dead_and_not_waited_for() {
    let db = ledger();
    let before = [listed("https://a/", "a", 0, 5), listed("https://b/", "b", 1, 5), listed("https://c/", "c", 2, 5)];
    assert_eq!(admit_file(&db, "list.json", "1", &file(&before)).unwrap(), 3);
    let first = take(&db, 0, InFlightRoom { items: 1, ..ROOM }, None).unwrap().remove(0);
    settle(&db, &settled(&first, done())).unwrap();
    // Only the last is still in it, and at another place.
    assert_eq!(admit_file(&db, "list.json", "2", &file(&[listed("https://c/", "c", 0, 5)])).unwrap(), 0);
    let now = counts(&db).unwrap();
    assert_eq!((now.done, now.dead, now.waiting), (1, 1, 1));
    assert!(is_raw_lost(&db, "https://b/", "").unwrap() && !is_raw_lost(&db, "https://a/", "").unwrap());
    // Any copy of it brings it back.
    let mut copy = candidate("https://b/", "b");
    copy.scraped_at = i64::MIN;
    assert_eq!(admit_file(&db, &copy.location.file.clone(), "1", &file(&[copy])).unwrap(), 1);
    assert_eq!(counts(&db).unwrap().dead, 0);
}

#[test]
fn an_item_that_moved_in_its_file_is_found_there_whatever_its_time() {
    let db = ledger();
    let before = [listed("https://a/", "a", 0, 9), listed("https://b/", "b", 1, 9)];
    admit_file(&db, "list.json", "1", &file(&before)).unwrap();
    let after = [listed("https://b/", "b", 0, 9), listed("https://a/", "older", 1, 1)];
    assert_eq!(admit_file(&db, "list.json", "2", &file(&after)).unwrap(), 1);
    let places: Vec<(String, u64, String)> = take(&db, 0, ROOM, None)
        .unwrap()
        .into_iter()
        .map(|taken| (taken.url, taken.location.position, taken.content_hash))
        .collect();
    let expected = [("https://a/", 1, "older"), ("https://b/", 0, "b")];
    assert_eq!(places, expected.map(|(url, position, hash)| (url.to_owned(), position, hash.to_owned())));
}

#[test]
fn batchs_stored_outputs_need_no_bytes() {
    let db = ledger();
    admit_file(&db, "list.json", "1", &file(&[listed("https://a/", "a", 0, 5)])).unwrap();
    let taken = take(&db, 0, ROOM, Some(0)).unwrap().remove(0);
    settle(&db, &settled(&taken, Verdict::Stored { stage: 1 })).unwrap();
    refuse_file(&db, "list.json", "2", "not_json", "no").unwrap();
    let now = counts(&db).unwrap();
    assert_eq!((now.waiting, now.dead), (1, 1), "the page goes on, the file is accounted for");
}

#[test]
fn superseded_bytes_make_the_file_be_read_anew() {
    let db = ledger();
    let found = candidate("https://a/", "h");
    admit_file(&db, &found.location.file.clone(), "stamp", &file(&[found])).unwrap();
    let taken = take_one(&db, 0);
    settle(&db, &settled(&taken, Verdict::Superseded { not_before_ms: 500 })).unwrap();
    assert!(raw_files(&db).unwrap().is_empty());
    assert!(take(&db, 499, ROOM, None).unwrap().is_empty());
}

#[test]
fn a_page_waits_again_as_if_it_had_never_been_tried() {
    let db = ledger();
    for (url, verdict) in [
        ("https://a/done", done()),
        ("https://a/skipped", Verdict::Skipped("empty".to_owned())),
        ("https://a/dead", failed(Failure::permanent("bad", "never"))),
        ("https://a/waiting", failed(Failure::transient("io", "later"))),
    ] {
        admit(&db, &candidate(url, url)).unwrap();
        let taken = take_one(&db, 0);
        settle(&db, &settled(&taken, verdict)).unwrap();
    }
    refuse_file(&db, "x.json", "stamp", "not_json", "no").unwrap();
    let put_back: Vec<bool> = pages(&db).unwrap().iter().map(|page| reprocess(&db, &page.key).unwrap()).collect();
    assert_eq!(put_back, [true, true, true, false], "dead, done, skipped, waiting");
    assert_counted(&db);
    let end = counts(&db).unwrap();
    assert_eq!((end.waiting, end.dead), (4, 1), "a file that is no item stays dead until it is read");
    for taken in take(&db, i64::MAX, ROOM, None).unwrap() {
        assert_eq!(taken.attempts, u32::from(taken.url.ends_with("waiting")), "{}", taken.url);
    }
}

#[test]
fn a_refused_file_is_read_anew() {
    let db = ledger();
    refuse_file(&db, "x.json", "stamp", "not_json", "no").unwrap();
    admit_file(&db, "y.json", "stamp", &RawFile::default()).unwrap();
    assert_eq!(read_refused_anew(&db).unwrap(), 1);
    assert_eq!(raw_files(&db).unwrap().len(), 1);
}

#[test]
fn only_a_tombstone_that_waits_is_taken_out_and_it_stays_out() {
    let db = ledger();
    admit(&db, &candidate("https://a/", "h")).unwrap();
    let key = pages(&db).unwrap()[0].key.clone();
    assert!(!taken_out(&db, &key).unwrap(), "no tombstone");
    let taken = take_one(&db, 0);
    settle(&db, &settled(&taken, done())).unwrap();
    admit(&db, &Candidate { tombstone: true, scraped_at: 1, ..candidate("https://a/", "gone") }).unwrap();
    assert!(taken_out(&db, &key).unwrap());
    assert!(!taken_out(&db, &key).unwrap(), "once");
    let end = counts(&db).unwrap();
    assert_eq!((end.done, end.chunks, end.admitted()), (1, 0, 1));
    assert!(outputs_of(&db, OUTPUT_FILES).unwrap().is_empty());
    assert!(!reprocess(&db, &key).unwrap(), "it stays out");
    assert_eq!(admit(&db, &candidate("https://a/", "h")).unwrap(), Admission::Older);
    assert_counted(&db);
}

/// What may happen to a ledger, in any order.
#[derive(Debug, Clone)]
enum Step {
    Admit { page: u8, content: u8, at: i64 },
    Take { items: usize },
    Settle { ticket: usize, verdict: u8 },
    Crash { in_call: bool },
    Refuse { file: u8 },
    Stale,
    Again { page: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..6_u8, 0..4_u8, 0..3_i64).prop_map(|(page, content, at)| Step::Admit { page, content, at }),
        3 => (1..4_usize).prop_map(|items| Step::Take { items }),
        5 => (0..8_usize, 0..7_u8).prop_map(|(ticket, verdict)| Step::Settle { ticket, verdict }),
        1 => any::<bool>().prop_map(|in_call| Step::Crash { in_call }),
        1 => (0..3_u8).prop_map(|file| Step::Refuse { file }),
        1 => Just(Step::Stale),
        1 => (0..6_u8).prop_map(|page| Step::Again { page }),
    ];
    prop::collection::vec(step, 0..80)
}

fn verdict(number: u8) -> Verdict {
    match number {
        0 | 1 => done(),
        2 => Verdict::Removed,
        3 => Verdict::Skipped("nothing to do".to_owned()),
        4 => Verdict::Superseded { not_before_ms: 0 },
        5 => failed(Failure::transient("io", "later")),
        _ => Verdict::Dropped,
    }
}

proptest! {
    /// Whatever happens, every item admitted is in one state, a key has one
    /// ticket at a time, a ticket is settled once, and in the end everything
    /// can still be brought to an end.
    #[test]
    fn nothing_is_forgotten_and_nothing_is_done_twice(steps in steps()) {
        let db = ledger();
        let mut tickets: Vec<Taken> = Vec::new();
        for step in steps {
            match step {
                Step::Admit { page, content, at } => {
                    let mut found = candidate(&format!("https://a/{page}"), &format!("{content}"));
                    found.scraped_at = at;
                    admit(&db, &found).unwrap();
                }
                Step::Take { items } => {
                    let room = InFlightRoom { items, bytes: 1_000, empty: tickets.is_empty() };
                    let taken = take(&db, i64::MAX, room, None).unwrap();
                    for item in &taken {
                        prop_assert!(tickets.iter().all(|other| other.key != item.key), "one ticket for a key");
                    }
                    tickets.extend(taken);
                }
                Step::Settle { ticket, verdict: number } if ticket < tickets.len() => {
                    let taken = tickets.swap_remove(ticket);
                    prop_assert!(settle(&db, &settled(&taken, verdict(number))).unwrap());
                    prop_assert!(!settle(&db, &settled(&taken, done())).unwrap(), "settled once");
                }
                Step::Settle { .. } => {}
                Step::Crash { in_call } => {
                    if let Some(taken) = tickets.first().filter(|_| in_call) {
                        begin_call(&db, &taken.key, "processor", 0).unwrap();
                    }
                    recover_after_crash(&db, true).unwrap();
                    for taken in tickets.drain(..) {
                        prop_assert!(!settle(&db, &settled(&taken, done())).unwrap(), "stale after a crash");
                    }
                }
                Step::Refuse { file } => refuse_file(&db, &format!("item_{file}.json"), "s", "not_json", "no").unwrap(),
                Step::Stale => drop(requeue_stale(&db, OUTPUT_FILES, "other").unwrap()),
                Step::Again { page } => {
                    let url = format!("https://a/{page}");
                    for page in pages(&db).unwrap().iter().filter(|known| known.url == url) {
                        reprocess(&db, &page.key).unwrap();
                    }
                }
            }
            assert_counted(&db);
            prop_assert_eq!(counts(&db).unwrap().in_flight, tickets.len() as u64);
        }
        for taken in tickets.drain(..) {
            settle(&db, &settled(&taken, done())).unwrap();
        }
        while let Some(taken) = take(&db, i64::MAX, ROOM, None).unwrap().first() {
            settle(&db, &settled(taken, done())).unwrap();
            for other in take(&db, i64::MAX, ROOM, None).unwrap() {
                settle(&db, &settled(&other, done())).unwrap();
            }
            recover_after_crash(&db, true).unwrap();
        }
        let end = counts(&db).unwrap();
        prop_assert_eq!((end.waiting, end.in_flight), (0, 0));
        assert_counted(&db);
    }
}
