//! Moments of numbers: mean, sum, standard deviation, variance, skewness, kurtosis, zeros; and their range.

use super::super::judge::Judge;
use super::super::{Fault, Plan, Scope};
use crate::language::RuleType;
use crate::stats::{Measure, Moments};

/// A number made of moments, if there are values.
pub(super) fn of_moments(kind: RuleType, moments: &Moments) -> Option<f64> {
    match kind {
        RuleType::ZerosCount => Some(moments.zeros as f64),
        RuleType::Mean => moments.mean(),
        RuleType::Sum => (moments.count > 0).then(|| moments.sum()),
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
    let (column, _) = scope.column(0)?;
    let kind = scope.rule.kind;
    let metric = format!("Column.{column}.{}", kind.name());
    let moments = scope.statistic(Measure::Moments(column.clone()));
    Ok(Plan::shared(vec![moments.clone()], move |found| match of_moments(kind, found.moments(&moments)?) {
        Some(value) => Ok(judge.verdict(metric.clone(), value, String::new)),
        None => Err(no_value(&column)),
    }))
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
    Ok(Plan::shared(vec![extremes.clone()], move |found| match found.extremes(&extremes)? {
        Some((min, max)) => Ok(judge.verdict(metric.clone(), max - min, || format!("from {min} to {max}"))),
        None => Err(no_value(&column)),
    }))
}
