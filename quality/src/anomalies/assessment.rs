//! What a strategy says of a value.

use serde::{Deserialize, Serialize};

/// The least and the greatest value that is no anomaly; infinite on a side that has no bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least.
    pub lower: f64,
    /// The greatest.
    pub upper: f64,
}

impl Bounds {
    /// From bounds of which either may be absent.
    pub fn from_options(lower: Option<f64>, upper: Option<f64>) -> Bounds {
        Bounds { lower: lower.unwrap_or(f64::NEG_INFINITY), upper: upper.unwrap_or(f64::INFINITY) }
    }

    /// So far on either side of a value; a distance of `None` is no bound.
    pub(super) fn around(centre: f64, below: Option<f64>, above: Option<f64>) -> Bounds {
        Bounds::from_options(below.map(|below| centre - below), above.map(|above| centre + above))
    }

    /// Whether a value is within; NaN is in no bounds.
    pub fn contain(&self, value: f64) -> bool {
        value >= self.lower && value <= self.upper
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}, {}]", self.lower, self.upper)
    }
}

/// What a strategy says of one value, whether it is an anomaly or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Its place in the series.
    pub index: usize,
    /// The value.
    pub value: f64,
    /// The least value that would be no anomaly; `None` if there is no such bound.
    pub lower: Option<f64>,
    /// The greatest value that would be no anomaly; `None` if there is no such bound.
    pub upper: Option<f64>,
    /// Whether it is an anomaly.
    pub anomalous: bool,
    /// What it was compared with, for people.
    pub detail: String,
}

impl Assessment {
    pub(super) fn new(index: usize, value: f64, bounds: Bounds, anomalous: bool, detail: String) -> Assessment {
        let finite = |bound: f64| bound.is_finite().then_some(bound);
        Assessment { index, value, lower: finite(bounds.lower), upper: finite(bounds.upper), anomalous, detail }
    }
}

/// A value that is unlike the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Its place in the series.
    pub index: usize,
    /// The value.
    pub value: f64,
    /// The least value that would be no anomaly; `None` if there is no such bound.
    pub lower: Option<f64>,
    /// The greatest value that would be no anomaly; `None` if there is no such bound.
    pub upper: Option<f64>,
    /// How sure that is; Deequ's strategies are always sure, and so are ours.
    pub confidence: f64,
    /// What it was compared with, for people.
    pub detail: String,
}

impl Anomaly {
    /// The anomaly, if the assessment found one.
    pub(super) fn found(assessment: Assessment) -> Option<Anomaly> {
        let Assessment { index, value, lower, upper, anomalous, detail } = assessment;
        anomalous.then_some(Anomaly { index, value, lower, upper, confidence: 1.0, detail })
    }
}

/// Why a series can't be assessed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AnomalyError {
    /// Fewer earlier values than the strategy compares with. It is nobody's fault and mends itself.
    #[error("{there} earlier values are there, and {needed} are needed")]
    NeedsHistory {
        /// How many are needed.
        needed: usize,
        /// How many are there.
        there: usize,
    },
    /// A parameter of the strategy makes no sense.
    #[error("{0}")]
    Parameter(String),
    /// The interval ends before it begins.
    #[error("the interval ends at {end}, before it begins at {start}")]
    Interval {
        /// The first index.
        start: usize,
        /// The index after the last.
        end: usize,
    },
    /// The series is not in the order of time.
    #[error("the values are not in the order of their time: number {index} is older than the one before")]
    Order {
        /// The first that is out of order.
        index: usize,
    },
    /// The new value is not newer than all earlier ones.
    #[error("the value of {new} is not newer than the history, which reaches to {last}")]
    NotNew {
        /// The time of the new value.
        new: jiff::Timestamp,
        /// The time of the newest earlier one.
        last: jiff::Timestamp,
    },
    /// The new value is NaN or infinite.
    #[error("the value is {0}, which can't be compared with earlier ones")]
    NotFinite(f64),
}
