//! Loads ONNX Runtime's shared library, once in a process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::super::EmbedError;
use crate::failure::one_line;

/// Longest message of the library that is logged, in bytes.
const LOG_BYTES_MAX: usize = 500;

/// What was loaded. It stays so for the life of the process: the library can
/// neither be unloaded nor loaded from another file.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The process's environment, with the library at `path` loaded at the first
/// call.
///
/// # Errors
/// Where the file is missing, is no ONNX Runtime or too old, or another one is
/// loaded already.
pub(super) fn load(path: &Path) -> Result<Environment, EmbedError> {
    let failed = |reason: String| EmbedError::Runtime { path: path.to_owned(), reason };
    let real_path = path.canonicalize().map_err(|error| failed(format!("{error}; {ADVICE}")))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((loaded_path, environment)) = loaded.as_ref() {
        if *loaded_path == real_path {
            return Ok(environment.clone());
        }
        return Err(failed(format!("{} is loaded already, and a process takes only one", loaded_path.display())));
    }
    // The library is asked for its version in a way that asserts; a panic
    // there says only that this is no ONNX Runtime.
    let built = std::panic::catch_unwind(|| build(&real_path));
    let environment = match built {
        Ok(Ok(environment)) => environment,
        Ok(Err(reason)) => return Err(failed(format!("{reason}; {ADVICE}"))),
        Err(_) => return Err(failed(format!("it is no ONNX Runtime; {ADVICE}"))),
    };
    environment.set_log_level(LogLevel::Warning);
    *loaded = Some((real_path, environment.clone()));
    Ok(environment)
}

const ADVICE: &str =
    "set ORT_DYLIB_PATH to the library of ONNX Runtime 1.22 or newer, or unset it so that docmill fetches one";

fn build(path: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    builder
        .with_name("docmill")
        .with_telemetry(false)
        .with_logger(Arc::new(|level, _category, _id, _location, message| {
            log::log!(target: "onnxruntime", log_level(level), "{}", one_line(message, LOG_BYTES_MAX));
        }))
        .build()
        .map_err(|error| error.to_string())
}

/// One step quieter than the library means it: its warnings are about graph
/// optimisations and devices, of which a user can mend nothing.
fn log_level(level: LogLevel) -> log::Level {
    match level {
        LogLevel::Fatal | LogLevel::Error => log::Level::Warn,
        LogLevel::Warning => log::Level::Debug,
        LogLevel::Info | LogLevel::Verbose => log::Level::Trace,
    }
}
