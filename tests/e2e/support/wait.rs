//! Waiting for a state, with a bound. Nothing here asserts how long something
//! took: a bound only ends a test that would hang.

use std::time::{Duration, Instant};

use super::random::is_soak;

/// Long enough for any state on a machine that is busy with other tests.
const BOUND: Duration = Duration::from_secs(120);
/// The same for the long forms.
const BOUND_SOAK: Duration = Duration::from_secs(3_600);

const PAUSE: Duration = Duration::from_millis(20);

/// How long anything is waited for.
pub(crate) fn bound() -> Duration {
    if is_soak() { BOUND_SOAK } else { BOUND }
}

/// Looks again and again until `look` finds something.
///
/// # Panics
/// It found nothing within [`bound`]; the message names `what`.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(bound(), look).unwrap_or_else(|| panic!("waited {:?} in vain for {what}", bound()))
}

/// The same with another bound, and `None` when it is reached.
pub(crate) fn within<T>(bound: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

#[test]
fn waiting_ends_with_what_was_found_or_at_the_bound() {
    let mut looks = 0;
    let found = until("the third look", || {
        looks += 1;
        (looks == 3).then_some(looks)
    });
    assert_eq!(found, 3);
    assert_eq!(within(Duration::ZERO, || None::<()>), None);
}
