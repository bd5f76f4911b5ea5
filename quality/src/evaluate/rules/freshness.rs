//! `DataFreshness`: how old each value is.

use super::super::condition::describe_with;
use super::super::judge::{Shares, show};
use super::super::predicate::dates;
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope};
use crate::language::ast::{Condition, Duration};
use crate::stats::{Measure, Predicate};

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let Some(Condition::Duration(comparison)) = &scope.rule.condition else {
        return Err(Fault::error("DataFreshness is compared with durations: `<= 24 hours`."));
    };
    let hours = comparison.map(Duration::hours);
    let now = scope.context.now.as_microsecond();
    let pass = dates::age_holds(named(&column), dtype, now, &hours)?;
    let shown = dates::age(named(&column), dtype, now)?.cast(polars::prelude::DataType::String) + polars::prelude::lit(" hours");
    let rows = RowTest::of_value(pass.clone(), shown).words("Age: ", " does not meet the constraint requirement!");
    let metric = format!("Column.{column}.DataFreshness.Compliance");
    let expected = describe_with(&hours, |hours| format!("{} hours", show(*hours)));
    // The same words mean other rows an hour later.
    let key = format!("DataFreshness \"{column}\" {expected}");
    let matches = scope.statistic(Measure::Matches(Predicate { key, expr: pass, column: Some(column.clone()), lasting: false }));
    let shares = Shares::of(scope)?;
    let plan = Plan::shared(vec![matches.clone()], move |found| {
        // Without rows nothing is too old.
        let (hits, rows) = found.ratio(&matches)?;
        Ok(shares.verdict(metric.clone(), hits, rows, || format!("an age of \"{column}\" {expected}")))
    });
    Ok(plan.with_rows(rows))
}
