//! Quantiles: the values themselves while they are few, a sketch beyond.
//!
//! The sketch is of the kind of Karnin, Lang and Liberty: levels of values that stand for 2^level
//! values each; a level that is full is sorted, and every second value goes up. Which half goes up
//! alternates, so that the same values in the same order give the same sketch.

use serde::{Deserialize, Serialize};

use super::bits;

/// Values that are kept as they are, at most; more become a sketch. (Tests need not make millions.)
const EXACT: usize = if cfg!(test) { 1 << 16 } else { 1 << 22 };
/// Values on the top level of a sketch: ranks are off by about 0.05 % of the values.
const WIDTH: usize = 8_192;
/// The least width: ranks are off by some 3 %.
const NARROWEST: usize = 128;
/// Values on the levels far below the top.
const NARROW: usize = 16;

/// Values in order, or about so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Values.
    pub count: u64,
    levels: Vec<Level>,
    /// Whether `levels` is a sketch; otherwise the one level holds every value.
    sketched: bool,
    /// How much may be kept while values are added.
    #[serde(skip)]
    room: Room,
}

/// How many values may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// As they are; more become a sketch.
    pub(crate) exact: usize,
    /// On the top level of a sketch, which in all holds three times as many.
    width: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room { exact: EXACT, width: WIDTH }
    }
}

