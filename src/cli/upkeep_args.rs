//! What the commands take that mend, take out, and help to type.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use clap_complete::Shell;
use regex::Regex;

/// What to take out.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["urls", "site"])))]
pub struct RemoveArgs {
    /// Page to take out
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    /// Take out every page whose URL begins so, or that is on this host; more than one needs --yes
    #[arg(long, value_name = "PREFIX-OR-HOST")]
    pub site: Option<String>,
    /// Take out all that --site matches, without asking
    #[arg(long)]
    pub yes: bool,
    /// Only list what would be taken out
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON: {"removed": [URL], "already_out": [URL], "unknown": [URL], "dry_run"}
    #[arg(long)]
    pub json: bool,
}

/// What to process again.
#[derive(Debug, Clone, Args)]
pub struct ReprocessArgs {
    /// Regular expression of URLs; none: all
    #[arg(value_name = "PATTERN")]
    pub patterns: Vec<Regex>,
    /// Only what is dead
    #[arg(long)]
    pub dead: bool,
    /// streaming: all stages at once; batch: one after the other [setting: PIPELINE_MODE]
    #[arg(long, value_name = "MODE", value_parser = ["streaming", "batch"])]
    pub mode: Option<String>,
}

/// What `verify` takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct VerifyArgs {
    /// Mend what can be mended without losing anything; no run may be going on
    #[arg(long)]
    pub repair: bool,
    /// Print JSON: {"running", "items", "documents", "in_motion", "findings": [...], "mended": [...], "notes": [...]}
    #[arg(long)]
    pub json: bool,
}

/// What `doctor` takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct DoctorArgs {
    /// Ask for START_URLS too, one request each
    #[arg(long)]
    pub network: bool,
    /// Fetch the embedding model and its runtime where they are not there
    #[arg(long)]
    pub download: bool,
    /// Print JSON: {"ok", "checks": [{"name", "state": ok|warn|fail, "found", "mend"}]}
    #[arg(long)]
    pub json: bool,
}

/// For which shell.
#[derive(Debug, Clone, Copy, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, powershell or elvish
    #[arg(value_name = "SHELL", value_enum, hide_possible_values = true)]
    pub shell: Shell,
}

/// Where to.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Write every command's page into this folder; else the main page is printed
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
}
