//! Bars: pages crawled, items settled, chunks embedded; and one for a
//! download.

use std::fmt;
use std::time::Duration;

use docmill_stages::failure::one_line;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::view::View;

const WITH_LENGTH: &str = "{prefix:>8} [{bar:30}] {pos}/{len}  {rate}  {eta} left  {wide_msg}";
const OF_BYTES: &str = "{prefix} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
const OF_UNKNOWN_BYTES: &str = "{prefix} {spinner} {wide_msg}";

/// The bars of a run; one that has nothing to show is not drawn.
pub(super) struct Bars {
    multi: MultiProgress,
    crawl: Option<ProgressBar>,
    items: Option<ProgressBar>,
    chunks: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new(multi: &MultiProgress) -> Self {
        Self { multi: multi.clone(), crawl: None, items: None, chunks: None }
    }

    pub(super) fn update(&mut self, view: &View) {
        let crawl = &view.crawl;
        let answered = crawl.fetched + crawl.unchanged + crawl.failed + crawl.left_out.values().sum::<u64>();
        let message = if crawl.ended { String::new() } else { format!("{} known and not yet fetched", crawl.queued) };
        show(&mut self.crawl, &self.multi, "crawl", answered, answered + crawl.queued, message);

        let items = &view.items;
        let mut message = format!("{} in flight", items.in_flight);
        for (count, what) in [(items.waiting, "waiting"), (items.dead, "dead"), (view.retries, "retries")] {
            if count > 0 {
                message.push_str(&format!(", {count} {what}"));
            }
        }
        for (stage, time) in &view.pauses {
            message.push_str(&format!(", the {stage}'s service is down for {} s", time.as_secs()));
        }
        show(&mut self.items, &self.multi, "pages", items.settled(), items.admitted, message);

        let message = if view.cache_hits > 0 { format!("{} from the cache", view.cache_hits) } else { String::new() };
        show(&mut self.chunks, &self.multi, "chunks", view.embeddings, view.chunks, message);
    }

    pub(super) fn clear(&mut self) {
        for bar in [&mut self.crawl, &mut self.items, &mut self.chunks].into_iter().filter_map(Option::take) {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

fn show(
    slot: &mut Option<ProgressBar>,
    multi: &MultiProgress,
    name: &'static str,
    done: u64,
    all: u64,
    message: String,
) {
    if slot.is_none() && all == 0 {
        return;
    }
    let bar = slot.get_or_insert_with(|| {
        let bar = multi.add(ProgressBar::new(all));
        bar.set_style(style(WITH_LENGTH));
        bar.set_prefix(name);
        bar
    });
    bar.set_length(all);
    bar.set_message(message);
    bar.set_position(done);
}

/// The style of a template; the templates here are right (a test draws each),
/// and a wrong one would cost the looks alone.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_wrong| ProgressStyle::default_bar());
    style.progress_chars("=> ").with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _infallible = write!(out, "{:.1}/s", state.per_sec());
    })
}

/// A download as it goes on.
#[derive(Debug)]
pub struct Download {
    name: String,
    shown: DownloadShown,
}

#[derive(Debug)]
enum DownloadShown {
    Bar(ProgressBar),
    /// Tenths that were said.
    Plain(u64),
    Nothing,
}

impl Download {
    pub(super) fn bar(multi: &MultiProgress, name: &str) -> Self {
        let name = one_line(name, 100);
        let bar = multi.add(ProgressBar::new_spinner());
        bar.set_style(style(OF_UNKNOWN_BYTES));
        bar.set_prefix(name.clone());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { name, shown: DownloadShown::Bar(bar) }
    }

    pub(super) fn plain(name: &str) -> Self {
        Self { name: one_line(name, 100), shown: DownloadShown::Plain(0) }
    }

    pub(super) fn hidden() -> Self {
        Self { name: String::new(), shown: DownloadShown::Nothing }
    }

    /// `done` of `total` bytes are there.
    pub fn set(&mut self, done: u64, total: u64) {
        match &mut self.shown {
            DownloadShown::Bar(bar) => {
                bar.set_position(done);
                if bar.length() != Some(total) {
                    bar.set_style(style(OF_BYTES));
                    bar.set_length(total);
                }
            }
            DownloadShown::Plain(said) => {
                let tenths = u128::from(done) * 10 / u128::from(total.max(1));
                let tenths = u64::try_from(tenths).unwrap_or(10).min(10);
                if tenths > *said {
                    *said = tenths;
                    let line = format!("{}: {} of {}", self.name, HumanBytes(done), HumanBytes(total));
                    super::print_to(&mut std::io::stderr().lock(), &line);
                }
            }
            DownloadShown::Nothing => {}
        }
    }

    /// Says what is going on where there are no bytes to count.
    pub fn say(&mut self, text: &str) {
        let text = one_line(text, 200);
        match &self.shown {
            DownloadShown::Bar(bar) => bar.set_message(text),
            DownloadShown::Plain(_) => {
                super::print_to(&mut std::io::stderr().lock(), &format!("{}: {text}", self.name))
            }
            DownloadShown::Nothing => {}
        }
    }
}

/// What was shown goes away when the download ends, however it ends.
impl Drop for Download {
    fn drop(&mut self) {
        if let DownloadShown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
