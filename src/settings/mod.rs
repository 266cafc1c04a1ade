//! docmill's settings: where they come from, and what they may be.
//!
//! Flags win over the environment, that over `.env` in the working directory,
//! that over the default; an empty value asks for the default. Everything is
//! read before anything is refused, so that all problems are reported at once.
//! One row per setting ([`row::Row`]) is what all of it is made of.

mod actors;
mod chunk;
pub mod collect;
mod crawl;
pub mod dotenv;
mod embed;
mod later;
mod log;
mod neo4j;
pub mod parse;
mod pipeline;
mod process;
pub mod render;
pub mod row;
mod rules;
pub mod secret;
pub mod source;
mod storage;
pub mod table;

use std::path::{Path, PathBuf};

pub use self::actors::{Actors, ActorsTyped};
pub use self::chunk::Chunk;
use self::collect::Collector;
pub use self::collect::{Entry, Problem, SettingsError};
pub use self::crawl::Crawl;
use self::dotenv::DotEnv;
pub use self::embed::{Embed, EmbeddingProvider};
pub use self::log::Log;
pub use self::neo4j::Neo4j;
pub use self::pipeline::{Pipeline, PipelineMode};
pub use self::process::Process;
pub use self::rules::check_dimension;
use self::source::{Flags, Origin, Source};
pub use self::storage::{Storage, StorageMode};

/// Every setting, typed and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is fetched, and how politely.
    pub crawl: Crawl,
    /// From raw items to Markdown.
    pub process: Process,
    /// From Markdown to chunks.
    pub chunk: Chunk,
    /// From chunks to vectors.
    pub embed: Embed,
    /// Folder that models are kept in: `MODEL_CACHE_DIR`, or what stands for it.
    pub model_cache_dir: PathBuf,
    /// Where data goes.
    pub storage: Storage,
    /// The graph that documents are loaded into too.
    pub neo4j: Neo4j,
    /// Modes, limits and retries.
    pub pipeline: Pipeline,
    /// How many actors each stage has.
    pub actors: Actors,
    /// What is logged.
    pub log: Log,
}

/// The settings, and how they came to be.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every setting with what was found, in the order of the table; those of
    /// [`row::Area::Later`] only where they are set.
    pub entries: Vec<Entry>,
    /// What is odd but does no harm, a line each.
    pub warnings: Vec<String>,
}

/// Reads the settings of this process: `flags`, its environment, and `.env`
/// in the working directory.
///
/// # Errors
/// All problems at once.
pub fn load(flags: &Flags) -> Result<Loaded, SettingsError> {
    let dot_env = DotEnv::read(Path::new(".env"), &source::Environment);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    load_from(flags, &source::Environment, &dot_env, cores)
}

/// Reads the settings from these places, on a machine of so many cores.
///
/// # Errors
/// All problems at once.
pub fn load_from(
    flags: &Flags,
    environment: &dyn Source,
    dot_env: &DotEnv,
    cores: usize,
) -> Result<Loaded, SettingsError> {
    let sources: [&dyn Source; 3] = [flags, environment, dot_env];
    let mut collector = Collector::new(&sources);
    collector.warnings.extend(dot_env.warnings.iter().cloned());
    collector.problems.extend(dot_env.problems.iter().cloned().map(Problem::Other));
    report_unknown_names(&mut collector, flags, dot_env);

    let typed = Typed::read(&mut collector);
    read_later(&mut collector);
    rules::check_key(&mut collector);
    if let Some(typed) = &typed {
        rules::check(typed, &mut collector);
    }
    let Collector { problems, mut entries, warnings, .. } = collector;
    match typed {
        Some(typed) if problems.is_empty() => {
            let settings = typed.resolve(environment, cores);
            show_resolved(&settings, &mut entries);
            Ok(Loaded { settings, entries, warnings })
        }
        _ => Err(SettingsError(problems)),
    }
}

/// The settings as they were typed, before the machine is asked.
pub(crate) struct Typed {
    pub(crate) crawl: Crawl,
    pub(crate) process: Process,
    pub(crate) chunk: Chunk,
    pub(crate) embed: Embed,
    pub(crate) storage: Storage,
    pub(crate) neo4j: Neo4j,
    pub(crate) pipeline: Pipeline,
    pub(crate) actors: ActorsTyped,
    pub(crate) log: Log,
}

