//! `Monotonic`: values in the order of rows.

use polars::prelude::{Expr, FillNullStrategy, LiteralValue, lit, when};

use super::super::judge::Shares;
use super::super::predicate::{is_nested, shown};
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope};
use super::completeness::no_rows;
use super::share;

/// Each value against the one before it; nulls are passed over.
pub(super) fn monotonic(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    if is_nested(dtype) {
        return Err(Fault::error(format!("Column \"{column}\" is of type {dtype}, which has no order.")));
    }
    let direction = scope.parameters().get(1).cloned().unwrap_or_else(|| "increasing".to_owned());
    let value = within(named(&column), scope.filter()?);
    let before = over_groups(value.clone().fill_null_with_strategy(FillNullStrategy::Forward(None)).shift(lit(1)), scope)?;
    let (now, earlier) = (scope.mark("value"), scope.mark("before"));
    let ordered = match direction.as_str() {
        "increasing" => named(&now).gt_eq(named(&earlier)),
        "strictly increasing" => named(&now).gt(named(&earlier)),
        "decreasing" => named(&now).lt_eq(named(&earlier)),
        "strictly decreasing" => named(&now).lt(named(&earlier)),
        other => return Err(Fault::error(format!("\"{other}\" is no direction."))),
    };
    // A comparison with null is null: the first value, and rows without one.
    let pass = ordered.fill_null(true);
    let columns = [value.alias(now.as_str()), before.alias(earlier.as_str())];
    let text = shown(named(&now), dtype) + lit(" after ") + shown(named(&earlier), dtype);
    let test = RowTest::of_value(pass, text)
        .words("Value: ", format!(" is not {direction}."))
        .prepared(move |frame| frame.with_columns(columns.clone()));
    let shares = Shares::of(scope)?;
    let metric = format!("Column.{column}.Monotonic.Compliance");
    share::by_rows(scope, test, move |hits, rows| match rows {
        0 => Err(no_rows()),
        _ => Ok(shares.verdict(metric.clone(), hits, rows, || format!("\"{column}\" {direction}"))),
    })
}

/// A value in the rule's rows, null in others.
pub(super) fn within(value: Expr, filter: Option<Expr>) -> Expr {
    match filter {
        Some(filter) => when(filter).then(value).otherwise(lit(LiteralValue::untyped_null())),
        None => value,
    }
}

/// A window over the rule's groups.
pub(super) fn over_groups(value: Expr, scope: &Scope<'_>) -> Result<Expr, Fault> {
    let groups: Vec<Expr> = scope.rule.group_by.iter().map(|column| named(&column.value)).collect();
    Ok(if groups.is_empty() { value } else { value.over(groups)? })
}
