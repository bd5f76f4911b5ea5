//! What a correlation is made of.

use serde::{Deserialize, Serialize};

use super::bits;

/// Moments of pairs of which neither is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoMoments {
    /// Pairs.
    pub count: u64,
    #[serde(with = "bits")]
    left_mean: f64,
    #[serde(with = "bits")]
    right_mean: f64,
    #[serde(with = "bits")]
    left_m2: f64,
    #[serde(with = "bits")]
    right_m2: f64,
    #[serde(with = "bits")]
    co: f64,
}

const BLOCK: usize = 2_048;

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
        let count = left.len().min(right.len()) as f64;
        let left_mean = left.iter().sum::<f64>() / count;
        let right_mean = right.iter().sum::<f64>() / count;
        // Four sums each, so that additions need not wait for each other.
        let (mut left_m2, mut right_m2, mut co) = ([0.0; 4], [0.0; 4], [0.0; 4]);
        let ((lefts, left_rest), (rights, right_rest)) = (left.as_chunks::<4>(), right.as_chunks::<4>());
        for (left, right) in lefts.iter().zip(rights) {
            for lane in 0..4 {
                let (one, other) = (left[lane] - left_mean, right[lane] - right_mean);
                left_m2[lane] += one * one;
                right_m2[lane] += other * other;
                co[lane] += one * other;
            }
        }
        for (left, right) in left_rest.iter().zip(right_rest) {
            let (one, other) = (left - left_mean, right - right_mean);
            left_m2[0] += one * one;
            right_m2[0] += other * other;
            co[0] += one * other;
        }
        let sum = |lanes: [f64; 4]| lanes.iter().sum::<f64>();
        let count = left.len().min(right.len()) as u64;
        CoMoments { count, left_mean, right_mean, left_m2: sum(left_m2), right_m2: sum(right_m2), co: sum(co) }
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
        let (left, right) = (other.left_mean - self.left_mean, other.right_mean - self.right_mean);
        self.left_m2 += other.left_m2 + left * left * one * two / all;
        self.right_m2 += other.right_m2 + right * right * one * two / all;
        self.co += other.co + left * right * one * two / all;
        self.left_mean = (self.left_mean * one + other.left_mean * two) / all;
        self.right_mean = (self.right_mean * one + other.right_mean * two) / all;
        self.count += other.count;
    }

    /// Pearson's correlation, if there is a pair; NaN if one side is constant.
    pub fn correlation(&self) -> Option<f64> {
        // One root is rounded once, so that 1 is 1; of very large or small moments the product is no number.
        let product = self.left_m2 * self.right_m2;
        let root = if product.is_normal() { product.sqrt() } else { self.left_m2.sqrt() * self.right_m2.sqrt() };
        (self.count > 0).then(|| self.co / root)
    }

    /// The covariance of the population, if there is a pair.
    pub fn covariance(&self) -> Option<f64> {
        (self.count > 0).then(|| self.co / self.count as f64)
    }
}
