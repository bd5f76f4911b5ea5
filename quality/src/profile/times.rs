//! Moments, as people write them.

use jiff::{SignedDuration, Timestamp, civil::Time};
use polars::prelude::DataType;

use super::Times;

/// Between when and when, from microseconds since 1970-01-01 UTC, since midnight, or long.
pub(super) fn times(stored: &DataType, min: f64, max: f64) -> Option<Times> {
    let write = |value: f64| write(stored, value);
    Some(Times { min: write(min)?, max: write(max)? })
}

fn write(stored: &DataType, microseconds: f64) -> Option<String> {
    let whole = microseconds.is_finite().then_some(microseconds.round() as i64)?;
    let duration = SignedDuration::from_micros(whole);
    match stored {
        DataType::Date => Timestamp::from_microsecond(whole).ok().map(|moment| moment.strftime("%Y-%m-%d").to_string()),
        DataType::Datetime(..) => Timestamp::from_microsecond(whole).ok().map(|moment| moment.to_string()),
        DataType::Time => Time::midnight().checked_add(duration).ok().map(|time| time.to_string()),
        DataType::Duration(_) => Some(duration.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::TimeUnit;

    use super::*;

    #[test]
    fn every_kind_has_its_spelling() {
        let moments = DataType::Datetime(TimeUnit::Nanoseconds, None);
        let table = [
            (DataType::Date, 86_400e6 * 19_723.0, "2024-01-01"),
            (DataType::Date, -86_400e6, "1969-12-31"),
            (moments, 86_400e6 * 19_723.0 + 1.5e6, "2024-01-01T00:00:01.5Z"),
            (DataType::Time, 3_600e6 * 9.5, "09:30:00"),
            (DataType::Duration(TimeUnit::Milliseconds), 90e6, "PT1M30S"),
        ];
        for (stored, value, expected) in table {
            let found = times(&stored, value, value);
            assert_eq!(found.map(|found| found.max).as_deref(), Some(expected), "{stored}");
        }
        assert_eq!(times(&DataType::Int64, 1.0, 1.0), None);
        assert_eq!(times(&DataType::Date, f64::NAN, 1.0), None);
    }
}
