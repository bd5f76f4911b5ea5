//! Conditions: an operator, operands, and the kind that they make together.

use super::super::ast::{Compare, Comparison, Condition, Date, Number, Size, Span, Text, TextCondition, TextOperand, VariableValue};
use super::super::lexer::TokenKind;
use super::super::registry::ConditionKind;
use super::number::is_number;
use super::operand::Operand;
use super::{Parsed, Parser, Stop};

/// A comparison without its operands.
#[derive(Clone, Copy)]
enum Shape {
    Between { negated: bool },
    Compare(Compare),
    In { negated: bool },
}

impl Shape {
    /// Whether it asks for more or less, not for equality.
    fn orders(self) -> bool {
        !matches!(self, Shape::In { .. } | Shape::Compare(Compare::Equal | Compare::NotEqual))
    }

    fn of<T>(self, operands: Vec<T>) -> Parsed<Comparison<T>> {
        let mut each = operands.into_iter();
        match self {
            Shape::In { negated } => return Ok(Comparison::In { negated, operands: each.collect() }),
            Shape::Between { negated } => each.next().zip(each.next()).map(|(low, high)| Comparison::Between { negated, low, high }),
            Shape::Compare(operator) => each.next().map(|operand| Comparison::Compare { operator, operand }),
        }
        .ok_or(Stop)
    }
}

type Operands = Vec<(Operand, Span)>;

impl Parser<'_> {
    /// A condition of one of some kinds; `None` if none begins here.
    pub(super) fn condition(&mut self, kinds: &[ConditionKind]) -> Parsed<Option<Condition>> {
        let negated = self.eat_word("not");
        let shape = match self.word() {
            "between" => Shape::Between { negated },
            "in" => Shape::In { negated },
            "matches" => return self.matches(negated, kinds).map(Some),
            _ if negated => return self.unexpected("`between`, `in` or `matches`", "write `!=` for not equal"),
            _ => match self.comparison()? {
                Some(compare) => Shape::Compare(compare),
                None => return Ok(None),
            },
        };
        let start = self.advance().start;
        let operands = match shape {
            Shape::Between { .. } => self.bounds()?,
            Shape::In { negated } if *self.kind() == TokenKind::Variable => return self.in_variable(negated, kinds).map(Some),
            Shape::In { .. } => {
                self.expect("[", "values are listed in square brackets: `in [1,2]`")?;
                self.items(Parser::operand)?
            }
            Shape::Compare(_) => vec![self.operand()?],
        };
        let span = self.since(start);
        self.assemble(shape, operands, kinds, span).map(Some)
    }

    fn comparison(&mut self) -> Parsed<Option<Compare>> {
        let TokenKind::Symbol(symbol) = self.kind() else { return Ok(None) };
        let hint = match *symbol {
            ">" => return Ok(Some(Compare::Greater)),
            ">=" => return Ok(Some(Compare::GreaterOrEqual)),
            "<" => return Ok(Some(Compare::Less)),
            "<=" => return Ok(Some(Compare::LessOrEqual)),
            "=" => return Ok(Some(Compare::Equal)),
            "!=" => return Ok(Some(Compare::NotEqual)),
            "==" => "equal is written `=`",
            "<>" | "!" => "not equal is written `!=`",
            _ => return Ok(None),
        };
        self.unexpected("a comparison", hint)
    }

    fn bounds(&mut self) -> Parsed<Operands> {
        let low = self.operand()?;
        if !(self.eat_word("and") || self.eat_word("AND")) {
            return self.unexpected("`and`", "a range is written `between 1 and 2`");
        }
        Ok(vec![low, self.operand()?])
    }

    fn matches(&mut self, negated: bool, kinds: &[ConditionKind]) -> Parsed<Condition> {
        let span = self.advance();
        let (value, pattern) = self.text("a regular expression in double quotes", "write `matches \"[a-z]+\"`")?;
        self.of_kind(ConditionKind::Text, kinds, span)?;
        Ok(Condition::Text(TextCondition::Matches { negated, pattern: Text { value, span: pattern } }))
    }

    fn in_variable(&mut self, negated: bool, kinds: &[ConditionKind]) -> Parsed<Condition> {
        let (name, value, span) = self.resolve()?;
        let VariableValue::List(values) = value else {
            return self.fail(span, format!("`{name}` is one string, not a list"), format!("write `= ${name}`"));
        };
        self.of_kind(ConditionKind::Text, kinds, span)?;
        let operands = values.into_iter().map(TextOperand::Literal).collect();
        Ok(Condition::Text(TextCondition::In { negated, operands, variable: Some(name) }))
    }

    fn of_kind(&mut self, kind: ConditionKind, kinds: &[ConditionKind], span: Span) -> Parsed<()> {
        if kinds.contains(&kind) {
            return Ok(());
        }
        let wanted: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        let hint = kinds.first().map(|kind| format!("for example `{}`", kind.example())).unwrap_or_default();
        self.fail(span, format!("this compares with {}, and {} is needed", kind.name(), wanted.join(" or ")), hint)
    }

    fn assemble(&mut self, shape: Shape, operands: Operands, kinds: &[ConditionKind], span: Span) -> Parsed<Condition> {
        let kind = self.common_kind(&operands, kinds)?;
        self.of_kind(kind, kinds, span)?;
        let null = operands.iter().find(|(operand, _)| matches!(operand, Operand::Null));
        if let Some((_, null)) = null
            && (shape.orders() || matches!(kind, ConditionKind::Duration | ConditionKind::Size))
        {
            return self.fail(*null, "nothing is more or less than NULL", "NULL is compared with by `=`, `!=` and `in`");
        }
        Ok(match kind {
            ConditionKind::Number => Condition::Number(shape.of(self.each(operands, "a number", number)?)?),
            ConditionKind::Date => Condition::Date(shape.of(self.each(operands, "a date", date)?)?),
            ConditionKind::Duration => Condition::Duration(shape.of(self.each(operands, "a duration", duration)?)?),
            ConditionKind::Size => Condition::Size(shape.of(self.each(operands, "a size", size)?)?),
            ConditionKind::Text if shape.orders() => {
                let hint = "strings are compared with by `=`, `!=`, `in` and `matches`";
                return self.fail(span, "no string is more or less than another", hint);
            }
            ConditionKind::Text => Condition::Text(text_condition(shape, self.each(operands, "a string", text)?)?),
        })
    }

    fn each<T>(&mut self, operands: Operands, wanted: &str, convert: fn(Operand) -> Option<T>) -> Parsed<Vec<T>> {
        let convert = |(operand, span)| match convert(operand) {
            Some(operand) => Ok(operand),
            None => self.fail(span, format!("this is not {wanted}, as the others are"), ""),
        };
        operands.into_iter().map(convert).collect()
    }

    /// The kind that all operands can be read as, with an eye to the kinds that are wanted.
    fn common_kind(&mut self, operands: &Operands, kinds: &[ConditionKind]) -> Parsed<ConditionKind> {
        let mut common = None;
        for (operand, span) in operands {
            let Some(kind) = kind_of(operand) else { continue };
            common = Some(match (common, kind) {
                (None, kind) => kind,
                (Some(before), kind) if before == kind => kind,
                // A string that looks like a date is still one.
                (Some(ConditionKind::Text), ConditionKind::Date) | (Some(ConditionKind::Date), ConditionKind::Text) => ConditionKind::Text,
                // A plain number is a size in bytes.
                (Some(ConditionKind::Size), ConditionKind::Number) | (Some(ConditionKind::Number), ConditionKind::Size) => {
                    ConditionKind::Size
                }
                (Some(before), kind) => {
                    let message = format!("{} and {} are not compared with together", before.name(), kind.name());
                    return self.fail(*span, message, "all values are of one kind");
                }
            });
        }
        let wanted = |kind| kinds.contains(&kind);
        let all = |convert: fn(&Operand) -> bool| operands.iter().all(|(operand, _)| convert(operand));
        Ok(match common {
            None => kinds
                .iter()
                .copied()
                .find(|kind| matches!(kind, ConditionKind::Number | ConditionKind::Text | ConditionKind::Date))
                .unwrap_or(ConditionKind::Number),
            Some(ConditionKind::Date) if !wanted(ConditionKind::Date) && wanted(ConditionKind::Text) => ConditionKind::Text,
            Some(ConditionKind::Number) if !wanted(ConditionKind::Number) && wanted(ConditionKind::Size) && all(is_whole) => {
                ConditionKind::Size
            }
            // AWS documents `Completeness "a" = "1.0"`.
            Some(ConditionKind::Text) if !wanted(ConditionKind::Text) && wanted(ConditionKind::Number) && all(is_number_in_quotes) => {
                ConditionKind::Number
            }
            Some(kind) => kind,
        })
    }
}

