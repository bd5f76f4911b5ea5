//! How many standard deviations a value is from a mean.

use std::ops::Range;

use super::{AnomalyError, Assessment, Bounds};

/// Deviations from the mean of all values so far, the value itself among them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnlineNormal {
    /// How many standard deviations below the mean are no anomaly; `None` is any number.
    pub lower_deviation_factor: Option<f64>,
    /// How many above.
    pub upper_deviation_factor: Option<f64>,
    /// Which share of the series, from its beginning, has no anomalies: its mean is not known yet.
    pub ignore_start_percentage: f64,
    /// Whether anomalies are left out of the mean of those that follow.
    pub ignore_anomalies: bool,
}

impl Default for OnlineNormal {
    fn default() -> OnlineNormal {
        OnlineNormal {
            lower_deviation_factor: Some(3.0),
            upper_deviation_factor: Some(3.0),
            ignore_start_percentage: 0.1,
            ignore_anomalies: true,
        }
    }
}

impl OnlineNormal {
    pub(super) fn wrong(&self) -> Option<&'static str> {
        factors_wrong(self.lower_deviation_factor, self.upper_deviation_factor)
            .or_else(|| (!(0.0..=1.0).contains(&self.ignore_start_percentage)).then_some("ignoreStartPercentage must be from 0 to 1"))
    }

    pub(super) fn assess(&self, values: &[f64], interval: Range<usize>) -> Vec<Assessment> {
        let skipped = values.len() as f64 * self.ignore_start_percentage;
        let (mut mean, mut squares) = (0.0, 0.0);
        let mut found = Vec::new();
        for (index, value) in values.iter().copied().enumerate().take(interval.end) {
            let count = (index + 1) as f64;
            let new_mean = mean + (value - mean) / count;
            let new_squares = squares + (value - mean) * (value - new_mean);
            let deviation = (new_squares / count).sqrt();
            let bounds = Bounds::around(
                new_mean,
                self.lower_deviation_factor.map(|factor| factor * deviation),
                self.upper_deviation_factor.map(|factor| factor * deviation),
            );
            let assessed = interval.contains(&index);
            let anomalous = assessed && index as f64 >= skipped && !bounds.contain(value);
            if assessed {
                found.push(Assessment::new(index, value, bounds, anomalous, against(value, bounds, new_mean, deviation)));
            }
            // The count goes on all the same, as Deequ's does.
            if !(anomalous && self.ignore_anomalies) {
                (mean, squares) = (new_mean, new_squares);
            }
        }
        found
    }
}

/// Deviations from the mean of all values outside of the interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormal {
    /// How many standard deviations below the mean are no anomaly; `None` is any number.
    pub lower_deviation_factor: Option<f64>,
    /// How many above.
    pub upper_deviation_factor: Option<f64>,
    /// Whether the values of the interval count for the mean too.
    pub include_interval: bool,
}

impl Default for BatchNormal {
    fn default() -> BatchNormal {
        BatchNormal { lower_deviation_factor: Some(3.0), upper_deviation_factor: Some(3.0), include_interval: false }
    }
}

impl BatchNormal {
    pub(super) fn wrong(&self) -> Option<&'static str> {
        factors_wrong(self.lower_deviation_factor, self.upper_deviation_factor)
    }

    pub(super) fn assess(&self, values: &[f64], interval: Range<usize>) -> Result<Vec<Assessment>, AnomalyError> {
        let others: Vec<f64> =
            (0..values.len()).filter(|index| self.include_interval || !interval.contains(index)).map(|index| values[index]).collect();
        if others.is_empty() {
            return Err(AnomalyError::NeedsHistory { needed: 1, there: 0 });
        }
        let (mean, deviation) = mean_and_sample_deviation(&others);
        let bounds = Bounds::around(
            mean,
            self.lower_deviation_factor.map(|factor| factor * deviation),
            self.upper_deviation_factor.map(|factor| factor * deviation),
        );
        let assess = |index: usize| {
            let value = values[index];
            Assessment::new(index, value, bounds, !bounds.contain(value), against(value, bounds, mean, deviation))
        };
        Ok(interval.map(assess).collect())
    }
}

/// Of at least one value; the deviation of one is 0.
pub(super) fn mean_and_sample_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 })
}

fn against(value: f64, bounds: Bounds, mean: f64, deviation: f64) -> String {
    format!("{value} against the bounds {bounds}, from mean {mean} and standard deviation {deviation}")
}

fn factors_wrong(lower: Option<f64>, upper: Option<f64>) -> Option<&'static str> {
    if lower.is_none() && upper.is_none() {
        return Some("at least one of lowerDeviationFactor and upperDeviationFactor is needed");
    }
    let good = |factor: Option<f64>| factor.is_none_or(|factor| factor >= 0.0);
    (!good(lower) || !good(upper)).then_some("a deviation factor must not be negative")
}
