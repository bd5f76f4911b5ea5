//! Count, sum, zeros, mean and central moments up to the fourth.
//!
//! A batch's mean is found first and its central moments about that, which is sound for numbers far
//! from zero; batches are put together by the pairwise formulas of Chan, Golub, LeVeque and Pébay.

use serde::{Deserialize, Serialize};

use super::bits;

/// Moments of the values that are neither null nor missing. NaN makes all of them NaN but the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Values.
    pub count: u64,
    /// Values that are zero.
    pub zeros: u64,
    #[serde(with = "bits")]
    sum: f64,
    /// What was lost from the sum by rounding.
    #[serde(with = "bits")]
    lost: f64,
    #[serde(with = "bits")]
    mean: f64,
    /// What was lost from the mean by rounding: numbers far from zero differ by no more than that.
    #[serde(with = "bits")]
    mean_lost: f64,
    #[serde(with = "bits")]
    m2: f64,
    #[serde(with = "bits")]
    m3: f64,
    #[serde(with = "bits")]
    m4: f64,
}

impl Moments {
    /// Of values.
    pub fn of(values: &[f64]) -> Moments {
        let mut all = Moments::default();
        values.chunks(BLOCK).for_each(|block| all.merge(&Moments::of_block(block)));
        all
    }

    /// Of few enough values to stay in the nearest cache while they are read twice.
    fn of_block(values: &[f64]) -> Moments {
        if values.is_empty() {
            return Moments::default();
        }
        let (mut sum, mut lost, mut zeros) = (0.0, 0.0, 0);
        for lane in values.chunks(64) {
            let part: f64 = lanes(lane, |value| value);
            add(&mut sum, &mut lost, part);
            zeros += lane.iter().map(|value| u64::from(*value == 0.0)).sum::<u64>();
        }
        let count = values.len() as f64;
        let mean = total(sum, lost) / count;
        let (mut s1, mut s2, mut s3, mut s4) = (0.0, 0.0, 0.0, 0.0);
        for lane in values.chunks(64) {
            s1 += lanes(lane, |value| value - mean);
            s2 += lanes(lane, |value| (value - mean) * (value - mean));
            s3 += lanes(lane, |value| (value - mean) * (value - mean) * (value - mean));
            s4 += lanes(lane, |value| {
                let square = (value - mean) * (value - mean);
                square * square
            });
        }
        // They are about the mean as it is rounded, and moved to where it really is.
        let shift = s1 / count;
        let mut m2 = s2 - count * shift * shift;
        let mut m3 = s3 - 3.0 * shift * s2 + 2.0 * count * shift.powi(3);
        let mut m4 = s4 - 4.0 * shift * s3 + 6.0 * shift * shift * s2 - 3.0 * count * shift.powi(4);
        // Less than neighbouring numbers would give: the values are equal, and the rest is rounding.
        if m2 <= (mean * f64::EPSILON / 8.0).powi(2) {
            (m2, m3, m4) = (0.0, 0.0, 0.0);
        }
        Moments { count: values.len() as u64, zeros, sum, lost, mean, mean_lost: shift, m2, m3, m4 }
    }

    /// Adds the other's values.
    pub fn merge(&mut self, other: &Moments) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (left, right) = (self.count as f64, other.count as f64);
        let all = left + right;
        let delta = (other.mean - self.mean) + (other.mean_lost - self.mean_lost);
        let share = delta / all;
        let m4 = self.m4
            + other.m4
            + delta * share * share * share * left * right * (left * left - left * right + right * right)
            + 6.0 * share * share * (left * left * other.m2 + right * right * self.m2)
            + 4.0 * share * (left * other.m3 - right * self.m3);
        let m3 =
            self.m3 + other.m3 + delta * share * share * left * right * (left - right) + 3.0 * share * (left * other.m2 - right * self.m2);
        let m2 = self.m2 + other.m2 + delta * share * left * right;
        (self.m2, self.m3, self.m4) = (m2, m3, m4);
        add(&mut self.sum, &mut self.lost, other.sum);
        self.lost += other.lost;
        self.count += other.count;
        self.zeros += other.zeros;
        let mean = total(self.sum, self.lost) / all;
        self.mean_lost += (self.mean - mean) + share * right;
        self.mean = mean;
    }

    /// The sum; 0 of no values.
    pub fn sum(&self) -> f64 {
        total(self.sum, self.lost)
    }

    /// The mean, if there is a value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The variance of the population, if there is a value.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 0).then(|| self.m2 / self.count as f64)
    }

    /// The standard deviation of the population, if there is a value.
    pub fn standard_deviation(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The skewness of the population, if there is a value; 0 if all are equal.
    pub fn skewness(&self) -> Option<f64> {
        let skewness = || if self.m2 == 0.0 { 0.0 } else { (self.count as f64).sqrt() * self.m3 / self.m2.powf(1.5) };
        (self.count > 0).then(skewness)
    }

    /// The excess kurtosis of the population, if there is a value; 0 if all are equal.
    pub fn kurtosis(&self) -> Option<f64> {
        let kurtosis = || if self.m2 == 0.0 { 0.0 } else { self.count as f64 * self.m4 / (self.m2 * self.m2) - 3.0 };
        (self.count > 0).then(kurtosis)
    }
}

/// Values of a block: 32 KB.
const BLOCK: usize = 4_096;

/// The sum of a function of up to 64 values, in eight sums that a processor adds at once.
fn lanes(values: &[f64], function: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let (blocks, rest) = values.as_chunks::<8>();
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
            *sum += function(*value);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| function(*value)).sum::<f64>()
}

/// Neumaier's addition: what rounding loses is kept apart.
pub(super) fn add(sum: &mut f64, lost: &mut f64, value: f64) {
    let new = *sum + value;
    if new.is_finite() {
        *lost += if sum.abs() >= value.abs() { (*sum - new) + value } else { (value - new) + *sum };
    }
    *sum = new;
}

fn total(sum: f64, lost: f64) -> f64 {
    if sum.is_finite() { sum + lost } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Microseconds of these days, a thousand of them apart. Worked out with fractions, which lose nothing.
    #[test]
    fn numbers_far_from_zero_keep_their_moments() {
        let values: Vec<f64> = (0..6000_u64).map(|index| (1_700_000_000_000_000 + index * 7919 % 1009) as f64).collect();
        let whole = Moments::of(&values);
        let mut parts = Moments::default();
        values.chunks(701).rev().for_each(|part| parts.merge(&Moments::of(part)));
        for moments in [whole, parts] {
            let found = [moments.variance(), moments.skewness(), moments.kurtosis()].map(Option::unwrap);
            let expected = [84835.96446655555, -0.00039593671663339087, -1.1997239148287717];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn equal_numbers_have_no_moments() {
        for value in [0.0, 0.1, -1e300, 1e-300, 9_007_199_254_740_993.0] {
            let mut moments = Moments::of(&vec![value; 10_000]);
            moments.merge(&Moments::of(&[value; 3]));
            let found = [moments.variance(), moments.skewness(), moments.kurtosis()];
            assert_eq!(found, [Some(0.0); 3], "{value}");
        }
    }
}
