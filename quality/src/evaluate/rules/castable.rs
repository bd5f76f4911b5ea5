//! Whether a value is of a type, whatever type its column has: nothing is lost in the cast but zeros at the end.

use jiff::civil::DateTime;

use super::super::predicate::temporal;

/// A type that `ColumnDataType` knows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Castable {
    Boolean,
    Date,
    DateOf(Vec<Piece>),
    Timestamp,
    Integer,
    Long,
    Float,
    Double,
    Decimal { precision: usize, scale: usize },
}

impl Castable {
    /// The type of a name: `DECIMAL(4, 2)` and `integer`, too.
    pub(super) fn parse(name: &str) -> Option<Castable> {
        let name: String = name.to_uppercase().chars().filter(|character| !character.is_whitespace()).collect();
        Some(match name.as_str() {
            "BOOLEAN" => Castable::Boolean,
            "DATE" => Castable::Date,
            "TIMESTAMP" => Castable::Timestamp,
            "INTEGER" | "INT" => Castable::Integer,
            "LONG" | "BIGINT" => Castable::Long,
            "FLOAT" => Castable::Float,
            "DOUBLE" => Castable::Double,
            // Spark's default.
            "DECIMAL" => Castable::Decimal { precision: 10, scale: 0 },
            _ => {
                let (precision, scale) = name.strip_prefix("DECIMAL(")?.strip_suffix(')')?.split_once(',')?;
                let (precision, scale) = (precision.parse().ok()?, scale.parse().ok()?);
                if precision == 0 || precision > 38 || scale > precision {
                    return None;
                }
                Castable::Decimal { precision, scale }
            }
        })
    }

    /// Whether a text is of the type.
    pub(super) fn accepts(&self, text: &str) -> bool {
        let text = text.trim();
        match self {
            Castable::Boolean => {
                ["true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"].iter().any(|word| text.eq_ignore_ascii_case(word))
            }
            Castable::Date => {
                let date = text.split(['T', ' ']).next().unwrap_or_default();
                temporal::parse_date(date).is_some() && (date.len() == text.len() || temporal::parse(text).is_some())
            }
            Castable::DateOf(pieces) => accepts_date(pieces, text),
            Castable::Timestamp => temporal::parse(text).is_some(),
            Castable::Integer => whole(text).is_some_and(|number| i32::try_from(number).is_ok()),
            Castable::Long => whole(text).is_some_and(|number| i64::try_from(number).is_ok()),
            Castable::Float | Castable::Double => {
                text.parse::<f64>().is_ok_and(|number| number.is_finite() || !text.bytes().any(|byte| byte.is_ascii_digit()))
            }
            Castable::Decimal { precision, scale } => decimal(text).is_some_and(|(whole, fraction)| {
                whole.trim_start_matches('0').len() <= precision - scale && fraction.trim_end_matches('0').len() <= *scale
            }),
        }
    }
}

/// The digits before and after the point.
fn decimal(text: &str) -> Option<(String, String)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at)?, unsigned.get(at + 1..)?.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) || exponent.abs() > 100 {
        return None;
    }
    let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
    for _ in 0..exponent.max(0) {
        whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
    }
    for _ in 0..(-exponent).max(0) {
        fraction.insert(0, whole.pop().unwrap_or('0'));
    }
    Some((whole, fraction))
}

fn whole(text: &str) -> Option<i128> {
    let (whole, fraction) = decimal(text)?;
    if !fraction.trim_end_matches('0').is_empty() {
        return None;
    }
    let digits = if whole.is_empty() { "0" } else { &whole };
    let number: i128 = digits.parse().ok()?;
    Some(if text.starts_with('-') { -number } else { number })
}

/// A piece of a date's format, as Java spells them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// A field by its letter, and how often that is there.
    Field(char, usize),
    /// What stands between.
    Literal(String),
}

/// Reads a format such as `dd-MM-yyyy` or `yyyy-MM-dd'T'HH:mm`.
pub(super) fn date_format(format: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\'' {
            let mut literal = String::new();
            loop {
                match characters.next()? {
                    '\'' if characters.next_if_eq(&'\'').is_some() => literal.push('\''),
                    '\'' => break,
                    other => literal.push(other),
                }
            }
            pieces.push(Piece::Literal(if literal.is_empty() { "'".to_owned() } else { literal }));
        } else if character.is_ascii_alphabetic() {
            let mut count = 1;
            while characters.next_if_eq(&character).is_some() {
                count += 1;
            }
            match (character, count) {
                ('y' | 'u', 1..=6) | ('M' | 'L', 1..=4) | ('d' | 'H' | 'h' | 'm' | 's', 1..=2) | ('S', 1..=9) | ('E', 1..=4) | ('a', 1) => {
                }
                _ => return None,
            }
            pieces.push(Piece::Field(character, count));
        } else {
            pieces.push(Piece::Literal(character.to_string()));
        }
    }
    pieces.iter().any(|piece| matches!(piece, Piece::Field('y' | 'u' | 'M' | 'L' | 'd', _))).then_some(pieces)
}

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn accepts_date(pieces: &[Piece], text: &str) -> bool {
    let mut rest = text;
    let (mut year, mut month, mut day, mut hour, mut minute, mut second) = (2000, 1, 1, 0, 0, 0);
    for piece in pieces {
        let (letter, count) = match piece {
            Piece::Literal(literal) => match rest.strip_prefix(literal.as_str()) {
                Some(after) => {
                    rest = after;
                    continue;
                }
                None => return false,
            },
            Piece::Field(letter, count) => (*letter, *count),
        };
        let taken = match (letter, count) {
            ('M' | 'L', 3..) => name(rest, &MONTHS, count).map(|(at, length)| (at + 1, length)),
            ('E', _) => name(rest, &DAYS, if count < 4 { 3 } else { 4 }),
            ('a', _) => name(rest, &["am", "pm"], 4),
            ('y' | 'u', 2) => number(rest, 2, 2).map(|(number, length)| (2000 + number, length)),
            ('y' | 'u', _) => number(rest, count.max(1), count.max(4)),
            ('S', _) => number(rest, count, count),
            (_, 1) => number(rest, 1, 2),
            (_, count) => number(rest, count, count),
        };
        let Some((value, length)) = taken else { return false };
        match letter {
            'y' | 'u' => year = value,
            'M' | 'L' => month = value,
            'd' => day = value,
            'H' => hour = value,
            'h' if !(1..=12).contains(&value) => return false,
            'm' => minute = value,
            's' => second = value,
            _ => {}
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    let small = |value: i32| i8::try_from(value).ok();
    let date = || {
        let (year, month, day) = (i16::try_from(year).ok()?, small(month)?, small(day)?);
        DateTime::new(year, month, day, small(hour)?, small(minute)?, small(second)?, 0).ok()
    };
    rest.is_empty() && date().is_some()
}

/// A number of so many digits at the start, and its length.
fn number(text: &str, least: usize, most: usize) -> Option<(i32, usize)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    Some((text.get(..length)?.parse().ok()?, length))
}

/// Which name is at the start, whole (four letters of the format) or its first three letters, and its length.
fn name(text: &str, names: &[&str], letters: usize) -> Option<(i32, usize)> {
    let position = names.iter().position(|name| {
        let name = if letters >= 4 { name } else { name.get(..3).unwrap_or(name) };
        text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    })?;
    let name = names.get(position)?;
    let length = if letters >= 4 { name.len() } else { name.len().min(3) };
    Some((i32::try_from(position).ok()?, length))
}

#[cfg(test)]
#[path = "castable_tests.rs"]
mod tests;