impl Typed {
    /// Reads every area before it looks whether one was bad.
    fn read(collector: &mut Collector<'_>) -> Option<Self> {
        let crawl = Crawl::read(collector);
        let process = Process::read(collector);
        let chunk = Chunk::read(collector);
        let embed = Embed::read(collector);
        let storage = Storage::read(collector);
        let neo4j = Neo4j::read(collector);
        let pipeline = Pipeline::read(collector);
        let actors = ActorsTyped::read(collector);
        let log = Log::read(collector);
        Some(Self {
            crawl: crawl?,
            process: process?,
            chunk: chunk?,
            embed: embed?,
            storage: storage?,
            neo4j: neo4j?,
            pipeline: pipeline?,
            actors: actors?,
            log: log?,
        })
    }

    fn resolve(self, environment: &dyn Source, cores: usize) -> Settings {
        let chosen = self.embed.model_cache_dir.clone();
        let model_cache_dir = chosen
            .or_else(|| user_cache_dir(environment).map(|folder| folder.join("docmill")))
            .unwrap_or_else(|| self.storage.data_dir.join(".models"));
        let mut embed = self.embed;
        if embed.model.is_empty() {
            embed.model = embed.provider.default_model().to_owned();
        }
        Settings {
            actors: Actors::resolve(&self.actors, cores, embed.provider),
            model_cache_dir,
            crawl: self.crawl,
            process: self.process,
            chunk: self.chunk,
            embed,
            storage: self.storage,
            neo4j: self.neo4j,
            pipeline: self.pipeline,
            log: self.log,
        }
    }
}

/// A name that no setting has is refused on the command line, where it was
/// meant for docmill, and a warning in `.env`, which other programs read too.
fn report_unknown_names(collector: &mut Collector<'_>, flags: &Flags, dot_env: &DotEnv) {
    let meant = |name: &str| table::nearest(name).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    for (name, origin) in flags.names().filter(|(name, _)| table::find(name).is_none()) {
        let hint = meant(name);
        let text = format!("{name} ({origin}): there is no such setting{hint} (`docmill config` lists all)");
        collector.problems.push(Problem::Other(text));
    }
    for (name, line) in dot_env.names().filter(|(name, _)| table::find(name).is_none()) {
        let hint = meant(name);
        collector.warnings.push(format!(".env line {line}: docmill has no setting {name} and ignores it{hint}"));
    }
}

/// Notes which settings of later parts are set.
fn read_later(collector: &mut Collector<'_>) {
    let before = collector.entries.len();
    for row in later::ROWS {
        collector.read(row, row.check);
    }
    let mut at = 0;
    collector.entries.retain(|entry| {
        at += 1;
        at <= before || entry.origin != Origin::Default
    });
}

/// Shows what was decided in place of what was left open.
fn show_resolved(settings: &Settings, entries: &mut [Entry]) {
    let counts = settings.actors.by_name().map(|(name, count)| (name, count.to_string()));
    let folder = ("MODEL_CACHE_DIR", settings.model_cache_dir.display().to_string());
    let model = ("EMBEDDING_MODEL", settings.embed.model.clone());
    for (name, shown) in counts.into_iter().chain([folder, model]) {
        let open = entries.iter_mut().find(|entry| entry.row.name == name && entry.origin == Origin::Default);
        if let Some(entry) = open {
            entry.shown = docmill_stages::failure::one_line(&shown, 4_096);
            // The provider decides on the model, and nothing of the machine.
            entry.origin = if name == "EMBEDDING_MODEL" { Origin::Default } else { Origin::Machine };
        }
    }
}

/// The user's folder for caches, as the operating system has it.
fn user_cache_dir(environment: &dyn Source) -> Option<PathBuf> {
    let folder = |name| {
        let path = PathBuf::from(environment.get(name)?.value?);
        path.is_absolute().then_some(path)
    };
    if cfg!(windows) {
        return folder("LOCALAPPDATA");
    }
    let in_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(in_home)))
}

#[cfg(test)]
mod tests;
