//! Columns of the same row: `ColumnPair` and `MulticolumnSum`.

use polars::prelude::{DataType, Expr, lit};

use super::super::judge::Shares;
use super::super::predicate::{is_nested, numbers, shown, temporal};
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope};
use super::completeness::no_rows;
use crate::stats::{Measure, Predicate};

/// `ColumnPair "a" "<=" "b"`. A null holds nothing, but that it is not equal to a value.
pub(super) fn column_pair(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let ((first, first_type), (second, second_type)) = (scope.column(0)?, scope.column(2)?);
    let operator = scope.parameter(1)?;
    let (left, right) = comparable((&first, first_type), (&second, second_type))?;
    let pass = match operator {
        "<" => left.lt(right),
        "<=" => left.lt_eq(right),
        ">" => left.gt(right),
        ">=" => left.gt_eq(right),
        "=" | "==" => left.eq(right),
        "!=" | "<>" => left.neq_missing(right),
        _ => return Err(Fault::error(format!("\"{operator}\" is none of \"<\", \"<=\", \">\", \">=\", \"=\" and \"!=\"."))),
    };
    let pass = pass.fill_null(false);
    let value = |name: &str, dtype| shown(named(name), dtype).fill_null(lit("NULL"));
    let shown = value(&first, first_type) + lit(format!(" {operator} ")) + value(&second, second_type);
    let metric = format!("Multicolumn.{first},{second}.ColumnPair.Compliance");
    let what = format!("\"{first}\" {operator} \"{second}\"");
    let rows = RowTest::of_value(pass.clone(), shown).words("", " does not hold.");
    share(scope, what, pass, metric).map(|plan| plan.with_rows(rows))
}

/// Two columns as values that compare: as they are, as numbers, as moments, or as strings.
fn comparable(first: (&str, &DataType), second: (&str, &DataType)) -> Result<(Expr, Expr), Fault> {
    let (left, right) = (named(first.0), named(second.0));
    if is_nested(first.1) || is_nested(second.1) {
        return Err(Fault::error("Columns of nested values are not compared."));
    }
    let temporal = |dtype: &DataType| matches!(dtype, DataType::Date | DataType::Datetime(..));
    let number = |dtype: &DataType| dtype.is_primitive_numeric() || dtype.is_decimal() || *dtype == DataType::Boolean;
    if first.1 == second.1 && !matches!(first.1, DataType::Categorical(..) | DataType::Enum(..)) {
        return Ok((left, right));
    }
    if number(first.1) && number(second.1) {
        let both_whole = first.1.is_signed_integer() && second.1.is_signed_integer();
        let to = if both_whole { DataType::Int64 } else { DataType::Float64 };
        return Ok((left.cast(to.clone()), right.cast(to)));
    }
    if temporal(first.1) || temporal(second.1) {
        return Ok((temporal::micros(left, first.1)?, temporal::micros(right, second.1)?));
    }
    if number(first.1) || number(second.1) {
        return Ok((numbers::as_number(left, first.1)?.double(), numbers::as_number(right, second.1)?.double()));
    }
    Ok((left.cast(DataType::String), right.cast(DataType::String)))
}

/// `MulticolumnSum "a" "b" = 100`: the sum in each row. With a null there is none.
pub(super) fn multicolumn_sum(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let columns = scope.columns(0)?;
    let numbers = scope.numbers()?.ok_or_else(|| Fault::error("MulticolumnSum is compared with a number: `= 100`."))?;
    let mut sum: Option<Expr> = None;
    for column in &columns {
        let dtype = scope.schema().get(column).unwrap_or(&DataType::Null);
        let value = numbers::as_number(named(column), dtype)?.double();
        sum = Some(match sum {
            Some(sum) => sum + value,
            None => value,
        });
    }
    let sum = sum.ok_or_else(|| Fault::error("MulticolumnSum needs columns."))?;
    let pass = sum.clone().is_not_null().and(numbers::holds(&sum, &DataType::Float64, &numbers)?);
    let metric = format!("Multicolumn.{}.MulticolumnSum.Compliance", columns.join(","));
    let what = format!("{} {}", columns.join(" + "), scope.condition_text());
    let rows = RowTest::of_value(pass.clone(), sum.cast(DataType::String)).words("Sum: ", " does not meet the constraint requirement!");
    share(scope, what, pass, metric).map(|plan| plan.with_rows(rows))
}

fn share(scope: &Scope<'_>, what: String, pass: Expr, metric: String) -> Result<Plan, Fault> {
    let shares = Shares::of(scope)?;
    let key = format!("{} {what}", scope.rule.kind.name());
    let matches = scope.statistic(Measure::Matches(Predicate { key, expr: pass, column: None, lasting: scope.is_lasting() }));
    Ok(Plan::shared(vec![matches.clone()], move |found| {
        let (hits, rows) = found.ratio(&matches)?;
        if rows == 0 {
            return Err(no_rows());
        }
        Ok(shares.verdict(metric.clone(), hits, rows, || what.clone()))
    }))
}
