//! `docmill status`: the state of a DATA_DIR, beside a run or without one.

use std::fmt::Write as _;
use std::path::Path;

use docmill_stages::crawl::frontier::{self, CrawlCounts, CrawlSummary};
use docmill_stages::crawl::url::NormalUrl;
use docmill_stages::db::{self, DbError};
use docmill_stages::failure::one_line;
use docmill_stages::ledger::{self, Apart, Counts, DeadItem};
use docmill_stages::load::index::{self, Reader};
use docmill_stages::state;
use serde_json::{Value, json};

use super::Refusal;
use super::dead::open_ledger;
use super::show::print;
use crate::data_dir;
use crate::exit::Exit;
use crate::progress::summary::{done_text, folder_flag};
use crate::settings::Settings;

/// Dead items that are shown with their errors.
const DEAD_SHOWN: usize = 20;

struct Status {
    is_running: bool,
    items: Counts,
    apart: Apart,
    crawl: Option<CrawlSummary>,
    dead: Vec<DeadItem>,
    index: Option<(index::Model, index::Counts)>,
}

pub(super) fn status(settings: &Settings, as_json: bool) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    let status = read(folder)?;
    Ok(print(&if as_json { format!("{:#}\n", json_of(&status)) } else { text_of(&status, &folder_flag(folder)) }))
}

fn read(folder: &Path) -> Result<Status, Refusal> {
    let file = folder.join(state::FILE);
    let state = open_ledger(folder)?;
    let failed = |error: DbError| error.in_file(&file);
    // One transaction, so that all numbers are of one moment.
    let snapshot = state.unchecked_transaction().map_err(DbError::from).map_err(failed)?;
    let index = match Reader::open(folder)? {
        Some(reader) => Some((reader.model().clone(), reader.counts()?)),
        None => None,
    };
    Ok(Status {
        is_running: data_dir::is_owned(folder),
        items: ledger::counts(&snapshot).map_err(failed)?,
        apart: ledger::apart(&snapshot).map_err(failed)?,
        crawl: frontier::summaries(&snapshot, 1).map_err(failed)?.pop(),
        dead: ledger::dead_items(&snapshot, DEAD_SHOWN).map_err(failed)?,
        index,
    })
}

fn json_of(status: &Status) -> Value {
    let Counts { done, skipped, dead, waiting, in_flight, chunks } = status.items;
    let Apart { removed, dropped } = status.apart;
    json!({
        "running": status.is_running,
        "items": {
            "admitted": status.items.admitted(), "done": done, "skipped": skipped, "dead": dead,
            "waiting": waiting, "in_flight": in_flight, "chunks": chunks,
            // Within done and skipped.
            "removed": removed, "dropped": dropped,
        },
        "crawl": status.crawl.as_ref().map(json_of_crawl),
        "dead": status.dead,
        "index": status.index.as_ref().map(|(model, counts)| json!({
            "model": model.name, "dimension": model.dimension,
            "documents": counts.documents, "chunks": counts.chunks, "links": counts.links,
        })),
    })
}

fn json_of_crawl(crawl: &CrawlSummary) -> Value {
    let CrawlSummary { crawl: number, starts, ended_ms, is_whole, counts, .. } = crawl;
    let starts: Vec<&str> = starts.iter().map(NormalUrl::as_str).collect();
    let CrawlCounts { queued, waiting, fetching, new, updated, unchanged, redirected, gone, failed, left_out } = counts;
    json!({
        "number": number, "start_urls": starts, "ended": ended_ms.is_some(), "whole": is_whole,
        "known": counts.known(), "queued": queued, "waiting": waiting, "fetching": fetching,
        "new": new, "updated": updated, "unchanged": unchanged, "redirected": redirected,
        "gone": gone, "failed": failed, "left_out": left_out,
    })
}

fn text_of(status: &Status, folder: &str) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        // Writing to a text cannot fail.
        let _never_fails = writeln!(text, "{label:<9} {value}");
    };
    line("running", if status.is_running { "yes" } else { "no" }.to_owned());
    let items = &status.items;
    line(
        "items",
        format!(
            "{} admitted = {} + {} skipped{} + {} dead + {} waiting + {} in flight",
            items.admitted(),
            done_text(items.done, status.apart.removed),
            items.skipped,
            if status.apart.dropped > 0 {
                format!(" ({} of them dropped)", status.apart.dropped)
            } else {
                String::new()
            },
            items.dead,
            items.waiting,
            items.in_flight
        ),
    );
    if let Some(crawl) = &status.crawl {
        line("crawl", super::view::crawl_line(&crawl.counts));
    }
    match &status.index {
        Some((model, counts)) => line(
            "index",
            format!("{} documents, {} chunks, {} links; {model}", counts.documents, counts.chunks, counts.links),
        ),
        None => line("index", "none yet".to_owned()),
    }
    for dead in &status.dead {
        line("dead", dead_line(dead));
    }
    let more = usize::try_from(items.dead).unwrap_or(usize::MAX).saturating_sub(status.dead.len());
    if more > 0 {
        line("dead", format!("and {more} more"));
    }
    if items.dead > 0 {
        line(
            "next",
            format!("docmill dead list{folder} names all, docmill dead replay --all{folder} tries them again"),
        );
    }
    text
}

fn dead_line(dead: &DeadItem) -> String {
    format!(
        "{} at the {} after {} attempts: {}",
        one_line(&dead.url, 300),
        dead.stage,
        dead.attempts,
        one_line(&dead.error, 500)
    )
}

/// After a run that ended with errors: which.
pub(super) fn explain_errors(folder: &Path) -> Result<(), Refusal> {
    let Some(state) = db::open_read_only(&folder.join(state::FILE), state::SCHEMA)? else { return Ok(()) };
    for dead in ledger::dead_items(&state, DEAD_SHOWN)? {
        eprintln!("dead: {}", dead_line(&dead));
    }
    let more = usize::try_from(ledger::counts(&state)?.dead).unwrap_or(usize::MAX).saturating_sub(DEAD_SHOWN);
    if more > 0 {
        eprintln!("dead: and {more} more: docmill dead list{}", folder_flag(folder));
    }
    for crawl in frontier::summaries(&state, 1)? {
        for failed in frontier::failures(&state, crawl.crawl, DEAD_SHOWN)? {
            eprintln!("not fetched: {}: {}", one_line(&failed.url, 300), one_line(&failed.error, 500));
        }
    }
    Ok(())
}
