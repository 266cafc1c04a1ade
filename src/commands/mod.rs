//! What each command does: settings in, exit code out.

mod demo;
mod digest;
mod model;
mod run;
mod search;
mod service;
mod setup;
mod show;
mod status;
mod view;

use docmill_stages::db::DbError;
use docmill_stages::embed::EmbedError;
use docmill_stages::failure::{chain, one_line};
use docmill_stages::load::LoadError;
use docmill_stages::store::StoreError;

use crate::cli::{Cli, Command};
use crate::data_dir::DataDirError;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::settings::Loaded;

/// Why a command could not do its work: what a person is told, and the exit
/// code.
#[derive(Debug)]
pub struct Refusal {
    exit: Exit,
    message: String,
}

impl Refusal {
    fn new(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self { exit, message: chain(error) }
    }

    fn said(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<DataDirError> for Refusal {
    fn from(error: DataDirError) -> Self {
        let exit = match error {
            DataDirError::NotWritable { .. } => Exit::Settings,
            DataDirError::InUse { .. } => Exit::Unavailable,
        };
        Self::new(exit, &error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::Settings, &error)
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::new(Exit::Unavailable, &error)
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        Self::new(Exit::Unavailable, &error)
    }
}

impl From<EmbedError> for Refusal {
    fn from(error: EmbedError) -> Self {
        let exit = if error.is_setting() { Exit::Settings } else { Exit::Unavailable };
        Self::new(exit, &error)
    }
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
        Command::Digest(digest) => digest::digest(settings, *digest),
        Command::Demo => demo::demo(settings, progress),
    };
    done.unwrap_or_else(|refusal| {
        eprintln!("docmill: {}", one_line(&refusal.message, 4_000));
        refusal.exit
    })
}
