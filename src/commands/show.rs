//! Answers on standard output.

use std::io::Write as _;

use super::Refusal;
use crate::exit::Exit;
use crate::settings::{Loaded, render};

/// Prints an answer; a reader that went away has had enough of it.
pub(super) fn print(text: &str) -> Exit {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("docmill: cannot write to standard output: {error}");
            Exit::Unavailable
        }
        _ => Exit::Done,
    }
}

/// `docmill config`.
pub(super) fn config(loaded: &Loaded, json: bool) -> Result<Exit, Refusal> {
    let text = if json { format!("{:#}\n", render::config_json(loaded)) } else { render::config_text(loaded) };
    Ok(print(&text))
}
