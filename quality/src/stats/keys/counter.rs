//! A table of counts by hash.

use std::iter::repeat;

/// Counts of keys. Open addressing with linear probing: hashes need no further hashing.
#[derive(Default)]
pub(crate) struct Counter {
    /// 0 where there is no key.
    keys: Vec<u128>,
    /// How often beyond once; empty as long as no key repeats.
    more: Vec<u64>,
    len: usize,
}

impl Counter {
    /// Of so many keys at most without growing.
    pub(crate) fn with_capacity(keys: usize) -> Counter {
        Counter { keys: vec![0; slots(keys)], more: Vec::new(), len: 0 }
    }

    /// Empties it, with room for so many keys.
    pub(crate) fn reset(&mut self, keys: usize) {
        let slots = slots(keys);
        if self.keys.len() != slots {
            *self = Counter::with_capacity(keys);
            return;
        }
        self.keys.fill(0);
        self.more.clear();
        self.len = 0;
    }

    /// How many keys.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether every key was added once.
    pub(crate) fn is_of_singles(&self) -> bool {
        self.more.is_empty()
    }

    /// One more of a key.
    #[inline]
    pub(crate) fn add(&mut self, hash: u128, count: u64) {
        if self.len * 8 >= self.keys.len() * 5 {
            self.grow();
        }
        // 0 says that there is no key.
        let key = hash.max(1);
        let mask = self.keys.len() - 1;
        let mut slot = (key >> 64) as usize & mask;
        while let Some(found) = self.keys.get_mut(slot) {
            let extra = if *found == key {
                count
            } else if *found == 0 {
                *found = key;
                self.len += 1;
                count - 1
            } else {
                slot = (slot + 1) & mask;
                continue;
            };
            if extra > 0 {
                self.repeat(slot, extra);
            }
            return;
        }
    }

    #[inline]
    fn repeat(&mut self, slot: usize, extra: u64) {
        if self.more.is_empty() {
            self.more.resize(self.keys.len(), 0);
        }
        if let Some(more) = self.more.get_mut(slot) {
            *more += extra;
        }
    }

    fn grow(&mut self) {
        let mut wider = Counter::with_capacity(self.len * 2 + 16);
        self.iter().for_each(|(key, count)| wider.add(key, count));
        *self = wider;
    }

    /// The keys with their counts, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u128, u64)> + '_ {
        let more = self.more.iter().copied().chain(repeat(0));
        self.keys.iter().zip(more).filter(|(key, _)| **key != 0).map(|(key, more)| (*key, more + 1))
    }
}

/// Twice as many slots as keys, or more: the next one is then mostly free.
fn slots(keys: usize) -> usize {
    (keys.max(16) * 2).next_power_of_two()
}
