//! Moments of numbers: mean, sum, standard deviation, variance, skewness, kurtosis, zeros; and their range.

use polars::prelude::DataType;

use super::super::judge::Judge;
use super::super::{Fault, Plan, Scope};
use crate::language::RuleType;
use crate::stats::{Measure, Moments};

/// A number made of a column's moments, if there are values.
pub(super) fn of_moments(kind: RuleType, moments: &Moments, dtype: &DataType) -> Option<f64> {
    let sum = || (moments.count > 0).then(|| in_decimals(moments.sum(), dtype));
    match kind {
        RuleType::ZerosCount => Some(moments.zeros as f64),
        RuleType::Mean if dtype.is_decimal() => sum().map(|sum| sum / moments.count as f64),
        RuleType::Mean => moments.mean(),
        RuleType::Sum => sum(),
        RuleType::StandardDeviation => moments.standard_deviation(),
        RuleType::Variance => moments.variance(),
        // Deequ's: without variance there is no lean.
        RuleType::Skewness if moments.variance() == Some(0.0) => Some(0.0),
        RuleType::Skewness => moments.skewness(),
        RuleType::Kurtosis => moments.kurtosis(),
        _ => None,
    }
}

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let (column, dtype) = scope.column(0)?;
    let (kind, dtype) = (scope.rule.kind, dtype.clone());
    let metric = format!("Column.{column}.{}", kind.name());
    let moments = scope.statistic(Measure::Moments(column.clone()));
    Ok(Plan::shared(vec![moments.clone()], move |found| match of_moments(kind, found.moments(&moments)?, &dtype) {
        Some(value) => Ok(judge.verdict(metric.clone(), value, String::new)),
        None => Err(no_value(&column)),
    }))
}

/// A sum or a difference of decimals has no more decimals than they: what else there is comes from adding doubles.
fn in_decimals(sum: f64, dtype: &DataType) -> f64 {
    match dtype {
        // Zero has no sign: that of -0.0 goes when zero is added.
        DataType::Decimal(_, scale) => format!("{sum:.scale$}").parse().unwrap_or(sum) + 0.0,
        _ => sum,
    }
}

/// The greatest less the least, of a column's numbers.
pub(super) fn breadth((min, max): (f64, f64), dtype: &DataType) -> f64 {
    in_decimals(max - min, dtype)
}

/// The fault of a measure of nulls only.
pub(super) fn no_value(column: &str) -> Fault {
    Fault::failed(format!("There is nothing to measure: \"{column}\" has no value that is not null."))
}

/// `Range`: the greatest less the least.
pub(super) fn range(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let (column, dtype) = scope.column(0)?;
    if !dtype.is_primitive_numeric() && !dtype.is_decimal() && !dtype.is_null() {
        return Err(Fault::error(format!("Column \"{column}\" is of type {dtype}, not a number.")));
    }
    let metric = format!("Column.{column}.Range");
    let extremes = scope.statistic(Measure::Extremes(column.clone()));
    let dtype = dtype.clone();
    Ok(Plan::shared(vec![extremes.clone()], move |found| match found.extremes(&extremes)? {
        Some((min, max)) => Ok(judge.verdict(metric.clone(), breadth((min, max), &dtype), || format!("from {min} to {max}"))),
        None => Err(no_value(&column)),
    }))
}
