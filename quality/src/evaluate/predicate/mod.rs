//! Conditions on each row's value as expressions. What they give is never null, but for [`Unknown::IsNull`].
//!
//! Polars orders NaN above every number and takes it as equal to itself, and so do Spark and this module.

mod compare;
pub(crate) mod dates;
pub(crate) mod exact;
pub(crate) mod numbers;
pub(crate) mod pattern;
mod spelled;
pub(crate) mod temporal;
pub(crate) mod text;
mod units;

use polars::prelude::{
    BooleanChunked, Column, DataType, Expr, Field, IntoColumn, NamedFrom, PolarsError, PolarsResult, Series,
    arity::{try_unary_elementwise, try_unary_elementwise_values, unary_elementwise, unary_elementwise_values},
};

use super::Fault;

/// Whether values of a type are made of other values, so that no condition compares them.
pub(crate) fn is_nested(dtype: &DataType) -> bool {
    dtype.is_nested()
}

/// A value as a string, for a type that has strings of its own.
pub(crate) fn as_text(value: Expr, dtype: &DataType) -> Result<Expr, Fault> {
    match dtype {
        DataType::String => Ok(value),
        DataType::Binary => Err(Fault::error("Values are bytes, which are not compared with strings.")),
        dtype if is_nested(dtype) => Err(Fault::error(format!("Values are of type {dtype}, which is not compared."))),
        _ => Ok(value.cast(DataType::String)),
    }
}

/// What a reason shows of a value of any type.
pub(crate) fn shown(value: Expr, dtype: &DataType) -> Expr {
    match dtype {
        DataType::String => value,
        dtype if is_nested(dtype) || *dtype == DataType::Binary => value.map(
            |column| {
                let texts: Vec<Option<String>> = (0..column.len())
                    .map(|row| column.get(row).map(|value| (!value.is_null()).then(|| value.to_string())))
                    .collect::<PolarsResult<_>>()?;
                Ok(Series::new(column.name().clone(), texts).into_column())
            },
            |_, field| Ok(Field::new(field.name().clone(), DataType::String)),
        ),
        _ => value.cast(DataType::String),
    }
}

/// A test of strings, asked once for each value; null is asked too. Each column is tested with a clone:
/// threads that share a regular expression wait for each other at every value.
pub(crate) fn test_text(value: Expr, test: impl Fn(Option<&str>) -> bool + Clone + Send + Sync + 'static) -> Expr {
    value.map(
        move |column: Column| {
            let (strings, test) = (column.str()?, test.clone());
            let holds: BooleanChunked = if strings.has_nulls() {
                unary_elementwise(strings, |value| Some(test(value)))
            } else {
                unary_elementwise_values(strings, |value| test(Some(value)))
            };
            Ok(holds.into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
    )
}

/// What is made of a value of which a test can't tell whether it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// An error of the rule, where its rows are measured.
    IsError,
    /// Null, where rows are looked at that the rule may not be about: that they are in its way is no error.
    IsNull,
}

/// A test of strings that may be unable to tell.
pub(crate) fn try_text(
    value: Expr,
    unknown: Unknown,
    test: impl Fn(Option<&str>) -> Result<bool, Fault> + Clone + Send + Sync + 'static,
) -> Expr {
    value.map(
        move |column: Column| {
            let (strings, test) = (column.str()?, test.clone());
            // A kind that is taken for the rule's doing, and not for a damaged file's.
            let error = |fault: Fault| PolarsError::InvalidOperation(fault.to_string().into());
            let holds: BooleanChunked = match unknown {
                Unknown::IsNull => unary_elementwise(strings, |value| test(value).ok()),
                Unknown::IsError if strings.has_nulls() => try_unary_elementwise(strings, |value| test(value).map(Some).map_err(error))?,
                Unknown::IsError => try_unary_elementwise_values(strings, |value| test(Some(value)).map_err(error))?,
            };
            Ok(holds.into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
    )
}

#[cfg(test)]
mod predicate_tests;
