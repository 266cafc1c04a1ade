//! `docmill doctor`: whether the machine is fit for a run, and how to mend
//! what is not.
//!
//! Each group of checks is a file and a row of [`GROUPS`]; a group for
//! another service is one more of both. Every check comes to an end within
//! [`BOUND`], and none of them changes the data.

mod check;
mod folder;
mod model;
mod neo4j;
mod network;
mod setting;
mod system;

use std::cell::OnceCell;
use std::time::Duration;

use docmill_stages::load::index::Model;
use serde_json::json;

use self::check::{Check, State};
use super::Refusal;
use super::show::print;
use crate::cli::DoctorArgs;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::settings::{Loaded, Settings};

/// How long one check may take; only a download may take longer.
const BOUND: Duration = Duration::from_secs(60);

/// What is examined, and how far.
struct Patient<'a> {
    loaded: &'a Loaded,
    args: DoctorArgs,
    progress: &'a Progress,
    /// The model that a text was embedded with, once that went well.
    model: OnceCell<Model>,
}

impl Patient<'_> {
    fn settings(&self) -> &Settings {
        &self.loaded.settings
    }
}

/// In the order in which they are shown.
const GROUPS: [fn(&Patient<'_>) -> Vec<Check>; 6] =
    [setting::checks, folder::checks, system::checks, model::checks, neo4j::checks, network::checks];

/// Ends with 0, or with 1 where a check fails. Bad settings have ended the
/// process before.
pub(super) fn doctor(loaded: &Loaded, args: DoctorArgs, progress: &Progress) -> Result<Exit, Refusal> {
    let patient = Patient { loaded, args, progress, model: OnceCell::new() };
    let checks: Vec<Check> = GROUPS.iter().flat_map(|group| group(&patient)).collect();
    let has_failed = checks.iter().any(|check| check.state == State::Fail);
    let text = if args.json {
        let list: Vec<_> = checks.iter().map(Check::json).collect();
        format!("{:#}\n", json!({"ok": !has_failed, "checks": list}))
    } else {
        checks.iter().map(Check::line).collect()
    };
    let printed = print(&text);
    Ok(if printed == Exit::Done && has_failed { Exit::WithErrors } else { printed })
}
