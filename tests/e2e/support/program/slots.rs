//! How many runs with the model go on at a time: they use all the cores they
//! get, and more at once would only make each slower.

use std::sync::{Condvar, Mutex, PoisonError};

const SLOTS: usize = 2;

static FREE: Mutex<usize> = Mutex::new(SLOTS);
static GIVEN_BACK: Condvar = Condvar::new();

/// The right to run with the model.
pub(super) struct Slot(());

/// Waits for a free slot. A test that holds one must not wait for another.
pub(super) fn take() -> Slot {
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut free = GIVEN_BACK.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
    *free -= 1;
    Slot(())
}

impl Drop for Slot {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        GIVEN_BACK.notify_one();
    }
}
