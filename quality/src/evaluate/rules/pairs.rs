//! Columns of the same row: `ColumnPair` and `MulticolumnSum`.

use polars::prelude::{DataType, Expr, lit, when};

use super::super::judge::Shares;
use super::super::predicate::exact::Common;
use super::super::predicate::numbers::{self, Number};
use super::super::predicate::{is_nested, shown, temporal};
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope};
use super::completeness::no_rows;
use super::values::operands;
use crate::language::ast::Condition;
use crate::stats::{Measure, Predicate};

/// `ColumnPair "a" "<=" "b"`. A null holds nothing, but that it is not equal to a value.
pub(super) fn column_pair(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let ((first, first_type), (second, second_type)) = (scope.column(0)?, scope.column(2)?);
    let operator = scope.parameter(1)?;
    let compare: fn(Expr, Expr) -> Expr = match operator {
        "<" => Expr::lt,
        "<=" => Expr::lt_eq,
        ">" => Expr::gt,
        ">=" => Expr::gt_eq,
        "=" | "==" => Expr::eq,
        "!=" | "<>" => Expr::neq_missing,
        _ => return Err(Fault::error(format!("\"{operator}\" is none of \"<\", \"<=\", \">\", \">=\", \"=\" and \"!=\"."))),
    };
    let pass = compared(compare, (named(&first), first_type), (named(&second), second_type))?;
    let pass = pass.fill_null(false);
    let value = |name: &str, dtype| shown(named(name), dtype).fill_null(lit("NULL"));
    let shown = value(&first, first_type) + lit(format!(" {operator} ")) + value(&second, second_type);
    let metric = format!("Multicolumn.{first},{second}.ColumnPair.Compliance");
    let what = format!("\"{first}\" {operator} \"{second}\"");
    let rows = RowTest::of_value(pass.clone(), shown).words("", " does not hold.");
    share(scope, what, pass, metric).map(|plan| plan.with_rows(rows))
}

/// Compares two columns: as they are, as numbers, as moments, or as strings.
fn compared(compare: fn(Expr, Expr) -> Expr, first: (Expr, &DataType), second: (Expr, &DataType)) -> Result<Expr, Fault> {
    let ((left, left_type), (right, right_type)) = (first, second);
    if is_nested(left_type) || is_nested(right_type) {
        return Err(Fault::error("Columns of nested values are not compared."));
    }
    let temporal = |dtype: &DataType| matches!(dtype, DataType::Date | DataType::Datetime(..));
    let number = |dtype: &DataType| dtype.is_primitive_numeric() || dtype.is_decimal() || *dtype == DataType::Boolean;
    if left_type == right_type && !matches!(left_type, DataType::Categorical(..) | DataType::Enum(..)) {
        return Ok(compare(left, right));
    }
    if number(left_type) && number(right_type) {
        let as_type = |dtype: DataType| {
            // Polars makes no decimal of truth.
            let of = |value: &Expr, dtype: &DataType| if dtype.is_bool() { value.clone().cast(DataType::Int8) } else { value.clone() };
            (of(&left, left_type).cast(dtype.clone()), of(&right, right_type).cast(dtype))
        };
        let as_doubles = || as_type(DataType::Float64);
        return Ok(match Common::of(left_type, right_type) {
            Some(Common::All(dtype)) => {
                let (left, right) = as_type(dtype);
                compare(left, right)
            }
            Some(Common::Most(dtype)) => {
                let ((left, right), (left_double, right_double)) = (as_type(dtype), as_doubles());
                let both = left.clone().is_not_null().and(right.clone().is_not_null());
                when(both).then(compare(left, right)).otherwise(compare(left_double, right_double))
            }
            None => {
                let (left, right) = as_doubles();
                compare(left, right)
            }
        });
    }
    let (left, right) = if temporal(left_type) || temporal(right_type) {
        (temporal::micros(left, left_type)?, temporal::micros(right, right_type)?)
    } else if number(left_type) || number(right_type) {
        (numbers::as_number(left, left_type)?.double(), numbers::as_number(right, right_type)?.double())
    } else {
        (left.cast(DataType::String), right.cast(DataType::String))
    };
    Ok(compare(left, right))
}

/// `MulticolumnSum "a" "b" = 100`: the sum in each row. With a null there is none.
pub(super) fn multicolumn_sum(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let columns = scope.columns(0)?;
    let resolved = scope.numbers()?;
    let (Some(Condition::Number(written)), Some(resolved)) = (&scope.rule.condition, resolved) else {
        return Err(Fault::error("MulticolumnSum is compared with a number: `= 100`."));
    };
    let number = |column: &String| numbers::as_number(named(column), scope.schema().get(column).unwrap_or(&DataType::Null));
    let sum = Number::sum(columns.iter().map(number).collect::<Result<_, Fault>>()?);
    let sum = sum.ok_or_else(|| Fault::error("MulticolumnSum needs columns."))?;
    let pass = numbers::sum_holds(&sum, &operands(written, &resolved))?;
    let metric = format!("Multicolumn.{}.MulticolumnSum.Compliance", columns.join(","));
    let what = format!("{} {}", columns.join(" + "), scope.condition_text());
    let rows = RowTest::of_value(pass.clone(), sum.text()).words("Sum: ", " does not meet the constraint requirement!");
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
