//! Conditions on numbers.

use polars::prelude::{DataType, Expr, lit, when};

use crate::evaluate::Fault;
use crate::evaluate::condition::Numbers;
use crate::language::ast::{Compare, Comparison};

use super::compare::{among_doubles, ordered};
use super::exact::Exact;
use super::is_nested;
use super::units::Units;

/// 2^126: every whole double below it is a whole number of 128 bits.
const WHOLE: f64 = 85_070_591_730_234_615_865_843_651_857_942_052_864.0;

/// How many operands are compared one by one.
const FEW: usize = 8;

/// Whether a value is a number, or can be read as one.
pub(crate) fn as_number(value: Expr, dtype: &DataType) -> Result<Number, Fault> {
    let double = |value: Expr| value.cast(DataType::Float64);
    match dtype {
        DataType::Categorical(..) | DataType::Enum(..) => {
            Ok(Number { double: double(value.cast(DataType::String)), exact: None, room: None })
        }
        DataType::Boolean | DataType::Null | DataType::String => Ok(Number { double: double(value), exact: None, room: None }),
        dtype if dtype.is_primitive_numeric() || dtype.is_decimal() => {
            Ok(Number { exact: Units::of(&value, dtype), double: double(value), room: None })
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

/// A value as a number.
pub(crate) struct Number {
    /// As a double; null if it can't be read as a number.
    double: Expr,
    /// With all its digits, if it has more than doubles, which would take neighbours for equal.
    exact: Option<Units>,
    /// Where there is room for these digits, if not everywhere.
    room: Option<Expr>,
}

impl Number {
    /// The sum of some in each row, with all digits if all of them have them.
    pub(crate) fn sum(numbers: Vec<Number>) -> Option<Number> {
        let units: Option<Vec<&Units>> = numbers.iter().map(|number| number.exact.as_ref()).collect();
        let sum = units.and_then(|units| Units::sum(&units));
        let double = numbers.into_iter().map(|number| number.double).reduce(|sum, number| sum + number)?;
        let (exact, most) = sum.map_or((None, None), |(units, most)| (Some(units), most));
        let room = most.map(|most| double.clone().gt(lit(-most)).and(double.clone().lt(lit(most))));
        Some(Number { double, exact, room })
    }

    /// As text with all its digits.
    pub(crate) fn text(&self) -> Expr {
        self.best(self.exact.as_ref().map(Units::text), || self.double.clone().cast(DataType::String))
    }

    /// What is worked out with all digits, if there are and where there is room, else what is with doubles.
    fn best(&self, exact: Option<Expr>, double: impl FnOnce() -> Expr) -> Expr {
        match (exact, &self.room) {
            (None, _) => double(),
            (Some(exact), None) => exact,
            (Some(exact), Some(room)) => when(room.clone()).then(exact).otherwise(double()),
        }
    }

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
        let exact = self.exact.as_ref().map(|units| units.among(operands.iter().filter_map(|operand| operand.exact)));
        self.best(exact, || among_doubles(self.double.clone(), operands.iter().map(|operand| operand.double)))
    }

    /// Where digits have no room, doubles are so far apart that they tell as much.
    fn compare(&self, operator: Compare, operand: Operand) -> Expr {
        let exact = self.exact.as_ref().zip(operand.exact).and_then(|(units, number)| units.compare(operator, number));
        self.best(exact, || ordered(operator, self.double.clone(), lit(operand.double)))
    }
}

/// Whether each value holds a condition on numbers.
pub(crate) fn holds(value: &Expr, dtype: &DataType, numbers: &Numbers) -> Result<Expr, Fault> {
    holds_exactly(value, dtype, &numbers.map(|operand| operand.map(Operand::of)))
}

/// The same, of operands that may have more digits than doubles.
pub(crate) fn holds_exactly(value: &Expr, dtype: &DataType, numbers: &Comparison<Option<Operand>>) -> Result<Expr, Fault> {
    if let Some(holds) = of_null(value, numbers) {
        return Ok(holds);
    }
    if is_nested(dtype) {
        return Err(Fault::error(format!("Values are of type {dtype}, which is not compared.")));
    }
    number_holds(&as_number(value.clone(), dtype)?, value, numbers)
}

/// A sum's: without a value in one of the columns there is none, and it holds nothing.
pub(crate) fn sum_holds(sum: &Number, numbers: &Comparison<Option<Operand>>) -> Result<Expr, Fault> {
    let value = &sum.double;
    let holds = of_null(value, numbers).map_or_else(|| number_holds(sum, value, numbers), Ok)?;
    Ok(value.clone().is_not_null().and(holds))
}

/// A condition that asks for no number, but whether there is a value.
fn of_null(value: &Expr, numbers: &Comparison<Option<Operand>>) -> Option<Expr> {
    let null = match numbers {
        Comparison::Compare { operator: Compare::Equal, operand: None } => true,
        Comparison::Compare { operator: Compare::NotEqual, operand: None } => false,
        Comparison::In { negated, operands } if operands.iter().all(Option::is_none) => !negated,
        _ => return None,
    };
    Some(if null { value.clone().is_null() } else { value.clone().is_not_null() })
}

fn number_holds(number: &Number, value: &Expr, numbers: &Comparison<Option<Operand>>) -> Result<Expr, Fault> {
    let null = || value.clone().is_null();
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
