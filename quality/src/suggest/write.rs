//! Rules as the language has them, so that they are printed as it prints them.

use crate::language::{
    RuleType,
    ast::{Compare, Comparison, Condition, Level, Number, Parameter, ParameterForm, Rule, Span, Text, TextCondition, TextOperand},
};

/// A rule about a column, with a condition or without.
pub(super) fn rule(kind: RuleType, column: &str, condition: Option<Condition>) -> Rule {
    let parameter = Parameter { value: column.to_owned(), form: ParameterForm::Quoted, connector: None, span: Span::default() };
    Rule {
        kind,
        parameters: vec![parameter],
        condition,
        filter: None,
        group_by: Vec::new(),
        labels: Vec::new(),
        tags: Vec::new(),
        threshold: None,
        mostly: None,
        level: Level::Error,
        span: Span::default(),
    }
}

/// The same, asked of rows with a value only.
pub(super) fn where_present(mut rule: Rule, column: &str) -> Rule {
    rule.filter = Some(text(&format!("{} IS NOT NULL", identifier(column))));
    rule
}

/// `>= 1`.
pub(super) fn compare(operator: Compare, value: f64) -> Comparison<Number> {
    Comparison::Compare { operator, operand: number(value) }
}

/// `between 1 and 2`.
pub(super) fn between(low: f64, high: f64) -> Comparison<Number> {
    Comparison::Between { negated: false, low: number(low), high: number(high) }
}

/// `= "INTEGER"`.
pub(super) fn equal_text(value: &str) -> Condition {
    Condition::Text(TextCondition::Equal { negated: false, operand: TextOperand::Literal(value.to_owned()) })
}

/// `in ["a", "b"]`, or what says the same of strings that would be read as dates there.
pub(super) fn one_of_texts(values: &[&str], null: bool) -> Condition {
    if values.iter().any(|value| reads_as_time(value)) {
        let choices: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
        return Condition::Text(TextCondition::Matches { negated: false, pattern: text(&format!("^(?:{})$", choices.join("|"))) });
    }
    let literal = |value: &&str| if value.is_empty() { TextOperand::Empty } else { TextOperand::Literal((*value).to_owned()) };
    let operands = values.iter().map(literal).chain(null.then_some(TextOperand::Null)).collect();
    Condition::Text(TextCondition::In { negated: false, operands, variable: None })
}

/// Whether `one_of_texts` has a list, in which NULL can stand.
pub(super) fn is_list(condition: &Condition) -> bool {
    !matches!(condition, Condition::Text(TextCondition::Matches { .. }))
}

/// `in [1, 2]`.
pub(super) fn one_of_numbers(values: &[&str], null: bool) -> Option<Condition> {
    let literal = |value: &&str| value.parse().ok().map(|parsed| Number::Literal((*value).to_owned(), parsed));
    let mut operands = values.iter().map(literal).collect::<Option<Vec<Number>>>()?;
    operands.extend(null.then_some(Number::Null));
    Some(Condition::Number(Comparison::In { negated: false, operands }))
}

/// A number without an exponent, which the language doesn't have.
fn number(value: f64) -> Number {
    // No negative zero: it would be a sign and nothing.
    let value = value + 0.0;
    Number::Literal(format!("{value}"), value)
}

fn text(value: &str) -> Text {
    Text { value: value.to_owned(), span: Span::default() }
}

/// Whether a string in a condition is a day or a time of day: `"2024-01-31"`, `"9:30 AM"`.
fn reads_as_time(value: &str) -> bool {
    let shape: String = value.chars().take(12).map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    matches!(shape.as_str(), "9999-99-99" | "99:99" | "9:99 AM" | "9:99 PM" | "99:99 AM" | "99:99 PM")
}

/// A column as SQL names it: always in quotes, so that no word of SQL is in the way.
fn identifier(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}
