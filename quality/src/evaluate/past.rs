//! Comparisons with what was earlier: whether a rule has one, and what is left of it where nothing was.

use super::condition::Numbers;
use crate::language::RuleType;
use crate::language::ast::{Compare, Comparison, Condition, Number, Rule};
use crate::language::eval::{self, Resolve};

/// Whether anything of a rule is worked out from what was earlier.
pub(super) fn rule_looks_back(rule: &Rule) -> bool {
    let shares = [&rule.threshold, &rule.mostly];
    rule.kind == RuleType::DetectAnomalies || condition_looks_back(rule) || shares.into_iter().flatten().any(looks_back)
}

/// Whether its condition is.
pub(super) fn condition_looks_back(rule: &Rule) -> bool {
    matches!(&rule.condition, Some(Condition::Number(numbers)) if looks_back(numbers))
}

/// Whether any operand is.
pub(super) fn looks_back(numbers: &Comparison<Number>) -> bool {
    numbers.operands().into_iter().any(is_of_the_past)
}

fn is_of_the_past(number: &Number) -> bool {
    match number {
        Number::Literal(..) | Number::Null => false,
        Number::Arithmetic(left, _, right) => is_of_the_past(left) || is_of_the_past(right),
        Number::Bracketed(inner) => is_of_the_past(inner),
        Number::Call(name, arguments) => name == "last" || arguments.iter().any(is_of_the_past),
    }
}

/// A comparison worked out without a past: what it asks apart from that still has to hold, and what it asks of the
/// past holds for whatever some past would make it hold for.
pub(super) fn regardless(numbers: &Comparison<Number>, resolve: &dyn Resolve) -> Result<Numbers, eval::EvalError> {
    let value = |number: &Number| number.value(resolve);
    let known = |number: &Number, otherwise: f64| if is_of_the_past(number) { Ok(Some(otherwise)) } else { value(number) };
    let anything = Comparison::In { negated: true, operands: Vec::new() };
    Ok(match numbers {
        numbers if !looks_back(numbers) => numbers.resolve(resolve)?,
        Comparison::Between { negated: false, low, high } => {
            Comparison::Between { negated: false, low: known(low, f64::NEG_INFINITY)?, high: known(high, f64::INFINITY)? }
        }
        Comparison::Compare { operator: Compare::Greater | Compare::GreaterOrEqual, .. } => {
            Comparison::Compare { operator: Compare::GreaterOrEqual, operand: Some(f64::NEG_INFINITY) }
        }
        Comparison::Compare { operator: Compare::Less | Compare::LessOrEqual, .. } => {
            Comparison::Compare { operator: Compare::LessOrEqual, operand: Some(f64::INFINITY) }
        }
        // The past is finite: no infinity equals it.
        Comparison::Compare { operator: Compare::Equal, .. } => {
            Comparison::Between { negated: false, low: Some(f64::NEG_INFINITY), high: Some(f64::INFINITY) }
        }
        Comparison::In { negated: true, operands } => {
            let others = operands.iter().filter(|operand| !is_of_the_past(operand)).map(value);
            Comparison::In { negated: true, operands: others.collect::<Result<_, _>>()? }
        }
        Comparison::Between { negated: true, .. }
        | Comparison::Compare { operator: Compare::NotEqual, .. }
        | Comparison::In { negated: false, .. } => anything,
    })
}
