//! A forecast with level, trend and season: Holt's and Winters' additive method.

use std::ops::Range;

use super::{
    AnomalyError, Assessment, Bounds,
    fit::{Dual, Each, least_squares},
    normal::mean_and_sample_deviation,
};

/// Deviations from a forecast of level, trend and an additive season, fitted to the values before
/// the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoltWinters {
    /// How many values a season has.
    pub period: usize,
}

/// Where the fit begins: Deequ's first guess for α, β and γ.
const FIRST_GUESS: Each = [0.3, 0.1, 0.1];

/// Of normal deviations, 95 % are within so many standard deviations.
const WIDTH: f64 = 1.96;

impl HoltWinters {
    /// How many values there have to be before the interval: two seasons.
    pub(super) fn needs(self) -> usize {
        self.period.saturating_mul(2)
    }

    pub(super) fn wrong(self) -> Option<&'static str> {
        (self.period < 2).then_some("period must be at least 2")
    }

    pub(super) fn assess(self, values: &[f64], interval: Range<usize>) -> Result<Vec<Assessment>, AnomalyError> {
        if interval.start < self.needs() {
            return Err(AnomalyError::NeedsHistory { needed: self.needs(), there: interval.start });
        }
        let model = self.fit(&values[..interval.start]);
        let distances: Vec<f64> = model.residuals.iter().map(|residual| residual.abs()).collect();
        let (_, deviation) = mean_and_sample_deviation(&distances);
        let width = WIDTH * deviation;
        let assess = |index: usize| {
            let (value, forecast) = (values[index], model.forecast(index - interval.start));
            let bounds = Bounds::around(forecast, Some(width), Some(width));
            // Not by the bounds: a width of 0 must not be lost in the forecast's rounding.
            let anomalous = (value - forecast).abs() > width;
            Assessment::new(index, value, bounds, anomalous, format!("{value} against the forecast {forecast} give or take {width}"))
        };
        Ok(interval.clone().map(assess).collect())
    }

    /// The model whose one-step forecasts have the least squared errors. At least two seasons.
    pub(super) fn fit(self, values: &[f64]) -> Fitted {
        let parameters = least_squares(|parameters| smooth(values, self.period, parameters).residuals, FIRST_GUESS);
        let smoothed = smooth(values, self.period, Dual::parameters(parameters));
        Fitted {
            parameters,
            residuals: smoothed.residuals.iter().map(|residual| residual.value).collect(),
            level: smoothed.level.value,
            trend: smoothed.trend.value,
            season: smoothed.season[values.len()..].iter().map(|season| season.value).collect(),
        }
    }
}

/// A model fitted to values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fitted {
    /// α, β and γ.
    pub(super) parameters: Each,
    /// Each value less its forecast from those before.
    pub(super) residuals: Vec<f64>,
    level: f64,
    trend: f64,
    /// Of the period to come.
    season: Vec<f64>,
}

impl Fitted {
    /// So many steps after the first step after the last value.
    pub(super) fn forecast(&self, steps: usize) -> f64 {
        self.level + self.trend * (steps + 1) as f64 + self.season[steps % self.season.len()]
    }
}

struct Smoothed {
    residuals: Vec<Dual>,
    level: Dual,
    trend: Dual,
    /// Of each value, and of a period more.
    season: Vec<Dual>,
}

fn smooth(values: &[f64], period: usize, [alpha, beta, gamma]: [Dual; 3]) -> Smoothed {
    let one = Dual::constant(1.0);
    let length = period as f64;
    let first: f64 = values[..period].iter().sum();
    let second: f64 = values[period..2 * period].iter().sum();
    let mean = first / length;
    let mut level = Dual::constant(mean);
    let mut trend = Dual::constant((second - first) / (length * length));
    let mut season: Vec<Dual> = values[..period].iter().map(|value| Dual::constant(value - mean)).collect();
    let mut residuals = Vec::with_capacity(values.len());
    for (at, value) in values.iter().copied().map(Dual::constant).enumerate() {
        residuals.push(value - (level + trend + season[at]));
        let new_level = alpha * (value - season[at]) + (one - alpha) * (level + trend);
        let new_season = gamma * (value - level - trend) + (one - gamma) * season[at];
        trend = beta * (new_level - level) + (one - beta) * trend;
        season.push(new_season);
        level = new_level;
    }
    Smoothed { residuals, level, trend, season }
}
