//! `Quantile`, `Median` and `InterquartileRange`: linear between neighbours.

use super::super::judge::Judge;
use super::super::{Fault, Plan, Scope, found};
use super::moments::no_value;
use crate::language::RuleType;
use crate::stats::Measure;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let (column, _) = scope.column(0)?;
    let (metric, points) = match scope.rule.kind {
        RuleType::Median => (format!("Column.{column}.Median"), (0.5, None)),
        RuleType::InterquartileRange => (format!("Column.{column}.InterquartileRange"), (0.75, Some(0.25))),
        _ => {
            let text = scope.parameter(1)?;
            let point = text.trim().parse::<f64>().ok().filter(|point| (0.0..=1.0).contains(point));
            let point = point.ok_or_else(|| Fault::error(format!("\"{text}\" is no quantile; it is between \"0\" and \"1\".")))?;
            (format!("Column.{column}.Quantile.{point}"), (point, None))
        }
    };
    let values = scope.statistic(Measure::Quantiles(column.clone()));
    Ok(Plan::shared(vec![values.clone()], move |found| {
        let state = found.state(&values)?;
        state.quantiles().ok_or_else(found::unlike)?;
        let quantile = |point: f64| state.quantile(point).ok_or_else(|| no_value(&column));
        let value = match points {
            (high, Some(low)) => quantile(high)? - quantile(low)?,
            (point, None) => quantile(point)?,
        };
        Ok(judge.verdict(metric.clone(), value, String::new))
    }))
}
