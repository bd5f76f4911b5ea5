//! Numbers by ranges whose edges don't depend on how the numbers came: multiples of a power of two.
//!
//! The width is the least power of two with which there are few enough ranges from the least to the greatest
//! number. So the ranges of part of the numbers are those of the whole, or divide them: two of them are one of
//! twice the width. Histograms of halves merge into that of the whole exactly, and those of two days have the same
//! edges as long as the least and the greatest number are about the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bits;

/// Ranges at most.
pub(crate) const RANGES: i64 = 32;
/// The least power of two that there is.
const LEAST: i32 = -1074;
/// Binary digits of a number: multiples of a width that need no more are exact.
const DIGITS: i32 = 52;

/// How many numbers are in each range; NaN and infinities are in none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The width of a range is two to this power.
    power: i32,
    /// Numbers by the lower edges of their ranges, in widths.
    counts: BTreeMap<i64, u64>,
    #[serde(with = "bits")]
    minimum: f64,
    #[serde(with = "bits")]
    maximum: f64,
}

impl Histogram {
    /// Of no numbers yet. Ranges of whole numbers are at least one wide.
    pub fn new(whole: bool) -> Histogram {
        Histogram { power: if whole { 0 } else { LEAST }, counts: BTreeMap::new(), minimum: f64::INFINITY, maximum: f64::NEG_INFINITY }
    }

    /// Adds numbers.
    pub(crate) fn extend(&mut self, values: &[f64]) {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        // Zero has no sign.
        let (minimum, maximum) = (finite().fold(f64::INFINITY, f64::min) + 0.0, finite().fold(f64::NEG_INFINITY, f64::max) + 0.0);
        self.cover(minimum, maximum);
        for value in finite() {
            *self.counts.entry(place(value, self.power)).or_default() += 1;
        }
    }

    /// Adds the other's numbers.
    pub fn merge(&mut self, other: &Histogram) {
        self.widen(other.power);
        self.cover(other.minimum, other.maximum);
        for (place, count) in &other.counts {
            *self.counts.entry(place >> shift(self.power - other.power)).or_default() += count;
        }
    }

    /// Ranges in order without a gap, each from its lower edge to below its upper one, with how many numbers it has.
    pub fn ranges(&self) -> Vec<(f64, f64, u64)> {
        let (Some((first, _)), Some((last, _))) = (self.counts.first_key_value(), self.counts.last_key_value()) else { return Vec::new() };
        let range = |place: i64| (edge(place, self.power), edge(place + 1, self.power), self.counts.get(&place).copied().unwrap_or(0));
        (*first..=*last).map(range).collect()
    }

    /// The one number that there is, if all are equal.
    pub fn constant(&self) -> Option<f64> {
        (self.minimum == self.maximum).then_some(self.minimum)
    }

    /// Makes the ranges wide enough for numbers between these.
    fn cover(&mut self, minimum: f64, maximum: f64) {
        if minimum > maximum {
            return;
        }
        (self.minimum, self.maximum) = (self.minimum.min(minimum), self.maximum.max(maximum));
        let mut power = self.power.max(exponent(self.minimum.abs().max(self.maximum.abs())) - DIGITS);
        while place(self.maximum, power) - place(self.minimum, power) >= RANGES {
            power += 1;
        }
        self.widen(power);
    }

    fn widen(&mut self, power: i32) {
        if power <= self.power {
            return;
        }
        let by = shift(power - self.power);
        for (place, count) in std::mem::take(&mut self.counts) {
            *self.counts.entry(place >> by).or_default() += count;
        }
        self.power = power;
    }
}

/// Beyond 63 a place is 0, or -1.
fn shift(powers: i32) -> u32 {
    u32::try_from(powers).unwrap_or(0).min(63)
}

/// The power of two that a number is at least, and less than twice of.
fn exponent(value: f64) -> i32 {
    match (value.to_bits() >> 52) as i32 & 0x7FF {
        0 => -1023,
        biased => biased - 1023,
    }
}

