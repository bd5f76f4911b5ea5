//! Conditions on strings.

use std::{collections::HashSet, sync::Arc};

use polars::prelude::{DataType, Expr};

use super::pattern::{Pattern, entire, leading};
use super::{Unknown, as_text, numbers, spelled, try_text};
use crate::evaluate::Fault;
use crate::language::ast::{TextCondition, TextOperand};

/// Whether each value holds a condition on strings. What it gives is null only where a pattern gives up, and only if
/// that is to be null.
pub(crate) fn holds(value: Expr, dtype: &DataType, condition: &TextCondition, ignore_case: bool, unknown: Unknown) -> Result<Expr, Fault> {
    if let TextCondition::Equal { negated, operand: TextOperand::Null } = condition {
        return Ok(if *negated { value.is_not_null() } else { value.is_null() });
    }
    if let Some(numbers) = spelled::as_numbers(dtype, condition) {
        return numbers::holds_exactly(&value, dtype, &numbers);
    }
    let test = match dtype {
        DataType::Decimal(_, places) => Test::new(&spelled::as_decimals(*places, condition), ignore_case)?,
        _ => Test::new(condition, ignore_case)?,
    };
    Ok(try_text(as_text(value, dtype)?, unknown, move |value| test.of(value)))
}

/// A condition on a string.
#[derive(Clone)]
pub(crate) enum Test {
    /// In a set, or not in it.
    Among(Among, bool),
    /// All of it matches, and it is not empty.
    Matches(Pattern),
    /// There is no match from the start on.
    MatchesNot(Pattern),
}

impl Test {
    /// Of a condition.
    pub(crate) fn new(condition: &TextCondition, ignore_case: bool) -> Result<Test, Fault> {
        let flags = if ignore_case { "(?i)" } else { "" };
        Ok(match condition {
            TextCondition::Equal { negated, operand } => Test::Among(Among::of(std::slice::from_ref(operand), ignore_case), *negated),
            TextCondition::In { negated, operands, .. } => Test::Among(Among::of(operands, ignore_case), *negated),
            TextCondition::Matches { negated, pattern } => {
                // Read as it is first, so that an error speaks of what was written.
                Pattern::new(&pattern.value)?;
                let read = |pattern: String| Pattern::new(&format!("{flags}{pattern}"));
                if *negated { Test::MatchesNot(read(leading(&pattern.value))?) } else { Test::Matches(read(entire(&pattern.value))?) }
            }
        })
    }

    /// Whether a value holds, unless a pattern gives up on it.
    pub(crate) fn of(&self, value: Option<&str>) -> Result<bool, Fault> {
        match (self, value) {
            (Test::Among(among, negated), value) => Ok(among.has(value) != *negated),
            (Test::Matches(pattern), Some(value)) => pattern.is_entire(value),
            (Test::MatchesNot(pattern), Some(value)) => Ok(!pattern.is_in(value)?),
            (Test::Matches(_) | Test::MatchesNot(_), None) => Ok(false),
        }
    }
}

/// A set of strings, and the words that stand for some.
#[derive(Clone)]
pub(crate) struct Among {
    literals: Arc<HashSet<String>>,
    ignore_case: bool,
    null: bool,
    whitespaces: bool,
}

impl Among {
    fn of(operands: &[TextOperand], ignore_case: bool) -> Among {
        let (mut literals, mut null, mut whitespaces) = (HashSet::new(), false, false);
        for operand in operands {
            match operand {
                TextOperand::Literal(text) if ignore_case => drop(literals.insert(text.to_lowercase())),
                TextOperand::Literal(text) => drop(literals.insert(text.clone())),
                TextOperand::Empty => drop(literals.insert(String::new())),
                TextOperand::Null => null = true,
                TextOperand::Whitespaces => whitespaces = true,
            }
        }
        Among { literals: Arc::new(literals), ignore_case, null, whitespaces }
    }

    /// Null is in the set if it is listed.
    fn has(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return self.null };
        let literal = if self.ignore_case { self.literals.contains(&value.to_lowercase()) } else { self.literals.contains(value) };
        literal || (self.whitespaces && !value.is_empty() && value.chars().all(char::is_whitespace))
    }
}
