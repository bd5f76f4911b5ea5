//! Moments: columns and strings as microseconds since 1970-01-01 UTC.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use polars::prelude::{Column, DataType, Expr, Field, Int64Chunked, IntoColumn, TimeUnit, lit};

use super::test_text;
use crate::evaluate::Fault;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// A column's moments; null where there is none. A time without zone is in UTC, a date is its midnight.
pub(crate) fn micros(value: Expr, dtype: &DataType) -> Result<Expr, Fault> {
    match dtype {
        DataType::Date => Ok(value.cast(DataType::Int32).cast(DataType::Int64) * lit(DAY)),
        DataType::Datetime(_, zone) => Ok(value.cast(DataType::Datetime(TimeUnit::Microseconds, zone.clone())).cast(DataType::Int64)),
        DataType::String => Ok(value.map(
            |column: Column| {
                let moments: Int64Chunked = column.str()?.iter().map(|text| text.and_then(parse)).collect();
                Ok(moments.with_name(column.name().clone()).into_column())
            },
            |_, field| Ok(Field::new(field.name().clone(), DataType::Int64)),
        )),
        DataType::Null => Ok(value.cast(DataType::Int64)),
        _ => Err(Fault::error(format!("Values are of type {dtype}, which is neither a date nor a time."))),
    }
}

/// Which values of a column are days, without a time.
pub(crate) enum DayOnly {
    All,
    None,
    Where(Expr),
}

/// Which values of a column are days, without a time.
pub(crate) fn day_only(value: Expr, dtype: &DataType) -> DayOnly {
    match dtype {
        DataType::Date => DayOnly::All,
        DataType::String => DayOnly::Where(test_text(value, |text| text.is_some_and(|text| parse_date(text.trim()).is_some()))),
        _ => DayOnly::None,
    }
}

/// A date, and maybe a time and a zone after it: `2024-1-31`, `2024-01-31 10:00`, `2024-01-31T10:00:00.5+02:00`.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(['T', ' ']).unwrap_or(text.len());
    let date = parse_date(text.get(..end)?)?;
    let rest = text.get(end..)?.trim_start_matches(['T', ' ']);
    let (time, zone) = match rest.find(['Z', '+', '-']) {
        Some(at) => (rest.get(..at)?.trim_end(), rest.get(at..)?),
        None => (rest, ""),
    };
    let time = if rest.is_empty() { Time::midnight() } else { parse_time(time)? };
    let offset = parse_offset(zone)?;
    let zoned = DateTime::from_parts(date, time).to_zoned(TimeZone::fixed(offset)).ok()?;
    Some(zoned.timestamp().as_microsecond())
}

/// `2024-01-31`; months and days may have one digit.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 {
        return None;
    }
    Date::new(digits(year)?, digits(month).filter(|_| month.len() <= 2)?, digits(day).filter(|_| day.len() <= 2)?).ok()
}

/// `10:00`, `10:00:00`, `10:00:00.123456`.
fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    if [hour, minute, second].iter().any(|part| part.len() > 2) || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let nanos: i32 = digits::<i32>(fraction)? * 10_i32.pow(9 - u32::try_from(fraction.len()).ok()?);
    Time::new(digits(hour)?, digits(minute)?, digits(second)?, nanos).ok()
}

/// ``, `Z`, `+02`, `+0200`, `+02:00`.
fn parse_offset(text: &str) -> Option<Offset> {
    let sign = match text.as_bytes().first() {
        None => return Some(Offset::UTC),
        Some(b'Z') if text.len() == 1 => return Some(Offset::UTC),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let (hours, minutes) = match text.get(1..)? {
        rest if rest.len() == 2 => (rest, "0"),
        rest if rest.len() == 4 => (rest.get(..2)?, rest.get(2..)?),
        rest => rest.split_once(':')?,
    };
    let (hours, minutes): (i32, i32) = (digits(hours)?, digits(minutes)?);
    Offset::from_seconds(sign * (hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?)).ok()
}

/// Decimal digits only: no sign, no white space.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
