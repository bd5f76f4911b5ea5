//! What a column of text is evidence of: the type that all its values have.

use lakegate_quality::data::types::type_of;
use polars::prelude::*;

/// The type told by the values seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence(Option<DataType>);

impl Evidence {
    /// Takes in a column's values.
    pub(super) fn take(&mut self, column: &StringChunked) {
        for value in column.iter().flatten() {
            if self.0 == Some(DataType::String) {
                return;
            }
            self.take_value(value);
        }
    }

    fn take_value(&mut self, value: &str) {
        if self.0 == Some(DataType::Int64) && value.parse::<i64>().is_ok() {
            return;
        }
        let seen = match type_of(value) {
            // Digits beyond 64 bits are a name, not a quantity: as a float they would be rounded.
            DataType::Int64 if value.parse::<i64>().is_err() => DataType::String,
            other => other,
        };
        self.0 = Some(match self.0.take() {
            None => seen,
            Some(known) if known == seen => known,
            Some(DataType::Int64 | DataType::Float64) if matches!(seen, DataType::Int64 | DataType::Float64) => DataType::Float64,
            Some(_) => DataType::String,
        });
    }

    /// The type; `Null` if there was no value.
    pub(super) fn verdict(self) -> DataType {
        self.0.unwrap_or(DataType::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(values: &[Option<&str>]) -> DataType {
        let mut evidence = Evidence::default();
        evidence.take(&StringChunked::from_iter(values.iter().copied()));
        evidence.verdict()
    }

    #[test]
    fn a_column_has_the_type_of_all_its_values() {
        assert_eq!(verdict(&[None, None]), DataType::Null);
        assert_eq!(verdict(&[Some("1"), None, Some("-2")]), DataType::Int64);
        assert_eq!(verdict(&[Some("1"), Some("2.5")]), DataType::Float64);
        assert_eq!(verdict(&[Some("1"), Some("x")]), DataType::String);
        assert_eq!(verdict(&[Some("true"), Some("1")]), DataType::String);
        assert_eq!(verdict(&[Some("2013-01-02"), Some("2013-12-31")]), DataType::Date);
        assert_eq!(verdict(&[Some("12345678901234567890")]), DataType::String);
    }
}
