//! What a person sees of a run: bars on a terminal, else a plain line now and
//! then, and a summary at the end.
//!
//! Bars and notes are drawn on stderr, where logs go too ([`crate::log`]
//! writes around them). The plain line and the summary are printed on stdout,
//! as docs2vector does: what watches its output reads ours.

mod bars;
pub mod summary;
pub mod view;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressDrawTarget};

use self::bars::Bars;
pub use self::bars::Download;
pub use self::summary::{Places, summary};
pub use self::view::{CrawlView, ItemsView, View};
use crate::cli::ProgressMode;
use crate::settings::source::{Environment, Source as _};

/// The plain line comes at most this often, and only when it changed.
const PLAIN_INTERVAL: Duration = Duration::from_secs(1);

/// How a run is shown.
pub struct Progress {
    multi: MultiProgress,
    shown: Shown,
}

enum Shown {
    Bars(Bars),
    Plain(Plain),
    Nothing,
}

impl Progress {
    /// Picks the way: bars where both outputs are a terminal, for where one is
    /// not, a person or a program reads lines.
    pub fn new(mode: ProgressMode) -> Self {
        let is_terminal = io::stdout().is_terminal() && io::stderr().is_terminal();
        match mode {
            ProgressMode::Auto if is_terminal && !is_dumb() => Self::with_bars(ProgressDrawTarget::stderr()),
            ProgressMode::Auto | ProgressMode::Plain => Self::plain(),
            ProgressMode::None => Self::hidden(Shown::Nothing),
        }
    }

    /// Draws bars there.
    pub fn with_bars(target: ProgressDrawTarget) -> Self {
        let multi = MultiProgress::with_draw_target(target);
        let bars = Bars::new(&multi);
        Self { multi, shown: Shown::Bars(bars) }
    }

    /// Prints lines.
    pub fn plain() -> Self {
        Self::hidden(Shown::Plain(Plain::default()))
    }

    fn hidden(shown: Shown) -> Self {
        Self { multi: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()), shown }
    }

    /// What logs must be written around.
    pub fn bars(&self) -> &MultiProgress {
        &self.multi
    }

    /// Shows the run as it is now. Call it a few times a second.
    pub fn update(&mut self, view: &View) {
        match &mut self.shown {
            Shown::Bars(bars) => bars.update(view),
            Shown::Plain(plain) => plain.update(view, &mut io::stdout().lock()),
            Shown::Nothing => {}
        }
    }

    /// Says something between the bars, or on stderr.
    pub fn note(&self, text: &str) {
        if !matches!(self.shown, Shown::Nothing) {
            let text = docmill_stages::failure::one_line(text, 2_000);
            self.multi.suspend(|| print_to(&mut io::stderr().lock(), &text));
        }
    }

    /// A bar for something that is fetched before the run, such as a model.
    pub fn download(&self, name: &str) -> Download {
        match self.shown {
            Shown::Bars(_) => Download::bar(&self.multi, name),
            Shown::Plain(_) => Download::plain(name),
            Shown::Nothing => Download::hidden(),
        }
    }

    /// Takes the bars away and prints the last line and the summary, the
    /// latter also where nothing else is shown.
    pub fn finish(&mut self, view: &View, summary: &str) {
        match &mut self.shown {
            Shown::Bars(bars) => bars.clear(),
            Shown::Plain(plain) => plain.last(view, &mut io::stdout().lock()),
            Shown::Nothing => {}
        }
        print_to(&mut io::stdout().lock(), summary.trim_end());
    }
}

/// The plain line: printed when it changed, and not too often.
#[derive(Debug, Default)]
struct Plain {
    printed: Option<(String, Duration)>,
}

impl Plain {
    fn update(&mut self, view: &View, out: &mut impl Write) {
        let is_due = self.printed.as_ref().is_none_or(|(_, at)| view.elapsed >= *at + PLAIN_INTERVAL);
        if is_due {
            self.last(view, out);
        }
    }

    fn last(&mut self, view: &View, out: &mut impl Write) {
        let line = view.live_line();
        if self.printed.as_ref().is_none_or(|(printed, _)| *printed != line) {
            print_to(out, &line);
            self.printed = Some((line, view.elapsed));
        }
    }
}

/// Prints a line. A reader that went away (`docmill run | head`) is no reason
/// to end a run.
fn print_to(out: &mut impl Write, text: &str) {
    let _reader_may_be_gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Whether the person wants colours at all (no-color.org, and dumb terminals).
pub fn wants_colour() -> bool {
    let is_off = Environment.get("NO_COLOR").is_some_and(|given| given.value.as_deref() != Some(""));
    !is_off && !is_dumb()
}

/// Whether the terminal cannot move its cursor.
fn is_dumb() -> bool {
    Environment.get("TERM").is_some_and(|given| given.value.as_deref() == Some("dumb"))
}

#[cfg(test)]
mod tests;
