//! The command line's shape, as clap reads it.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::dead_args::DeadCommand;
use super::model_args::{EmbedArgs, ModelsCommand};
use super::upkeep_args::{CompletionsArgs, DoctorArgs, ManArgs, RemoveArgs, ReprocessArgs, VerifyArgs};
use crate::settings::parse;

/// Turns a documentation site into a searchable knowledge base.
#[derive(Debug, Clone, Parser)]
#[command(name = "docmill", version, about, after_help = FIRST_STEPS, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  docmill demo                              see it work on docmill's own handbook
  docmill run https://docs.example.com/     crawl a site and index it
  docmill search \"how do I configure it\"    ask

Settings come from flags, the environment and a .env file: `docmill config` shows them all.
Exit codes: 0 all done, 1 done with errors, 64 usage, 69 a service or the site is not there,
70 gave up restarting, 75 stopped with work left, 78 bad settings.";

/// What holds for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// How progress is shown: bars on a terminal and else plain lines (auto), plain, or none
    #[arg(long, global = true, value_enum, default_value_t, hide_possible_values = true, value_name = "HOW")]
    pub progress: ProgressMode,
    /// Sets any setting for this command; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub set: Vec<(String, String)>,
    /// Folder that everything is written under [setting: DATA_DIR]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// Least weight of what is logged, such as WARNING or DEBUG [setting: LOG_LEVEL]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressMode {
    /// Bars where standard output and standard error are a terminal, else plain lines.
    #[default]
    Auto,
    /// A line now and then.
    Plain,
    /// Nothing.
    None,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Crawl a site and index it; without a URL, go on with the sites it knows
    #[command(after_help = "\
Examples:
  docmill run https://docs.example.com/guide/
  docmill run https://docs.example.com/ --pages 50 --delay 1s
  docmill run --mode batch                  START_URLS, or the sites known from before")]
    Run(RunArgs),
    /// Fetch pages into the raw folder, and no more
    #[command(after_help = "\
Examples:
  docmill crawl https://docs.example.com/guide/
  docmill process                           index what was fetched")]
    Crawl(CrawlArgs),
    /// Index what lies in the raw folder, then end
    #[command(after_help = "\
Examples:
  docmill process
  docmill process --data-dir /srv/docs      DATA_DIR/raw may hold another program's items")]
    Process(ProcessArgs),
    /// Stay, and index whatever comes into the raw folder, until Ctrl-C
    Watch,
    /// Ask the index a question
    #[command(after_help = "\
Examples:
  docmill search \"how do I configure it\"
  docmill search -k 3 --json \"--no-default-features\"
  docmill search --neo4j --widen \"C++\"      ask the graph, with what stands around each hit
  docmill search -- --json                  ask for the text `--json` itself
  docmill search - --json < questions.txt   a question a line, a line of JSON for each")]
    Search(SearchArgs),
    /// Show what is done, waiting, in flight and dead; works beside a run
    Status(Topics),
    /// Load what is done into a Neo4j that lacks it
    Load,
    /// Print a hash of all that was made, to compare two runs
    Digest(DigestArgs),
    /// Take pages out of everything: the index, the files, the raw folder
    #[command(after_help = "\
Examples:
  docmill remove https://docs.example.com/guide/old.html
  docmill remove --site https://docs.example.com/v1/ --dry-run
  docmill remove --site docs.example.com --yes

A page stays out until it is crawled again; CRAWL_DENY (--deny) keeps the crawler off it.")]
    Remove(RemoveArgs),
    /// Process pages again that are done, skipped or dead
    #[command(after_help = "\
Examples:
  docmill reprocess --dead                  what is dead, once its cause is mended; docmill dead
                                            picks single items, and works beside a run
  docmill reprocess '/guide/' '\\.md$'       URLs that match one of the patterns
  docmill reprocess                         everything")]
    Reprocess(ReprocessArgs),
    /// List, show, try again or give up what is dead; works beside a run
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Hold files, index and ledger against each other; works beside a run
    #[command(after_help = "\
Examples:
  docmill verify                            0: all agrees, 1: something does not
  docmill verify --repair                   mend what can be mended, and look again
  docmill process                           make anew what waits after that")]
    Verify(VerifyArgs),
    /// Check folders, disk, model, services and machine, and say how to mend each
    #[command(after_help = "\
Examples:
  docmill doctor
  docmill doctor --network                  ask for START_URLS too
  docmill doctor --download                 fetch the model if it is not there")]
    Doctor(DoctorArgs),
    /// Print the vector that the embedding model makes of a text
    #[command(after_help = "\
Examples:
  docmill embed \"a text\"                    a number a line
  docmill embed --json --question \"how do I configure it\"
  docmill embed - < texts.txt               a text a line, a line of JSON for each")]
    Embed(EmbedArgs),
    /// List, fetch or check embedding models
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Show every setting, its value and where it came from
    Config(Topics),
    /// Print a script that completes docmill's commands and flags in a shell
    #[command(after_help = "\
Examples:
  docmill completions bash > ~/.local/share/bash-completion/completions/docmill
  docmill completions fish > ~/.config/fish/completions/docmill.fish")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write every command's into a folder
    #[command(after_help = "\
