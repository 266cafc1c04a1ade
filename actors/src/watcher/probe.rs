//! Whether the system tells of new files in a folder.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher as _};

/// Watches `folder`, makes a file in it and waits for the event, up to
/// `bound`.
///
/// # Errors
/// Why no event can come, or that none came.
pub fn file_events_arrive(folder: &Path, bound: Duration) -> Result<(), String> {
    let (told, events) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event| {
        // Nobody listens any more where it comes too late.
        let _too_late = told.send(event);
    })
    .map_err(|error| error.to_string())?;
    watcher.watch(folder, RecursiveMode::NonRecursive).map_err(|error| error.to_string())?;
    std::fs::write(folder.join("probe.json"), "[]").map_err(|error| error.to_string())?;
    let until = Instant::now() + bound;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match events.recv_timeout(left) {
            Ok(Ok(event)) if event.paths.iter().any(|path| path.ends_with("probe.json")) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("none came within {} s", bound.as_secs())),
        }
    }
}
