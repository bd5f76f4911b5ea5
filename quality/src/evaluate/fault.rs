//! Why a rule has no measure to be held against.

use std::sync::Arc;

use polars::error::PolarsError;

use crate::{
    data::{DataError, FileAccessError, innermost},
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
        let unread = DataError::of_polars(&error);
        match innermost(&error) {
            _ if unread.is_unread() => Fault::Unread(unread),
            // What a query asks wrongly. All else may be a file's doing.
            PolarsError::ColumnNotFound(_)
            | PolarsError::SchemaFieldNotFound(_)
            | PolarsError::StructFieldNotFound(_)
            | PolarsError::InvalidOperation(_)
            | PolarsError::Duplicate(_)
            | PolarsError::SQLInterface(_)
            | PolarsError::SQLSyntax(_) => Fault::Error(error.to_string()),
            _ => Fault::Broken(error.to_string()),
        }
    }
}

impl From<DataError> for Fault {
    fn from(error: DataError) -> Fault {
        match error {
            error if error.is_unread() => Fault::Unread(Arc::new(error)),
            DataError::Query(why) => Fault::Broken(why),
            error => Fault::Error(error.to_string()),
        }
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

impl From<FileAccessError> for Fault {
    fn from(error: FileAccessError) -> Fault {
        match error {
            FileAccessError::Refused(why) => Fault::Error(why),
            FileAccessError::Io { location, source } => Fault::from(DataError::Open { path: location.into(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_keeps_its_kind_whatever_it_was_met_in() {
        let within = |error: PolarsError| PolarsError::Context { error: Box::new(error), msg: "in a plan".into() };
        let io = |kind: io::ErrorKind| PolarsError::IO { error: Arc::new(kind.into()), msg: None };
        let is_unread = |fault: Fault| matches!(fault, Fault::Unread(_));
        let is_broken = |fault: Fault| matches!(fault, Fault::Broken(_));
        let is_error = |fault: Fault| matches!(fault, Fault::Error(_));
        for error in [PolarsError::ComputeError("a page is cut off".into()), PolarsError::SchemaMismatch("another type".into())] {
            assert!(is_broken(Fault::from(error.clone())) && is_broken(Fault::from(within(within(error.clone())))), "{error}");
        }
        for error in [PolarsError::ColumnNotFound("x".into()), PolarsError::InvalidOperation("no number".into())] {
            assert!(is_error(Fault::from(error.clone())) && is_error(Fault::from(within(within(error.clone())))), "{error}");
        }
        assert!(is_unread(Fault::from(within(io(io::ErrorKind::NotFound)))));
        assert!(is_broken(Fault::from(within(io(io::ErrorKind::UnexpectedEof)))));
        let full = DataError::Scratch(io::ErrorKind::StorageFull.into());
        assert!(is_unread(Fault::from(within(full.into_polars()))));
        let damaged = DataError::Damaged { of: "the data".to_owned(), why: "it is cut off".to_owned() };
        assert!(matches!(Fault::from(within(damaged.into_polars())), Fault::Unread(error) if error.io().is_none()));
        assert!(is_broken(Fault::from(DataError::Query("a page is cut off".to_owned()))));
    }
}
