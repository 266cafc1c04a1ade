//! `run`, `crawl`, `process` and `watch`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use docmill_actors::pipeline::{CrawlPlan, Ended, Mode, Parameters, Pipeline, Plan, Stop};
use docmill_stages::crawl::url::NormalUrl;
use docmill_stages::failure::one_line;
use docmill_stages::state;

use super::setup::{self, Setup};
use super::signals::stop_on_signals;
use super::view::view;
use super::{Refusal, status, store_down};
use crate::exit::{Exit, say_last};
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
    go(settings, progress, Scope { crawl: true, process: true, stay: false }, |_| Ok(()))
}

pub(super) fn crawl(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    go(settings, progress, Scope { crawl: true, process: false, stay: false }, |_| Ok(()))
}

pub(super) fn process(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    go(settings, progress, Scope { crawl: false, process: true, stay: false }, |_| Ok(()))
}

pub(super) fn watch(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    go(settings, progress, Scope { crawl: false, process: true, stay: true }, |_| Ok(()))
}

/// `prepare_ledger` changes what is to be done, before anything begins.
pub(super) fn go(
    settings: &Settings,
    progress: &mut Progress,
    scope: Scope,
    prepare_ledger: impl FnOnce(&Parameters) -> Result<(), Refusal>,
) -> Result<Exit, Refusal> {
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
    prepare_ledger(&setup.parameters)?;
    actix_rt::System::new().block_on(run_pipeline(progress, plan, setup, &stop))
}

/// Runs the pipeline to its end, shows it meanwhile, and says how it ended.
pub(super) async fn run_pipeline(
    progress: &mut Progress,
    plan: Plan,
    setup: Setup,
    stop: &Stop,
) -> Result<Exit, Refusal> {
    let Setup { parameters, index, mut data_dir } = setup;
    let only_crawls = parameters.processing.is_none();
    let pipeline = Pipeline::start(parameters).await?;
    data_dir.begin_work();
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
    data_dir.end_work();
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
    say_why(&ended, data_dir.path());
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
        Ended::Stopped | Ended::StoreDown(_) => Exit::Stopped,
        Ended::NoStart(_) => Exit::Usage,
        Ended::Unreachable(_) | Ended::ServiceDown(_) | Ended::Ledger(_) => Exit::Unavailable,
        Ended::GaveUp(_) => Exit::GaveUp,
    }
}

/// The reason, as the last line, where a run did not end by itself.
fn say_why(ended: &Ended, data_dir: &Path) {
    match ended {
        Ended::Whole | Ended::Stopped => {}
        Ended::NoStart(why) | Ended::Unreachable(why) | Ended::Ledger(why) => say_last(&one_line(why, 4_000)),
        Ended::StoreDown(why) => say_last(&one_line(&store_down(data_dir, why), 4_000)),
        Ended::GaveUp(why) => say_last(&format!("gave up: {}; start again to go on", one_line(why, 4_000))),
        Ended::ServiceDown(why) => {
            say_last(&format!("{}; what is left waits, start again to go on", one_line(why, 4_000)))
        }
    }
}
