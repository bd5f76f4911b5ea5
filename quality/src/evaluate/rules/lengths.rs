//! `ColumnLength`: characters of each value. Null has none, as Glue documents it: its length is 0.

use polars::prelude::{DataType, Expr, lit};

use super::super::condition::{Numbers, holds};
use super::super::judge::{Judge, Shares, unmet};
use super::super::predicate::{self, numbers};
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope, Verdict, Want, plan::Check};
use super::completeness::no_rows;
use super::values;
use crate::language::ast::{Compare, Comparison};
use crate::stats::Measure;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let Some(numbers) = scope.numbers()? else { return measured(scope, column) };
    let length = length(&column, dtype)?;
    let pass = numbers::holds(&length, &DataType::Int64, &numbers)?;
    let rows =
        RowTest::of_value(pass.clone(), length.cast(DataType::String)).words("Length: ", " does not meet the constraint requirement!");
    let shares = Shares::of(scope)?;
    let metric = format!("Column.{column}.LengthCompliance");
    let plan = match ends(&numbers) {
        Some(ends) if !shares.partial() && *dtype == DataType::String => of_ends(scope, column, numbers, ends)?,
        _ => {
            let lengths = (*dtype == DataType::String).then(|| scope.statistic(Measure::Lengths(column.clone())));
            let plan = values::share_of(scope, column.clone(), "LengthCompliance", pass, metric, shares);
            lengths.into_iter().fold(plan, |plan, lengths| with_bounds(plan, column.clone(), lengths))
        }
    };
    Ok(plan.with_rows(rows))
}

/// The shortest and the longest are told as well.
fn with_bounds(mut plan: Plan, column: String, lengths: Want) -> Plan {
    plan.wants.push(lengths.clone());
    if let Check::Measured(check) = plan.check {
        plan.check = Check::Measured(Box::new(move |found| {
            let verdict = check(found)?;
            let (shortest, longest) = bounds(found.lengths(&lengths)?).ok_or_else(no_rows)?;
            Ok(verdict.metric(format!("Column.{column}.MinimumLength"), shortest).metric(format!("Column.{column}.MaximumLength"), longest))
        }));
    }
    plan
}

/// Characters of each value.
fn length(column: &str, dtype: &DataType) -> Result<Expr, Fault> {
    Ok(predicate::as_text(named(column), dtype)?.str().len_chars().cast(DataType::Int64).fill_null(lit(0_i64)))
}

/// Which of the least and the greatest decide.
pub(super) fn ends(numbers: &Numbers) -> Option<(bool, bool)> {
    match numbers {
        Comparison::Compare { operator: Compare::Greater | Compare::GreaterOrEqual, operand: Some(_) } => Some((true, false)),
        Comparison::Compare { operator: Compare::Less | Compare::LessOrEqual, operand: Some(_) } => Some((false, true)),
        Comparison::Compare { operator: Compare::Equal, operand: Some(_) } => Some((true, true)),
        Comparison::Between { negated: false, low: Some(_), high: Some(_) } => Some((true, true)),
        _ => None,
    }
}

/// The shortest and the longest decide.
fn of_ends(scope: &Scope<'_>, column: String, numbers: Numbers, (least, greatest): (bool, bool)) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let lengths = scope.statistic(Measure::Lengths(column.clone()));
    Ok(Plan::shared(vec![lengths.clone()], move |found| {
        let lengths = found.lengths(&lengths)?;
        let (shortest, longest) = bounds(lengths).ok_or_else(no_rows)?;
        let mut verdict = Verdict::new(true);
        let mut faults = Vec::new();
        let mut bounds = [(least, shortest, "Minimum"), (greatest, longest, "Maximum")];
        // The history is kept of the first, which has to be one that is asked.
        bounds.sort_by_key(|(asked, ..)| !asked);
        for (asked, value, name) in bounds {
            verdict = verdict.metric(format!("Column.{column}.{name}Length"), value);
            if asked && !holds(&numbers, value) {
                verdict.holds = false;
                faults.push(value);
            }
        }
        Ok(verdict.because(|| {
            let detail = format!("lengths in \"{column}\" are from {shortest} to {longest}; expected {}.", judge.expected());
            unmet(faults.first().copied().unwrap_or(shortest), &detail)
        }))
    }))
}

pub(super) fn bounds(lengths: &crate::stats::Lengths) -> Option<(f64, f64)> {
    match (lengths.shortest, lengths.longest, lengths.nulls) {
        (Some(shortest), Some(longest), 0) => Some((shortest as f64, longest as f64)),
        (Some(_), Some(longest), _) => Some((0.0, longest as f64)),
        (_, _, 0) => None,
        _ => Some((0.0, 0.0)),
    }
}

/// For an analyzer: both.
fn measured(scope: &Scope<'_>, column: String) -> Result<Plan, Fault> {
    let lengths = scope.statistic(Measure::Lengths(column.clone()));
    Ok(Plan::shared(vec![lengths.clone()], move |found| {
        let lengths = found.lengths(&lengths)?;
        let (shortest, longest) = bounds(lengths).ok_or_else(no_rows)?;
        let verdict = Verdict::new(true).metric(format!("Column.{column}.MinimumLength"), shortest);
        Ok(verdict.metric(format!("Column.{column}.MaximumLength"), longest))
    }))
}