/// `None` for `NULL`, which is of every kind.
fn kind_of(operand: &Operand) -> Option<ConditionKind> {
    match operand {
        Operand::Null => None,
        Operand::Number(_) => Some(ConditionKind::Number),
        Operand::Text(_) => Some(ConditionKind::Text),
        Operand::Date(_) => Some(ConditionKind::Date),
        Operand::Duration(_) => Some(ConditionKind::Duration),
        Operand::Size(_) => Some(ConditionKind::Size),
    }
}

fn is_whole(operand: &Operand) -> bool {
    matches!(operand, Operand::Number(Number::Literal(spelled, _)) if spelled.parse::<u64>().is_ok())
}

fn is_number_in_quotes(operand: &Operand) -> bool {
    matches!(operand, Operand::Text(TextOperand::Literal(text)) if is_number(text.strip_prefix('-').unwrap_or(text)))
}

fn number(operand: Operand) -> Option<Number> {
    match operand {
        Operand::Null => Some(Number::Null),
        Operand::Number(number) => Some(number),
        Operand::Text(TextOperand::Literal(text)) => {
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
            Some(Number::Literal(text, value))
        }
        _ => None,
    }
}

fn date(operand: Operand) -> Option<Date> {
    match operand {
        Operand::Null => Some(Date::Null),
        Operand::Date(date) => Some(date),
        _ => None,
    }
}

fn duration(operand: Operand) -> Option<super::super::ast::Duration> {
    match operand {
        Operand::Duration(duration) => Some(duration),
        _ => None,
    }
}

fn size(operand: Operand) -> Option<Size> {
    match operand {
        Operand::Size(size) => Some(size),
        Operand::Number(Number::Literal(spelled, _)) => spelled.parse().ok().map(|amount| Size { amount, unit: None }),
        _ => None,
    }
}

fn text(operand: Operand) -> Option<TextOperand> {
    match operand {
        Operand::Null => Some(TextOperand::Null),
        Operand::Text(text) => Some(text),
        Operand::Date(Date::Day(spelled, _) | Date::Time(spelled, _)) => Some(TextOperand::Literal(spelled)),
        _ => None,
    }
}

fn text_condition(shape: Shape, operands: Vec<TextOperand>) -> Parsed<TextCondition> {
    match shape.of(operands)? {
        Comparison::In { negated, operands } => Ok(TextCondition::In { negated, operands, variable: None }),
        Comparison::Compare { operator, operand } => Ok(TextCondition::Equal { negated: operator == Compare::NotEqual, operand }),
        Comparison::Between { .. } => Err(Stop),
    }
}
