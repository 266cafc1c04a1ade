//! docmill: the life of the process.

use std::io::{IsTerminal as _, Write as _};
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use docmill::cli::{self, Ended};
use docmill::commands;
use docmill::exit::{Exit, say_last};
use docmill::progress::{Progress, wants_colour};
use docmill::settings;
use docmill_stages::failure::{MESSAGE_BYTES_MAX, one_line, panic_text};

fn main() -> ExitCode {
    docmill::memory::limit_arenas();
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(ended) => return end(&ended).into(),
    };
    if let Some(exit) = commands::without_settings(&cli) {
        return exit.into();
    }
    let loaded = match settings::load(&cli.flags()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("docmill: {error}");
            return Exit::Settings.into();
        }
    };
    let mut progress = Progress::new(cli.global.progress);
    docmill::log::init(&loaded.settings.log, progress.bars());
    for warning in &loaded.warnings {
        log::warn!("{warning}");
    }
    // What the system denies a library in the middle of its work (threads, open
    // files) comes as a panic, which has said so already.
    let done = std::panic::catch_unwind(AssertUnwindSafe(|| commands::execute(&cli, &loaded, &mut progress)));
    let exit = done.unwrap_or_else(|panic| {
        let why = one_line(panic_text(panic.as_ref()), MESSAGE_BYTES_MAX);
        say_last(&format!("ended by a panic: {why}; nothing that was saved is lost, start again to go on"));
        Exit::GaveUp
    });
    // A thread that hangs in a stage is never waited for.
    exit.now()
}

fn end(ended: &Ended) -> Exit {
    let is_terminal = if ended.asked_for { std::io::stdout().is_terminal() } else { std::io::stderr().is_terminal() };
    let text = match is_terminal && wants_colour() {
        true => ended.text.ansi().to_string(),
        false => ended.text.to_string(),
    };
    if ended.asked_for {
        return print(&text);
    }
    eprint!("{text}");
    ended.exit
}

/// Prints an answer; a reader that went away has had enough of it.
fn print(text: &str) -> Exit {
    let _reader_may_be_gone = std::io::stdout().lock().write_all(text.as_bytes());
    Exit::Done
}
