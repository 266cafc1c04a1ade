//! SIGINT (Ctrl-C), SIGTERM, and SIGHUP (the terminal was closed).

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use docmill_actors::pipeline::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Refusal;
use crate::data_dir;
use crate::exit::Exit;

/// The first signal asks the run to stop; the second ends the process at
/// once, and the next start mends what that leaves.
pub(super) fn stop_on_signals(data_dir: &Path, stop: &Stop, cancelled: &Arc<AtomicBool>) -> Result<(), Refusal> {
    let (data_dir, stop, cancelled) = (data_dir.to_owned(), stop.clone(), Arc::clone(cancelled));
    let came = move |before: usize| {
        if before > 0 {
            data_dir::note_ended_by_a_person(&data_dir);
            Exit::Stopped.now();
        }
        log::warn!("stopping; a second signal ends at once");
        cancelled.store(true, Ordering::Relaxed);
        stop.ask();
    };
    on_each_signal(came).map_err(|error| Refusal::new(Exit::Unavailable, &error))
}

/// For a command that only fetches: the first signal ends the fetch, and the
/// second the process.
pub(super) fn cancel_on_signals(cancelled: &Arc<AtomicBool>) -> Result<(), Refusal> {
    let cancelled = Arc::clone(cancelled);
    let came = move |_| {
        if cancelled.swap(true, Ordering::Relaxed) {
            Exit::Stopped.now();
        }
    };
    on_each_signal(came).map_err(|error| Refusal::new(Exit::Unavailable, &error))
}

/// Calls `came` for each signal, on a thread of its own, with how many came
/// before.
fn on_each_signal(mut came: impl FnMut(usize) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let wait = move || {
        for before in 0.. {
            signals.wait();
            came(before);
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
}

/// Waits for the next signal.
#[cfg(unix)]
struct Signals(signal_hook::iterator::Signals);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        let mut signals = vec![SIGINT, SIGTERM];
        if !hangup_is_ignored() {
            signals.push(signal_hook::consts::SIGHUP);
        }
        signal_hook::iterator::Signals::new(signals).map(Self)
    }

    fn wait(&mut self) {
        let _signal = self.0.forever().next();
    }
}

/// `nohup` has started this process so that it outlives its terminal.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Where the system does not say, it is left as it is.
    let Some(mask) = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) else { return true };
    mask & (1 << (signal_hook::consts::SIGHUP - 1)) != 0
}

/// The same where a signal can only set a flag.
#[cfg(not(unix))]
struct Signals(Arc<AtomicBool>);

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        let came = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&came))?;
        }
        Ok(Self(came))
    }

    fn wait(&mut self) {
        while !self.0.swap(false, Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}
