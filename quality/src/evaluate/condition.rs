//! Conditions on numbers with their operands worked out, and in words.

use super::judge::show;
use crate::language::ast::Comparison;

/// A comparison with numbers; `None` is `NULL`.
pub(crate) type Numbers = Comparison<Option<f64>>;

/// Whether a number holds.
pub(crate) fn holds(numbers: &Numbers, value: f64) -> bool {
    numbers.admits(Some(&value))
}

/// A comparison in words, with operands worked out.
pub(crate) fn describe(numbers: &Numbers) -> String {
    describe_with(numbers, |operand| operand.map_or_else(|| "NULL".to_owned(), show))
}

/// A comparison in words.
pub(crate) fn describe_with<T>(comparison: &Comparison<T>, operand: impl Fn(&T) -> String) -> String {
    let not = |negated: &bool| if *negated { "not " } else { "" };
    match comparison {
        Comparison::Between { negated, low, high } => format!("{}between {} and {}", not(negated), operand(low), operand(high)),
        Comparison::Compare { operator, operand: with } => format!("{} {}", operator.symbol(), operand(with)),
        Comparison::In { negated, operands } => {
            format!("{}in [{}]", not(negated), operands.iter().map(operand).collect::<Vec<_>>().join(", "))
        }
    }
}
