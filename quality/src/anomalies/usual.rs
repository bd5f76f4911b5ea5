//! What `DetectAnomalies` does when nothing else is said.

use std::ops::Range;

use super::{Assessment, Bounds, HoltWinters};

/// Deviations from what earlier values make one expect, robustly: a few odd ones among them change
/// little, so an anomaly that went into the history does not hide the next one.
///
/// *What is expected*: the median of the last 100 values. If a straight line describes six or more
/// of them at least twice as well, the line: so a table that grows is no anomaly. With a `period`
/// and at least two of them in the history, the forecast of [`HoltWinters`] instead.
///
/// *How far from it is an anomaly*: `sensitivity` standard deviations, estimated as 1.4826 times
/// the median distance from what was expected, and widened by 1 + 5/n, because n values estimate it
/// poorly; and at least `floor` times what is expected, so that a statistic that has hardly moved so
/// far may move a little.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// How many standard deviations are no anomaly.
    pub sensitivity: f64,
    /// Which share of the expected value is no anomaly, however calm the history was.
    pub floor: f64,
    /// How many values a season has.
    pub period: Option<usize>,
}

impl Default for Usual {
    fn default() -> Usual {
        Usual { sensitivity: 3.0, floor: 0.05, period: None }
    }
}

/// How many values are looked at where there is no season.
const WINDOW: usize = 100;
/// From how many values on there may be a trend.
const TREND_NEEDS: usize = 6;
/// Of normal deviations, the standard deviation over the median distance.
const NORMAL: f64 = 1.4826;

/// What earlier values make one expect of the next.
struct Expected {
    value: f64,
    /// The median distance of earlier values from what was expected of them.
    distance: f64,
    from: &'static str,
}

impl Usual {
    /// How many earlier values are needed.
    pub(super) const NEEDS: usize = 3;

    pub(super) fn wrong(&self) -> Option<&'static str> {
        if !(self.sensitivity > 0.0 && self.sensitivity.is_finite()) {
            Some("sensitivity must be greater than 0")
        } else if !(self.floor >= 0.0 && self.floor.is_finite()) {
            Some("floor must not be negative")
        } else {
            self.period.and_then(|period| HoltWinters { period }.wrong())
        }
    }

    /// Each value against all before it; those with fewer than three before are left out.
    pub(super) fn assess(&self, values: &[f64], interval: Range<usize>) -> Vec<Assessment> {
        let first = interval.start.max(Usual::NEEDS);
        (first..interval.end).map(|index| self.assess_last(&values[..=index])).collect()
    }

    fn assess_last(&self, values: &[f64]) -> Assessment {
        let (index, value) = (values.len() - 1, values[values.len() - 1]);
        let earlier = &values[..index];
        let Expected { value: expected, distance, from } = self.expect(earlier);
        let deviation = NORMAL * distance;
        let widened = self.sensitivity * (1.0 + 5.0 / earlier.len() as f64);
        let width = (widened * deviation).max(self.floor * expected.abs());
        let bounds = Bounds::around(expected, Some(width), Some(width));
        let detail = format!("{value} against the bounds {bounds}, from {from} {expected} of {} earlier values", earlier.len());
        Assessment::new(index, value, bounds, !bounds.contain(value), detail)
    }

    fn expect(&self, earlier: &[f64]) -> Expected {
        if let Some(season) = self.period.map(|period| HoltWinters { period }).filter(|season| earlier.len() >= season.needs()) {
            let fitted = season.fit(earlier);
            let distances = fitted.residuals.iter().map(|residual| residual.abs()).collect();
            return Expected { value: fitted.forecast(0), distance: median(distances), from: "the seasonal forecast" };
        }
        let recent = &earlier[earlier.len().saturating_sub(WINDOW)..];
        let level = level(recent);
        if recent.len() >= TREND_NEEDS {
            let trend = trend(recent);
            if trend.distance * 2.0 <= level.distance && level.distance > 0.0 {
                return trend;
            }
        }
        level
    }
}

fn level(values: &[f64]) -> Expected {
    let middle = median(values.to_vec());
    let distance = median(values.iter().map(|value| (value - middle).abs()).collect());
    Expected { value: middle, distance, from: "the median" }
}

/// Theil's and Sen's line: the median of the slopes between all pairs.
fn trend(values: &[f64]) -> Expected {
    let slopes = (0..values.len()).flat_map(|a| (a + 1..values.len()).map(move |b| (values[b] - values[a]) / (b - a) as f64)).collect();
    let slope = median(slopes);
    let flattened: Vec<f64> = values.iter().enumerate().map(|(at, value)| value - slope * at as f64).collect();
    let flat = level(&flattened);
    Expected { value: flat.value + slope * values.len() as f64, distance: flat.distance, from: "the trend" }
}

/// Of at least one finite value; between the two in the middle if their number is even.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { values[middle - 1].midpoint(values[middle]) }
}
