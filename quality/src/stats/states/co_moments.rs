//! What a correlation is made of.
//!
//! As in `moments`, a block's means are found first and its moments about those, and the rounding of
//! means is kept, which is sound for numbers far from zero.

use serde::{Deserialize, Serialize};

use super::{bits, moments::add};

/// Moments of pairs of which neither is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoMoments {
    /// Pairs.
    pub count: u64,
    #[serde(with = "bits")]
    left_mean: f64,
    #[serde(with = "bits")]
    right_mean: f64,
    /// What was lost from the means by rounding.
    #[serde(with = "bits", default)]
    left_lost: f64,
    #[serde(with = "bits", default)]
    right_lost: f64,
    #[serde(with = "bits")]
    left_m2: f64,
    #[serde(with = "bits")]
    right_m2: f64,
    #[serde(with = "bits")]
    co: f64,
}

const BLOCK: usize = 2_048;

/// Sums about a block's means as they are rounded.
#[derive(Clone, Copy, Default)]
struct Sums {
    left: f64,
    right: f64,
    left_squares: f64,
    right_squares: f64,
    products: f64,
}

impl Sums {
    fn add(&mut self, left: f64, right: f64) {
        self.left += left;
        self.right += right;
        self.left_squares += left * left;
        self.right_squares += right * right;
        self.products += left * right;
    }
}

impl CoMoments {
    /// Of pairs.
    pub fn of(left: &[f64], right: &[f64]) -> CoMoments {
        let mut all = CoMoments::default();
        for (left, right) in left.chunks(BLOCK).zip(right.chunks(BLOCK)) {
            all.merge(&CoMoments::of_block(left, right));
        }
        all
    }

    fn of_block(left: &[f64], right: &[f64]) -> CoMoments {
        let count = left.len().min(right.len()) as u64;
        let pairs = count as f64;
        let left_mean = left.iter().sum::<f64>() / pairs;
        let right_mean = right.iter().sum::<f64>() / pairs;
        // Four of each, so that additions need not wait for each other.
        let mut lanes = [Sums::default(); 4];
        let ((lefts, left_rest), (rights, right_rest)) = (left.as_chunks::<4>(), right.as_chunks::<4>());
        for (left, right) in lefts.iter().zip(rights) {
            for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
                lane.add(left - left_mean, right - right_mean);
            }
        }
        for ((lane, left), right) in lanes.iter_mut().zip(left_rest).zip(right_rest) {
            lane.add(left - left_mean, right - right_mean);
        }
        let sum = |of: fn(&Sums) -> f64| lanes.iter().map(of).sum::<f64>();
        // They are about the means as they are rounded, and moved to where those really are.
        let (left_lost, right_lost) = (sum(|lane| lane.left) / pairs, sum(|lane| lane.right) / pairs);
        CoMoments {
            count,
            left_mean,
            right_mean,
            left_lost,
            right_lost,
            left_m2: sum(|lane| lane.left_squares) - pairs * left_lost * left_lost,
            right_m2: sum(|lane| lane.right_squares) - pairs * right_lost * right_lost,
            co: sum(|lane| lane.products) - pairs * left_lost * right_lost,
        }
    }

    /// Adds the other's pairs.
    pub fn merge(&mut self, other: &CoMoments) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (one, two) = (self.count as f64, other.count as f64);
        let all = one + two;
        let left = (other.left_mean - self.left_mean) + (other.left_lost - self.left_lost);
        let right = (other.right_mean - self.right_mean) + (other.right_lost - self.right_lost);
        self.left_m2 += other.left_m2 + left * left * one * two / all;
        self.right_m2 += other.right_m2 + right * right * one * two / all;
        self.co += other.co + left * right * one * two / all;
        add(&mut self.left_mean, &mut self.left_lost, left * two / all);
        add(&mut self.right_mean, &mut self.right_lost, right * two / all);
        self.count += other.count;
    }

    /// Pearson's correlation, if there is a pair; NaN if one side is constant.
    pub fn correlation(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        if is_constant(self.left_mean, self.left_m2) || is_constant(self.right_mean, self.right_m2) {
            return Some(f64::NAN);
        }
        // One root is rounded once, so that 1 is 1; of very large or small moments the product is no number.
        let product = self.left_m2 * self.right_m2;
        let root = if product.is_normal() { product.sqrt() } else { self.left_m2.sqrt() * self.right_m2.sqrt() };
        Some(self.co / root)
    }

    /// The covariance of the population, if there is a pair.
    pub fn covariance(&self) -> Option<f64> {
        (self.count > 0).then(|| self.co / self.count as f64)
    }
}

/// Whether values are equal: neighbouring numbers would give more than this, and it is but rounding.
fn is_constant(mean: f64, m2: f64) -> bool {
    m2 <= (mean * f64::EPSILON / 8.0).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The correlation of whole numbers, with nothing rounded until the end.
    fn exact(pairs: &[(i128, i128)]) -> f64 {
        let sum = |of: fn(&(i128, i128)) -> i128| pairs.iter().map(of).sum::<i128>();
        let (count, left, right) = (pairs.len() as i128, sum(|pair| pair.0), sum(|pair| pair.1));
        let left_m2 = count * sum(|pair| pair.0 * pair.0) - left * left;
        let right_m2 = count * sum(|pair| pair.1 * pair.1) - right * right;
        (count * sum(|pair| pair.0 * pair.1) - left * right) as f64 / (left_m2 as f64).sqrt() / (right_m2 as f64).sqrt()
    }

    /// Steps of 2^-20 about these numbers: what is added to all of them changes no correlation.
    #[test]
    fn numbers_far_from_zero_keep_their_correlation() {
        let pairs: Vec<(i128, i128)> = (0..9000).map(|row| (row * 7919 % 1009, (row * 7919 % 1009 + row * 104_729 % 2003) * 3)).collect();
        let expected = exact(&pairs);
        for (left_from, right_from) in [(0.0, 0.0), (1e9, -1e9), (1e9, 0.25), (4e9, 3e9), (-2e9, 1e-3)] {
            let step = (2.0_f64).powi(-20);
            let left: Vec<f64> = pairs.iter().map(|pair| left_from + pair.0 as f64 * step).collect();
            let right: Vec<f64> = pairs.iter().map(|pair| right_from + pair.1 as f64 * step).collect();
            let mut parts = CoMoments::default();
            left.chunks(701).zip(right.chunks(701)).rev().for_each(|(left, right)| parts.merge(&CoMoments::of(left, right)));
            for moments in [CoMoments::of(&left, &right), parts] {
                let found = moments.correlation().unwrap();
                assert!((found - expected).abs() < 1e-12, "about {left_from} and {right_from}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn equal_numbers_have_no_correlation() {
        for value in [0.0, 0.1, 1e9 + 0.1, -1e300, 9_007_199_254_740_993.0] {
            let varied: Vec<f64> = (0..10_000).map(f64::from).collect();
            let mut moments = CoMoments::of(&vec![value; 10_000], &varied);
            moments.merge(&CoMoments::of(&[value; 3], &[7.0, -1.0, 2.5]));
            assert!(moments.correlation().unwrap().is_nan(), "{value}: {:?}", moments.correlation());
        }
    }
}
