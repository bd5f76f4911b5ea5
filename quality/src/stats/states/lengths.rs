//! Lengths of strings.

use serde::{Deserialize, Serialize};

/// Shortest and longest string in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// Strings; nulls are not among them.
    pub count: u64,
    /// Nulls.
    pub nulls: u64,
    /// The shortest, if there is a string.
    pub shortest: Option<u64>,
    /// The longest, if there is a string.
    pub longest: Option<u64>,
}

impl Lengths {
    /// So many strings of this length more.
    pub(crate) fn add(&mut self, length: u64, count: u64) {
        self.count += count;
        self.shortest = Some(self.shortest.map_or(length, |shortest| shortest.min(length)));
        self.longest = Some(self.longest.map_or(length, |longest| longest.max(length)));
    }

    /// Adds the other's strings.
    pub fn merge(&mut self, other: &Lengths) {
        self.count += other.count;
        self.nulls += other.nulls;
        self.shortest = self.shortest.into_iter().chain(other.shortest).min();
        self.longest = self.longest.into_iter().chain(other.longest).max();
    }
}
