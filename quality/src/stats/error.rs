//! What can go wrong with a measurement: with one statistic, or with all of it.

use polars::error::PolarsError;

use crate::data::{DataError, sql::SqlError};

/// Why one statistic could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatisticError {
    /// There is no such column.
    #[error("there is no column {0:?}")]
    NoColumn(String),
    /// The column's type has no such statistic.
    #[error("column {column:?} is {data_type}; {needed} is needed")]
    WrongType {
        /// Which column.
        column: String,
        /// What it is.
        data_type: String,
        /// What it has to be.
        needed: &'static str,
    },
    /// The filter can't be read.
    #[error("where: {0}")]
    Filter(SqlError),
    /// An expression can't be worked out on these rows.
    #[error("{0}")]
    Expression(String),
    /// There are too many groups.
    #[error("there are more than {0} groups; group by columns with fewer values")]
    Groups(usize),
    /// It was measured by groups.
    #[error("the statistic is measured for each group, not in all")]
    Grouped,
    /// Nobody asked for it.
    #[error("the statistic was not measured")]
    NotMeasured,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The data can't be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Keys could not be written to or read from a temporary file.
    #[error("can't keep keys in a temporary file: {0}")]
    Spill(#[from] std::io::Error),
    /// A thread came to an end before its work did.
    #[error("a thread of the measurement has panicked")]
    Panicked,
}

/// For functions that Polars calls. What kept us from the data stays what it is.
impl From<MeasureError> for PolarsError {
    fn from(error: MeasureError) -> PolarsError {
        match error {
            MeasureError::Data(error) if error.is_unread() => error.into_polars(),
            MeasureError::Spill(error) => DataError::Scratch(error).into_polars(),
            other => PolarsError::ComputeError(other.to_string().into()),
        }
    }
}

impl From<StatisticError> for PolarsError {
    fn from(error: StatisticError) -> PolarsError {
        PolarsError::ComputeError(error.to_string().into())
    }
}
