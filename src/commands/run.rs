//! `run`, `crawl`, `process` and `watch`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use docmill_actors::pipeline::{CrawlPlan, Ended, Mode, Pipeline, Plan, Stop};
use docmill_stages::crawl::url::NormalUrl;
use docmill_stages::state;

use super::setup::{self, Setup};
use super::view::view;
use super::{Refusal, status};
use crate::data_dir;
use crate::exit::Exit;
use crate::progress::summary::{Places, summary};
use crate::progress::{Progress, View};
use crate::settings::{PipelineMode, Settings};

/// Between two looks for the live view.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// What a command does of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) crawl: bool,
    pub(super) process: bool,
    pub(super) stay: bool,
}

pub(super) fn run(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    go(settings, progress, Scope { crawl: true, process: true, stay: false })
}

pub(super) fn crawl(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    go(settings, progress, Scope { crawl: true, process: false, stay: false })
}

pub(super) fn process(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    go(settings, progress, Scope { crawl: false, process: true, stay: false })
}

pub(super) fn watch(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    go(settings, progress, Scope { crawl: false, process: true, stay: true })
}

fn go(settings: &Settings, progress: &mut Progress, scope: Scope) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    if scope.crawl && settings.crawl.start_urls.is_empty() && !folder.join(state::FILE).exists() {
        let why = "there is nothing to crawl: name a URL (docmill run https://docs.example.com/), or set START_URLS";
        return Err(Refusal::said(Exit::Usage, why));
    }
    let plan = plan(settings, scope)?;
    let stop = Stop::default();
    let cancelled = Arc::new(AtomicBool::new(false));
    stop_on_signals(&settings.storage.data_dir, &stop, &cancelled)?;
    let setup = setup::prepare(settings, scope.process, progress, &cancelled)?;
    actix_rt::System::new().block_on(run_pipeline(progress, plan, setup, &stop))
}

/// The first SIGINT, SIGTERM or SIGHUP (the terminal was closed) asks the run to stop; the second ends the
/// process at once, and the next start mends what that leaves.
pub(super) fn stop_on_signals(data_dir: &Path, stop: &Stop, cancelled: &Arc<AtomicBool>) -> Result<(), Refusal> {
    let failed = |error: std::io::Error| Refusal::new(Exit::Unavailable, &error);
    let mut signals = signal_hook::iterator::Signals::new(stop_signals()).map_err(failed)?;
    let (data_dir, stop, cancelled) = (data_dir.to_owned(), stop.clone(), Arc::clone(cancelled));
    let wait = move || {
        for (count, _signal) in signals.forever().enumerate() {
            if count > 0 {
                data_dir::note_ended_by_a_person(&data_dir);
                Exit::Stopped.now();
            }
            log::warn!("stopping; a second signal ends at once");
            cancelled.store(true, Ordering::Relaxed);
            stop.ask();
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(failed)?;
    Ok(())
}

fn stop_signals() -> Vec<i32> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = vec![SIGINT, SIGTERM];
    #[cfg(unix)]
    if !hangup_is_ignored() {
        signals.push(signal_hook::consts::SIGHUP);
    }
    signals
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

/// Runs the pipeline to its end, shows it meanwhile, and says how it ended.
pub(super) async fn run_pipeline(
    progress: &mut Progress,
    plan: Plan,
    setup: Setup,
    stop: &Stop,
) -> Result<Exit, Refusal> {
    let Setup { parameters, index, data_dir, .. } = setup;
    let only_crawls = parameters.processing.is_none();
    let pipeline = Pipeline::start(parameters).await?;
    let since = Instant::now();
    let ended = {
        let running = pipeline.run(plan, stop);
        tokio::pin!(running);
        loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = tokio::time::sleep(SHOW_EVERY) => {
                    if let Ok(stats) = pipeline.stats().await {
                        progress.update(&view(&stats, since));
                    }
                }
            }
        }
    };
    if let (Some(index), Ended::Whole) = (&index, &ended)
        && index.promote()?
    {
        log::info!("the index of the new model is whole and in use now");
    }
    let stats = pipeline.stats().await?;
    let view = view(&stats, since);
    let exit = exit_of(&ended, &view);
    let places = Places { data_dir: data_dir.path().to_owned(), exit, only_crawls };
    progress.finish(&view, &summary(&view, &places));
    if exit == Exit::WithErrors {
        status::explain_errors(data_dir.path())?;
    }
    say_why(&ended);
    Ok(exit)
}

pub(super) fn plan(settings: &Settings, scope: Scope) -> Result<Plan, Refusal> {
    let crawl = if scope.crawl { Some(crawl_plan(settings)?) } else { None };
    let mode = match settings.pipeline.mode {
        PipelineMode::Batch if !scope.stay => Mode::Batch,
        _ => Mode::Streaming,
    };
    Ok(Plan { mode, crawl, stay: scope.stay, grace: settings.pipeline.shutdown_grace })
}

fn crawl_plan(settings: &Settings) -> Result<CrawlPlan, Refusal> {
    let options = setup::crawl_options(settings)?;
    let mut start_urls = Vec::new();
    for url in &settings.crawl.start_urls {
        let normal = NormalUrl::parse(url.as_str(), &options.urls);
        start_urls.push(normal.map_err(|error| Refusal::new(Exit::Settings, &error))?);
    }
    Ok(CrawlPlan { start_urls, options })
}

fn exit_of(ended: &Ended, view: &View) -> Exit {
    match ended {
        Ended::Whole if view.errors() > 0 => Exit::WithErrors,
        Ended::Whole => Exit::Done,
        Ended::Stopped if view.items.left() == 0 && view.crawl.queued == 0 && view.errors() == 0 => Exit::Done,
        Ended::Stopped => Exit::Stopped,
        Ended::NoStart(_) => Exit::Usage,
        Ended::Unreachable(_) | Ended::Ledger(_) => Exit::Unavailable,
        Ended::GaveUp(_) => Exit::GaveUp,
    }
}

/// The reason, as the last line, where a run did not end by itself.
fn say_why(ended: &Ended) {
    match ended {
        Ended::Whole | Ended::Stopped => {}
        Ended::NoStart(why) | Ended::Unreachable(why) | Ended::Ledger(why) => eprintln!("docmill: {why}"),
        Ended::GaveUp(why) => eprintln!("docmill: gave up: {why}; start again to go on"),
    }
}
