//! `ColumnDataType`: each value is of a type, whatever type its column has.

use polars::prelude::{DataType, Expr, lit};

use super::super::judge::Shares;
use super::super::predicate::{self, test_text};
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope};
use super::castable::{Castable, date_format};
use crate::language::ast::{Condition, TextCondition, TextOperand};
use crate::stats::{Measure, Predicate};

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let (name, negated) = match &scope.rule.condition {
        Some(Condition::Text(TextCondition::Equal { negated, operand: TextOperand::Literal(name) })) => (name.clone(), *negated),
        None => ("STRING".to_owned(), false),
        Some(_) => return Err(Fault::error("ColumnDataType is compared with a type: `= \"DATE\"`.")),
    };
    let pass = of_type(scope, &column, dtype, &name)?;
    let pass = if negated { pass.not() } else { pass };
    let rows = RowTest::of_value(pass.clone(), predicate::shown(named(&column), dtype));
    let what = format!("\"{column}\" {} \"{name}\"", if negated { "!=" } else { "=" });
    let key = format!("ColumnDataType {what} {}", scope.tags_text());
    let matches = scope.statistic(Measure::Matches(Predicate { key, expr: pass, column: Some(column.clone()), lasting: true }));
    let metric = format!("Column.{column}.ColumnDataType.Compliance");
    let shares = Shares::of(scope)?;
    let plan = Plan::shared(vec![matches.clone()], move |found| {
        // Without rows nothing is of another type.
        let (hits, rows) = found.ratio(&matches)?;
        Ok(shares.verdict(metric.clone(), hits, rows, || what.clone()))
    });
    Ok(plan.with_rows(rows))
}

fn of_type(scope: &Scope<'_>, column: &str, dtype: &DataType, name: &str) -> Result<Expr, Fault> {
    let value = named(column);
    if name.eq_ignore_ascii_case("STRING") {
        return Ok(value.is_not_null());
    }
    let mut castable = Castable::parse(name).ok_or_else(|| Fault::error(format!("Unrecognized data type \"{name}\".")))?;
    if let Some(format) = scope.text_tag("format")? {
        if castable != Castable::Date {
            return Err(Fault::error("`format` is of DATE."));
        }
        let pieces = date_format(format).ok_or_else(|| Fault::error(format!("\"{format}\" is no format of dates; \"dd-MM-yyyy\" is.")))?;
        castable = Castable::DateOf(pieces);
    }
    if predicate::is_nested(dtype) {
        return Ok(lit(false).and(value.is_not_null()));
    }
    // A column that is of the type has no value to look at.
    let known = match (&castable, dtype) {
        (Castable::Boolean, DataType::Boolean) | (Castable::Date, DataType::Date) => true,
        (Castable::Date | Castable::Timestamp, DataType::Datetime(..)) | (Castable::Timestamp, DataType::Date) => true,
        (Castable::Integer, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16) => true,
        (Castable::Long, dtype) if dtype.is_signed_integer() => true,
        (Castable::Long, DataType::UInt8 | DataType::UInt16 | DataType::UInt32) => true,
        (Castable::Double | Castable::Float, dtype) => dtype.is_primitive_numeric() || dtype.is_decimal(),
        _ => false,
    };
    if known {
        return Ok(value.is_not_null());
    }
    let text = predicate::as_text(value, dtype)?;
    Ok(test_text(text, move |value| value.is_some_and(|value| castable.accepts(value))))
}
