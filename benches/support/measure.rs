//! A run of the built program, measured from outside: time, CPU seconds, and
//! the most memory it ever had. By Linux's `/proc`.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::Result;

/// Between two looks at the process.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Clock ticks of a second in `/proc/PID/stat`: the same on every Linux.
const TICKS: f64 = 100.0;

/// What a run took.
#[derive(Debug, Clone)]
pub struct Measured {
    /// From start to end, in seconds.
    pub wall_s: f64,
    /// On all cores together, in seconds.
    pub cpu_s: f64,
    /// The most memory that it ever had, in MiB.
    pub memory_mib: f64,
    /// What it printed.
    pub stdout: String,
    /// What it logged.
    pub stderr: String,
}

/// The built program with nothing of this process's environment but what
/// finds the model and Python.
pub fn docmill(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docmill"));
    command.env_clear();
    for name in ["HOME", "PATH", "XDG_CACHE_HOME", "MODEL_CACHE_DIR", "ORT_DYLIB_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("DATA_DIR", data_dir).current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

/// Runs a command to its end, which must be a good one.
///
/// # Errors
/// It cannot be started or ends with another code than 0.
pub fn run(command: &mut Command) -> Result<Measured> {
    let output = tempfile::tempdir()?;
    let [out, err] = ["stdout", "stderr"].map(|name| output.path().join(name));
    command.stdout(File::create(&out)?).stderr(File::create(&err)?);
    let since = Instant::now();
    let mut child = command.spawn()?;
    let (cpu_s, memory_mib) = watch(&child)?;
    let wall_s = since.elapsed().as_secs_f64();
    let status = child.wait()?;
    let measured = Measured {
        wall_s,
        cpu_s,
        memory_mib,
        stdout: std::fs::read_to_string(out)?,
        stderr: std::fs::read_to_string(err)?,
    };
    if !status.success() {
        return Err(format!("{command:?} ended with {status}\n{}\n{}", measured.stdout, measured.stderr).into());
    }
    Ok(measured)
}

/// Waits until the process has ended (and not yet been waited for: its times
/// can still be read then). CPU seconds, and the peak of its memory in MiB.
fn watch(child: &Child) -> Result<(f64, f64)> {
    let mut peak_kib = 0;
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
        // The name in brackets may hold anything; the rest are numbers.
        let (_, fields) = stat.rsplit_once(')').ok_or("an unknown form of /proc/PID/stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
            let (user, system) = ticks(11).zip(ticks(12)).ok_or("an unknown form of /proc/PID/stat")?;
            return Ok(((user + system) / TICKS, f64::from(peak_kib) / 1024.0));
        }
        peak_kib = memory_peak_kib(child).unwrap_or(0).max(peak_kib);
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Linux keeps the highest mark itself; it is gone with the memory.
fn memory_peak_kib(child: &Child) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Wall and CPU seconds of a piece of work in this process, on all of its
/// threads.
pub fn time<T>(work: impl FnOnce() -> T) -> (T, f64, f64) {
    let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    let (since, cpu_before) = (Instant::now(), cpu());
    let made = work();
    (made, since.elapsed().as_secs_f64(), (cpu() - cpu_before).as_secs_f64())
}