impl Room {
    /// What has room in so many bytes, while so many threads have a sketch each.
    pub(crate) fn of(bytes: u64, threads: usize) -> Room {
        let values = usize::try_from(bytes / 8).unwrap_or(usize::MAX);
        Room { exact: values.min(EXACT), width: (values / (3 * (threads + 1))).clamp(NARROWEST, WIDTH) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Level {
    #[serde(with = "bits::many")]
    values: Vec<f64>,
    /// Whether the values at odd places go up next.
    odd: bool,
}

impl Quantiles {
    /// Of no values yet, of which so many may be kept.
    pub(crate) fn with_room(room: Room) -> Quantiles {
        Quantiles { room, ..Quantiles::default() }
    }

    /// Makes it a sketch, whatever its values.
    pub(crate) fn sketch(&mut self) {
        if !self.sketched {
            self.sketched = true;
            self.shrink();
            // What held all values is more than any level needs.
            self.levels.iter_mut().for_each(|level| level.values.shrink_to_fit());
        }
    }

    /// Makes it a sketch if together with others it is of more values than are kept.
    pub(crate) fn sketch_among(&mut self, values: u64) {
        if values > EXACT as u64 {
            self.sketch();
            self.sort();
        }
    }

    /// Whether it is a sketch though it is of no more values than are kept.
    pub(crate) fn is_too_rough(&self) -> bool {
        self.sketched && self.count <= EXACT as u64
    }

    /// How many values it holds.
    pub(crate) fn kept(&self) -> usize {
        self.levels.iter().map(|level| level.values.len()).sum()
    }

    /// Adds values.
    pub(crate) fn extend(&mut self, values: &[f64]) {
        self.count += values.len() as u64;
        let at_once = if self.sketched { self.room.width } else { self.room.exact / 4 };
        for part in values.chunks(at_once.max(NARROWEST)) {
            self.level(0).values.extend_from_slice(part);
            self.shrink();
        }
    }

    /// Adds the other's values.
    pub fn merge(&mut self, other: &Quantiles) {
        self.count += other.count;
        self.sketched |= other.sketched;
        self.room.width = self.room.width.min(other.room.width);
        self.room.exact = self.room.exact.min(other.room.exact);
        for (index, level) in other.levels.iter().enumerate() {
            self.level(index).values.extend_from_slice(&level.values);
        }
        self.shrink();
        self.sort();
    }

    /// Sorts the values, so that quantiles are found at once.
    pub(crate) fn sort(&mut self) {
        for level in &mut self.levels {
            level.values.sort_unstable_by(f64::total_cmp);
        }
    }

    /// Whether every value is kept, so that quantiles are exact.
    pub fn is_exact(&self) -> bool {
        !self.sketched
    }

    /// The value below which this share of the values lies, linear between neighbours; `None` if
    /// there is no value. NaN is greater than every number.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let last = self.count.checked_sub(1)? as f64;
        let place = share.clamp(0.0, 1.0) * last;
        let (below, above) = (self.at(place.floor() as u64)?, self.at(place.ceil() as u64)?);
        let part = place - place.floor();
        // Infinities have no difference, and equal values none worth rounding.
        Some(if below == above || part == 0.0 { below } else { below + (above - below) * part })
    }

    fn at(&self, rank: u64) -> Option<f64> {
        if !self.sketched
            && let [level] = self.levels.as_slice()
        {
            return level.values.get(usize::try_from(rank).ok()?).copied();
        }
        let weighted =
            self.levels.iter().zip(0..).flat_map(|(level, height)| level.values.iter().map(move |value| (*value, 1_u64 << height)));
        let mut all: Vec<(f64, u64)> = weighted.collect();
        all.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
        let mut before = 0;
        let found = all.iter().find(|(_, weight)| {
            before += weight;
            before > rank
        });
        found.or(all.last()).map(|(value, _)| *value)
    }

    /// The values, if they are kept; in order.
    pub fn values(&self) -> Option<&[f64]> {
        if self.sketched {
            return None;
        }
        Some(self.levels.first().map_or(&[], |level| level.values.as_slice()))
    }

    /// How many values are less than this one; about, of a sketch.
    pub fn below(&self, value: f64) -> u64 {
        if let Some(values) = self.values() {
            return values.partition_point(|kept| kept.total_cmp(&value).is_lt()) as u64;
        }
        let of_level = |level: &Level| level.values.iter().filter(|kept| kept.total_cmp(&value).is_lt()).count() as u64;
        self.levels.iter().zip(0..).map(|(level, height)| of_level(level) << height).sum()
    }

    fn level(&mut self, index: usize) -> &mut Level {
        if self.levels.len() <= index {
            self.levels.resize_with(index + 1, Level::default);
        }
        &mut self.levels[index]
    }

    fn shrink(&mut self) {
        if !self.sketched && self.levels.first().is_some_and(|level| level.values.len() > self.room.exact) {
            self.sketched = true;
        }
        if !self.sketched {
            return;
        }
        let mut index = 0;
        while index < self.levels.len() {
            if self.levels[index].values.len() > self.capacity(index) {
                let level = &mut self.levels[index];
                level.values.sort_unstable_by(f64::total_cmp);
                // One value stays behind if their number is odd, so that none is lost.
                let kept = (level.values.len() % 2 == 1).then(|| level.values.pop()).flatten();
                let skip = usize::from(level.odd);
                level.odd = !level.odd;
                let up: Vec<f64> = level.values.iter().skip(skip).step_by(2).copied().collect();
                level.values.clear();
                level.values.extend(kept);
                self.level(index + 1).values.extend(up);
            }
            index += 1;
        }
    }

    /// The top level is the widest, and those below are two thirds of the one above.
    fn capacity(&self, index: usize) -> usize {
        let depth = i32::try_from(self.levels.len() - 1 - index).unwrap_or(i32::MAX);
        ((self.room.width as f64 * (2.0_f64 / 3.0).powi(depth)) as usize).max(NARROW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_exact_and_linear_between_neighbours() {
        let mut quantiles = Quantiles::default();
        assert_eq!(quantiles.quantile(0.5), None);
        quantiles.extend(&[4.0, 1.0, 3.0, 2.0]);
        quantiles.sort();
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantiles.quantile(share)), [Some(1.0), Some(1.75), Some(2.5), Some(4.0)]);
        quantiles.extend(&[f64::NAN, f64::NEG_INFINITY, f64::INFINITY]);
        quantiles.sort();
        assert_eq!(quantiles.quantile(0.0), Some(f64::NEG_INFINITY));
        assert!(quantiles.quantile(1.0).is_some_and(f64::is_nan));
    }

    #[test]
    fn a_sketch_is_near_and_merges() {
        let values: Vec<f64> = (0..EXACT as u64 + 200_000).map(|index| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let (left, right) = values.split_at(90_000);
        let (mut whole, mut one, mut other) = (Quantiles::default(), Quantiles::default(), Quantiles::default());
        whole.extend(&values);
        one.extend(left);
        other.extend(right);
        one.merge(&other);
        for quantiles in [&whole, &one] {
            assert!(!quantiles.is_exact());
            assert_eq!(quantiles.count, values.len() as u64);
            for share in [0.01, 0.25, 0.5, 0.9, 0.999] {
                let found = quantiles.quantile(share).unwrap();
                let rank = sorted.partition_point(|value| *value < found) as f64 / sorted.len() as f64;
                assert!((rank - share).abs() < 0.001, "{share}: {rank}");
            }
        }
    }
}
