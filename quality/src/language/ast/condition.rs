//! Conditions as they were written.

use super::Text;

/// What is expected of what was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Numbers, also `= NULL`.
    Number(Comparison<Number>),
    /// Strings.
    Text(TextCondition),
    /// Dates, times and `now()`.
    Date(Comparison<Date>),
    /// Durations.
    Duration(Comparison<Duration>),
    /// Sizes in bytes.
    Size(Comparison<Size>),
}

/// A comparison with operands of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison<T> {
    /// `between low and high`, both ends excluded; negated: `<= low or >= high`.
    Between {
        /// `not between`.
        negated: bool,
        /// The lower end.
        low: T,
        /// The upper end.
        high: T,
    },
    /// `>`, `>=`, `<`, `<=`, `=`, `!=`.
    Compare {
        /// Which.
        operator: Compare,
        /// With what.
        operand: T,
    },
    /// `in [ … ]`.
    In {
        /// `not in`.
        negated: bool,
        /// At least one.
        operands: Vec<T>,
    },
}

/// An operator of comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
}

impl Compare {
    /// As a ruleset spells it.
    pub fn symbol(self) -> &'static str {
        match self {
            Compare::Greater => ">",
            Compare::GreaterOrEqual => ">=",
            Compare::Less => "<",
            Compare::LessOrEqual => "<=",
            Compare::Equal => "=",
            Compare::NotEqual => "!=",
        }
    }
}

/// A condition on strings.
#[derive(Clone, Debug, PartialEq)]
pub enum TextCondition {
    /// `=` and `!=`.
    Equal {
        /// `!=`.
        negated: bool,
        /// With what.
        operand: TextOperand,
    },
    /// `in [ … ]`, `in $list`.
    In {
        /// `not in`.
        negated: bool,
        /// A list variable's values, if `variable` names one.
        operands: Vec<TextOperand>,
        /// The variable the operands come from.
        variable: Option<String>,
    },
    /// `matches "regex"`.
    Matches {
        /// `not matches`.
        negated: bool,
        /// The regular expression.
        pattern: Text,
    },
}

/// An operand of a condition on strings.
#[derive(Clone, Debug, PartialEq)]
pub enum TextOperand {
    /// `"text"`.
    Literal(String),
    /// `NULL`.
    Null,
    /// `EMPTY`: the empty string.
    Empty,
    /// `WHITESPACES_ONLY`: at least one character, and all of them white space.
    Whitespaces,
}

/// A number: a literal, or what is worked out from earlier metrics.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// A literal as it is spelled, and what it is.
    Literal(String, f64),
    /// `NULL`.
    Null,
    /// `left op right`; `+ - * /` bind equally, from the left.
    Arithmetic(Box<Number>, char, Box<Number>),
    /// `( … )`.
    Bracketed(Box<Number>),
    /// `avg(last(10))`.
    Call(String, Vec<Number>),
}

/// A moment, or a time of today.
#[derive(Clone, Debug, PartialEq)]
pub enum Date {
    /// `"2024-01-31"`: midnight in UTC.
    Day(String, jiff::civil::Date),
    /// `"9:30 AM"`, `"19:30"`: today in the rule's `timeZone`.
    Time(String, jiff::civil::Time),
    /// `now()`.
    Now,
    /// `(now() - 3 days)`; the amount is negative for `-`.
    Offset(i64, DurationUnit),
    /// `NULL`.
    Null,
}

/// `3 days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// How many.
    pub amount: i64,
    /// Of what.
    pub unit: DurationUnit,
}

/// A unit of duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationUnit {
    /// 24 hours.
    Days,
    /// 60 minutes.
    Hours,
    /// 60 seconds.
    Minutes,
}

/// `2 MB`; a plain number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many.
    pub amount: u64,
    /// Of what; `None` if only the number was written.
    pub unit: Option<SizeUnit>,
}

/// A unit of size, 1024 of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeUnit {
    /// Bytes.
    B,
    /// 1024 bytes.
    Kb,
    /// 1024² bytes.
    Mb,
    /// 1024³ bytes.
    Gb,
    /// 1024⁴ bytes.
    Tb,
}
