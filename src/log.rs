//! Logs to stderr: one bounded, cleaned line each, written beside progress
//! bars without tearing them.

use std::io::{self, IsTerminal as _, Write};

use docmill_stages::failure::one_line;
use env_logger::{Builder, Target, WriteStyle};
use indicatif::MultiProgress;
use log::LevelFilter;

use crate::settings::Log;

/// Bound of a line's text, in bytes.
const LINE_BYTES_MAX: usize = 4_000;

/// The crates that `LOG_LEVEL` is about.
const OWN_CRATES: [&str; 3] = ["docmill", "docmill_actors", "docmill_stages"];

/// Libraries whose warnings are about the pages they read, and so no news.
const NOISY_CRATES: [&str; 3] = ["html5ever", "markup5ever", "selectors"];

/// Starts logging. Lines go to stderr while `bars` are drawn away.
///
/// A logger that is there already (a test's) stays.
pub fn init(settings: &Log, bars: &MultiProgress) {
    let is_coloured = io::stderr().is_terminal() && crate::progress::wants_colour();
    let mut builder = builder(settings);
    builder
        .write_style(if is_coloured { WriteStyle::Always } else { WriteStyle::Never })
        .target(Target::Pipe(Box::new(BesideBars::new(bars.clone(), io::stderr()))));
    // Err says that there is a logger already.
    let _already_there = builder.try_init();
}

/// The filter and the form of a line. `RUST_LOG` is about everything;
/// `LOG_LEVEL` about docmill, and of libraries no more than warnings.
fn builder(settings: &Log) -> Builder {
    let mut builder = Builder::new();
    if settings.filter.is_empty() {
        builder.filter_level(settings.level.min(LevelFilter::Warn));
        for name in OWN_CRATES {
            builder.filter_module(name, settings.level);
        }
        for name in NOISY_CRATES {
            builder.filter_module(name, settings.level.min(LevelFilter::Error));
        }
    } else {
        builder.parse_filters(&settings.filter);
    }
    builder.format(|out, record| {
        let style = out.default_level_style(record.level());
        let (time, level) = (out.timestamp(), record.level());
        let text = one_line(&record.args().to_string(), LINE_BYTES_MAX);
        writeln!(out, "{time} {style}{level:<5}{style:#} {} {text}", one_line(record.target(), 200))
    });
    builder
}

/// A writer that takes the bars off the terminal while it writes.
pub struct BesideBars<W> {
    bars: MultiProgress,
    inner: W,
}

impl<W: Write> BesideBars<W> {
    /// Writes to `inner`, where `bars` are drawn too.
    pub fn new(bars: MultiProgress, inner: W) -> Self {
        Self { bars, inner }
    }
}

impl<W: Write> Write for BesideBars<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    /// A line comes in one call, so it is written in one.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let inner = &mut self.inner;
        match self.bars.is_hidden() {
            true => inner.write_all(bytes),
            false => self.bars.suspend(|| inner.write_all(bytes)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::{InMemoryTerm, ProgressBar, ProgressDrawTarget, TermLike as _};
    use log::{Level, Log as _, Record};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, filter: &str, records: &[(&str, Level, &str)]) -> String {
        let sink = Sink::default();
        let settings = Log { level, filter: filter.to_owned() };
        let logger =
            builder(&settings).write_style(WriteStyle::Never).target(Target::Pipe(Box::new(sink.clone()))).build();
        for (target, level, text) in records {
            logger.log(&Record::builder().target(target).level(*level).args(format_args!("{text}")).build());
        }
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_are_bounded_and_hold_nothing_that_moves_the_cursor() {
        let text = logged(
            LevelFilter::Info,
            "",
            &[("docmill::run", Level::Info, "a\nb\u{1b}[2J"), ("docmill", Level::Warn, &"x".repeat(100_000))],
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with(" INFO  docmill::run a b [2J"), "{}", lines[0]);
        assert!(lines[1].len() < LINE_BYTES_MAX + 300);
    }

    #[test]
    fn the_level_is_about_docmill_and_the_filter_about_everything() {
        let records = [
            ("docmill_stages::crawl", Level::Debug, "own"),
            ("hyper", Level::Debug, "lib"),
            ("html5ever::x", Level::Warn, "page"),
        ];
        assert_eq!(logged(LevelFilter::Info, "", &records), "");
        assert!(logged(LevelFilter::Debug, "", &records).ends_with("own\n"));
        assert!(!logged(LevelFilter::Debug, "", &records).contains("lib"));
        assert_eq!(logged(LevelFilter::Off, "debug", &records).lines().count(), 3);
    }

    #[test]
    fn a_line_leaves_the_bars_whole() {
        let terminal = InMemoryTerm::new(10, 80);
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(terminal.clone())));
        let bar = bars.add(ProgressBar::new(10).with_message("pages"));
        bar.set_style(indicatif::ProgressStyle::with_template("{msg} {pos}/{len}").unwrap());
        bar.tick();
        struct Terminal(InMemoryTerm);
        impl Write for Terminal {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                // A real terminal's driver turns a line's end into both.
                self.0.write_str(&std::str::from_utf8(bytes).unwrap().replace('\n', "\r\n"))?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                self.0.flush()
            }
        }
        let mut writer = BesideBars::new(bars.clone(), Terminal(terminal.clone()));
        writer.write_all(b"a line\n").unwrap();
        bar.set_position(4);
        bar.tick();
        assert_eq!(terminal.contents(), "a line\npages 4/10");
    }
}
