//! What can be wrong with a dataset.

use std::path::{Path, PathBuf};

use polars::prelude::PolarsError;

/// Why there is no dataset, or why it can't be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A path can't be looked at.
    #[error("can't open {}: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing to read was found.
    #[error("{} holds no data file (.parquet, .csv, .tsv, .json, .ndjson, .jsonl; .gz and .zst of the text formats)", path.display())]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// No format is known by the suffix.
    #[error("{}: the name doesn't tell the format; say which it is", path.display())]
    UnknownFormat {
        /// Which file.
        path: PathBuf,
    },
    /// A file is not of the format it should be, or damaged.
    #[error("can't read {}: {why}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Two files have a column of types that can't be put together.
    #[error("column {column:?} is {left} in one file and {right} in {}", path.display())]
    Types {
        /// Which column.
        column: String,
        /// The type in the files before.
        left: String,
        /// The type in this file.
        right: String,
        /// This file.
        path: PathBuf,
    },
    /// A plan can't be run.
    #[error("{0}")]
    Query(String),
}

impl DataError {
    pub(crate) fn unreadable(path: &Path, error: &PolarsError) -> DataError {
        DataError::Unreadable { path: path.to_owned(), why: first_line(error) }
    }
}

impl From<PolarsError> for DataError {
    fn from(error: PolarsError) -> DataError {
        DataError::Query(first_line(&error))
    }
}

/// What an error of Polars says, without the plan and the advice to Python programmers that follow.
pub(crate) fn first_line(error: &PolarsError) -> String {
    let text = error.to_string();
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().to_owned()
}
