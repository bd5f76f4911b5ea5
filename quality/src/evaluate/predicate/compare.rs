//! Values against one operand, and against many, which are looked up: a comparison with each would be as deep as they are many.

use std::{collections::HashSet, hash::Hash};

use polars::prelude::{
    BooleanChunked, ChunkedArray, DataType, Expr, Field, Float64Type, Int64Type, Int128Type, IntoColumn, PolarsNumericType,
};

use crate::language::ast::Compare;

/// A value against an operand.
pub(super) fn ordered(operator: Compare, value: Expr, operand: Expr) -> Expr {
    match operator {
        Compare::Greater => value.gt(operand),
        Compare::GreaterOrEqual => value.gt_eq(operand),
        Compare::Less => value.lt(operand),
        Compare::LessOrEqual => value.lt_eq(operand),
        Compare::Equal => value.eq(operand),
        Compare::NotEqual => value.neq(operand),
    }
}

/// Whether each whole number of 64 bits is one of some; null where there is none, as for the others here.
pub(super) fn among_short(values: Expr, known: HashSet<i64>) -> Expr {
    among::<Int64Type, _>(values, known, |value| value)
}

/// Whether each whole number of 128 bits is one of some.
pub(super) fn among_whole(values: Expr, known: HashSet<i128>) -> Expr {
    among::<Int128Type, _>(values, known, |value| value)
}

/// Whether each double is one of some.
pub(super) fn among_doubles(values: Expr, known: impl Iterator<Item = f64>) -> Expr {
    // Zero has no sign here: that of -0.0 goes when zero is added.
    let bits = |double: f64| (double + 0.0).to_bits();
    among::<Float64Type, _>(values, known.map(bits).collect(), bits)
}

fn among<T: PolarsNumericType, K: Eq + Hash + Send + Sync + 'static>(
    values: Expr,
    known: HashSet<K>,
    key: impl Fn(T::Native) -> K + Send + Sync + 'static,
) -> Expr {
    values.map(
        move |column| {
            let values: &ChunkedArray<T> = column.as_materialized_series().unpack()?;
            let found: BooleanChunked = values.iter().map(|value| value.map(|value| known.contains(&key(value)))).collect();
            Ok(found.with_name(column.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
    )
}
