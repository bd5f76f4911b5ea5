//! Strings that spell numbers, held against columns of numbers: `"1"` is 1.0 and 1.00, however a column writes them.

use polars::prelude::DataType;

use super::numbers::Operand;
use crate::language::ast::{Compare, Comparison, TextCondition, TextOperand};

/// A condition on strings as one on numbers: of a column of floats or small whole numbers, if all its strings spell some.
pub(super) fn as_numbers(dtype: &DataType, condition: &TextCondition) -> Option<Comparison<Option<Operand>>> {
    let operands: Vec<Option<Operand>> = match condition {
        TextCondition::Equal { operand, .. } => vec![number(dtype, operand)?],
        TextCondition::In { operands, .. } => {
            operands.iter().filter(|operand| !is_blank(operand)).map(|operand| number(dtype, operand)).collect::<Option<_>>()?
        }
        TextCondition::Matches { .. } => return None,
    };
    // Without a number there is nothing to compare as such.
    operands.iter().any(Option::is_some).then_some(())?;
    Some(match condition {
        TextCondition::Equal { negated, .. } => {
            let operator = if *negated { Compare::NotEqual } else { Compare::Equal };
            Comparison::Compare { operator, operand: operands.into_iter().next()? }
        }
        TextCondition::In { negated, .. } => Comparison::In { negated: *negated, operands },
        TextCondition::Matches { .. } => return None,
    })
}

/// `EMPTY`, `WHITESPACES_ONLY` and the like, which no number is.
fn is_blank(operand: &TextOperand) -> bool {
    match operand {
        TextOperand::Empty | TextOperand::Whitespaces => true,
        TextOperand::Literal(text) => text.trim().is_empty(),
        TextOperand::Null => false,
    }
}

fn number(dtype: &DataType, operand: &TextOperand) -> Option<Option<Operand>> {
    let text = match operand {
        TextOperand::Null => return Some(None),
        TextOperand::Literal(text) => text.trim(),
        TextOperand::Empty | TextOperand::Whitespaces => return None,
    };
    match dtype {
        // The nearest float, as that of the column is.
        DataType::Float32 => text.parse::<f32>().ok().map(|number| Some(Operand::of(f64::from(number)))),
        DataType::Float64 => text.parse::<f64>().ok().map(|number| Some(Operand::of(number))),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            text.parse::<f64>().ok().map(|number| Some(Operand::of_literal(text, number)))
        }
        _ => None,
    }
}

/// A condition with its numbers as decimals of so many places are written: as doubles they would lose digits. What is
/// no number, or has more places, stays as it is: no such decimal is written so.
pub(super) fn as_decimals(places: usize, condition: &TextCondition) -> TextCondition {
    let mut condition = condition.clone();
    let operands = match &mut condition {
        TextCondition::Equal { operand, .. } => std::slice::from_mut(operand),
        TextCondition::In { operands, .. } => operands.as_mut_slice(),
        TextCondition::Matches { .. } => &mut [],
    };
    for operand in operands {
        if let TextOperand::Literal(text) = operand
            && let Some(written) = written(text.trim(), places)
        {
            *text = written;
        }
    }
    condition
}

fn written(text: &str, places: usize) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if fraction.len() > places {
        return None;
    }
    let sign = if text.starts_with('-') && !(whole.is_empty() && fraction.is_empty()) { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction:0<places$}") })
}
