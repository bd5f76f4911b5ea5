//! Earlier values of a statistic, for rules that compare with them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An earlier value of a statistic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When it was measured.
    pub at: Timestamp,
    /// What was measured.
    pub value: f64,
}

/// Where earlier values are.
pub trait History: Send + Sync {
    /// The most recent values of a statistic, the newest first and `count` at most. A statistic is
    /// named as in `Evaluation::statistics`: by its rule without condition, tags and labels.
    fn last(&self, statistic: &str, count: usize) -> Vec<Point>;
}

/// Earlier values in memory, by the names of their statistics, the oldest first.
impl History for BTreeMap<String, Vec<Point>> {
    fn last(&self, statistic: &str, count: usize) -> Vec<Point> {
        self.get(statistic).map(|points| points.iter().rev().take(count).copied().collect()).unwrap_or_default()
    }
}
