//! Least and greatest number.

use serde::{Deserialize, Serialize};

use super::bits;

/// The least and the greatest of the values that are not null. NaN is greater than every number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extremes {
    /// Values.
    pub count: u64,
    #[serde(with = "bits")]
    minimum: f64,
    #[serde(with = "bits")]
    maximum: f64,
}

impl Default for Extremes {
    fn default() -> Extremes {
        Extremes { count: 0, minimum: f64::NAN, maximum: f64::NEG_INFINITY }
    }
}

impl Extremes {
    /// Of so many values with these ends.
    pub fn of_ends(count: u64, minimum: f64, maximum: f64) -> Extremes {
        if count == 0 { Extremes::default() } else { Extremes { count, minimum, maximum } }
    }

    /// The same ends of so many values.
    pub(crate) fn with_count(self, count: u64) -> Extremes {
        if count == 0 { Extremes::default() } else { Extremes { count, ..self } }
    }

    /// Adds the other's values.
    pub fn merge(&mut self, other: &Extremes) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.count += other.count;
        // `min` takes the number if one is NaN; `max` must not.
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = if self.maximum.is_nan() || other.maximum.is_nan() { f64::NAN } else { self.maximum.max(other.maximum) };
    }

    /// The least, if there is a value; NaN only if all are.
    pub fn minimum(&self) -> Option<f64> {
        (self.count > 0).then_some(self.minimum)
    }

    /// The greatest, if there is a value; NaN if any is.
    pub fn maximum(&self) -> Option<f64> {
        (self.count > 0).then_some(self.maximum)
    }
}
