//! Why a rule has no measure to be held against.

use std::sync::Arc;

use polars::error::PolarsError;

use crate::{
    data::{DataError, io_of},
    stats::MeasureError,
};

/// Why a rule has no measure to be held against.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It cannot be evaluated: the outcome is an error.
    #[error("{0}")]
    Error(String),
    /// A query of its own came to grief on the way: maybe over its values, maybe over a file that is damaged.
    #[error("{0}")]
    Broken(String),
    /// The data could not be read, so that nothing is known of it, for this rule or any other.
    #[error("{0}")]
    Unread(Arc<DataError>),
    /// It fails without a measure: there are no rows, or nulls only.
    #[error("{0}")]
    Failed(String),
}

impl Fault {
    /// An error that says why.
    pub(crate) fn error(reason: impl Into<String>) -> Fault {
        Fault::Error(reason.into())
    }

    /// A failure without a measure, and why.
    pub(crate) fn failed(reason: impl Into<String>) -> Fault {
        Fault::Failed(reason.into())
    }
}

/// Work that may panic where Polars does, on a few combinations of types: that is an error of one rule, and of no other.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let panicked = |_| Err(Fault::Broken("It can't be evaluated: Polars gave up on it, maybe because of a column's type.".into()));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

impl From<PolarsError> for Fault {
    fn from(error: PolarsError) -> Fault {
        match error {
            error if io_of(&error).is_some() => Fault::from(DataError::from(error)),
            PolarsError::ComputeError(_) | PolarsError::IO { .. } => Fault::Broken(error.to_string()),
            error => Fault::Error(error.to_string()),
        }
    }
}

impl From<DataError> for Fault {
    fn from(error: DataError) -> Fault {
        if error.is_unread() { Fault::Unread(Arc::new(error)) } else { Fault::Error(error.to_string()) }
    }
}

impl From<MeasureError> for Fault {
    fn from(error: MeasureError) -> Fault {
        match error {
            MeasureError::Data(error) => Fault::from(error),
            MeasureError::Spill(error) => Fault::from(DataError::Scratch(error)),
            MeasureError::Panicked => Fault::Broken(error.to_string()),
        }
    }
}

impl From<crate::data::FileAccessError> for Fault {
    fn from(error: crate::data::FileAccessError) -> Fault {
        Fault::Error(error.to_string())
    }
}
