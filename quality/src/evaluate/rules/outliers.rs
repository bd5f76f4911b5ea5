//! `Outliers`: values far from the rest, by standard deviations or by the median's absolute deviation.

use polars::prelude::{DataType, Expr, LiteralValue, lit, when};

use super::super::judge::Judge;
use super::super::predicate::numbers;
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope, Verdict};
use super::sequence::{over_groups, within};
use super::share;

/// Standard deviations of a normal distribution in its median absolute deviation (Iglewicz and Hoaglin).
const MAD: f64 = 0.6745;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let (method, limit) = (scope.parameter(1)?.to_owned(), scope.parameter(2)?);
    let limit: f64 = limit.trim().parse().map_err(|_| Fault::error(format!("\"{limit}\" is no number.")))?;
    let number = numbers::as_number(named(&column), dtype)?.double();
    let value = within(number, scope.filter()?);
    let (name, centre, spread) = (scope.mark("value"), scope.mark("centre"), scope.mark("spread"));
    // Infinities and NaN have no distance: they are outside, and left out of centre and spread.
    let finite = when(named(&name).is_finite()).then(named(&name)).otherwise(lit(LiteralValue::untyped_null()));
    let apart = |value: Expr| (value - named(&centre)).abs();
    let (middle, width, scale) = match method.as_str() {
        "z-score" => (finite.clone().mean(), finite.clone().std(0), 1.0),
        "mad" => (finite.clone().median(), apart(finite).median(), MAD),
        other => return Err(Fault::error(format!("\"{other}\" is neither \"z-score\" nor \"mad\"."))),
    };
    let middle = over_groups(middle, scope)?.alias(centre.as_str());
    let width = over_groups(width, scope)?.alias(spread.as_str());
    let near = named(&name).is_finite().and((apart(named(&name)) * lit(scale)).lt_eq(named(&spread) * lit(limit)));
    let pass = near.fill_null(true);
    let value = value.alias(name.as_str());
    let test = RowTest::of_value(pass, named(&name).cast(DataType::String))
        .words("Value: ", format!(" is an outlier: {method} above {limit}."))
        .prepared(move |frame| frame.with_column(value.clone()).with_column(middle.clone()).with_column(width.clone()));
    let judge = Judge::of(scope)?;
    let shares = super::super::judge::Shares::of(scope)?;
    let metric = format!("Column.{column}.Outliers");
    share::by_rows(scope, test, move |hits, rows| {
        let verdict = judge.verdict(metric.clone(), (rows - hits) as f64, || format!("outliers in \"{column}\" ({method} above {limit})"));
        if !shares.partial() {
            return Ok(verdict);
        }
        let of_share = shares.verdict(format!("{metric}.Compliance"), hits, rows, String::new);
        let reasons: Vec<String> = [verdict.reason, of_share.reason].into_iter().flatten().collect();
        Ok(Verdict {
            holds: verdict.holds && of_share.holds,
            reason: (!reasons.is_empty()).then(|| reasons.join(" ")),
            metrics: verdict.metrics.into_iter().chain(of_share.metrics).collect(),
            value: of_share.value,
        })
    })
}
