//! Numbers by ranges of equal width.

use serde::{Deserialize, Serialize};

use super::number;

/// The numbers from one edge to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The lower edge, which is in the bin.
    #[serde(with = "number")]
    pub from: f64,
    /// The upper edge, which is in the next bin; that of the last bin is in it.
    #[serde(with = "number")]
    pub to: f64,
    /// How many rows.
    pub count: u64,
}

/// Bins from the least to the greatest finite number: as many as asked for, or one if all numbers
/// are equal. `below` says how many numbers are less than one; infinities are in no bin.
pub(super) fn bins(min: f64, max: f64, number: usize, below: impl Fn(f64) -> u64) -> Vec<Bin> {
    if !(min.is_finite() && max.is_finite() && min <= max) || number == 0 {
        return Vec::new();
    }
    // A range of more than the greatest number is halved before it is divided.
    let width = (max / 2.0 - min / 2.0) / number as f64 * 2.0;
    let up_to_max = below(max.next_up());
    if width == 0.0 || min + width == min {
        return vec![Bin { from: min, to: max, count: up_to_max - below(min) }];
    }
    let edge = |index: usize| if index == number { max } else { min + width * index as f64 };
    let mut before = below(min);
    let make = |index: usize| {
        let until = if index + 1 == number { up_to_max } else { below(edge(index + 1)) };
        let count = until.saturating_sub(before);
        before = until.max(before);
        Bin { from: edge(index), to: edge(index + 1), count }
    };
    (0..number).map(make).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(values: &[f64], number: usize) -> Vec<u64> {
        let (min, max) = values
            .iter()
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(*value), max.max(*value)));
        let below = |edge: f64| values.iter().filter(|value| **value < edge).count() as u64;
        bins(min, max, number, below).iter().map(|bin| bin.count).collect()
    }

    #[test]
    fn every_number_is_in_one_bin() {
        assert_eq!(counts(&[0.0, 1.0, 2.0, 3.0, 4.0], 4), [1, 1, 1, 2]);
        assert_eq!(counts(&[0.0, 0.1, 0.2, 10.0], 5), [3, 0, 0, 0, 1]);
        assert_eq!(counts(&[7.0, 7.0], 5), [2]);
        assert_eq!(counts(&[f64::NEG_INFINITY, 1.0, 2.0, f64::INFINITY, f64::NAN], 2), [1, 1]);
        assert_eq!(counts(&[], 5), [] as [u64; 0]);
        assert_eq!(counts(&[f64::MIN, 0.0, f64::MAX], 2), [1, 2]);
    }
}
