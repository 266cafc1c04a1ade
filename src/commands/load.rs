//! `docmill load`: what is done goes into a Neo4j that lacks it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use docmill_stages::db::{self, Writer};
use docmill_stages::load::fill::{Fill, FillError};
use docmill_stages::load::index::Reader;
use docmill_stages::state;
use docmill_stages::store::LocalStore;

use super::show::print;
use super::signals::cancel_on_signals;
use super::{Refusal, graph};
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::settings::Settings;

impl From<FillError> for Refusal {
    fn from(error: FillError) -> Self {
        match error {
            FillError::Ledger(error) => error.into(),
            FillError::Load(error) => error.into(),
        }
    }
}

pub(super) fn load(settings: &Settings) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    let Some(neo4j) = graph::connect(settings)? else {
        let why = "USE_NEO4J is off: set it to true, with NEO4J_URI and NEO4J_PASSWORD, to load into Neo4j";
        return Err(Refusal::said(Exit::Settings, why));
    };
    let nothing = || {
        let why = format!("nothing is done in DATA_DIR {} yet; `docmill run URL` loads as it goes", folder.display());
        Refusal::said(Exit::Unavailable, why)
    };
    if !folder.join(state::FILE).exists() {
        return Err(nothing());
    }
    let _data_dir = DataDir::own(folder)?;
    let index = Reader::open(folder)?.ok_or_else(nothing)?;
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_signals(&cancelled)?;
    let sink = graph::wait(neo4j.sink(index.model()))??;
    let store = LocalStore::prepare(folder)?;
    let state = db::open(&folder.join(state::FILE), state::SCHEMA)?;
    let state = Writer::spawn(state, "state").map_err(|error| Refusal::new(Exit::Unavailable, &error))?;
    let fill = Fill { state: &state, store: &store, index: &index, sink: &sink };
    let go_on = |done: usize, all: usize| {
        if done > 0 {
            log::info!("loaded {done} of {all} documents into {}", neo4j.describe());
        }
        !cancelled.load(Ordering::Relaxed)
    };
    let filled = graph::wait(fill.run(go_on))??;
    let gone = if filled.gone > 0 { format!(", {} taken out", filled.gone) } else { String::new() };
    let text =
        format!("{} documents loaded into {}, {} were there{gone}\n", filled.loaded, neo4j.describe(), filled.there);
    let printed = print(&text);
    if filled.stopped {
        return Err(Refusal::said(Exit::Stopped, "stopped; `docmill load` goes on"));
    }
    if filled.left > 0 {
        let why = format!("{} documents could not be loaded; `docmill process` makes them anew", filled.left);
        return Err(Refusal::said(Exit::WithErrors, why));
    }
    Ok(printed)
}
