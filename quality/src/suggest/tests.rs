//! What is suggested for which profile, and what is printed.

use super::*;
use crate::profile::{ColumnProfile, Kind, Lengths, Numbers, Spread, ValueCount};

mod data;
mod printed;
mod proposals;

/// A column of this kind and nothing else known of it.
fn column(kind: Kind) -> ColumnProfile {
    ColumnProfile {
        name: "c".to_owned(),
        stored: "str".to_owned(),
        kind,
        inferred: false,
        nulls: 0,
        completeness: 1.0,
        distinct: None,
        distinct_is_exact: false,
        types: None,
        lengths: None,
        numbers: None,
        times: None,
        values: None,
        bins: Vec::new(),
    }
}

fn with_nulls(nulls: u64, rows: u64, mut column: ColumnProfile) -> ColumnProfile {
    (column.nulls, column.completeness) = (nulls, (rows - nulls) as f64 / rows as f64);
    column
}

fn with_values(values: &[(&str, u64)], mut column: ColumnProfile) -> ColumnProfile {
    let top: Vec<ValueCount> = values.iter().map(|(value, count)| ValueCount { value: (*value).to_owned(), count: *count }).collect();
    column.values = Some(Spread { top, other: 0 });
    column
}

fn with_numbers(min: f64, max: f64, mut column: ColumnProfile) -> ColumnProfile {
    column.numbers = Some(Numbers {
        is_exact: true,
        min,
        max,
        mean: min.midpoint(max),
        standard_deviation: 2.0,
        variance: 4.0,
        sum: 0.0,
        skewness: 0.0,
        kurtosis: 0.0,
        range: max - min,
        interquartile_range: 0.0,
        zeros: 0,
        quantiles: Vec::new(),
    });
    column
}

fn with_lengths(min: u64, max: u64, mut column: ColumnProfile) -> ColumnProfile {
    column.lengths = Some(Lengths { min, max });
    column
}
