//! Numbers with all their digits, which doubles would round: whole numbers and decimals.

use std::fmt;

use polars::prelude::{DataType, Expr, lit};

/// How many digits a decimal, or an integer of 128 bits, surely has room for.
pub(crate) const DIGITS: usize = 38;

/// How many an integer of 64 bits may have.
pub(crate) const SHORT: usize = 19;

/// A number as so many units of the last of its decimals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exact {
    pub(crate) units: i128,
    /// Decimals after the point.
    pub(crate) scale: usize,
}

impl Exact {
    /// Of digits with a sign and a point, without decimals that are zero at the end: `-12.50` is -125 tenths.
    pub(crate) fn parse(text: &str) -> Option<Exact> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = decimals.trim_end_matches('0');
        let digits = format!("{whole}{decimals}");
        if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let units: i128 = digits.parse().ok()?;
        Some(Exact { units: if text.starts_with('-') { -units } else { units }, scale: decimals.len() })
    }

    /// Its units with so many decimals, if it has no more and there is room.
    pub(crate) fn at(self, scale: usize) -> Option<i128> {
        self.units.checked_mul(power(scale.checked_sub(self.scale)?)?)
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = self.scale + 1);
        let (whole, decimals) = digits.split_at(digits.len() - self.scale);
        let (sign, decimals) = (if self.units < 0 { "-" } else { "" }, decimals.trim_end_matches('0'));
        let point = if decimals.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{decimals}")
    }
}

/// The power of ten.
pub(crate) fn power(exponent: usize) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

/// How many digits before the point values of a type may have, and how many after; `None` if they are not exact.
pub(crate) fn digits(dtype: &DataType) -> Option<(usize, usize)> {
    Some(match dtype {
        DataType::Boolean => (1, 0),
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Int128 => (39, 0),
        DataType::Decimal(precision, scale) => (precision.saturating_sub(*scale), *scale),
        _ => return None,
    })
}

/// What values of two types of exact numbers are compared as.
pub(crate) enum Common {
    /// A type that all of them have room in.
    All(DataType),
    /// A type that those with too many digits have no room in: they are null.
    Most(DataType),
}

impl Common {
    /// Of two types; `None` if one of them is not exact.
    pub(crate) fn of(left: &DataType, right: &DataType) -> Option<Common> {
        let ((left_whole, left_scale), (right_whole, right_scale)) = (digits(left)?, digits(right)?);
        let (whole, scale) = (left_whole.max(right_whole), left_scale.max(right_scale));
        Some(match (left.is_decimal() || right.is_decimal(), whole) {
            (false, ..=SHORT) => Common::All(DataType::Int64),
            (false, _) => Common::All(DataType::Int128),
            (true, _) if whole + scale <= DIGITS => Common::All(DataType::Decimal(DIGITS, scale)),
            (true, _) => Common::Most(DataType::Decimal(DIGITS, scale)),
        })
    }
}

/// A number of any exact type as text that is the same for equal numbers: without zeros at the end of its decimals.
pub(crate) fn as_text(value: Expr, dtype: &DataType) -> Expr {
    let text = value.cast(DataType::String);
    match dtype {
        DataType::Decimal(_, 1..) => text.str().strip_chars_end(lit("0")).str().strip_chars_end(lit(".")),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_and_written() {
        for (text, units, scale, written) in [
            ("0.10", 1, 1, "0.1"),
            ("-12.500", -125, 1, "-12.5"),
            ("-0.05", -5, 2, "-0.05"),
            ("007", 7, 0, "7"),
            ("300", 300, 0, "300"),
            ("0.0", 0, 0, "0"),
        ] {
            let exact = Exact::parse(text).unwrap();
            assert_eq!((exact.units, exact.scale, exact.to_string().as_str()), (units, scale, written), "{text}");
        }
        assert_eq!(Exact { units: 1_250, scale: 3 }.to_string(), "1.25");
        for text in ["", "-", ".5", "1e3", "inf", "NaN", "1.2.3", "+1", "--1", "9".repeat(40).as_str()] {
            assert_eq!(Exact::parse(text), None, "{text}");
        }
        let half = Exact { units: 5, scale: 1 };
        assert_eq!([half.at(0), half.at(1), half.at(3), half.at(50)], [None, Some(5), Some(500), None]);
    }
}
