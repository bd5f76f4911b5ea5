//! Numbers by classes between edges that are given.

use serde::{Deserialize, Serialize};

/// How many numbers are at most the first edge, above it and at most the second, and so on; the last class is above
/// all edges. NaN is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    /// Numbers of each class; nothing before the first.
    counts: Vec<u64>,
}

impl Classes {
    /// Adds numbers; the edges are in order, and always the same.
    pub(crate) fn extend(&mut self, edges: &[f64], values: &[f64]) {
        self.counts.resize(edges.len() + 1, 0);
        for value in values {
            let place = if value.is_nan() { edges.len() } else { edges.partition_point(|edge| edge < value) };
            if let Some(count) = self.counts.get_mut(place) {
                *count += 1;
            }
        }
    }

    /// Adds the other's numbers.
    pub fn merge(&mut self, other: &Classes) {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// Numbers of each class.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}
