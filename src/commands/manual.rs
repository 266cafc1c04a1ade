//! `docmill completions` and `docmill man`: both out of the command line's
//! own definitions, so that they cannot be behind it.

use clap::CommandFactory as _;

use super::Refusal;
use super::show::print;
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;

/// `docmill completions`.
pub(super) fn completions(args: CompletionsArgs) -> Result<Exit, Refusal> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "docmill", &mut script);
    Ok(print(&String::from_utf8_lossy(&script)))
}

/// `docmill man`.
pub(super) fn man(args: &ManArgs) -> Result<Exit, Refusal> {
    let failed = |error: std::io::Error| Refusal::new(Exit::Unavailable, &error);
    let Some(folder) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
        return Ok(print(&String::from_utf8_lossy(&page)));
    };
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|error| {
        Refusal::said(Exit::Unavailable, format!("cannot write manual pages to {}: {error}", folder.display()))
    })?;
    Ok(Exit::Done)
}
