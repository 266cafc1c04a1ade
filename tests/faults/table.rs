//! Every fault point, acting in every way: the run recovers or ends as
//! documented and recovers at the next start, and the data is the same.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;

use docmill_stages::failure::panic_text;
use docmill_stages::fault::{POINTS, Point};

use crate::ground::{Ground, PANIC, ends_as_documented, is_whole, recover};
use crate::support::data::Digest;
use crate::support::program::Docmill;
use crate::support::random::{is_soak, seed};

const PAGES: usize = 5;
/// Cases at a time; of those that run the pipeline only two, as everywhere.
const THREADS: usize = 4;

/// How a point acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    ErrorOnce,
    ErrorThrice,
    PanicOnce,
    KillOnce,
    /// From then on.
    ErrorAlways,
    PanicAlways,
}

impl Act {
    /// What may happen once in a while.
    const PASSING: [Self; 4] = [Self::ErrorOnce, Self::ErrorThrice, Self::PanicOnce, Self::KillOnce];
    /// What nothing within the program helps against.
    const LASTING: [Self; 2] = [Self::ErrorAlways, Self::PanicAlways];

    /// The value of `FAILPOINTS`, after so many passes.
    pub(crate) fn told(self, point: &Point, passes: usize) -> String {
        let act = match self {
            Self::ErrorOnce => "1*return".to_owned(),
            Self::ErrorThrice => "3*return".to_owned(),
            Self::PanicOnce => format!("1*{PANIC}"),
            Self::KillOnce => "1*return(kill)".to_owned(),
            Self::ErrorAlways => "return".to_owned(),
            Self::PanicAlways => PANIC.to_owned(),
        };
        format!("{}={passes}*off->{act}->off", point.name)
    }

    /// What it leaves on standard error.
    pub(crate) fn trace(self, point: &Point) -> String {
        match self {
            Self::ErrorOnce | Self::ErrorThrice | Self::ErrorAlways => format!("fault point {}: error", point.name),
            Self::PanicOnce | Self::PanicAlways => "a test's panic".to_owned(),
            Self::KillOnce => format!("fault point {}: kill", point.name),
        }
    }

    pub(crate) fn fits(self, point: &Point) -> bool {
        point.fails || !matches!(self, Self::ErrorOnce | Self::ErrorThrice | Self::ErrorAlways)
    }
}

/// What a run is about, so that it passes a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Streaming,
    Batch,
    /// A page that is gone.
    Removal,
    /// Another model's index takes the old one's place.
    OtherModel,
}

impl Scenario {
    const ALL: [Self; 4] = [Self::Streaming, Self::Batch, Self::Removal, Self::OtherModel];

    /// Where a point is passed; `None` for those of [`crate::pull`].
    fn of(point: &Point) -> Option<Self> {
        match point.name {
            "store.remove" | "index.remove" => Some(Self::Removal),
            "index.promote" | "index.promoted" => Some(Self::OtherModel),
            name if name.starts_with("batch.") => Some(Self::Batch),
            name if name.starts_with("models.") => None,
            _ => Some(Self::Streaming),
        }
    }

    /// A place right before the run that is disturbed, and its words.
    fn prepare(self, ground: &Ground) -> (Docmill, Vec<String>) {
        let mut docmill = ground.docmill();
        let process = vec!["process".to_owned()];
        let words = match self {
            Self::Streaming => ground.run(),
            Self::Batch => {
                docmill.set("PIPELINE_MODE", "batch");
                ground.run()
            }
            Self::Removal => {
                put_page(&docmill, 1, false);
                put_page(&docmill, 2, false);
                docmill.run(&process).expect(0);
                put_page(&docmill, 2, true);
                process
            }
            Self::OtherModel => {
                put_page(&docmill, 1, false);
                put_page(&docmill, 2, false);
                docmill.run(&process).expect(0);
                docmill.set("EMBEDDING_PROVIDER", "ollama");
                process
            }
        };
        (docmill, words)
    }
}

fn put_page(docmill: &Docmill, number: usize, is_gone: bool) {
    let mut item = serde_json::json!({
        "url": format!("https://a.example/{number}"), "title": "Lamp", "metadata": {},
        "content": format!("# Lamp {number}\n\nThe lamp burns oil.\n"),
    });
    if is_gone {
        item["metadata"]["change_status"] = "removed".into();
    }
    docmill.put_raw(&format!("item_{number}.json"), serde_json::to_vec(&[item]).unwrap());
}

/// What a scenario comes to where nothing disturbs it.
struct Expected {
    scenario: Scenario,
    digest: Digest,
    items: u64,
}

impl Expected {
    fn of(scenario: Scenario, ground: &Ground) -> Self {
        let (docmill, words) = scenario.prepare(ground);
        docmill.run(&words).expect(0);
        let items = docmill.status().items("done");
        Self { scenario, digest: docmill.digest(), items }
    }
}

