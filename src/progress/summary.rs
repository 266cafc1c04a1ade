//! The last words of a run: what was done, what was left out and why, where
//! things are, and what to do next.

use std::path::{Path, PathBuf};
use std::time::Duration;

use docmill_stages::failure::one_line;

use super::view::View;
use crate::exit::Exit;

/// Reasons that are listed; the rest is summed up.
const REASONS_MAX: usize = 8;

/// Where things are, and how it ended.
#[derive(Debug, Clone)]
pub struct Places {
    /// `DATA_DIR`.
    pub data_dir: PathBuf,
    /// How the process is about to end.
    pub exit: Exit,
    /// Whether pages were fetched and no more.
    pub only_crawls: bool,
}

/// The summary of a run, several lines.
pub fn summary(view: &View, places: &Places) -> String {
    let mut lines = vec![headline(view, places.exit)];
    let mut put = |label: &str, text: String| lines.push(format!("  {label:<8} {text}"));
    if view.crawl != super::CrawlView::default() {
        put("crawl", crawl_line(view));
    }
    if !view.crawl.left_out.is_empty() {
        put("left out", left_out_line(view));
    }
    let items = &view.items;
    let done = done_text(items.done, items.removed);
    let why = if items.dropped > 0 { format!("{} of them dropped", items.dropped) } else { "nothing new".to_owned() };
    let mut pages = format!("{done}, {} skipped ({why}), {} dead", items.skipped, items.dead);
    if items.left() > 0 {
        pages.push_str(&format!(", {} left for the next run", items.left()));
    }
    put("pages", pages);
    let made = view.embeddings.saturating_sub(view.cache_hits);
    put("chunks", format!("{} ({made} embedded, {} from the cache)", view.chunks_done, view.cache_hits));
    let times: Vec<String> =
        view.stage_times.iter().map(|(stage, time)| format!("{stage} {:.1} s", time.as_secs_f64())).collect();
    if !times.is_empty() {
        put("time", times.join(", "));
    }
    let folder = one_line(&places.data_dir.display().to_string(), 1_000);
    put("where", format!("{folder} (raw/, processed/, chunks/; the index: index.db)"));
    put("next", next_step(view, places));
    lines.join("\n") + "\n"
}

fn headline(view: &View, exit: Exit) -> String {
    let time = spoken(view.elapsed);
    match exit {
        Exit::Done => format!("Done in {time}."),
        Exit::WithErrors => format!("Done in {time}, with {} errors.", view.errors()),
        Exit::Stopped => format!("Stopped after {time}; {} items are left for the next run.", view.items.left()),
        Exit::Usage | Exit::Unavailable | Exit::GaveUp | Exit::Settings => format!("Ended early, after {time}."),
    }
}

fn crawl_line(view: &View) -> String {
    let crawl = &view.crawl;
    let mut text = format!("{} fetched, {} unchanged, {} failed", crawl.fetched, crawl.unchanged, crawl.failed);
    if crawl.queued > 0 {
        text.push_str(&format!(", {} not yet fetched", crawl.queued));
    }
    text
}

fn left_out_line(view: &View) -> String {
    let mut reasons: Vec<(&String, &u64)> = view.crawl.left_out.iter().collect();
    reasons.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let all: u64 = reasons.iter().map(|(_, count)| **count).sum();
    let rest: u64 = reasons.iter().skip(REASONS_MAX).map(|(_, count)| **count).sum();
    let mut named: Vec<String> =
        reasons.iter().take(REASONS_MAX).map(|(reason, count)| format!("{} {count}", one_line(reason, 60))).collect();
    if rest > 0 {
        named.push(format!("other {rest}"));
    }
    format!("{all} ({})", named.join(", "))
}

fn next_step(view: &View, places: &Places) -> String {
    let folder = folder_flag(&places.data_dir);
    match places.exit {
        Exit::Stopped => "run the same command again: it goes on where this one stopped".to_owned(),
        Exit::WithErrors if view.items.dead > 0 => format!(
            "docmill dead list{folder} shows why; mend the cause, then docmill reprocess --dead{folder} tries it again"
        ),
        Exit::WithErrors | Exit::Unavailable | Exit::GaveUp => {
            format!("docmill status{folder} shows what failed and why; the same command tries it again")
        }
        _ if view.items.admitted == 0 => "docmill run https://docs.example.com/ crawls a site".to_owned(),
        _ if places.only_crawls => format!("docmill process{folder}"),
        _ => format!("docmill search{folder} \"your question\""),
    }
}

/// `23 done`, and how many of them were taken out.
pub fn done_text(done: u64, removed: u64) -> String {
    if removed > 0 { format!("{done} done ({removed} of them removed)") } else { format!("{done} done") }
}

/// What has to be typed behind a command to mean this folder again; begins
/// with a blank, or is empty.
pub fn folder_flag(data_dir: &Path) -> String {
    match data_dir.to_str() {
        Some("data" | "./data") => String::new(),
        _ => format!(" --data-dir {}", quoted(&one_line(&data_dir.display().to_string(), 1_000))),
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+:@".contains(letter);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 3 min`.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}
