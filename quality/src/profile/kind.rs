//! The kinds of values a column may have, stored or told from strings.

use polars::prelude::DataType;
use serde::{Deserialize, Serialize};

/// What kind of values a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// There is no value to tell it from.
    Unknown,
    /// Whole numbers.
    Integral,
    /// Numbers.
    Fractional,
    /// True and false.
    Boolean,
    /// Strings.
    String,
    /// Dates, times and durations.
    Temporal,
    /// Lists, structs and bytes.
    Nested,
}

impl Kind {
    /// The kind of what is stored.
    pub(super) fn of_stored(stored: &DataType) -> Kind {
        match stored {
            DataType::Null => Kind::Unknown,
            DataType::Boolean => Kind::Boolean,
            DataType::String | DataType::Categorical(..) | DataType::Enum(..) => Kind::String,
            stored if stored.is_integer() => Kind::Integral,
            stored if stored.is_float() || stored.is_decimal() => Kind::Fractional,
            stored if stored.is_temporal() => Kind::Temporal,
            _ => Kind::Nested,
        }
    }

    /// Whether values are numbers.
    pub fn is_numeric(self) -> bool {
        matches!(self, Kind::Integral | Kind::Fractional)
    }

    /// The name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Unknown => "unknown",
            Kind::Integral => "integral",
            Kind::Fractional => "fractional",
            Kind::Boolean => "boolean",
            Kind::String => "string",
            Kind::Temporal => "temporal",
            Kind::Nested => "nested",
        }
    }
}

/// How many strings look like what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeCounts {
    /// No value.
    pub null: u64,
    /// Numbers with a fraction or an exponent.
    pub fractional: u64,
    /// Whole numbers.
    pub integral: u64,
    /// `true` and `false`.
    pub boolean: u64,
    /// Anything else.
    pub string: u64,
}

impl TypeCounts {
    /// The narrowest kind that all values are of.
    pub fn kind(self) -> Kind {
        let numbers = self.fractional > 0 || self.integral > 0;
        if self.string > 0 || self.boolean > 0 && numbers {
            Kind::String
        } else if self.boolean > 0 {
            Kind::Boolean
        } else if self.fractional > 0 {
            Kind::Fractional
        } else if self.integral > 0 {
            Kind::Integral
        } else {
            Kind::Unknown
        }
    }
}
