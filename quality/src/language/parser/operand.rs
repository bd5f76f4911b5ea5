//! Operands of conditions: the kind of each shows in how it begins.

use jiff::civil;

use super::super::ast::{Date, Duration, DurationUnit, Number, Size, SizeUnit, Span, TextOperand, VariableValue};
use super::super::lexer::{TokenKind, shorten};
use super::number::{is_null, is_number, number_hint};
use super::{Parsed, Parser};

/// Units of durations and sizes.
pub(super) const UNITS: &[&str] = &["days", "hours", "minutes", "B", "KB", "MB", "GB", "TB"];

/// Ten thousand years: as far as dates reach.
const MAX_MINUTES: i64 = 10_000 * 366 * 24 * 60;

/// An operand on its own. What kind of condition it makes is seen from all of them together.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Null,
    Number(Number),
    Text(TextOperand),
    Date(Date),
    Duration(Duration),
    Size(Size),
}

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Parsed<(Operand, Span)> {
        let start = self.span().start;
        self.operators = 0;
        let operand = self.operand_of_any_kind()?;
        Ok((operand, self.since(start)))
    }

    fn operand_of_any_kind(&mut self) -> Parsed<Operand> {
        match self.kind() {
            TokenKind::Text(value) => {
                let value = value.clone();
                let span = self.advance();
                self.string(value, span)
            }
            TokenKind::Variable => match self.resolve()? {
                (_, VariableValue::Text(value), span) => self.string(value, span),
                (name, VariableValue::List(_), span) => self.fail(span, format!("`{name}` is a list"), format!("write `in ${name}`")),
            },
            TokenKind::Symbol("(") if self.word_at(1) == "now" && self.is_symbol_at(2, "(") => self.moment(),
            TokenKind::Symbol("-" | "(") => self.quantity(),
            TokenKind::Word => self.word_operand(),
            _ => self.unexpected("something to compare with", ""),
        }
    }

    fn word_operand(&mut self) -> Parsed<Operand> {
        let word = self.word();
        let operand = match word {
            "empty" | "EMPTY" => Operand::Text(TextOperand::Empty),
            "whitespaces_only" | "WHITESPACES_ONLY" => Operand::Text(TextOperand::Whitespaces),
            "now" if self.is_symbol_at(1, "(") && self.is_symbol_at(2, ")") => return self.now(),
            _ if is_null(word) => Operand::Null,
            _ if is_number(word) || self.is_symbol_at(1, "(") => return self.quantity(),
            _ => {
                let hint = match number_hint(word) {
                    "" if word.eq_ignore_ascii_case("null") || word.eq_ignore_ascii_case("empty") => "it is written in capitals",
                    "" => "strings are in double quotes",
                    hint => hint,
                };
                return self.unexpected("something to compare with", hint);
            }
        };
        self.advance();
        Ok(operand)
    }

    /// `now()`, which is reckoned with in brackets only.
    fn now(&mut self) -> Parsed<Operand> {
        let start = self.span().start;
        for _ in 0..3 {
            self.advance();
        }
        if self.is_symbol("-") || self.is_symbol("+") {
            let span = self.since(start);
            return self.fail(span, "`now()` and a duration are in brackets", "write `(now() - 3 days)`");
        }
        Ok(Operand::Date(Date::Now))
    }

    /// `(now() - 3 days)`.
    fn moment(&mut self) -> Parsed<Operand> {
        const HINT: &str = "a moment is written `(now() - 3 days)`";
        self.advance();
        self.advance();
        self.advance();
        self.expect(")", HINT)?;
        let negative = self.is_symbol("-");
        if !negative {
            self.expect("+", HINT)?;
        } else {
            self.advance();
        }
        let span = self.span();
        let word = self.word();
        let Some(unit) = duration_unit(self.word_at(1)).filter(|_| is_number(word)) else {
            if is_number(word) {
                self.advance();
                return self.unexpected("`days`, `hours` or `minutes`", HINT);
            }
            return self.unexpected("a duration", if number_hint(word).is_empty() { HINT } else { number_hint(word) });
        };
        let Duration { amount, .. } = self.duration(word, unit, span)?;
        self.expect(")", "a bracket is not closed")?;
        Ok(Operand::Date(Date::Offset(if negative { -amount } else { amount }, unit)))
    }

    /// A number, and perhaps a unit that makes it a duration or a size.
    fn quantity(&mut self) -> Parsed<Operand> {
        let negative = self.is_symbol("-");
        let ahead = usize::from(negative);
        let (word, unit) = (self.word_at(ahead), self.word_at(ahead + 1));
        let (duration, size) = (duration_unit(unit), size_unit(unit));
        if !is_number(word) || (duration.is_none() && size.is_none()) {
            return self.number().map(Operand::Number);
        }
        let span = self.span();
        if negative {
            return self.fail(span, "durations and sizes are not negative", "");
        }
        match (duration, size) {
            (Some(unit), _) => self.duration(word, unit, span).map(Operand::Duration),
            (None, Some(unit)) => self.size(word, unit, span).map(Operand::Size),
            (None, None) => self.number().map(Operand::Number),
        }
    }

    fn duration(&mut self, word: &str, unit: DurationUnit, span: Span) -> Parsed<Duration> {
        self.advance();
        self.advance();
        let duration = word.parse().ok().map(|amount| Duration { amount, unit });
        match duration.filter(|duration| duration.minutes().is_some_and(|minutes| minutes <= MAX_MINUTES)) {
            Some(duration) => Ok(duration),
            None if word.contains('.') => self.fail(span, "durations are whole", "take a smaller unit"),
            None => self.fail(span, "this duration is too long", "10,000 years are the most"),
        }
    }

    fn size(&mut self, word: &str, unit: SizeUnit, span: Span) -> Parsed<Size> {
        self.advance();
        self.advance();
        let size = word.parse().ok().map(|amount| Size { amount, unit: Some(unit) });
        match size.filter(|size| size.bytes().is_some()) {
            Some(size) => Ok(size),
            None if word.contains('.') => self.fail(span, "sizes are whole", "take a smaller unit"),
            None => self.fail(span, "this size is too large", ""),
        }
    }

    /// A string, which is a date or a time if it looks like one.
    fn string(&mut self, value: String, span: Span) -> Parsed<Operand> {
        Ok(match date(&value) {
            Literal::Date(date) => Operand::Date(date),
            Literal::Text => Operand::Text(TextOperand::Literal(value)),
            Literal::Never(what) => return self.fail(span, format!("there is no such {what} as {:?}", shorten(&value)), ""),
        })
    }
}

