//! How the process ends: the exit codes, each with its one meaning.

use std::io::Write as _;
use std::process::ExitCode;

/// The end of a run as a service manager or a script sees it. The numbers
/// are those of `sysexits.h` where that has a fitting one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All done.
    Done = 0,
    /// Finished, but with errors: dead items, URLs given up after retries, or
    /// what `verify` and `doctor` found.
    WithErrors = 1,
    /// The command line was not understood.
    Usage = 64,
    /// A service or the start URL is not there.
    Unavailable = 69,
    /// Gave up restarting what kept failing.
    GaveUp = 70,
    /// Stopped with work left; the next run goes on with it.
    Stopped = 75,
    /// Bad settings; nothing was started.
    Settings = 78,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl Exit {
    /// Ends the process here and now. Nothing is torn down: stage calls may be
    /// under way on other threads, and a library that is taken from under them
    /// fails them, which would look like the fault of their items. What is on
    /// disk is right at any instant.
    pub fn now(self) -> ! {
        // A reader that went away has had enough of it.
        let _reader_may_be_gone = std::io::stdout().flush();
        signal_hook::low_level::exit(i32::from(self.code()))
    }
}

/// Tells a person why the process ends, as its last line: what other threads
/// still have to say follows from it.
pub fn say_last(why: &str) {
    log::set_max_level(log::LevelFilter::Off);
    std::panic::set_hook(Box::new(|_| {}));
    eprintln!("docmill: {why}");
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_documented_ones() {
        let all =
            [Exit::Done, Exit::WithErrors, Exit::Usage, Exit::Unavailable, Exit::GaveUp, Exit::Stopped, Exit::Settings];
        assert_eq!(all.map(Exit::code), [0, 1, 64, 69, 70, 75, 78]);
    }
}
