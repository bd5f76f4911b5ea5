//! The strategies, and how each is applied to a series.

use std::ops::Range;

use super::{Anomaly, AnomalyError, Assessment, BatchNormal, Bounds, Change, HoltWinters, OnlineNormal, Usual, change::Difference};
use crate::evaluate::history::Point;

/// How anomalies are found.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// Our own: see [`Usual`].
    Default(Usual),
    /// Values within fixed bounds.
    SimpleThreshold(Bounds),
    /// The change since the value before, or of a higher order.
    AbsoluteChange(Change),
    /// The value over an earlier one.
    RelativeRateOfChange(Change),
    /// Deviations from a running mean.
    OnlineNormal(OnlineNormal),
    /// Deviations from the mean of all other values.
    BatchNormal(BatchNormal),
    /// Deviations from a forecast with trend and season.
    HoltWinters(HoltWinters),
}

impl Default for Strategy {
    fn default() -> Strategy {
        Strategy::Default(Usual::default())
    }
}

impl Strategy {
    /// The name, as the tag `strategy` spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Strategy::Default(_) => "Default",
            Strategy::SimpleThreshold(_) => "SimpleThreshold",
            Strategy::AbsoluteChange(_) => "AbsoluteChange",
            Strategy::RelativeRateOfChange(_) => "RelativeRateOfChange",
            Strategy::OnlineNormal(_) => "OnlineNormal",
            Strategy::BatchNormal(_) => "BatchNormal",
            Strategy::HoltWinters(_) => "HoltWinters",
        }
    }

    /// The anomalies among the values of a half-open interval of indices. The series is in the
    /// order of time. What is outside of the interval is compared with, as the strategy says.
    ///
    /// # Errors
    /// If the parameters, the series or the interval make no sense, or there is too little history.
    pub fn detect(&self, series: &[Point], interval: Range<usize>) -> Result<Vec<Anomaly>, AnomalyError> {
        Ok(self.assess(series, interval)?.into_iter().filter_map(Anomaly::found).collect())
    }

    /// What the strategy says of each value in a half-open interval of indices; nothing of those
    /// that have too few before them.
    ///
    /// # Errors
    /// As of `detect`.
    pub fn assess(&self, series: &[Point], interval: Range<usize>) -> Result<Vec<Assessment>, AnomalyError> {
        self.check()?;
        if interval.start > interval.end {
            return Err(AnomalyError::Interval { start: interval.start, end: interval.end });
        }
        if let Some(before) = series.windows(2).position(|pair| pair[0].at > pair[1].at) {
            return Err(AnomalyError::Order { index: before + 1 });
        }
        let (places, values): (Vec<usize>, Vec<f64>) =
            series.iter().enumerate().filter(|(_, point)| point.value.is_finite()).map(|(place, point)| (place, point.value)).unzip();
        // Missing values have no place in what is compared, so the interval moves with them.
        let [start, end] = [interval.start, interval.end].map(|bound| places.partition_point(|place| *place < bound));
        let mut found = self.assess_values(&values, start..end)?;
        for assessment in &mut found {
            assessment.index = places[assessment.index];
        }
        Ok(found)
    }

    /// The anomaly that a new value is, if it is one.
    ///
    /// # Errors
    /// As of `assess_new`.
    pub fn is_new_point_anomalous(&self, history: &[Point], new: Point) -> Result<Option<Anomaly>, AnomalyError> {
        self.assess_new(history, new).map(Anomaly::found)
    }

    /// What the strategy says of a new value. The history may be in any order.
    ///
    /// # Errors
    /// If the value is not finite or not newer than all of the history, or there is too little of it.
    pub fn assess_new(&self, history: &[Point], new: Point) -> Result<Assessment, AnomalyError> {
        self.check()?;
        if !new.value.is_finite() {
            return Err(AnomalyError::NotFinite(new.value));
        }
        let mut series: Vec<Point> = history.iter().filter(|point| point.value.is_finite()).copied().collect();
        series.sort_by_key(|point| point.at);
        match series.last() {
            None => return Err(AnomalyError::NeedsHistory { needed: self.needs(), there: 0 }),
            Some(last) if last.at >= new.at => return Err(AnomalyError::NotNew { new: new.at, last: last.at }),
            Some(_) => {}
        }
        let there = series.len();
        series.push(new);
        let assessed = self.assess(&series, there..there + 1)?;
        assessed.into_iter().next().ok_or(AnomalyError::NeedsHistory { needed: self.needs(), there })
    }

    /// How many earlier values there have to be before a new one is assessed; at least one.
    pub fn needs(&self) -> usize {
        match self {
            Strategy::Default(_) => Usual::NEEDS,
            Strategy::AbsoluteChange(change) | Strategy::RelativeRateOfChange(change) => change.order.max(1),
            Strategy::HoltWinters(model) => model.needs(),
            Strategy::SimpleThreshold(_) | Strategy::OnlineNormal(_) | Strategy::BatchNormal(_) => 1,
        }
    }

    fn assess_values(&self, values: &[f64], interval: Range<usize>) -> Result<Vec<Assessment>, AnomalyError> {
        match self {
            Strategy::Default(usual) => Ok(usual.assess(values, interval)),
            Strategy::SimpleThreshold(bounds) => Ok(threshold(*bounds, values, interval)),
            Strategy::AbsoluteChange(change) => Ok(change.assess(Difference::Absolute, values, interval)),
            Strategy::RelativeRateOfChange(change) => Ok(change.assess(Difference::Relative, values, interval)),
            Strategy::OnlineNormal(normal) => Ok(normal.assess(values, interval)),
            Strategy::BatchNormal(normal) => normal.assess(values, interval),
            Strategy::HoltWinters(model) => model.assess(values, interval),
        }
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// If they don't, with the reason.
    pub fn check(&self) -> Result<(), AnomalyError> {
        let wrong = match self {
            Strategy::Default(usual) => usual.wrong(),
            Strategy::SimpleThreshold(bounds) if bounds.lower <= bounds.upper => None,
            Strategy::SimpleThreshold(_) => Some("lowerBound must not be greater than upperBound"),
            Strategy::AbsoluteChange(change) => change.wrong(Difference::Absolute),
            Strategy::RelativeRateOfChange(change) => change.wrong(Difference::Relative),
            Strategy::OnlineNormal(normal) => normal.wrong(),
            Strategy::BatchNormal(normal) => normal.wrong(),
            Strategy::HoltWinters(model) => model.wrong(),
        };
        wrong.map_or(Ok(()), |reason| Err(AnomalyError::Parameter(format!("{}: {reason}", self.name()))))
    }
}

fn threshold(bounds: Bounds, values: &[f64], interval: Range<usize>) -> Vec<Assessment> {
    let assess = |index: usize| {
        let value = values[index];
        Assessment::new(index, value, bounds, !bounds.contain(value), format!("{value} against the bounds {bounds}"))
    };
    interval.map(assess).collect()
}
