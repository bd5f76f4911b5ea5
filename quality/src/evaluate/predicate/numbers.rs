//! Conditions on numbers.

use std::collections::HashSet;

use polars::prelude::{BooleanChunked, DataType, Expr, Field, IntoColumn, lit};

use crate::evaluate::Fault;
use crate::evaluate::condition::Numbers;
use crate::language::ast::{Compare, Comparison};

use super::is_nested;

/// 2^63: every whole double below it is a whole number of 64 bits.
const WHOLE: f64 = 9_223_372_036_854_775_808.0;

/// How many operands are compared one by one.
const FEW: usize = 8;

/// Whether a value is a number, or can be read as one.
pub(crate) fn as_number(value: Expr, dtype: &DataType) -> Result<Number, Fault> {
    match dtype {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            Ok(Number { value: value.cast(DataType::Int64), exact: true })
        }
        DataType::Float64 => Ok(Number { value, exact: false }),
        dtype if dtype.is_primitive_numeric() || dtype.is_decimal() || *dtype == DataType::Boolean || *dtype == DataType::Null => {
            Ok(Number { value: value.cast(DataType::Float64), exact: false })
        }
        DataType::String => Ok(Number { value: value.cast(DataType::Float64), exact: false }),
        DataType::Categorical(..) | DataType::Enum(..) => {
            Ok(Number { value: value.cast(DataType::String).cast(DataType::Float64), exact: false })
        }
        _ => Err(Fault::error(format!("Values are of type {dtype}, which is not compared with numbers."))),
    }
}

/// A double as a whole number of 64 bits, if it is one.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < WHOLE).then_some(number as i64)
}

/// What values are compared with: a double, and, if it is a whole number of 64 bits, that, which may have more digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Operand {
    double: f64,
    whole: Option<i64>,
}

impl Operand {
    /// Of a double.
    pub(crate) fn of(double: f64) -> Operand {
        Operand { double, whole: whole(double) }
    }

    /// Of a literal: a number of 64 bits is what is written, even where no double is.
    pub(crate) fn of_literal(spelled: &str, double: f64) -> Operand {
        Operand { double, whole: spelled.parse().ok().or_else(|| whole(double)) }
    }
}

/// A value as a number.
pub(crate) struct Number {
    /// The number; null if it can't be read as one.
    pub(crate) value: Expr,
    /// Whether it is a whole number of 64 bits, which is compared as such: doubles would take neighbours for equal.
    exact: bool,
}

impl Number {
    /// It as a double.
    pub(crate) fn double(self) -> Expr {
        if self.exact { self.value.cast(DataType::Float64) } else { self.value }
    }

    fn operand(&self, operand: Operand) -> (Expr, Expr) {
        match operand.whole {
            Some(whole) if self.exact => (self.value.clone(), lit(whole)),
            _ if self.exact => (self.value.clone().cast(DataType::Float64), lit(operand.double)),
            _ => (self.value.clone(), lit(operand.double)),
        }
    }

    /// Whether it is one of some. A few are compared one by one, more are looked up.
    fn among(&self, operands: &[Operand]) -> Expr {
        if operands.len() <= FEW {
            let equal = operands.iter().map(|operand| self.compare(Compare::Equal, *operand));
            return equal.reduce(Expr::or).unwrap_or_else(|| lit(false));
        }
        if self.exact {
            let known: HashSet<i64> = operands.iter().filter_map(|operand| operand.whole).collect();
            return self.value.clone().map(
                move |column| {
                    let found: BooleanChunked = column.i64()?.iter().map(|value| value.map(|value| known.contains(&value))).collect();
                    Ok(found.with_name(column.name().clone()).into_column())
                },
                |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
            );
        }
        // Zero has no sign here: that of -0.0 goes when zero is added.
        let known: HashSet<u64> = operands.iter().map(|operand| (operand.double + 0.0).to_bits()).collect();
        self.value.clone().map(
            move |column| {
                let bits = column.f64()?.iter().map(|value| value.map(|value| known.contains(&(value + 0.0).to_bits())));
                let found: BooleanChunked = bits.collect();
                Ok(found.with_name(column.name().clone()).into_column())
            },
            |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
        )
    }

    fn compare(&self, operator: Compare, operand: Operand) -> Expr {
        let (value, operand) = self.operand(operand);
        match operator {
            Compare::Greater => value.gt(operand),
            Compare::GreaterOrEqual => value.gt_eq(operand),
            Compare::Less => value.lt(operand),
            Compare::LessOrEqual => value.lt_eq(operand),
            Compare::Equal => value.eq(operand),
            Compare::NotEqual => value.neq(operand),
        }
    }
}

/// Whether each value holds a condition on numbers.
pub(crate) fn holds(value: &Expr, dtype: &DataType, numbers: &Numbers) -> Result<Expr, Fault> {
    holds_exactly(value, dtype, &numbers.map(|operand| operand.map(Operand::of)))
}

/// The same, of operands that may be whole numbers of more digits than doubles have.
pub(crate) fn holds_exactly(value: &Expr, dtype: &DataType, numbers: &Comparison<Option<Operand>>) -> Result<Expr, Fault> {
    let null = || value.clone().is_null();
    match numbers {
        Comparison::Compare { operator: Compare::Equal, operand: None } => return Ok(null()),
        Comparison::Compare { operator: Compare::NotEqual, operand: None } => return Ok(value.clone().is_not_null()),
        Comparison::In { negated, operands } if operands.iter().all(Option::is_none) => {
            return Ok(if *negated { value.clone().is_not_null() } else { null() });
        }
        _ => {}
    }
    if is_nested(dtype) {
        return Err(Fault::error(format!("Values are of type {dtype}, which is not compared.")));
    }
    let number = as_number(value.clone(), dtype)?;
    // A string that is no number holds nothing, not even `!=`, unless it is null.
    let holds = match numbers {
        Comparison::Compare { operator: Compare::NotEqual, operand: Some(operand) } => {
            number.compare(Compare::NotEqual, *operand).fill_null(false).or(null())
        }
        Comparison::Compare { operator, operand: Some(operand) } => number.compare(*operator, *operand),
        Comparison::Between { negated: false, low: Some(low), high: Some(high) } => {
            number.compare(Compare::Greater, *low).and(number.compare(Compare::Less, *high))
        }
        Comparison::Between { negated: true, low: Some(low), high: Some(high) } => {
            number.compare(Compare::LessOrEqual, *low).or(number.compare(Compare::GreaterOrEqual, *high))
        }
        Comparison::Compare { operand: None, .. } | Comparison::Between { .. } => {
            return Err(Fault::error("NULL is neither greater nor less than a number; use `= NULL` or `!= NULL`."));
        }
        Comparison::In { negated, operands } => {
            let equal = number.among(&operands.iter().flatten().copied().collect::<Vec<Operand>>());
            match (*negated, operands.contains(&None)) {
                (false, false) => equal,
                (false, true) => equal.fill_null(false).or(null()),
                (true, false) => equal.not().fill_null(false).or(null()),
                (true, true) => equal.not(),
            }
        }
    };
    Ok(holds.fill_null(false))
}
