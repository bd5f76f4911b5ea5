//! The state of a statistic.

use serde::{Deserialize, Serialize};

use super::states::{
    Classes, CoMoments, Distinct, Extremes, Frequencies, FrequencySummary, Histogram, Lengths, Moments, NoKeys, Quantiles, TopValues, Types,
};

/// What a statistic has seen. The state of all rows is the merger of the states of their parts, in
/// any order: counts exactly, moments but for rounding, sketches within their error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Rows.
    Rows(u64),
    /// Rows that match, and rows: `Complete`, `Matches`.
    Ratio {
        /// Rows that match.
        matches: u64,
        /// Rows.
        rows: u64,
    },
    /// Least and greatest.
    Extremes(Extremes),
    /// Moments.
    Moments(Moments),
    /// Moments of pairs.
    CoMoments(CoMoments),
    /// Lengths of strings.
    Lengths(Lengths),
    /// Counts of keys.
    Frequencies(Frequencies),
    /// Values in order.
    Quantiles(Quantiles),
    /// The most frequent values.
    TopValues(TopValues),
    /// About how many distinct values.
    Distinct(Distinct),
    /// Numbers by ranges.
    Histogram(Histogram),
    /// Numbers by classes.
    Classes(Classes),
    /// What strings look like.
    Types(Types),
}

/// States that can't be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// They are of different statistics.
    #[error("the states are of different statistics")]
    Kinds,
    /// Keys were not kept.
    #[error("the keys were not kept; measure with `Options::states`")]
    NoKeys,
}

impl State {
    /// Adds the rows that the other has seen.
    pub fn merge(&mut self, other: &State) -> Result<(), MergeError> {
        match (self, other) {
            (State::Rows(rows), State::Rows(more)) => *rows += more,
            (State::Ratio { matches, rows }, State::Ratio { matches: more, rows: of }) => {
                *matches += more;
                *rows += of;
            }
            (State::Extremes(one), State::Extremes(other)) => one.merge(other),
            (State::Moments(one), State::Moments(other)) => one.merge(other),
            (State::CoMoments(one), State::CoMoments(other)) => one.merge(other),
            (State::Lengths(one), State::Lengths(other)) => one.merge(other),
            (State::Frequencies(one), State::Frequencies(other)) => one.merge(other).map_err(|NoKeys| MergeError::NoKeys)?,
            (State::Quantiles(one), State::Quantiles(other)) => one.merge(other),
            (State::TopValues(one), State::TopValues(other)) => one.merge(other),
            (State::Distinct(one), State::Distinct(other)) => one.merge(other),
            (State::Types(one), State::Types(other)) => one.merge(other),
            (State::Histogram(one), State::Histogram(other)) => one.merge(other),
            (State::Classes(one), State::Classes(other)) => one.merge(other),
            _ => return Err(MergeError::Kinds),
        }
        Ok(())
    }

    /// Rows, of `Rows`, `Complete` and `Matches`.
    pub fn rows(&self) -> Option<u64> {
        match self {
            State::Rows(rows) | State::Ratio { rows, .. } => Some(*rows),
            _ => None,
        }
    }

    /// Rows that match and rows, of `Complete` and `Matches`.
    pub fn ratio(&self) -> Option<(u64, u64)> {
        match self {
            State::Ratio { matches, rows } => Some((*matches, *rows)),
            _ => None,
        }
    }

    /// Of `Extremes`.
    pub fn extremes(&self) -> Option<&Extremes> {
        match self {
            State::Extremes(extremes) => Some(extremes),
            _ => None,
        }
    }

    /// Of `Moments`.
    pub fn moments(&self) -> Option<&Moments> {
        match self {
            State::Moments(moments) => Some(moments),
            _ => None,
        }
    }

    /// Of `CoMoments`.
    pub fn co_moments(&self) -> Option<&CoMoments> {
        match self {
            State::CoMoments(moments) => Some(moments),
            _ => None,
        }
    }

    /// Of `Lengths`.
    pub fn lengths(&self) -> Option<&Lengths> {
        match self {
            State::Lengths(lengths) => Some(lengths),
            _ => None,
        }
    }

    /// Of `Frequencies`.
    pub fn frequencies(&self) -> Option<&FrequencySummary> {
        match self {
            State::Frequencies(frequencies) => Some(&frequencies.summary),
            _ => None,
        }
    }

    /// Of `Quantiles`.
    pub fn quantiles(&self) -> Option<&Quantiles> {
        match self {
            State::Quantiles(quantiles) => Some(quantiles),
            _ => None,
        }
    }

    /// A quantile, of `Quantiles`; `None` also if there is no value.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.quantiles()?.quantile(share)
    }

    /// Of `TopValues`.
    pub fn top_values(&self) -> Option<&TopValues> {
        match self {
            State::TopValues(values) => Some(values),
            _ => None,
        }
    }

    /// Of `TopValues`: values with their counts; `None` is null.
    pub fn top(&self) -> Option<Vec<(Option<&str>, u64)>> {
        self.top_values().map(TopValues::top)
    }

    /// Of `ApproximateDistinct`.
    pub fn approximate_distinct(&self) -> Option<f64> {
        match self {
            State::Distinct(distinct) => Some(distinct.estimate()),
            _ => None,
        }
    }

    /// Of `Histogram`.
    pub fn histogram(&self) -> Option<&Histogram> {
        match self {
            State::Histogram(histogram) => Some(histogram),
            _ => None,
        }
    }

    /// Of `Classes`: numbers of each class.
    pub fn classes(&self) -> Option<&[u64]> {
        match self {
            State::Classes(classes) => Some(classes.counts()),
            _ => None,
        }
    }

    /// Of `Types`.
    pub fn types(&self) -> Option<&Types> {
        match self {
            State::Types(types) => Some(types),
            _ => None,
        }
    }
}
