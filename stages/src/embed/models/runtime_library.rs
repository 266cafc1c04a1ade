//! Finds or fetches ONNX Runtime's shared library.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::known::{self, KnownRuntime};
use super::place::{Placing, check_room, digest_file, make_folder};
use super::{Attempt, ModelError, ModelRequest, Progress, VerifiedFile, is_there, lock, pip};

/// Oldest minor version of 1.x that has the interface this program needs.
const MINOR_MIN: u32 = 22;
/// Longest time that an interpreter may take to say where a package lies.
const PYTHON_TIMEOUT: Duration = Duration::from_secs(20);
/// Prints the folder of an installed runtime without loading it.
const FIND_INSTALLED: &str = "import importlib.util as u, os, importlib.metadata as m; s = u.find_spec('onnxruntime'); \
    print(m.version('onnxruntime')); print(os.path.join(os.path.dirname(s.origin), 'capi'))";

const ADVICE: &str = "set ORT_DYLIB_PATH to the library of ONNX Runtime 1.22 or newer, \
    which the Python package onnxruntime has in onnxruntime/capi";

/// The library: the one that is set, else one in the model's own folder, the
/// cache, a Python installation, or by `pip`. A model hub has none.
pub(super) fn acquire(
    request: &ModelRequest,
    model_folder: Option<&Path>,
    progress: &dyn Fn(Progress<'_>),
) -> Result<VerifiedFile, ModelError> {
    if let Some(path) = named(request, model_folder)? {
        return digest_file(&path);
    }
    let mut attempts = vec![
        Attempt::new("ORT_DYLIB_PATH", "not set".to_owned()),
        Attempt::new("folder", "EMBEDDING_MODEL names none with a library".to_owned()),
    ];
    let Some(runtime) = known::runtime() else {
        let platform = format!("none is known for {} on {}", std::env::consts::OS, std::env::consts::ARCH);
        attempts.push(Attempt::new("cache and pip", platform));
        return installed_as_it_is(request, attempts);
    };
    let folder = request.cache_folder.join(runtime.folder);
    let library = &runtime.library;
    let path = folder.join(library.name);
    if is_there(&path, library, progress)? {
        return Ok(library.verified(&folder));
    }
    let _lock = lock::take(request, progress)?;
    if is_there(&path, library, &|_| {})? {
        return Ok(library.verified(&folder));
    }
    make_folder(&folder)?;
    check_room("the ONNX Runtime library", &[library], &folder)?;
    attempts.push(Attempt::new("cache", format!("{} is not there", path.display())));
    if copy_installed(request, runtime, &folder, progress)? {
        return Ok(library.verified(&folder));
    }
    match pip::fetch(request, &runtime.package, &[library], &folder, progress) {
        Ok(()) => Ok(library.verified(&folder)),
        Err(error) if error.ends_all() => Err(error),
        Err(error) => {
            attempts.push(Attempt::new("pip", error.to_string()));
            attempts.push(Attempt::new("model hub", "it has no runtime".to_owned()));
            installed_as_it_is(request, attempts)
        }
    }
}

/// The library that is set, else one in the model's own folder.
pub(super) fn named(request: &ModelRequest, model_folder: Option<&Path>) -> Result<Option<PathBuf>, ModelError> {
    match &request.runtime_library {
        Some(path) if !path.is_file() => Err(ModelError::RuntimeSetting { path: path.clone() }),
        Some(path) => Ok(Some(path.clone())),
        None => Ok(model_folder.and_then(find_library)),
    }
}

/// Copies the very library that the cache wants out of a Python installation,
/// if it is there.
fn copy_installed(
    request: &ModelRequest,
    runtime: &KnownRuntime,
    folder: &Path,
    progress: &dyn Fn(Progress<'_>),
) -> Result<bool, ModelError> {
    let Ok(installed) = find_installed(request) else { return Ok(false) };
    if !is_there(&installed.path, &runtime.library, &|_| {})? {
        return Ok(false);
    }
    let mut source = File::open(&installed.path).map_err(|error| ModelError::io(&installed.path, error))?;
    let mut placing = Placing::begin(&runtime.library, folder, progress)?;
    placing.write_all_of(&mut source, request)?;
    placing.finish()?;
    Ok(true)
}

/// The last resort: a runtime of any fitting version that Python has.
fn installed_as_it_is(request: &ModelRequest, mut attempts: Vec<Attempt>) -> Result<VerifiedFile, ModelError> {
    match installed(request) {
        Ok(installed) => return digest_file(&installed.path),
        Err(ModelError::Cancelled) => return Err(ModelError::Cancelled),
        Err(error) => attempts.push(Attempt::new("python", error.to_string())),
    }
    Err(ModelError::Unavailable { what: "the ONNX Runtime library".to_owned(), attempts, advice: ADVICE })
}

/// A runtime that is installed for Python and new enough.
pub(super) fn installed(request: &ModelRequest) -> Result<Installed, ModelError> {
    let installed = find_installed(request)?;
    if fits(&installed.version) {
        return Ok(installed);
    }
    let place = installed.path.display();
    Err(ModelError::Way(format!("{place} is version {} and 1.{MINOR_MIN} is needed", installed.version)))
}

pub(super) struct Installed {
    version: String,
    pub(super) path: PathBuf,
}

/// A runtime that is installed for Python.
fn find_installed(request: &ModelRequest) -> Result<Installed, ModelError> {
    // An empty folder to start in: Python looks for modules there first.
    let work = tempfile::tempdir().map_err(|error| ModelError::Way(error.to_string()))?;
    let output = pip::run_python(request, &["-c", FIND_INSTALLED], work.path(), PYTHON_TIMEOUT)?;
    let missing = || ModelError::Way(format!("{} has no onnxruntime", output.python.display()));
    if !output.status.success() {
        return Err(missing());
    }
    let mut lines = output.printed.lines();
    let (version, folder) = (lines.next().ok_or_else(missing)?, lines.next().ok_or_else(missing)?);
    let path = find_library(Path::new(folder)).ok_or_else(missing)?;
    Ok(Installed { version: version.to_owned(), path })
}

fn fits(version: &str) -> bool {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    matches!((parts.next(), parts.next()), (Some(1), Some(minor)) if minor >= MINOR_MIN)
}

/// The library in `folder`, the one with the last name if there are several.
fn find_library(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.filter(|name| is_library_name(name)).max()?;
    Some(folder.join(name)).filter(|path| path.is_file())
}

fn is_library_name(name: &str) -> bool {
    match std::env::consts::OS {
        "windows" => name.eq_ignore_ascii_case("onnxruntime.dll"),
        "macos" => name == "libonnxruntime.dylib" || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib")),
        _ => name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_lack_the_interface_do_not_fit() {
        for fit in ["1.22.0", "1.23", "1.32.0.dev1"] {
            assert!(fits(fit), "{fit}");
        }
        for unfit in ["1.21.9", "0.99.0", "2.0", "1", "", "1.x"] {
            assert!(!fits(unfit), "{unfit}");
        }
    }

    #[test]
    fn only_the_library_itself_is_found_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime_providers_shared.so", "libonnxruntime.txt", "onnxruntime.py"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        assert_eq!(find_library(folder.path()), None);
        if let Some(runtime) = known::runtime() {
            let path = folder.path().join(runtime.library.name);
            std::fs::write(&path, b"").unwrap();
            assert_eq!(find_library(folder.path()), Some(path));
        }
        assert_eq!(find_library(Path::new("/no/such/folder")), None);
    }
}
