//! Panic storms: points panic by chance all over the program, and the data is
//! that of a calm run.

use std::fmt::Write as _;

use crate::ground::{Ground, PANIC, ends_as_documented, is_whole, recover};
use crate::support::program::{Docmill, Finished};
use crate::support::random::{is_soak, seed};

/// Points with a stage's work: a panic there is one of a stage call.
const STAGES: [&str; 8] =
    ["processor", "processor.done", "chunker", "chunker.done", "embedder", "embedder.done", "loader", "loader.done"];
/// Points between and under the stages, from which the program recovers by
/// itself.
const GROUND: [&str; 18] = [
    "crawler",
    "crawler.done",
    "frontier.next",
    "frontier.record",
    "watcher",
    "watcher.read",
    "watcher.keep_looking",
    "ledger.admit",
    "ledger.take",
    "ledger.settle",
    "door.let_in",
    "door.issued",
    "store.rename",
    "store.sync_folder",
    "index.commit",
    "index.committed",
    "cache.commit",
    "index.replace",
];
/// Points whose panic ends the process.
const ENDS: [&str; 2] = ["supervisor.tick", "desk.hand_out"];

/// `FAILPOINTS` in which each point panics with a chance of about so many
/// percent, drawn from the seed. Which pass it is, the `fail` library draws,
/// and that cannot be seeded.
fn storm(points: &[&str], percent: f64, random: &mut fastrand::Rng) -> String {
    let mut told = String::new();
    for point in points {
        let percent = percent * (0.5 + random.f64());
        write!(told, "{point}={percent:.2}%{PANIC};").expect("a string takes all text");
    }
    told
}

/// Panics of all threads, as the program told them.
fn panics(finished: &Finished) -> usize {
    finished.stderr.lines().filter(|line| line.starts_with("thread '") && line.contains("panicked at")).count()
}

/// The times of all restarts pass in no time, and none is one too many.
fn patient(docmill: Docmill) -> Docmill {
    docmill.envs([
        ("MAX_ATTEMPTS", "1000"),
        ("RESTART_MAX", "1000000"),
        ("RETRY_TIMES", "100"),
        ("RETRY_BACKOFF_MIN", "1ms"),
        ("RETRY_BACKOFF_MAX", "5ms"),
    ])
}

#[test]
fn a_storm_of_panics_changes_nothing() {
    let (pages, goal) = if is_soak() { (160, 1_000) } else { (16, 100) };
    let ground = Ground::new(pages);
    let expected = ground.undisturbed();
    let mut random = fastrand::Rng::with_seed(seed());
    let told = storm(&STAGES, 25.0, &mut random) + &storm(&GROUND, 3.0, &mut random);
    let docmill = patient(ground.docmill()).env("FAILPOINTS", &told);
    let finished = docmill.run(&ground.run()).expect(0);
    let panics = panics(&finished);
    eprintln!("{panics} panics over {pages} pages with {told}");
    assert!(panics >= goal, "only {panics} panics of {goal}\n{finished}");
    is_whole(&docmill, &expected, ground.pages);
}

/// With the settings that everybody has: stages are given up, the process
/// ends and is started again, items die and are put back.
#[test]
fn a_storm_that_ends_the_process_again_and_again_loses_nothing() {
    const STARTS_MAX: usize = 200;
    let pages = if is_soak() { 160 } else { 40 };
    let ground = Ground::new(pages);
    let expected = ground.undisturbed();
    let mut random = fastrand::Rng::with_seed(seed());
    let told =
        storm(&STAGES[..4], 40.0, &mut random) + &storm(&GROUND, 2.0, &mut random) + &storm(&ENDS, 2.0, &mut random);
    let mut docmill = ground.docmill().env("FAILPOINTS", &told);
    let (mut escalations, mut by_restarts, mut all) = (0, 0, 0);
    let last = loop {
        let finished = docmill.run(&ground.run());
        ends_as_documented(&finished);
        all += panics(&finished);
        match finished.code {
            Some(0 | 1) => break finished,
            Some(70) => {
                assert!(finished.stderr.lines().last().is_some_and(|last| last.starts_with("docmill: gave up: ")));
                escalations += 1;
                by_restarts += usize::from(finished.stderr.contains("(RESTART_MAX)"));
            }
            _ => {}
        }
        docmill.status();
        assert!(escalations < STARTS_MAX, "it never ends\n{finished}");
    };
    docmill.unset("FAILPOINTS");
    eprintln!(
        "{all} panics, {escalations} ends with 70 ({by_restarts} by RESTART_MAX), {} dead with {told}",
        docmill.status().items("dead")
    );
    assert!(escalations > 0, "it was no storm\n{last}");
    recover(&docmill, &ground.run(), last);
    is_whole(&docmill, &expected, ground.pages);
}
