//! Waiting for what another process does, never longer than a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The first `Some` that `look` gives, or `None` when the time is up.
pub fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() >= time {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The first `Some` that `look` gives.
///
/// # Panics
/// When the time is up, saying what was waited for.
pub fn eventually<T>(time: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(time, look).unwrap_or_else(|| panic!("waited {time:?} in vain for: {what}"))
}
