//! `Format`: each value is of a format. Null is not.

use super::super::formats;
use super::super::judge::Shares;
use super::super::predicate::{as_text, shown, test_text};
use super::super::scope::{named, nearest, quoted};
use super::super::{Fault, Plan, RowTest, Scope};
use super::values;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let name = scope.parameter(1)?;
    let test = formats::test(name).ok_or_else(|| {
        let near = nearest(formats::NAMES.iter().copied(), name);
        let hint = near.map_or_else(|| format!("known are {}.", quoted(formats::NAMES)), |near| format!("did you mean \"{near}\"?"));
        Fault::error(format!("\"{name}\" is no format; {hint}"))
    })?;
    let pass = test_text(as_text(named(&column), dtype)?, move |value| value.is_some_and(test));
    let rows = RowTest::of_value(pass.clone(), shown(named(&column), dtype)).words("Value: ", format!(" is not of the format \"{name}\"."));
    let metric = format!("Column.{column}.Format.Compliance");
    let plan = values::share_of(scope, column, &format!("Format \"{name}\""), pass, metric, Shares::of(scope)?);
    Ok(plan.with_rows(rows))
}
