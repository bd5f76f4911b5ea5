//! How long to wait after failures: longer each time, and never all at the same moment.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// The wait after this many failures in a row: a random part, at least half, of `base` doubled with each, at most `most`.
pub(crate) fn after(failures: u32, base: Duration, most: Duration) -> Duration {
    let whole = base.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(most);
    // The standard library's hashers are seeded at random.
    let random = RandomState::new().hash_one(failures) % 1_000;
    whole / 2 + whole.mul_f64(f64::from(u32::try_from(random).unwrap_or(0)) / 2_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit() {
        let (base, most) = (Duration::from_millis(100), Duration::from_secs(1));
        for (failures, whole) in [(1, 100), (2, 200), (3, 400), (5, 1_000), (u32::MAX, 1_000)] {
            let (wait, whole) = (after(failures, base, most), Duration::from_millis(whole));
            assert!(wait >= whole / 2 && wait <= whole, "{failures}: {wait:?}");
        }
    }
}
