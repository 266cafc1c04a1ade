//! How much memory a side takes: measured in a process of its own, for the
//! benchmark's own process holds several models.

use std::process::Command;

use docmill_stages::embed::local::{LocalOptions, LocalProvider, Precision};
use docmill_stages::embed::models::ModelFiles;

use crate::Result;
use crate::docmill::Sessions;

/// The most that docmill holds with a session a core in this precision, in
/// MiB; nothing where the system does not say.
pub(crate) fn of(model: &str, precision: &str) -> Option<u64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program).args(["--model", model, "--memory-of", precision]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// What the process that [`of`] starts does.
pub(crate) fn show(files: &ModelFiles, precision: &str) -> Result<()> {
    let precision = if precision == "int8" { Precision::Int8 } else { Precision::Fp32 };
    let provider = LocalProvider::load(files, LocalOptions { precision, window: None })?;
    let texts = vec!["word ".repeat(200); 8];
    Sessions::open(&provider)?.embed(&texts)?;
    println!("{}", peak("self").ok_or("this system does not say")?);
    Ok(())
}

/// The most that a process has held so far, in MiB.
pub(crate) fn peak(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib / 1024)
}
