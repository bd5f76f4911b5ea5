//! `ColumnValues`: each value holds a condition on numbers, strings or dates.

use polars::prelude::{DataType, Expr};

use super::super::condition::Numbers;
use super::super::judge::{Shares, show, unmet};
use super::super::predicate::{
    self, Unknown, dates,
    numbers::{self, Operand},
    text,
};
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope, Verdict, condition, past, plan::Check};
use super::completeness::no_rows;
use super::lengths::ends;
use super::moments::no_value;
use crate::language::ast::{Compare, Comparison, Condition, Number, TextCondition};
use crate::stats::{Measure, Predicate};

/// Whole numbers below are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let Some(condition) = &scope.rule.condition else { return measured(scope, column) };
    let ignore_case = scope.flag("ignoreCase")?;
    let (mut decided, mut of_rows) = (None, None);
    let pass = match condition {
        Condition::Number(comparison) => {
            let numbers = scope.resolve_numbers(comparison)?;
            let pass = numbers::holds_exactly(&named(&column), dtype, &operands(comparison, &numbers))?;
            decided = ends(&numbers).map(|ends| (numbers, ends));
            pass
        }
        Condition::Text(condition) => {
            let holds = |unknown| text::holds(named(&column), dtype, condition, ignore_case, unknown);
            of_rows = Some(holds(Unknown::IsNull)?);
            holds(Unknown::IsError)?
        }
        Condition::Date(comparison) => dates::holds(named(&column), dtype, &scope.dates(comparison)?)?,
        Condition::Duration(_) | Condition::Size(_) => {
            return Err(Fault::error("ColumnValues is compared with numbers, strings or dates."));
        }
    };
    let rows = RowTest::of_value(of_rows.unwrap_or_else(|| pass.clone()), predicate::shown(named(&column), dtype));
    let shares = Shares::of(scope)?;
    let plan = match decided {
        Some((numbers, ends)) if !shares.partial() && decided_by_ends(scope, dtype, &numbers) => of_ends(scope, column, numbers, ends),
        _ => {
            let metric = format!("Column.{column}.ColumnValues.Compliance");
            let pattern =
                matches!(condition, Condition::Text(TextCondition::Matches { .. })).then(|| format!("Column.{column}.PatternMatch"));
            let plan = share_of(scope, column, "ColumnValues", pass, metric, shares);
            pattern.into_iter().fold(plan, told_as)
        }
    };
    Ok(plan.with_rows(rows))
}

/// What values are compared with: literals as they are written, all else as it is worked out.
pub(super) fn operands(written: &Comparison<Number>, resolved: &Numbers) -> Comparison<Option<Operand>> {
    let literals = written.operands();
    let mut at = 0;
    // Where a past is missing, a comparison is another than the one that is written.
    let same = literals.len() == resolved.operands().len() && !past::looks_back(written);
    resolved.map(|operand| {
        let literal = literals.get(at).copied().filter(|_| same);
        at += 1;
        operand.map(|operand| match literal {
            Some(Number::Literal(spelled, _)) => Operand::of_literal(spelled, operand),
            _ => Operand::of(operand),
        })
    })
}

/// Whether the least and greatest number decide as each value's comparison does.
fn decided_by_ends(scope: &Scope<'_>, dtype: &DataType, numbers: &Numbers) -> bool {
    if !scope.rule.group_by.is_empty() && past::condition_looks_back(scope.rule) {
        // What is measured must not depend on the operands: each group has others.
        return dtype.is_primitive_numeric();
    }
    let exact = |operand: &Option<f64>| operand.is_some_and(|operand| operand.abs() < EXACT);
    let exact = match numbers {
        Comparison::Compare { operand, .. } => exact(operand),
        Comparison::Between { low, high, .. } => exact(low) && exact(high),
        Comparison::In { .. } => false,
    };
    exact && dtype.is_primitive_numeric()
}

/// The measured share under a second name: Deequ has one of its own for patterns.
fn told_as(mut plan: Plan, name: String) -> Plan {
    if let Check::Measured(check) = plan.check {
        plan.check = Check::Measured(Box::new(move |found| {
            let verdict = check(found)?;
            let share = verdict.value;
            Ok(share.into_iter().fold(verdict, |verdict, share| verdict.metric(name.clone(), share)))
        }));
    }
    plan
}

/// The share of rows for which a predicate holds.
pub(super) fn share_of(scope: &Scope<'_>, column: String, what: &str, pass: Expr, metric: String, shares: Shares) -> Plan {
    let condition = scope.condition_text();
    let key = format!("{what} \"{column}\" {} {}", scope.condition_key(), scope.tags_text());
    let lasting = scope.is_lasting();
    let matches = scope.statistic(Measure::Matches(Predicate { key, expr: pass, column: Some(column.clone()), lasting }));
    Plan::shared(vec![matches.clone()], move |found| {
        let (hits, rows) = found.ratio(&matches)?;
        if rows == 0 {
            return Err(no_rows());
        }
        Ok(shares.verdict(metric.clone(), hits, rows, || format!("\"{column}\" {condition}").trim_end().to_owned()))
    })
}

/// The least and the greatest value decide, and that there is no null.
fn of_ends(scope: &Scope<'_>, column: String, numbers: Numbers, (least, greatest): (bool, bool)) -> Plan {
    let extremes = scope.statistic(Measure::Extremes(column.clone()));
    let complete = scope.statistic(Measure::Complete(column.clone()));
    let expected = condition::describe(&numbers);
    Plan::shared(vec![extremes.clone(), complete.clone()], move |found| {
        let (present, rows) = found.ratio(&complete)?;
        if rows == 0 {
            return Err(no_rows());
        }
        let Some((min, max)) = found.extremes(&extremes)? else { return Err(no_value(&column)) };
        let mut verdict = Verdict::new(true);
        let mut faults = Vec::new();
        let mut both = [(least, min, "Minimum"), (greatest, max, "Maximum")];
        // The history is kept of the first, which has to be one that is asked.
        both.sort_by_key(|(asked, ..)| !asked);
        for (asked, value, name) in both {
            verdict = verdict.metric(format!("Column.{column}.{name}"), value);
            if asked && !end_holds(&numbers, value) {
                let detail = format!("the {} of \"{column}\" is {}; expected {expected}.", name.to_lowercase(), show(value));
                faults.push(unmet(value, &detail));
            }
        }
        if present < rows {
            let nulls = rows - present;
            faults
                .push(format!("Value: NULL does not meet the constraint requirement! {nulls} of {rows} values of \"{column}\" are null."));
        }
        verdict.holds = faults.is_empty();
        Ok(verdict.because(|| faults.join(" ")))
    })
}

/// NaN is above every number, as it is in each row's comparison.
fn end_holds(numbers: &Numbers, value: f64) -> bool {
    if !value.is_nan() {
        return condition::holds(numbers, value);
    }
    matches!(numbers, Comparison::Compare { operator: Compare::Greater | Compare::GreaterOrEqual, .. })
}

/// For an analyzer: the least and the greatest.
fn measured(scope: &Scope<'_>, column: String) -> Result<Plan, Fault> {
    let extremes = scope.statistic(Measure::Extremes(column.clone()));
    Ok(Plan::shared(vec![extremes.clone()], move |found| {
        let Some((min, max)) = found.extremes(&extremes)? else { return Err(no_value(&column)) };
        Ok(Verdict::new(true).metric(format!("Column.{column}.Minimum"), min).metric(format!("Column.{column}.Maximum"), max))
    }))
}
