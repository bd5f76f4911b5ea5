//! How much a value changed: by difference or by ratio.

use std::ops::Range;

use super::{Assessment, Bounds};

/// How much change is no anomaly. At least one of the limits is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The least: of differences a negative number for a fall, of ratios new over old.
    pub max_rate_decrease: Option<f64>,
    /// The greatest.
    pub max_rate_increase: Option<f64>,
    /// Of differences, how many times they are taken; of ratios, how many values back the old one
    /// is. 0 compares the values themselves, and is for differences only.
    pub order: usize,
}

impl Default for Change {
    fn default() -> Change {
        Change { max_rate_decrease: None, max_rate_increase: None, order: 1 }
    }
}

/// What the limits of a change are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// New less old.
    Absolute,
    /// New over old.
    Relative,
}

impl Change {
    pub(super) fn wrong(&self, difference: Difference) -> Option<&'static str> {
        let limits = Bounds::from_options(self.max_rate_decrease, self.max_rate_increase);
        if self.max_rate_decrease.is_none() && self.max_rate_increase.is_none() {
            Some("at least one of maxRateDecrease and maxRateIncrease is needed")
        } else if limits.lower.is_nan() || limits.upper.is_nan() || limits.lower > limits.upper {
            Some("maxRateDecrease must not be greater than maxRateIncrease")
        } else if difference == Difference::Relative && self.order == 0 {
            Some("order must be at least 1")
        } else {
            None
        }
    }

    /// The first `order` values have nothing to be compared with and are left out.
    pub(super) fn assess(&self, difference: Difference, values: &[f64], interval: Range<usize>) -> Vec<Assessment> {
        let limits = Bounds::from_options(self.max_rate_decrease, self.max_rate_increase);
        let from = interval.start.max(self.order);
        if from >= interval.end {
            return Vec::new();
        }
        match difference {
            Difference::Absolute => {
                let changes = differences(&values[from - self.order..interval.end], self.order);
                changes.into_iter().enumerate().map(|(n, change)| absolute(from + n, values[from + n], change, limits)).collect()
            }
            Difference::Relative => {
                (from..interval.end).map(|index| relative(index, values[index], values[index - self.order], limits)).collect()
            }
        }
    }
}

/// Differences of neighbours, taken `order` times: shorter than the values by `order`.
fn differences(values: &[f64], order: usize) -> Vec<f64> {
    let mut left = values.to_vec();
    for _ in 0..order {
        left = left.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    left
}

fn absolute(index: usize, value: f64, change: f64, limits: Bounds) -> Assessment {
    // The change is linear in the newest value, with factor 1.
    let unchanged = value - change;
    let bounds = Bounds { lower: unchanged + limits.lower, upper: unchanged + limits.upper };
    Assessment::new(index, value, bounds, !limits.contain(change), format!("a change of {change} against the limits {limits}"))
}

fn relative(index: usize, value: f64, old: f64, limits: Bounds) -> Assessment {
    let ratio = value / old;
    // Nothing after nothing is no change, whatever the limits.
    let anomalous = !ratio.is_nan() && !limits.contain(ratio);
    let scaled = |limit: f64| if old == 0.0 && limit.is_finite() { 0.0 } else { limit * if old == 0.0 { 1.0 } else { old } };
    let (one, other) = (scaled(limits.lower), scaled(limits.upper));
    let bounds = Bounds { lower: one.min(other), upper: one.max(other) };
    Assessment::new(index, value, bounds, anomalous, format!("{ratio} times the earlier {old} against the limits {limits}"))
}
