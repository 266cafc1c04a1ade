//! The pipeline's snapshot as a person sees it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use docmill_actors::stats::Stats;
use docmill_stages::crawl::frontier::CrawlCounts;

use crate::progress::{CrawlView, ItemsView, View};

/// The crawl's counts as a person reads them.
fn crawl_view(counts: &CrawlCounts) -> CrawlView {
    let mut left_out: BTreeMap<String, u64> =
        counts.left_out.iter().map(|(reason, count)| (reason.name().replace('_', " "), *count)).collect();
    if counts.gone > 0 {
        left_out.insert("gone (404, 410)".to_owned(), counts.gone);
    }
    CrawlView {
        ended: counts.open() == 0,
        fetched: counts.new + counts.updated,
        unchanged: counts.unchanged,
        queued: counts.open(),
        left_out,
        failed: counts.failed,
    }
}

/// The crawl in a line.
pub(super) fn crawl_line(counts: &CrawlCounts) -> String {
    let mut line = format!(
        "{} URLs known: {} indexed ({} new, {} updated, {} unchanged), {} open, {} redirects, {} gone, {} given up",
        counts.known(),
        counts.indexed(),
        counts.new,
        counts.updated,
        counts.unchanged,
        counts.open(),
        counts.redirected,
        counts.gone,
        counts.failed
    );
    for (reason, count) in &counts.left_out {
        line.push_str(&format!(", {count} left out ({})", reason.name()));
    }
    line
}

/// Fills the view from a snapshot.
pub(super) fn view(stats: &Stats, since: Instant) -> View {
    let items = &stats.items;
    View {
        crawl: stats.crawl.as_ref().map(crawl_view).unwrap_or_default(),
        items: ItemsView {
            admitted: items.admitted(),
            done: items.done,
            removed: stats.apart.removed,
            dropped: stats.apart.dropped,
            skipped: items.skipped,
            dead: items.dead,
            waiting: items.waiting,
            in_flight: items.in_flight,
        },
        documents: stats.session.documents,
        chunks: stats.session.chunks,
        chunks_done: stats.session.chunks_done,
        embeddings: stats.session.vectors,
        cache_hits: stats.session.cache_hits,
        retries: stats.stages.iter().map(|stage| stage.failed + stage.panicked).sum(),
        stage_times: stats
            .stages
            .iter()
            .map(|stage| (stage.stage.name(), Duration::from_secs_f64(stage.seconds)))
            .filter(|(_, time)| !time.is_zero())
            .collect(),
        pauses: stats
            .outages
            .iter()
            .map(|outage| (outage.stage.name(), Duration::from_secs_f64(outage.seconds)))
            .collect(),
        elapsed: since.elapsed(),
    }
}