#[derive(Debug, Clone, Copy)]
struct Case {
    point: &'static Point,
    scenario: Scenario,
    act: Act,
    /// Of the point, before it acts.
    passes: usize,
}

fn cases(acts: &[Act]) -> Vec<Case> {
    let mut random = fastrand::Rng::with_seed(seed());
    let mut cases = Vec::new();
    for point in POINTS {
        let Some(scenario) = Scenario::of(point) else { continue };
        for &act in acts.iter().filter(|act| act.fits(point)) {
            let passes = if is_passed_often(point) { random.usize(0..3) } else { 0 };
            cases.push(Case { point, scenario, act, passes });
            if is_soak() && scenario == Scenario::Streaming {
                cases.push(Case { point, scenario: Scenario::Batch, act, passes });
            }
        }
    }
    cases
}

/// At least three times in a run over the site, however the work falls
/// together.
fn is_passed_often(point: &Point) -> bool {
    ["crawler", "store.", "state.", "processor", "chunker", "loader", "embedder", "ledger.begin", "supervisor"]
        .iter()
        .any(|beginning| point.name.starts_with(beginning))
        && point.name != "store.remove"
}

fn check(ground: &Ground, expected: &[Expected], case: Case) {
    let (mut docmill, words) = case.scenario.prepare(ground);
    docmill.set("FAILPOINTS", case.act.told(case.point, case.passes));
    if case.point.name == "supervisor.tick" {
        // Otherwise the run may have ended before.
        docmill.set("FAILPOINTS", format!("{};loader=sleep(200)", case.act.told(case.point, case.passes)));
    }
    let finished = docmill.run(&words);
    eprintln!("{} {:?} {:?}: {:?}", case.point.name, case.act, case.scenario, finished.code);
    assert!(finished.stderr.contains(&case.act.trace(case.point)), "it was not passed\n{finished}");
    if case.act == Act::KillOnce {
        assert_eq!(finished.code, None, "{finished}");
    } else {
        ends_as_documented(&finished);
    }
    docmill.unset("FAILPOINTS");
    recover(&docmill, &words, finished);
    let expected = expected.iter().find(|expected| expected.scenario == case.scenario).unwrap();
    is_whole(&docmill, &expected.digest, expected.items);
}

#[test]
fn a_fault_at_any_point_costs_time_only() {
    // Three errors begin as one does: one alone is for the long form.
    check_all(if is_soak() { &Act::PASSING } else { &Act::PASSING[1..] }, |_| true);
}

#[test]
fn a_fault_that_lasts_ends_the_run_and_costs_time_only() {
    // Of each kind of task one; the others take their time to give up.
    let some = ["desk.hand_out", "watcher", "door.let_in", "ledger.settle", "supervisor.tick", "state.commit"];
    check_all(&Act::LASTING, |point| is_soak() || some.contains(&point.name));
}

fn check_all(acts: &[Act], is_meant: impl Fn(&Point) -> bool) {
    let ground = Ground::new(PAGES);
    let expected = Scenario::ALL.map(|scenario| Expected::of(scenario, &ground));
    let cases: Vec<Case> = cases(acts).into_iter().filter(|case| is_meant(case.point)).collect();
    let (queue, failed) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(&case) = queue.lock().unwrap().next() else { return };
                    let checked = catch_unwind(AssertUnwindSafe(|| check(&ground, &expected, case)));
                    if let Err(panic) = checked {
                        let told = case.act.told(case.point, case.passes);
                        let text = format!(
                            "{told} ({}), {:?}: {}",
                            case.point.place,
                            case.scenario,
                            panic_text(panic.as_ref())
                        );
                        failed.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} cases:\n\n{}", failed.len(), cases.len(), failed.join("\n\n"));
}

/// The table and the code name the same points, each once.
#[test]
fn the_table_has_every_point_and_no_other() {
    let mut in_code = Vec::new();
    for folder in ["stages/src", "actors/src"] {
        names_under(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut in_code);
    }
    let in_table: Vec<&str> = POINTS.iter().map(|point| point.name).collect();
    let different: BTreeSet<&str> = in_table.iter().copied().collect();
    assert_eq!(different.len(), in_table.len(), "a name stands in the table twice");
    assert_eq!(in_code.iter().map(String::as_str).collect::<BTreeSet<_>>(), different);
    assert_eq!(in_code.len(), in_table.len(), "a name stands in the code twice");
}

/// The names at `fault::point("name"` and its like in a folder's files.
fn names_under(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names_under(&path, names);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (_, rest) in text.match_indices("fault::").map(|(at, found)| (at, &text[at + found.len()..])) {
            let Some((function, rest)) = rest.split_once('(') else { continue };
            if matches!(function, "point" | "pass" | "of_item") {
                let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                names.push(name.unwrap_or_else(|| panic!("{}: a name that is no text", path.display())).to_owned());
            }
        }
    }
}
