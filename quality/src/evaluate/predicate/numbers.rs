//! Conditions on numbers.

use std::collections::HashSet;

use polars::prelude::{BooleanChunked, DataType, Expr, Field, IntoColumn, LiteralValue, lit, when};

use crate::evaluate::Fault;
use crate::evaluate::condition::Numbers;
use crate::language::ast::{Compare, Comparison};

use super::exact::{self, Exact};
use super::is_nested;

/// 2^126: every whole double below it is a whole number of 128 bits.
const WHOLE: f64 = 85_070_591_730_234_615_865_843_651_857_942_052_864.0;

/// How many operands are compared one by one.
const FEW: usize = 8;

/// Whether a value is a number, or can be read as one.
pub(crate) fn as_number(value: Expr, dtype: &DataType) -> Result<Number, Fault> {
    let double = |value: Expr| value.cast(DataType::Float64);
    match dtype {
        DataType::Categorical(..) | DataType::Enum(..) => Ok(Number { double: double(value.cast(DataType::String)), exact: None }),
        DataType::Boolean | DataType::Null | DataType::String => Ok(Number { double: double(value), exact: None }),
        dtype if dtype.is_primitive_numeric() || dtype.is_decimal() => {
            Ok(Number { exact: Units::of(&value, dtype), double: double(value) })
        }
        _ => Err(Fault::error(format!("Values are of type {dtype}, which is not compared with numbers."))),
    }
}

/// What values are compared with: a double, and, if it is finite, all its digits, of which there may be more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Operand {
    double: f64,
    exact: Option<Exact>,
}

impl Operand {
    /// Of a double: if it is not whole, as a person reads it.
    pub(crate) fn of(double: f64) -> Operand {
        let whole = double.fract() == 0.0 && double.abs() < WHOLE;
        let exact = if whole { Some(Exact { units: double as i128, scale: 0 }) } else { Exact::parse(&double.to_string()) };
        Operand { double, exact }
    }

    /// Of a literal: it is what is written, even where no double is.
    pub(crate) fn of_literal(spelled: &str, double: f64) -> Operand {
        Exact::parse(spelled).map_or_else(|| Operand::of(double), |exact| Operand { double, exact: Some(exact) })
    }
}

/// Values as units of their last decimal, as whole numbers of 64 bits if they are short, else of 128.
#[derive(Clone)]
struct Units {
    value: Expr,
    short: bool,
    scale: usize,
}

impl Units {
    /// Of a type that has all digits.
    fn of(value: &Expr, dtype: &DataType) -> Option<Units> {
        let (digits, scale) = exact::digits(dtype)?;
        let short = digits <= exact::SHORT && !dtype.is_decimal();
        let value = value.clone().to_physical().cast(if short { DataType::Int64 } else { DataType::Int128 });
        Some(Units { value, short, scale })
    }

    /// Against a number with all its digits; `None` if it has more than there is room for.
    fn compare(&self, operator: Compare, number: Exact) -> Option<Expr> {
        let Some(below) = number.scale.checked_sub(self.scale).filter(|more| *more > 0) else {
            return Some(self.ordered(operator, number.at(self.scale)?));
        };
        // It has more decimals than the values: they are not equal to it, and below it if not above the last one before it.
        let before = exact::power(below).map_or(if number.units < 0 { -1 } else { 0 }, |power| number.units.div_euclid(power));
        let always = |holds: bool| when(self.value.clone().is_not_null()).then(lit(holds)).otherwise(lit(LiteralValue::untyped_null()));
        Some(match operator {
            Compare::Greater | Compare::GreaterOrEqual => self.ordered(Compare::Greater, before),
            Compare::Less | Compare::LessOrEqual => self.ordered(Compare::LessOrEqual, before),
            Compare::Equal => always(false),
            Compare::NotEqual => always(true),
        })
    }

    fn ordered(&self, operator: Compare, units: i128) -> Expr {
        match i64::try_from(units) {
            Ok(units) if self.short => ordered(operator, self.value.clone(), lit(units)),
            _ => ordered(operator, self.value.clone().cast(DataType::Int128), lit(units)),
        }
    }

    /// Whether they are among some, which are looked up.
    fn among(&self, operands: &[Operand]) -> Expr {
        let units = operands.iter().filter_map(|operand| operand.exact?.at(self.scale));
        let output = |_: &_, field: &Field| Ok(Field::new(field.name().clone(), DataType::Boolean));
        if self.short {
            let known: HashSet<i64> = units.filter_map(|units| units.try_into().ok()).collect();
            return self.value.clone().map(
                move |column| {
                    let found: BooleanChunked = column.i64()?.iter().map(|value| value.map(|value| known.contains(&value))).collect();
                    Ok(found.with_name(column.name().clone()).into_column())
                },
                output,
            );
        }
        let known: HashSet<i128> = units.collect();
        self.value.clone().map(
            move |column| {
                let found: BooleanChunked = column.i128()?.iter().map(|value| value.map(|value| known.contains(&value))).collect();
                Ok(found.with_name(column.name().clone()).into_column())
            },
            output,
        )
    }
}

fn ordered(operator: Compare, value: Expr, operand: Expr) -> Expr {
    match operator {
        Compare::Greater => value.gt(operand),
        Compare::GreaterOrEqual => value.gt_eq(operand),
        Compare::Less => value.lt(operand),
        Compare::LessOrEqual => value.lt_eq(operand),
        Compare::Equal => value.eq(operand),
        Compare::NotEqual => value.neq(operand),
    }
}

/// A value as a number.
pub(crate) struct Number {
    /// As a double; null if it can't be read as a number.
    double: Expr,
    /// With all its digits, if it has more than doubles, which would take neighbours for equal.
    exact: Option<Units>,
}

impl Number {
    /// It as a double.
    pub(crate) fn double(self) -> Expr {
        self.double
    }

    /// Whether it is one of some. A few are compared one by one, more are looked up.
    fn among(&self, operands: &[Operand]) -> Expr {
        if operands.len() <= FEW {
            let equal = operands.iter().map(|operand| self.compare(Compare::Equal, *operand));
            return equal.reduce(Expr::or).unwrap_or_else(|| lit(false));
        }
        if let Some(units) = &self.exact {
            return units.among(operands);
        }
        // Zero has no sign here: that of -0.0 goes when zero is added.
        let known: HashSet<u64> = operands.iter().map(|operand| (operand.double + 0.0).to_bits()).collect();
        self.double.clone().map(
            move |column| {
                let bits = column.f64()?.iter().map(|value| value.map(|value| known.contains(&(value + 0.0).to_bits())));
                let found: BooleanChunked = bits.collect();
                Ok(found.with_name(column.name().clone()).into_column())
            },
            |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
        )
    }

    /// Where digits have no room, doubles are so far apart that they tell as much.
    fn compare(&self, operator: Compare, operand: Operand) -> Expr {
        let exact = self.exact.as_ref().zip(operand.exact).and_then(|(units, number)| units.compare(operator, number));
        exact.unwrap_or_else(|| ordered(operator, self.double.clone(), lit(operand.double)))
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
