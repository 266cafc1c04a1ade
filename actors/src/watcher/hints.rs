//! Names of raw files that may have changed. A hint may be lost without harm:
//! the scans find what it spoke of.

use std::collections::BTreeSet;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::lock;

/// More names than this become one hint to look at everything.
const NAMES_MAX: usize = 10_000;

/// See the module's text.
#[derive(Default)]
pub(crate) struct Hints {
    state: Mutex<State>,
    added: Notify,
}

#[derive(Default)]
struct State {
    names: BTreeSet<String>,
    all: bool,
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookAt {
    /// These files.
    Names(Vec<String>),
    /// The whole folder.
    All,
}

impl Hints {
    /// This file may have changed.
    pub(crate) fn add(&self, name: &str) {
        let mut state = lock(&self.state);
        if state.names.len() >= NAMES_MAX {
            state.all = true;
            state.names.clear();
        }
        if !state.all {
            state.names.insert(name.to_owned());
        }
        drop(state);
        self.added.notify_one();
    }

    /// Any file may have changed.
    pub(crate) fn add_all(&self) {
        let mut state = lock(&self.state);
        state.all = true;
        state.names.clear();
        drop(state);
        self.added.notify_one();
    }

    /// Waits for a hint.
    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }

    /// Takes what was hinted until now.
    pub(crate) fn take(&self) -> Option<LookAt> {
        let state = std::mem::take(&mut *lock(&self.state));
        if state.all {
            Some(LookAt::All)
        } else if state.names.is_empty() {
            None
        } else {
            Some(LookAt::Names(state.names.into_iter().collect()))
        }
    }
}
