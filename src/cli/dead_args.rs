//! What the commands about dead items take.

use clap::{ArgGroup, Args, Subcommand};
use regex::Regex;

/// What to do with dead items.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadCommand {
    /// List what is dead, in the order in which it was admitted
    #[command(after_help = "\
Examples:
  docmill dead list
  docmill dead list --stage embedder --url '/guide/'
  docmill dead list --kind not_json --json")]
    List(DeadListArgs),
    /// Show all that is known of one dead item, and how its raw item begins
    Show(DeadShowArgs),
    /// Put dead items back among those that wait, as if never tried; also beside a run or a watch
    #[command(after_help = "\
Examples:
  docmill dead replay 182ccedb33a9
  docmill dead replay --stage embedder
  docmill dead replay --all && docmill process

A run or watch in the same DATA_DIR takes them up by itself; else docmill process does. It is what
docmill reprocess --dead does too, which processes them at once and needs DATA_DIR for itself.")]
    Replay(DeadPickArgs),
    /// Give dead items up: they count as skipped until their page has newer content
    #[command(after_help = "\
Examples:
  docmill dead drop https://docs.example.com/guide/broken.html
  docmill dead drop --kind not_json

What was loaded of a page before stays in the index and is named; docmill remove URL takes it out.
A refused file that is dropped is dead again when it is read again. docmill reprocess takes a dropped
page up again.")]
    Drop(DeadPickArgs),
}

/// Which of the dead items are meant.
#[derive(Debug, Clone, Default, Args)]
pub struct DeadFilter {
    /// Only those that died at this stage
    #[arg(long, value_name = "STAGE", value_parser = ["watcher", "processor", "chunker", "embedder", "loader"])]
    pub stage: Option<String>,
    /// Only those of this kind of error, such as panicked or not_json
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only those whose URL matches the pattern (regular expression); may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub url: Vec<Regex>,
}

/// What `dead list` takes.
#[derive(Debug, Clone, Args)]
pub struct DeadListArgs {
    /// Which.
    #[command(flatten)]
    pub filter: DeadFilter,
    /// Items to list at most; all are counted
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Print one line of JSON: {"count", "dead": [...]}
    #[arg(long)]
    pub json: bool,
}

/// What `dead show` takes.
#[derive(Debug, Clone, Args)]
pub struct DeadShowArgs {
    /// The item's key or URL, as `dead list` shows them
    #[arg(value_name = "KEY|URL")]
    pub item: String,
    /// Print one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// What `dead replay` and `dead drop` take.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["items", "all", "stage", "kind", "url"])))]
pub struct DeadPickArgs {
    /// Keys or URLs, as `dead list` shows them
    #[arg(value_name = "KEY|URL", conflicts_with_all = ["all", "stage", "kind", "url"])]
    pub items: Vec<String>,
    /// Every dead item
    #[arg(long, conflicts_with_all = ["stage", "kind", "url"])]
    pub all: bool,
    /// Which.
    #[command(flatten)]
    pub filter: DeadFilter,
    /// Print one line of JSON
    #[arg(long)]
    pub json: bool,
}
