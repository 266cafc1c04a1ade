//! The built program, run as a person or a script would, with nothing of this
//! process's environment but what it is given.

mod finished;
mod running;
mod slots;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub(crate) use finished::Finished;
pub(crate) use running::{Running, Signal};

use super::model;

/// Commands that load the model for a run, and so wait for one another.
const HEAVY: [&str; 5] = ["run", "process", "reprocess", "watch", "demo"];

/// A place to run docmill in: a folder of its own, with `DATA_DIR`, home and
/// working directory in it.
pub(crate) struct Docmill {
    folder: TempDir,
    environment: BTreeMap<OsString, OsString>,
    bound_by_modes: bool,
}

impl Docmill {
    /// A fresh place, with retries that do not keep a test waiting.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("docmill-e2e-").tempdir().expect("a temporary folder");
        for name in ["home", "work"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder in a temporary folder");
        }
        let mut environment = BTreeMap::new();
        if let Some(path) = std::env::var_os("PATH") {
            environment.insert("PATH".into(), path);
        }
        let place = Self { folder, environment, bound_by_modes: false };
        let (home, data) = (place.path("home"), place.data_dir());
        place
            .env("HOME", home)
            .env("DATA_DIR", data)
            .env("MODEL_CACHE_DIR", model::cache_folder())
            .env("RETRY_BACKOFF_MIN", "20ms")
            .env("RETRY_BACKOFF_MAX", "200ms")
    }

    /// With one more variable in the environment.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// With several.
    pub(crate) fn envs<'a>(self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        variables.into_iter().fold(self, |place, (name, value)| place.env(name, value))
    }

    /// Sets a variable for the commands that follow.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.insert(name.into(), value.into());
    }

    /// Takes a variable away for the commands that follow.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.remove(OsStr::new(name));
    }

    /// The commands that follow may not pass over the modes of files, not even
    /// where the tests run as root.
    #[cfg(target_os = "linux")]
    pub(crate) fn bind_by_modes(&mut self) {
        self.bound_by_modes = true;
    }

    /// `DATA_DIR`.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// The working directory, where `.env` is looked for.
    pub(crate) fn work_dir(&self) -> PathBuf {
        self.path("work")
    }

    /// Something in the place's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `DATA_DIR/raw/NAME`, as another program would before a start.
    pub(crate) fn put_raw(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let folder = self.data_dir().join("raw");
        std::fs::create_dir_all(&folder).expect("raw/ can be made");
        std::fs::write(folder.join(name), bytes).expect("raw/ can be written");
    }

    /// Writes the working directory's `.env`.
    pub(crate) fn put_dotenv(&self, text: &str) {
        std::fs::write(self.work_dir().join(".env"), text).expect(".env can be written");
    }

    /// Runs a command to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, words: &[S]) -> Finished {
        self.start(words).finish()
    }

    /// Runs a command to its end with this text on its standard input.
    pub(crate) fn run_with_input<S: AsRef<OsStr>>(&self, words: &[S], input: &str) -> Finished {
        let mut command = self.command(words);
        command.stdin(Stdio::piped());
        Running::start(command, Some(input.to_owned()), None).finish()
    }

    /// Starts a command; it is killed when it is dropped. One that runs the
    /// model waits until few others do, unless it is [`Docmill::start_beside`].
    pub(crate) fn start<S: AsRef<OsStr>>(&self, words: &[S]) -> Running {
        let is_heavy = words.iter().any(|word| HEAVY.iter().any(|heavy| word.as_ref() == OsStr::new(heavy)));
        Running::start(self.command(words), None, is_heavy.then(slots::take))
    }

    /// Starts a command at once, whatever else is running.
    pub(crate) fn start_beside<S: AsRef<OsStr>>(&self, words: &[S]) -> Running {
        Running::start(self.command(words), None, None)
    }

    fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_docmill"));
        let mut command = if self.bound_by_modes && rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set", "-dac_override,-dac_read_search", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(words).env_clear().envs(&self.environment).current_dir(self.work_dir()).stdin(Stdio::null());
        command
    }
}
