//! A command that is running.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, kill_process};

use super::Finished;
use super::slots::Slot;
use crate::support::wait;

/// What can be sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A service manager's way to ask for an end.
    Terminate,
    /// The terminal was closed.
    #[cfg(unix)]
    Hangup,
    /// The end at once, as by a power cut.
    Kill,
}

/// A process that ends with its test.
pub(crate) struct Running {
    command: String,
    child: Child,
    stdout: Output,
    stderr: Output,
    _slot: Option<Slot>,
}

/// What a process printed up to now.
struct Output {
    text: Arc<Mutex<Vec<u8>>>,
    closed: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(mut command: Command, input: Option<String>, slot: Option<Slot>) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the built program can be started");
        if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
            // A program that ends before it has read all is no error here.
            std::thread::spawn(move || pipe.write_all(input.as_bytes()));
        }
        let stdout = Output::read(child.stdout.take().expect("stdout is piped"));
        let stderr = Output::read(child.stderr.take().expect("stderr is piped"));
        let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        Self { command: format!("docmill {}", words.join(" ")), child, stdout, stderr, _slot: slot }
    }

    /// Reads no more of its standard output: what it prints then fails.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout.closed.store(true, Ordering::SeqCst);
        self.stdout.whole();
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed on standard output up to now.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it printed on standard error up to now.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let signal = match signal {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Terminate => rustix::process::Signal::TERM,
            #[cfg(unix)]
            Signal::Hangup => rustix::process::Signal::HUP,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        // It may have ended by itself just now; the test sees that by its code.
        let _may_be_gone = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Waits until `look` finds something; fails where the program ends first.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let found = wait::within(wait::bound(), || {
            let has_ended = self.has_ended();
            match look(self) {
                Some(found) => Some(Some(found)),
                None if has_ended => Some(None),
                None => None,
            }
        });
        match found.flatten() {
            Some(found) => found,
            None => panic!("no {what}\n--- stdout\n{}\n--- stderr\n{}", self.stdout(), self.stderr()),
        }
    }

    /// The most memory that it ever had, in bytes; `None` where the system
    /// does not say, or it has ended.
    pub(crate) fn memory_peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib * 1024)
    }

    /// How many of its threads have a name that begins so; for Linux.
    pub(crate) fn threads(&self, name: &str) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id())).into_iter().flatten().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|known| known.starts_with(name)).count()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Finished {
        let status = wait::within(wait::bound(), || self.child.try_wait().expect("a child can be waited for"));
        let Some(status) = status else {
            let (stdout, stderr) = (self.stdout(), self.stderr());
            panic!("`{}` did not end\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.command);
        };
        Finished {
            command: std::mem::take(&mut self.command),
            code: status.code(),
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended, which is what is wanted.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Output {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let (growing, closed) = (Arc::clone(&text), Arc::new(AtomicBool::new(false)));
        let is_closed = Arc::clone(&closed);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                growing.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
                if is_closed.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Self { text, closed, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// All of it: waits for the pipe's end.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ended = reader.join();
        }
        self.text()
    }
}
