//! What is known of a column.

use serde::{Deserialize, Serialize};

use super::{Bin, Kind, TypeCounts, number};

/// What is known of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// The type it is stored as, as Polars names it: `i64`, `str`, `datetime[μs]`.
    pub stored: String,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether the kind is told from strings, rather than from what is stored.
    pub inferred: bool,
    /// Rows without a value.
    pub nulls: u64,
    /// Rows with a value over all rows; 1 if there are no rows.
    pub completeness: f64,
    /// How many different values there are, null left out; nothing is known of nested ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// Whether `distinct` is counted, rather than estimated.
    #[serde(default)]
    pub distinct_is_exact: bool,
    /// Of strings, what they look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<TypeCounts>,
    /// Of strings with a value, how long they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Lengths>,
    /// Of numbers, and of strings that are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Of dates, times and durations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// The values themselves, of a column with few of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Spread>,
    /// Numbers by ranges of equal width, for plots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bins: Vec<Bin>,
}

/// How long strings are, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// The shortest.
    pub min: u64,
    /// The longest.
    pub max: u64,
}

/// How numbers are spread. A statistic that is not a number, because a value isn't, is written as `"NaN"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// The least.
    #[serde(with = "number")]
    pub min: f64,
    /// The greatest.
    #[serde(with = "number")]
    pub max: f64,
    /// The mean.
    #[serde(with = "number")]
    pub mean: f64,
    /// The population standard deviation.
    #[serde(with = "number")]
    pub standard_deviation: f64,
    /// The population variance.
    #[serde(with = "number")]
    pub variance: f64,
    /// The sum.
    #[serde(with = "number")]
    pub sum: f64,
    /// The population skewness; 0 if all values are equal.
    #[serde(with = "number")]
    pub skewness: f64,
    /// The population excess kurtosis; 0 if all values are equal.
    #[serde(with = "number")]
    pub kurtosis: f64,
    /// The greatest less the least.
    #[serde(with = "number")]
    pub range: f64,
    /// The third quartile less the first.
    #[serde(with = "number")]
    pub interquartile_range: f64,
    /// How many are zero.
    pub zeros: u64,
    /// Whether the quantiles and the interquartile range are exact, rather than about right.
    #[serde(default = "exact", rename = "quantiles_are_exact")]
    pub is_exact: bool,
    /// Quantiles, in order.
    pub quantiles: Vec<Quantile>,
}

/// Profiles that don't say are of a time when all were.
fn exact() -> bool {
    true
}

/// Which share of the numbers is at most how much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// The share.
    pub share: f64,
    /// How much; linear between neighbours.
    #[serde(with = "number")]
    pub value: f64,
}

/// Between when and when: dates and moments as RFC 3339 in UTC, times of day and durations in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// The first.
    pub min: String,
    /// The last.
    pub max: String,
}

/// Values with their rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Values, the most frequent first, equal frequencies in the order of the values; null left out.
    pub top: Vec<ValueCount>,
    /// Rows with a value that is not among them.
    pub other: u64,
}

impl Spread {
    /// Whether all values that there are, are among them.
    pub fn is_whole(&self) -> bool {
        self.other == 0
    }
}

/// A value with its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueCount {
    /// The value as text.
    pub value: String,
    /// How many rows have it.
    pub count: u64,
}
