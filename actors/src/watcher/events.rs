//! File events of the raw folder, as hints.

use std::path::Path;
use std::sync::Arc;

use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use super::Hints;

/// Turns events of the folder into hints for as long as the value lives.
/// `None` where the system gives no events: the rescans do the work then.
pub(crate) fn watch_events(folder: &Path, hints: &Arc<Hints>) -> Option<notify::RecommendedWatcher> {
    let hints = Arc::clone(hints);
    let handle = move |event: notify::Result<Event>| match event {
        Ok(event) if matches!(event.kind, EventKind::Access(_) | EventKind::Remove(_)) && !event.need_rescan() => {}
        Ok(event) if event.need_rescan() => hints.add_all(),
        Ok(event) => {
            let names = event.paths.iter().filter_map(|path| path.file_name()?.to_str());
            names.filter(|name| !name.starts_with('.')).for_each(|name| hints.add(name));
        }
        Err(error) => {
            log::warn!("watcher: {error}; looking at the whole folder");
            hints.add_all();
        }
    };
    let started = notify::recommended_watcher(handle).and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    started.inspect_err(|error| log::warn!("watcher: no file events ({error}); relying on RESCAN_INTERVAL")).ok()
}
