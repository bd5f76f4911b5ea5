//! The most frequent values with their counts.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Values shown at most.
const SHOWN: usize = 1_000;
/// Values kept at most, so that states merge exactly as long as a column has no more.
const KEPT: usize = 1 << 16;
/// Values counted at once; then the rarest half is dropped.
const COUNTED: usize = 1 << 18;

/// Values and how often they occur, the most frequent first, equal counts in order of the values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopValues {
    /// Rows, nulls among them.
    pub rows: u64,
    /// Nulls.
    pub nulls: u64,
    /// What a count may be too low by: 0 if all counts are exact and no value was dropped.
    pub missed: u64,
    entries: Vec<(String, u64)>,
}

impl TopValues {
    /// The values with their counts, 1,000 at most; `None` is null, which comes after values as frequent.
    pub fn top(&self) -> Vec<(Option<&str>, u64)> {
        let mut all: Vec<(Option<&str>, u64)> =
            self.entries.iter().take(SHOWN).map(|(value, count)| (Some(value.as_str()), *count)).collect();
        if self.nulls > 0 {
            let place = all.partition_point(|(_, count)| *count >= self.nulls);
            all.insert(place, (None, self.nulls));
            all.truncate(SHOWN);
        }
        all
    }

    /// How many values are known, without null; a lower bound if any was dropped.
    pub fn distinct(&self) -> usize {
        self.entries.len()
    }

    /// Whether all values are known and all counts exact.
    pub fn is_exact(&self) -> bool {
        self.missed == 0
    }

    /// Adds the other's values.
    pub fn merge(&mut self, other: &TopValues) {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for (value, count) in self.entries.iter().chain(&other.entries) {
            *counts.entry(value).or_default() += count;
        }
        let entries = counts.into_iter().map(|(value, count)| (value.to_owned(), count)).collect();
        *self = TopValues::of(self.rows + other.rows, self.nulls + other.nulls, self.missed + other.missed, entries);
    }

    fn of(rows: u64, nulls: u64, missed: u64, mut entries: Vec<(String, u64)>) -> TopValues {
        let dropped = keep(&mut entries, KEPT, |(value, count)| (*count, value.clone()));
        entries.sort_unstable_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        TopValues { rows, nulls, missed: missed + dropped, entries }
    }
}

/// Keeps so many entries of the greatest counts; the greatest count of those dropped.
fn keep<T>(entries: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> (u64, String)) -> u64 {
    if entries.len() <= limit {
        return 0;
    }
    let order = |left: &T, right: &T| {
        let ((left_count, left), (right_count, right)) = (key(left), key(right));
        right_count.cmp(&left_count).then_with(|| left.cmp(&right))
    };
    entries.select_nth_unstable_by(limit, order);
    let dropped = entries.iter().skip(limit).map(|entry| key(entry).0).max().unwrap_or_default();
    entries.truncate(limit);
    dropped
}

/// Counts values while they are read, by their hashes.
#[derive(Default)]
pub(crate) struct TopCounter {
    pub(crate) rows: u64,
    pub(crate) nulls: u64,
    missed: u64,
    counts: HashMap<u128, (String, u64)>,
}

impl TopCounter {
    /// So many more of a value; it is spelled out only when it is seen first.
    pub(crate) fn add(&mut self, hash: u128, count: u64, value: impl FnOnce() -> String) {
        self.counts.entry(hash).or_insert_with(|| (value(), 0)).1 += count;
    }

    /// Drops the rarest values if there are too many; after each batch.
    pub(crate) fn prune(&mut self) {
        if self.counts.len() > COUNTED {
            let mut entries: Vec<(u128, (String, u64))> = self.counts.drain().collect();
            self.missed += keep(&mut entries, COUNTED / 2, |(_, (value, count))| (*count, value.clone()));
            self.counts.extend(entries);
        }
    }

    /// Adds the other's counts.
    pub(crate) fn merge(&mut self, other: TopCounter) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.missed += other.missed;
        for (hash, (value, count)) in other.counts {
            self.add(hash, count, || value);
        }
        self.prune();
    }

    /// The state.
    pub(crate) fn finish(self) -> TopValues {
        TopValues::of(self.rows, self.nulls, self.missed, self.counts.into_values().collect())
    }
}
