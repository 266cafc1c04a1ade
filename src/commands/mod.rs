//! What each command does: settings in, exit code out.

mod dead;
mod demo;
mod digest;
mod doctor;
mod embed;
mod graph;
mod load;
mod manual;
mod model;
mod models;
mod remove;
mod reprocess;
mod run;
mod search;
mod service;
mod setup;
mod show;
mod signals;
mod status;
mod verify;
mod view;

use std::path::Path;

use docmill_stages::db::DbError;
use docmill_stages::embed::EmbedError;
use docmill_stages::failure::{StageError, chain, one_line};
use docmill_stages::load::LoadError;
use docmill_stages::room;
use docmill_stages::store::StoreError;

use crate::cli::{Cli, Command, DeadCommand};
use crate::data_dir::DataDirError;
use crate::exit::{Exit, say_last};
use crate::progress::Progress;
use crate::settings::Loaded;

/// Why a command could not do its work: what a person is told, and the exit
/// code.
#[derive(Debug)]
pub struct Refusal {
    exit: Exit,
    message: String,
    /// Whether the disk is full, or fails.
    is_store_down: bool,
}

impl Refusal {
    fn new(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self { exit, message: chain(error), is_store_down: false }
    }

    fn said(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), is_store_down: false }
    }

    /// The same where the error may tell of a full disk.
    fn of_store(exit: Exit, error: &impl StageError) -> Self {
        Self { is_store_down: error.is_store_outage(), ..Self::new(exit, error) }
    }

    /// Where the disk is full: how much room there is, and what to do. A
    /// command that only reads has nothing left to go on with.
    fn with_room(self, command: &Command, data_dir: &Path) -> Self {
        if !self.is_store_down {
            return self;
        }
        let reads = matches!(
            command,
            Command::Search(_)
                | Command::Status(_)
                | Command::Digest(_)
                | Command::Dead(DeadCommand::List(_) | DeadCommand::Show(_))
                | Command::Doctor(_)
                | Command::Embed(_)
                | Command::Models(_)
        );
        let exit = if reads { Exit::Unavailable } else { Exit::Stopped };
        Self { exit, message: store_down(data_dir, &self.message), ..self }
    }

    /// Tells the person, as the last line.
    fn say(self) -> Exit {
        say_last(&one_line(&self.message, 4_000));
        self.exit
    }
}

/// What a person is told where the disk is full, or fails.
fn store_down(data_dir: &Path, why: &str) -> String {
    let (folder, free) = (data_dir.display(), room::free_text(data_dir));
    format!(
        "DATA_DIR {folder} cannot be written ({free}): {why}; make it writable or make room and run again, nothing is lost"
    )
}

impl From<DataDirError> for Refusal {
    fn from(error: DataDirError) -> Self {
        let (exit, is_store_down) = match &error {
            DataDirError::NotWritable { source, .. } if room::is_full(source) => (Exit::Stopped, true),
            DataDirError::NotWritable { .. } => (Exit::Settings, false),
            DataDirError::InUse { .. } => (Exit::Unavailable, false),
        };
        Self { is_store_down, ..Self::new(exit, &error) }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::of_store(Exit::Settings, &error)
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::of_store(Exit::Unavailable, &error)
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Neo4j(error) => error.into(),
            error => Self::of_store(Exit::Unavailable, &error),
        }
    }
}

impl From<EmbedError> for Refusal {
    fn from(error: EmbedError) -> Self {
        let exit = if error.is_setting() { Exit::Settings } else { Exit::Unavailable };
        Self::new(exit, &error)
    }
}

/// Does what needs no settings, so that bad ones are not in its way; `None`
/// for every other command.
pub fn without_settings(cli: &Cli) -> Option<Exit> {
    let done = match &cli.command {
        Command::Completions(args) => manual::completions(*args),
        Command::Man(args) => manual::man(args),
        _ => return None,
    };
    Some(done.unwrap_or_else(|refusal| refusal.say()))
}

/// Does what the command line asks for.
pub fn execute(cli: &Cli, loaded: &Loaded, progress: &mut Progress) -> Exit {
    let settings = &loaded.settings;
    let done = match &cli.command {
        Command::Config(topics) => show::config(loaded, topics.json),
        Command::Run(_) => run::run(settings, progress),
        Command::Crawl(_) => run::crawl(settings, progress),
        Command::Process(_) => run::process(settings, progress),
        Command::Watch => run::watch(settings, progress),
        Command::Search(search) => search::search(settings, search, progress),
        Command::Status(topics) => status::status(settings, topics.json),
        Command::Load => load::load(settings),
        Command::Digest(digest) => digest::digest(settings, *digest),
        Command::Remove(remove) => remove::remove(settings, remove),
        Command::Reprocess(reprocess) => reprocess::reprocess(settings, reprocess, progress),
        Command::Dead(command) => dead::dead(settings, command),
        Command::Verify(args) => verify::verify(settings, *args),
        Command::Doctor(args) => doctor::doctor(loaded, *args, progress),
        Command::Embed(embed) => embed::embed(settings, embed, progress),
        Command::Models(models) => models::models(settings, models, progress),
        Command::Demo => demo::demo(settings, progress),
        // They are done before there are settings.
        Command::Completions(args) => manual::completions(*args),
        Command::Man(args) => manual::man(args),
    };
    done.unwrap_or_else(|refusal| refusal.with_room(&cli.command, &settings.storage.data_dir).say())
}