/// The lower edge of a number's range, in widths.
fn place(value: f64, power: i32) -> i64 {
    let scaled = scale(value, -power).floor();
    // What is too small for a number is below zero still.
    if scaled == 0.0 && value < 0.0 { -1 } else { scaled as i64 }
}

fn edge(place: i64, power: i32) -> f64 {
    scale(place as f64, power)
}

/// A number times a power of two, which may be more than a number can be.
fn scale(value: f64, power: i32) -> f64 {
    let half = power / 2;
    value * 2.0_f64.powi(half) * 2.0_f64.powi(power - half)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64], whole: bool) -> Histogram {
        let mut histogram = Histogram::new(whole);
        histogram.extend(values);
        histogram
    }

    #[test]
    fn edges_are_multiples_of_a_power_of_two() {
        assert_eq!(of(&[1.0, 2.0, 2.0, 5.0], true).ranges(), [(1.0, 2.0, 1), (2.0, 3.0, 2), (3.0, 4.0, 0), (4.0, 5.0, 0), (5.0, 6.0, 1)]);
        let percent: Vec<f64> = (0..1000).map(|value| f64::from(value) / 10.0).collect();
        let ranges = of(&percent, false).ranges();
        assert_eq!((ranges.len(), ranges[0], ranges[24]), (25, (0.0, 4.0, 40), (96.0, 100.0, 40)));
        assert_eq!(ranges.iter().map(|(_, _, count)| count).sum::<u64>(), 1000);
        let none: [(f64, f64, u64); 0] = [];
        assert_eq!(of(&[f64::NAN, f64::INFINITY], false).ranges(), none);
        assert_eq!(
            (of(&[7.25; 3], false).constant(), of(&[1.0, 2.0], false).constant(), of(&[], false).constant()),
            (Some(7.25), None, None)
        );
        assert_eq!(of(&[-0.0, 0.0], false).constant(), Some(0.0));
    }

    #[test]
    fn the_extreme_fit() {
        for values in
            [&[f64::MIN, f64::MAX][..], &[f64::MIN, -5e-324, 5e-324, 1.0], &[5e-324, 1e-323], &[1e308, 1.000_000_1e308], &[-5e-324, 1e300]]
        {
            let ranges = of(values, false).ranges();
            assert!(ranges.len() as i64 <= RANGES, "{values:?}: {ranges:?}");
            let counted: u64 = ranges.iter().map(|(_, _, count)| count).sum();
            assert_eq!(counted, values.len() as u64);
            for value in values {
                assert!(ranges.iter().any(|(from, to, count)| from <= value && value < to && *count > 0), "{value} in {ranges:?}");
            }
        }
    }

    /// The edges don't move as long as what lies between does, and a day's histogram compares with another's.
    #[test]
    fn the_edges_of_two_days_are_the_same() {
        let day = |shift: f64| (0..500).map(|value| 10.0 + shift + f64::from(value) / 7.0).collect::<Vec<f64>>();
        let edges = |values: &[f64]| of(values, false).ranges().iter().map(|(from, ..)| *from).collect::<Vec<f64>>();
        assert_eq!(edges(&day(0.0)), edges(&day(0.37)));
    }

    proptest! {
        #[test]
        fn halves_merge_into_the_whole(values in proptest::collection::vec(prop_oneof![-1e3..1e3_f64, proptest::num::f64::ANY, -1e-300..1e-300_f64], 0..60), at in 0..60_usize, whole: bool) {
            let (one, two) = values.split_at(at.min(values.len()));
            let (mut left, mut right) = (of(one, whole), of(two, whole));
            let (all, backup) = (of(&values, whole), left.clone());
            left.merge(&right);
            right.merge(&backup);
            prop_assert_eq!(&left, &all);
            prop_assert_eq!(&right, &all);
            let read: Histogram = serde_json::from_str(&serde_json::to_string(&all).unwrap()).unwrap();
            prop_assert_eq!(read, all);
        }
    }
}
