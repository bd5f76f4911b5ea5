//! Random choices that can be repeated.

use std::{
    env,
    time::{Duration, Instant},
};

/// A seeded source of random choices (SplitMix64). When the test panics it says its seed.
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// A source with this seed.
    pub fn with_seed(seed: u64) -> Random {
        Random { seed, state: seed }
    }

    /// A source with the seed in `LAKEGATE_TEST_SEED`, or with a fresh one.
    pub fn from_environment() -> Random {
        let told = env::var_os("LAKEGATE_TEST_SEED").and_then(|seed| seed.to_str()?.parse().ok());
        Random::with_seed(told.unwrap_or_else(fresh))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// So many milliseconds, from `from` and below `to`.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat these choices: LAKEGATE_TEST_SEED={}", self.seed);
        }
    }
}

fn fresh() -> u64 {
    // Two addresses and a clock differ from run to run, which is all a seed needs.
    let here = Instant::now();
    let mixed = format!("{here:?}{:p}{}", &raw const here, std::process::id());
    mixed.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