Examples:
  docmill man | man -l -
  docmill man --dir ~/.local/share/man/man1")]
    Man(ManArgs),
    /// See it work: serve docmill's own handbook, index it, ask it two questions
    Demo,
}

/// What `run` takes.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// What `crawl` takes too.
    #[command(flatten)]
    pub crawl: CrawlArgs,
    /// streaming: all stages at once; batch: one after the other [setting: PIPELINE_MODE]
    #[arg(long, value_name = "MODE", value_parser = ["streaming", "batch"])]
    pub mode: Option<String>,
}

/// What `process` takes.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs {
    /// streaming: all stages at once; batch: one after the other [setting: PIPELINE_MODE]
    #[arg(long, value_name = "MODE", value_parser = ["streaming", "batch"])]
    pub mode: Option<String>,
}

/// What is to be crawled.
#[derive(Debug, Clone, Args)]
pub struct CrawlArgs {
    /// Where to start; pages on the same host below the URL's folder are fetched [setting: START_URLS]
    #[arg(value_name = "URL", value_parser = parse::url)]
    pub urls: Vec<url::Url>,
    /// Pattern (regular expression) of URLs to fetch; may be repeated [setting: CRAWL_ALLOW]
    #[arg(long, value_name = "PATTERN", value_parser = one_word)]
    pub allow: Vec<String>,
    /// Pattern of URLs not to fetch; may be repeated [setting: CRAWL_DENY]
    #[arg(long, value_name = "PATTERN", value_parser = one_word)]
    pub deny: Vec<String>,
    /// Links to follow from a start URL at most; 0: no limit [setting: DEPTH_LIMIT]
    #[arg(long, value_name = "N")]
    pub depth: Option<String>,
    /// Pages to fetch at most; 0: no limit [setting: CLOSESPIDER_PAGECOUNT]
    #[arg(long, value_name = "N")]
    pub pages: Option<String>,
    /// Pause between two requests to one host, such as 1s [setting: DOWNLOAD_DELAY]
    #[arg(long, value_name = "TIME")]
    pub delay: Option<String>,
}

impl CrawlArgs {
    /// Hands each flag that was typed to `put`: flag, setting, value.
    pub(super) fn put(&self, put: &mut impl FnMut(&str, &str, &Option<String>)) {
        let joined = |words: Vec<&str>| (!words.is_empty()).then(|| words.join(" "));
        put("command line", "START_URLS", &joined(self.urls.iter().map(url::Url::as_str).collect()));
        put("--allow", "CRAWL_ALLOW", &joined(self.allow.iter().map(String::as_str).collect()));
        put("--deny", "CRAWL_DENY", &joined(self.deny.iter().map(String::as_str).collect()));
        put("--depth", "DEPTH_LIMIT", &self.depth);
        put("--pages", "CLOSESPIDER_PAGECOUNT", &self.pages);
        put("--delay", "DOWNLOAD_DELAY", &self.delay);
    }
}

/// A question.
#[derive(Debug, Clone, Args)]
pub struct SearchArgs {
    /// Hits to show at most
    #[arg(short = 'k', long = "hits", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub hits: u16,
    /// Print JSON: {"query", "hits": [{"rank", "score", "url", "title", "headings", "text", "chunk_id"}]}
    #[arg(long)]
    pub json: bool,
    /// Ask the graph in Neo4j [default where USE_NEO4J is on]
    #[arg(long, conflicts_with = "index")]
    pub neo4j: bool,
    /// Ask the index, also where USE_NEO4J is on
    #[arg(long)]
    pub index: bool,
    /// Show what stands around each hit in Neo4j: the chunks before and after it, and linked pages
    #[arg(long, conflicts_with = "index")]
    pub widen: bool,
    /// The question; may start with `--`; `-`: read one a line from standard input
    #[arg(value_name = "QUESTION", required = true, allow_hyphen_values = true)]
    first_word: String,
    /// More words of it, where it was typed without quotes
    #[arg(value_name = "WORDS", hide = true)]
    more_words: Vec<String>,
}

impl SearchArgs {
    /// The question, as one text.
    pub fn question(&self) -> String {
        let words = std::iter::once(&self.first_word).chain(&self.more_words);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Whether questions are read from standard input, one a line.
    pub fn is_from_stdin(&self) -> bool {
        self.first_word == "-" && self.more_words.is_empty()
    }
}

/// A command that shows something.
#[derive(Debug, Clone, Copy, Args)]
pub struct Topics {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `digest` takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct DigestArgs {
    /// What is read: the files under DATA_DIR, the index, or the graph in Neo4j
    #[arg(long, value_enum, default_value_t, value_name = "PLACE")]
    pub from: DigestFrom,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What a digest is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DigestFrom {
    /// The files under DATA_DIR.
    Files,
    /// The index that `search` asks.
    #[default]
    Index,
    /// The graph in Neo4j.
    Neo4j,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as CHUNK_TOKENS=200")?;
    Ok((name.trim().to_ascii_uppercase(), value.to_owned()))
}

fn one_word(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err("expected one pattern without white space (\\s stands for it); repeat the flag for more".to_owned());
    }
    Ok(text.to_owned())
}
