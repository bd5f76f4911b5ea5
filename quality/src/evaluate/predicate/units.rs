//! Values that have all their digits, as whole numbers that are compared and added without rounding.

use polars::prelude::{DataType, Expr, Field, IntoColumn, LiteralValue, lit, when};

use super::compare::{among_short, among_whole, ordered};
use super::exact::{self, DIGITS, Exact};
use crate::language::ast::Compare;

/// Values as so many units of their last decimal.
#[derive(Clone)]
pub(super) struct Units {
    /// As whole numbers of 64 bits if they are short, else of 128.
    value: Expr,
    short: bool,
    /// How many digits they may have before the point.
    whole: usize,
    scale: usize,
}

impl Units {
    /// Of a type that has all digits.
    pub(super) fn of(value: &Expr, dtype: &DataType) -> Option<Units> {
        let (whole, scale) = exact::digits(dtype)?;
        let short = whole <= exact::SHORT && !dtype.is_decimal();
        let value = value.clone().to_physical().cast(if short { DataType::Int64 } else { DataType::Int128 });
        Some(Units { value, short, whole, scale })
    }

    /// The sum of some in each row, and, if there is no room for all sums, below which one there is.
    pub(super) fn sum(numbers: &[&Units]) -> Option<(Units, Option<f64>)> {
        let scale = numbers.iter().map(|number| number.scale).max()?;
        let mut sum: Option<Expr> = None;
        for number in numbers {
            let value = number.value.clone().cast(DataType::Int128);
            let value = match scale - number.scale {
                0 => value,
                more => value * lit(exact::power(more)?),
            };
            sum = Some(match sum {
                Some(sum) => sum + value,
                None => value,
            });
        }
        let carried = numbers.len().to_string().len();
        let whole = numbers.iter().map(|number| number.whole).max()? + carried;
        // A sum that fits is right, even where one on the way to it did not: what runs over runs back.
        let most = (whole + scale > DIGITS).then(|| 10_f64.powi((DIGITS - scale) as i32));
        Some((Units { value: sum?, short: false, whole, scale }, most))
    }

    /// As text with all digits.
    pub(super) fn text(&self) -> Expr {
        let scale = self.scale;
        if scale == 0 {
            return self.value.clone().cast(DataType::String);
        }
        let decimal = self.value.clone().cast(DataType::Int128).map(
            move |column| Ok(column.i128()?.clone().into_decimal_unchecked(DIGITS, scale).into_column()),
            move |_, field| Ok(Field::new(field.name().clone(), DataType::Decimal(DIGITS, scale))),
        );
        decimal.cast(DataType::String)
    }

    /// Against a number with all its digits; `None` if it has more than there is room for.
    pub(super) fn compare(&self, operator: Compare, number: Exact) -> Option<Expr> {
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
    pub(super) fn among(&self, numbers: impl Iterator<Item = Exact>) -> Expr {
        let units = numbers.filter_map(|number| number.at(self.scale));
        match self.short {
            true => among_short(self.value.clone(), units.filter_map(|units| units.try_into().ok()).collect()),
            false => among_whole(self.value.clone(), units.collect()),
        }
    }
}
