//! Which version of which key was delivered last, as far back as a bounded memory goes.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

/// Keys in each of the two halves. When the newer one is full, the older one is forgotten.
const HALF: usize = 65_536;

/// Remembers digests only, so that its size does not depend on how long keys are.
pub(super) struct Recent {
    hasher: RandomState,
    newer: HashMap<u64, u64>,
    older: HashMap<u64, u64>,
}

impl Recent {
    pub(super) fn new() -> Recent {
        Recent { hasher: RandomState::new(), newer: HashMap::new(), older: HashMap::new() }
    }

    /// Notes that the version is delivered now; false if it was the last one delivered of its key.
    pub(super) fn note(&mut self, key: &str, version: &str) -> bool {
        let (key, version) = (self.hasher.hash_one(key), self.hasher.hash_one(version));
        if self.newer.get(&key).or_else(|| self.older.get(&key)) == Some(&version) {
            return false;
        }
        if self.newer.len() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, version);
        true
    }

    /// Forgets a key that is gone: it may come back as it was.
    pub(super) fn forget(&mut self, key: &str) {
        let key = self.hasher.hash_one(key);
        self.newer.remove(&key);
        self.older.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_new_once_and_again_after_another_or_after_it_was_gone() {
        let mut recent = Recent::new();
        assert_eq!([recent.note("a", "1"), recent.note("a", "1"), recent.note("a", "2"), recent.note("a", "1")], [true, false, true, true]);
        recent.forget("a");
        assert!(recent.note("a", "1"));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_are_kept() {
        let mut recent = Recent::new();
        for n in 0..3 * HALF {
            assert!(recent.note(&n.to_string(), "1"));
        }
        assert!(recent.newer.len() <= HALF && recent.older.len() <= HALF);
        assert!(!recent.note(&(2 * HALF + 1).to_string(), "1"), "the newest half is remembered");
        assert!(recent.note("0", "1"), "the oldest is forgotten");
    }
}