/// What a string is.
enum Literal {
    Date(Date),
    Text,
    /// It looks like a day or a time, and there is none such.
    Never(&'static str),
}

fn date(value: &str) -> Literal {
    let bytes = value.as_bytes();
    let shape: String = bytes.iter().take(12).map(|byte| if byte.is_ascii_digit() { '9' } else { char::from(*byte) }).collect();
    let number = |range: std::ops::Range<usize>| value.get(range).and_then(|digits| digits.parse::<i16>().ok()).unwrap_or(-1);
    let time = |hour: i16, minute: i16| {
        let time =
            i8::try_from(hour).ok().zip(i8::try_from(minute).ok()).and_then(|(hour, minute)| civil::Time::new(hour, minute, 0, 0).ok());
        time.map_or(Literal::Never("time"), |time| Literal::Date(Date::Time(value.to_owned(), time)))
    };
    match shape.as_str() {
        "9999-99-99" => {
            let (month, day) = (i8::try_from(number(5..7)).unwrap_or(-1), i8::try_from(number(8..10)).unwrap_or(-1));
            match civil::Date::new(number(0..4), month, day) {
                Ok(day) => Literal::Date(Date::Day(value.to_owned(), day)),
                Err(_) => Literal::Never("day"),
            }
        }
        "99:99" => time(number(0..2), number(3..5)),
        "9:99 AM" | "9:99 PM" | "99:99 AM" | "99:99 PM" => {
            let colon = value.len() - 6;
            let (hour, minute) = (number(0..colon), number(colon + 1..colon + 3));
            match hour {
                1..=12 => time(hour % 12 + if value.ends_with("PM") { 12 } else { 0 }, minute),
                _ => Literal::Never("time"),
            }
        }
        _ => Literal::Text,
    }
}

pub(super) fn duration_unit(word: &str) -> Option<DurationUnit> {
    match word {
        "days" => Some(DurationUnit::Days),
        "hours" => Some(DurationUnit::Hours),
        "minutes" => Some(DurationUnit::Minutes),
        _ => None,
    }
}

pub(super) fn size_unit(word: &str) -> Option<SizeUnit> {
    match word {
        "B" => Some(SizeUnit::B),
        "KB" => Some(SizeUnit::Kb),
        "MB" => Some(SizeUnit::Mb),
        "GB" => Some(SizeUnit::Gb),
        "TB" => Some(SizeUnit::Tb),
        _ => None,
    }
}
