//! Text as values of other types, where Polars' own cast has no opinion or a deprecated one.

use polars::prelude::*;

/// A column of text as another type; a value that isn't one is an error.
pub(super) fn parse(column: Expr, to: &DataType) -> Expr {
    let strict = StrptimeOptions { strict: true, exact: true, ..StrptimeOptions::default() };
    match to {
        DataType::Date => column.str().to_date(strict),
        DataType::Datetime(unit, zone) => column.str().to_datetime(Some(*unit), zone.clone(), strict, lit("raise")),
        DataType::Boolean => column.map(parse_booleans, |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean))),
        other => column.strict_cast(other.clone()),
    }
}

/// `true` and `false` in any case, `1` and `0`; anything else is an error, as a cast must be.
fn parse_booleans(column: Column) -> PolarsResult<Column> {
    let parsed: BooleanChunked = column.str()?.iter().map(|value| value.map(parse_boolean).transpose()).collect::<PolarsResult<_>>()?;
    Ok(parsed.with_name(column.name().clone()).into_column())
}

fn parse_boolean(text: &str) -> PolarsResult<bool> {
    match text.trim() {
        "1" => Ok(true),
        "0" => Ok(false),
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        text => Err(PolarsError::InvalidOperation(format!("{text:?} is not a boolean").into())),
    }
}
