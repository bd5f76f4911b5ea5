//! Why a rule has no measure to be held against.

/// Why a rule has no measure to be held against.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    /// It cannot be evaluated: the outcome is an error.
    #[error("{0}")]
    Error(String),
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
    let panicked = |_| Err(Fault::error("It can't be evaluated: Polars gave up on it, maybe because of a column's type."));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

impl From<polars::error::PolarsError> for Fault {
    fn from(error: polars::error::PolarsError) -> Fault {
        Fault::Error(error.to_string())
    }
}
