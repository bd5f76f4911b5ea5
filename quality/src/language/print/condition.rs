//! Canonical spelling of conditions.

use std::fmt::{self, Display, Formatter};

use super::super::ast::{Comparison, Condition, Date, Duration, DurationUnit, Number, Size, SizeUnit, TextCondition, TextOperand};
use super::{Quoted, list, separated};

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Number(comparison) => comparison.fmt(f),
            Condition::Text(condition) => condition.fmt(f),
            Condition::Date(comparison) => comparison.fmt(f),
            Condition::Duration(comparison) => comparison.fmt(f),
            Condition::Size(comparison) => comparison.fmt(f),
        }
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "not " } else { "" }
}

impl<T: Display> Display for Comparison<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Comparison::Between { negated, low, high } => write!(f, "{}between {low} and {high}", not(*negated)),
            Comparison::Compare { operator, operand } => write!(f, "{} {operand}", operator.symbol()),
            Comparison::In { negated, operands } => {
                write!(f, "{}in ", not(*negated))?;
                list(f, operands)
            }
        }
    }
}

impl Display for TextCondition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TextCondition::Equal { negated, operand } => write!(f, "{} {operand}", if *negated { "!=" } else { "=" }),
            TextCondition::In { negated, variable: Some(name), .. } => write!(f, "{}in ${name}", not(*negated)),
            TextCondition::In { negated, operands, variable: None } => {
                write!(f, "{}in ", not(*negated))?;
                list(f, operands)
            }
            TextCondition::Matches { negated, pattern } => write!(f, "{}matches {}", not(*negated), Quoted(&pattern.value)),
        }
    }
}

impl Display for TextOperand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TextOperand::Literal(value) => Quoted(value).fmt(f),
            TextOperand::Null => f.write_str("NULL"),
            TextOperand::Empty => f.write_str("EMPTY"),
            TextOperand::Whitespaces => f.write_str("WHITESPACES_ONLY"),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Number::Literal(spelled, _) => f.write_str(spelled),
            Number::Null => f.write_str("NULL"),
            Number::Arithmetic(left, operator, right) => write!(f, "{left} {operator} {right}"),
            Number::Bracketed(inner) => write!(f, "({inner})"),
            Number::Call(name, arguments) => {
                write!(f, "{name}(")?;
                separated(f, ", ", arguments)?;
                f.write_str(")")
            }
        }
    }
}

impl Display for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Date::Day(spelled, _) | Date::Time(spelled, _) => Quoted(spelled).fmt(f),
            Date::Now => f.write_str("now()"),
            Date::Offset(amount, unit) => {
                let sign = if *amount < 0 { '-' } else { '+' };
                write!(f, "(now() {sign} {} {unit})", amount.unsigned_abs())
            }
            Date::Null => f.write_str("NULL"),
        }
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.unit)
    }
}

impl Display for DurationUnit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DurationUnit::Days => "days",
            DurationUnit::Hours => "hours",
            DurationUnit::Minutes => "minutes",
        })
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.unit {
            Some(unit) => write!(f, "{} {unit}", self.amount),
            None => write!(f, "{}", self.amount),
        }
    }
}

impl Display for SizeUnit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SizeUnit::B => "B",
            SizeUnit::Kb => "KB",
            SizeUnit::Mb => "MB",
            SizeUnit::Gb => "GB",
            SizeUnit::Tb => "TB",
        })
    }
}
