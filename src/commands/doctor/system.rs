//! The machine: clock, file events, open files, memory and cores.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use docmill_actors::file_events_arrive;
use docmill_stages::failure::chain;
use docmill_stages::{clock, db, ledger, state};

use super::check::{Check, within};
use super::folder::{PROBE, existing};
use super::{BOUND, Patient};
use crate::settings::Settings;

/// How long an event may be on its way.
const EVENT_BOUND: Duration = Duration::from_secs(3);
/// No docmill was built before, in milliseconds since 1970 (2025-01-01).
const EARLIEST_MS: i64 = 1_735_689_600_000;
/// Clocks of two machines may differ by so much, in milliseconds.
const CLOCK_SKEW_MS: i64 = 300_000;
/// Files that are open whatever is done: databases, logs, the model.
const FILES_BASE: u64 = 64;
/// What a run needs beside its models' weights, in bytes.
const MEMORY_BASE: u64 = 256 << 20;
/// Weights of the default model, in bytes; another may have more.
const WEIGHTS: u64 = 91 << 20;

pub(super) fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let settings = patient.settings();
    let mut checks = vec![clock_check(settings), events(settings)];
    checks.extend(open_files(settings));
    checks.push(cores(settings));
    checks.extend(memory(settings));
    checks
}

/// Newer content is told from older by its time.
fn clock_check(settings: &Settings) -> Check {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let shown = clock::iso8601(now_ms);
    let mend = "set the machine's clock";
    if now_ms < EARLIEST_MS {
        return Check::fail("clock", format!("it is {shown}, which is long ago"), mend);
    }
    let file = settings.storage.data_dir.join(state::FILE);
    let newest = within(BOUND, move || {
        let db = db::open_read_only(&file, state::SCHEMA)?;
        db.map_or(Ok(None), |db| ledger::newest_scraped_at(&db))
    });
    match newest {
        Some(Ok(Some(newest))) if newest / 1_000 > now_ms.saturating_add(CLOCK_SKEW_MS) => {
            let found = format!("it is {shown}, and the newest item was saved at {}", clock::iso8601(newest / 1_000));
            Check::warn("clock", found, format!("{mend}; items with a later time win over those that come now"))
        }
        Some(Ok(_)) => Check::ok("clock", format!("it is {shown}")),
        Some(Err(error)) => Check::fail("clock", chain(&error), "`docmill verify` says what is wrong with the data"),
        None => Check::warn("clock", "state.db does not answer", "look whether another program holds it"),
    }
}

fn events(settings: &Settings) -> Check {
    let raw = settings.storage.data_dir.join("raw");
    let Some(place) = existing(&raw) else { return Check::warn("file events", "there is no folder to watch", "") };
    let arrive = within(BOUND, move || {
        let probe = tempfile::Builder::new().prefix(PROBE).tempdir_in(place).map_err(|error| error.to_string())?;
        file_events_arrive(probe.path(), EVENT_BOUND)
    });
    let why = match arrive {
        Some(Ok(())) => return Check::ok("file events", "the system tells of new files in raw/"),
        Some(Err(why)) => why,
        None => "the folder does not answer".to_owned(),
    };
    let mend = "new files are found by RESCAN_INTERVAL alone; lower it if you use `docmill watch`";
    Check::warn("file events", format!("none come: {why}"), mend)
}

/// Linux says how many files a process may open; elsewhere it is not asked.
fn open_files(settings: &Settings) -> Option<Check> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    let wanted = files_wanted(settings);
    let Ok(limit) = soft.parse::<u64>() else { return Some(Check::ok("open files", "no limit")) };
    let found = format!("{limit} at most, a run may need {wanted}");
    Some(if limit < wanted {
        Check::fail(
            "open files",
            found,
            format!("raise it: `ulimit -n {}`, or LimitNOFILE of a service", wanted.max(1024)),
        )
    } else {
        Check::ok("open files", found)
    })
}

fn files_wanted(settings: &Settings) -> u64 {
    let actors: usize = settings.actors.by_name().iter().map(|(_, count)| count.get()).sum();
    let requests = settings.crawl.concurrent_requests.get();
    FILES_BASE + (2 * actors + requests) as u64
}

fn cores(settings: &Settings) -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let embedders = settings.actors.embedders.get();
    let found = format!("{cores} cores, {embedders} embedders");
    if settings.embed.provider.is_service() || embedders <= cores {
        Check::ok("cores", found)
    } else {
        Check::warn(
            "cores",
            found,
            format!("more than {cores} take memory and make each slower: set EMBEDDER_ACTORS={cores}"),
        )
    }
}

/// Linux says how much memory there is, for the machine and for the container.
fn memory(settings: &Settings) -> Option<Check> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.split_whitespace().next()?.parse::<u64>().ok()? * 1024;
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let available = container.map_or(machine, |container: u64| machine.min(container));
    let sessions = if settings.embed.provider.is_service() { 0 } else { settings.actors.embedders.get() as u64 };
    let wanted = MEMORY_BASE + sessions * WEIGHTS;
    let mib = |bytes: u64| bytes >> 20;
    let found = format!("{} MiB are free, a run with the default model may need {}", mib(available), mib(wanted));
    Some(if available < wanted {
        Check::warn("memory", found, "lower EMBEDDER_ACTORS, or end other programs")
    } else {
        Check::ok("memory", found)
    })
}
