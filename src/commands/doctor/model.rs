//! The embedding model: its files and runtime on this machine, or the service
//! that has it; and one text embedded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use docmill_stages::embed::models::{self, FileState};
use docmill_stages::embed::{ModelInfo, Purpose, check_vectors};
use docmill_stages::failure::chain;

use super::check::{Check, within};
use super::{BOUND, Patient};
use crate::cli::ProgressMode;
use crate::commands::model::{fetch, load, request};
use crate::commands::setup::index_model;
use crate::progress::Progress;
use crate::settings::Settings;

const TEXT: &str = "How do I configure it?";

pub(super) fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let settings = patient.settings();
    if settings.embed.provider.is_service() {
        return vec![embeds("service", patient)];
    }
    if patient.args.download
        && let Err(refusal) = fetch(&request(settings, &Arc::default()), patient.progress)
    {
        return vec![Check::fail("model files", refusal.message, "")];
    }
    let files = files(settings);
    let are_there = files.state == super::State::Ok;
    let mut checks = vec![files];
    if are_there {
        checks.push(embeds("model", patient));
    }
    checks
}

/// Every file is read and compared; none is fetched.
fn files(settings: &Settings) -> Check {
    let request = request(settings, &Arc::default());
    let files = match within(BOUND, move || models::check(&request)) {
        None => {
            return Check::fail(
                "model files",
                "they could not be read in time",
                "look at the disk that MODEL_CACHE_DIR is on",
            );
        }
        Some(Err(error)) => return Check::fail("model files", chain(&error), ""),
        Some(Ok(files)) => files,
    };
    let name = &settings.embed.model;
    let of = |is: fn(&FileState) -> bool| {
        let paths = files.iter().filter(|file| is(&file.state)).map(|file| file.path.display().to_string());
        paths.collect::<Vec<_>>().join(", ")
    };
    let (missing, damaged) =
        (of(|state| matches!(state, FileState::Missing)), of(|state| matches!(state, FileState::Damaged { .. })));
    let mend = "the first run fetches it; `docmill doctor --download` or `docmill models pull` does so now";
    if !damaged.is_empty() {
        Check::warn("model files", format!("damaged: {damaged}"), mend)
    } else if !missing.is_empty() {
        Check::warn("model files", format!("{name} is not whole on this machine: {missing} missing"), mend)
    } else {
        Check::ok("model files", format!("{} files of {name} and ONNX Runtime, all of them whole", files.len()))
    }
}

/// Loads it, or asks the service, and embeds one text.
fn embeds(check: &'static str, patient: &Patient<'_>) -> Check {
    let cancelled = Arc::new(AtomicBool::new(false));
    let (settings, is_over) = (patient.settings().clone(), Arc::clone(&cancelled));
    let embedded = within(BOUND, move || embed_one(&settings, &is_over));
    cancelled.store(true, Ordering::Relaxed);
    match embedded {
        Some(Ok(info)) => {
            let ModelInfo { name, dimension, window, .. } = &info;
            let found = format!("{name} gives vectors of {dimension} numbers, of texts up to {window} tokens");
            // Set once: one model is looked at.
            let _is_empty = patient.model.set(index_model(&info));
            Check::ok(check, found)
        }
        Some(Err(why)) => Check::fail(check, why, ""),
        None => Check::fail(
            check,
            format!("no vector came within {} s", BOUND.as_secs()),
            "look whether the machine is busy, or the service down",
        ),
    }
}

fn embed_one(settings: &Settings, cancelled: &Arc<AtomicBool>) -> Result<ModelInfo, String> {
    let progress = Progress::new(ProgressMode::None);
    let model = load(settings, &progress, cancelled).map_err(|refusal| refusal.message)?;
    let info = model.provider.info().clone();
    let mut embedder = model.provider.open().map_err(|error| chain(&error))?;
    let runtime = actix_rt::Runtime::new().map_err(|error| error.to_string())?;
    let vectors = runtime.block_on(embedder.embed(&[TEXT], Purpose::Question)).map_err(|error| chain(&error))?;
    check_vectors(&vectors, 1, info.dimension).map_err(|error| chain(&error))?;
    Ok(info)
}
