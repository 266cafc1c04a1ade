//! `docmill demo`: the handbook inside the program is served on loopback,
//! crawled and indexed like any other site, and asked two questions.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use docmill_actors::pipeline::Stop;
use url::Url;

use super::run::{Scope, plan, run_pipeline};
use super::search::{Searcher, index, shown};
use super::show::print;
use super::signals::stop_on_signals;
use super::{Refusal, setup};
use crate::demo::{self, DemoError, QUESTIONS};
use crate::exit::Exit;
use crate::progress::Progress;
use crate::settings::{Crawl, Settings};

/// Hits that are shown for each question.
const HITS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

pub(super) fn demo(settings: &Settings, progress: &mut Progress) -> Result<Exit, Refusal> {
    let mut settings = settings.clone();
    settings.storage.data_dir.push("demo");
    let stop = Stop::default();
    let cancelled = Arc::new(AtomicBool::new(false));
    stop_on_signals(&settings.storage.data_dir, &stop, &cancelled)?;
    let prepared = setup::prepare(&settings, true, progress, &cancelled)?;
    let exit = actix_rt::System::new().block_on(async {
        let server = demo::serve(&settings.storage.data_dir).await.map_err(unavailable)?;
        progress.note(&format!("docmill's handbook is served at {}", server.url));
        if let Some(note) = &server.note {
            progress.note(note);
        }
        settings.crawl = whole_site(&settings.crawl, &server.url)?;
        let scope = Scope { crawl: true, process: true, stay: false };
        let exit = run_pipeline(progress, plan(&settings, scope)?, prepared, &stop).await?;
        let answers = server.answers();
        print(&format!(
            "The handbook's server sent {} pages; {} were unchanged (304).\n",
            answers.sent(),
            answers.unchanged()
        ));
        server.stop().await;
        Ok::<Exit, Refusal>(exit)
    })?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    ask(&settings, progress)
}

fn unavailable(error: DemoError) -> Refusal {
    Refusal::new(Exit::Unavailable, &error)
}

/// The crawl of the whole handbook, whatever the settings leave out elsewhere.
fn whole_site(crawl: &Crawl, start: &str) -> Result<Crawl, Refusal> {
    let start = Url::parse(start).map_err(|error| Refusal::new(Exit::Unavailable, &error))?;
    Ok(Crawl {
        start_urls: vec![start],
        allow: Vec::new(),
        deny: Vec::new(),
        depth_limit: None,
        page_count_max: None,
        time_max: None,
        ..crawl.clone()
    })
}

/// Asks the two questions; an answer from the wrong page is an error.
fn ask(settings: &Settings, progress: &Progress) -> Result<Exit, Refusal> {
    let mut searcher = Searcher::open(settings, index(settings)?, progress)?;
    let mut exit = Exit::Done;
    for question in QUESTIONS {
        let answer = searcher.ask(question.text, HITS)?;
        print(&format!("\n? {}\n{}", question.text, shown(question.text, &answer)?));
        if !answer.hits.first().is_some_and(|hit| question.is_answered_by(&hit.url)) {
            eprintln!("docmill: the first hit should have been on {}", question.page);
            exit = Exit::WithErrors;
        }
    }
    let folder = settings.storage.data_dir.display();
    print(&format!("\nAsk more: docmill search --data-dir {folder} \"your question\"\n"));
    Ok(exit)
}
