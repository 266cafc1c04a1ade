//! The command line: what may be typed, and what docmill says where it was
//! typed otherwise.

mod args;
mod dead_args;
mod guide;
mod model_args;
mod upkeep_args;

use std::ffi::OsString;

use clap::Parser as _;
use clap::builder::StyledStr;

pub use self::args::{Cli, Command, CrawlArgs, DigestArgs, DigestFrom, ProgressMode, RunArgs, SearchArgs, Topics};
pub use self::dead_args::{DeadCommand, DeadFilter, DeadListArgs, DeadPickArgs, DeadShowArgs};
pub use self::model_args::{EmbedArgs, ModelsCommand};
pub use self::upkeep_args::{CompletionsArgs, DoctorArgs, ManArgs, RemoveArgs, ReprocessArgs, VerifyArgs};
use crate::exit::Exit;
use crate::settings::source::Flags;

/// What to print, where, and how to end, when there is no command to run.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The text; `to_string()` is plain, `ansi()` has colours.
    pub text: StyledStr,
    /// Whether it is what was asked for (`--help`), and so goes to stdout.
    pub asked_for: bool,
    /// How to end.
    pub exit: Exit,
}

/// Reads a command line; `words` begins with the program's name.
///
/// # Errors
/// What to print instead: help, the version, or what was wrong and what to
/// type.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, Ended> {
    let words = guide::split_attached_count(words.into_iter().collect());
    let cli = Cli::try_parse_from(&words).map_err(|error| ended(&error, &words))?;
    match &cli.command {
        Command::Search(search) if search.question().trim().is_empty() => {
            Err(usage("the question is empty: type docmill search \"your question\""))
        }
        Command::Embed(embed) if embed.text().trim().is_empty() => {
            Err(usage("the text is empty: type docmill embed \"your text\""))
        }
        _ => Ok(cli),
    }
}

fn ended(error: &clap::Error, words: &[OsString]) -> Ended {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion) {
        return Ended { text: error.render(), asked_for: true, exit: Exit::Done };
    }
    match guide::what_to_type(words) {
        Some(guidance) => usage(&guidance),
        None => Ended { text: error.render(), asked_for: false, exit: Exit::Usage },
    }
}

fn usage(text: &str) -> Ended {
    Ended { text: format!("error: {text}\n").into(), asked_for: false, exit: Exit::Usage }
}

impl Cli {
    /// The settings that the command line sets, by the flags that set them.
    pub fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        for (name, value) in &self.global.set {
            flags.set("--set", name, value);
        }
        let mut put = |flag: &str, name: &str, value: &Option<String>| {
            if let Some(value) = value {
                flags.set(flag, name, value);
            }
        };
        put("--data-dir", "DATA_DIR", &self.global.data_dir);
        put("--log-level", "LOG_LEVEL", &self.global.log_level);
        match &self.command {
            Command::Run(run) => {
                put("--mode", "PIPELINE_MODE", &run.mode);
                run.crawl.put(&mut put);
            }
            Command::Crawl(crawl) => crawl.put(&mut put),
            Command::Process(process) => put("--mode", "PIPELINE_MODE", &process.mode),
            Command::Reprocess(reprocess) => put("--mode", "PIPELINE_MODE", &reprocess.mode),
            Command::Models(ModelsCommand::Pull(model) | ModelsCommand::Verify(model)) => {
                put("command line", "EMBEDDING_MODEL", &model.name);
            }
            _ => {}
        }
        flags
    }
}

#[cfg(test)]
mod tests;
