//! A table of counts by hash.

/// Counts of keys. Open addressing with linear probing: hashes need no further hashing.
#[derive(Default)]
pub(crate) struct Counter {
    /// 0 where there is no key.
    keys: Vec<u128>,
    /// How often beyond once; only touched for keys that repeat.
    more: Vec<u64>,
    len: usize,
    repeated: bool,
}

impl Counter {
    /// Of so many keys at most without growing.
    pub(crate) fn with_capacity(keys: usize) -> Counter {
        let slots = slots(keys);
        Counter { keys: vec![0; slots], more: vec![0; slots], len: 0, repeated: false }
    }

    /// Empties it, with room for so many keys.
    pub(crate) fn reset(&mut self, keys: usize) {
        let slots = slots(keys);
        if self.keys.len() != slots {
            *self = Counter::with_capacity(keys);
            return;
        }
        self.keys.fill(0);
        if self.repeated {
            self.more.fill(0);
        }
        (self.len, self.repeated) = (0, false);
    }

    /// How many keys.
    pub(crate) fn len(&self) -> usize {
        self.len
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
            if extra > 0
                && let Some(more) = self.more.get_mut(slot)
            {
                *more += extra;
                self.repeated = true;
            }
            return;
        }
    }

    fn grow(&mut self) {
        let mut wider = Counter::with_capacity(self.len * 2 + 16);
        self.iter().for_each(|(key, count)| wider.add(key, count));
        *self = wider;
    }

    /// The keys with their counts, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u128, u64)> + '_ {
        self.keys.iter().zip(&self.more).filter(|(key, _)| **key != 0).map(|(key, more)| (*key, more + 1))
    }
}

fn slots(keys: usize) -> usize {
    (keys.max(16) * 8 / 5 + 1).next_power_of_two()
}
