//! sentence-transformers in a Python process: it loads the same weights, and
//! embeds all texts each time it is told to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::report::Round;
use crate::{Result, docmill, memory};

const SCRIPT: &str = include_str!("sentence_transformers_side.py");
/// Texts in one batch: what sentence-transformers takes by default.
const BATCH: usize = 32;

/// A Python that has sentence-transformers: the one on the path, else that of
/// the virtual environment, which is made if `install` says so.
pub(crate) fn find_python(cache: &Path, install: bool) -> Result<Option<PathBuf>> {
    let folder = cache.join("bench-venv");
    let own = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    for python in [PathBuf::from("python3"), own.clone()] {
        let asked = Command::new(&python).args(["-c", "import sentence_transformers"]).stderr(Stdio::null()).status();
        if asked.is_ok_and(|status| status.success()) {
            return Ok(Some(python));
        }
    }
    if !install {
        return Ok(None);
    }
    eprintln!("installing sentence-transformers with PyTorch into {}; this takes minutes", folder.display());
    let mut make = Command::new("python3");
    run(make.args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&own).args(["-m", "pip", "install", "--quiet", "sentence-transformers"]))?;
    Ok(Some(own))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// The process, ended when it is dropped.
pub(crate) struct Rival {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Script and texts; removed at the end.
    folder: tempfile::TempDir,
}

impl Rival {
    pub(crate) fn start(python: &Path, model: &Path, window: usize, texts: &[String]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("side.py");
        std::fs::write(&script, SCRIPT)?;
        std::fs::write(folder.path().join("texts.json"), serde_json::to_vec(texts)?)?;
        let numbers = [window, docmill::cores(), BATCH].map(|number| number.to_string());
        let mut child = Command::new(python)
            .args([&script, model, folder.path()])
            .args(numbers)
            .env("HF_HUB_OFFLINE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut rival = Self { child, orders, answers, folder };
        println!("beside {}", rival.answer()?.trim());
        Ok(rival)
    }

    /// Embeds all texts.
    pub(crate) fn embed(&mut self) -> Result<Round> {
        writeln!(self.orders, "embed")?;
        let answer: serde_json::Value = serde_json::from_str(&self.answer()?)?;
        let seconds = answer["seconds"].as_f64().ok_or("no seconds in the answer")?;
        let dimension =
            answer["dimension"].as_u64().and_then(|size| usize::try_from(size).ok()).ok_or("no dimension")?;
        let bytes = std::fs::read(self.folder.path().join("vectors.f32"))?;
        let (words, _none) = bytes.as_chunks();
        let numbers: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
        Ok(Round { seconds, vectors: numbers.chunks_exact(dimension.max(1)).map(<[f32]>::to_vec).collect() })
    }

    /// The most that the process has held so far, in MiB.
    pub(crate) fn memory(&self) -> Option<u64> {
        memory::peak(&self.child.id().to_string())
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("sentence-transformers ended; its reason stands above".into()),
            _ => Ok(line),
        }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
