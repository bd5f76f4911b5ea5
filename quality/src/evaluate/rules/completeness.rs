//! `Completeness` and `IsComplete`.

use super::super::judge::{Judge, Shares, expected_of_both, ratio, unmet};
use super::super::predicate;
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope, Verdict};
use crate::language::RuleType;
use crate::stats::Measure;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let complete = scope.statistic(Measure::Complete(column.clone()));
    let (judge, shares) = (Judge::of(scope)?, Shares::of(scope)?);
    let whole = scope.rule.kind == RuleType::IsComplete;
    let rows = RowTest::of_value(named(&column).is_not_null(), predicate::shown(named(&column), dtype));
    let rows = if whole { rows } else { rows.apart() };
    let plan = Plan::shared(vec![complete.clone()], move |found| {
        let (hits, rows) = found.ratio(&complete)?;
        if rows == 0 {
            return Err(no_rows());
        }
        let share = ratio(hits, rows);
        let holds = if whole || shares.partial() { shares.hold(hits, rows) && judge.holds(share) } else { judge.holds(share) };
        let expected = if whole { shares.expected() } else { expected_of_both(&judge, &shares) };
        Ok(Verdict::new(holds)
            .metric(format!("Column.{column}.Completeness"), share)
            .because(|| unmet(share, &format!("{} of {rows} values are null; expected {expected}.", rows - hits))))
    });
    Ok(plan.with_rows(rows))
}

/// The fault of a measure of no rows.
pub(super) fn no_rows() -> Fault {
    Fault::failed("There are no rows to measure.")
}
