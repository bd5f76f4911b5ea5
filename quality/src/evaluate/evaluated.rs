//! An evaluation, and what it says of each row.

use std::sync::Arc;

use polars::prelude::{LazyFrame, PolarsError};

use super::Evaluation;
use super::rows::Rows;
use super::unread::named;
use crate::data::{DataError, Dataset};

/// Why there is no plan of rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The data can't be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// An evaluation, and what it says of each row. What is said of rows is a plan: it is worked out when it is run.
pub struct Evaluated {
    /// What came out. It means nothing if the data is [`Evaluated::unread`].
    pub evaluation: Evaluation,
    rows: Rows,
    datasets: Vec<Dataset>,
    unread: Option<Arc<DataError>>,
}

impl Evaluated {
    pub(super) fn new(evaluation: Evaluation, rows: Rows, datasets: Vec<Dataset>, unread: Option<Arc<DataError>>) -> Evaluated {
        Evaluated { evaluation, rows, datasets, unread }
    }

    /// Why the data could not be read, if it could not: a file has gone or is damaged, a disk or a network failed.
    /// No rule is to blame for that, and what is said of rules then is no verdict on the data. The same may be
    /// evaluated again where [`DataError::io`] says that it was the system's doing.
    pub fn unread(&self) -> Option<&DataError> {
        self.unread.as_deref()
    }

    pub(crate) fn into_unread(self) -> Option<Arc<DataError>> {
        self.unread
    }

    /// What an error met while a plan of rows was run says of the data, if it was the data that could not be read.
    pub fn unread_in(&self, error: &PolarsError) -> Option<Arc<DataError>> {
        let error = DataError::of_polars(error);
        let datasets: Vec<&Dataset> = self.datasets.iter().collect();
        error.is_unread().then(|| named(error, &datasets))
    }

    /// The dataset's rows in their order, with the lists `DataQualityRulesPass`, `DataQualityRulesFail` and
    /// `DataQualityRulesSkip` of rules, and `DataQualityEvaluationResult`, which is `Passed` or `Failed`.
    ///
    /// Rules that nothing can be said of in a single row are skipped; a rule on rows that is in error fails every
    /// row. Rules of level warn are in the lists, and make no row fail.
    pub fn rows(&self) -> Result<LazyFrame, RowsError> {
        self.rows.outcomes()
    }

    /// The rows that break a rule, in their order, with the lists `rule` of rules and `reason` of why, in the same
    /// order. A column of the dataset that has one of these names keeps it; the list's name then has `_` added.
    ///
    /// Only rules of level error that do not hold count: what a `threshold` or a ratio puts up with breaks nothing.
    pub fn failing_rows(&self) -> Result<LazyFrame, RowsError> {
        self.rows.split(true, None)
    }

    /// [`Evaluated::failing_rows`] with each row's number in the dataset, counted from 1, in a last column of
    /// this name, which no column of the dataset may have.
    pub fn numbered_failing_rows(&self, number: &str) -> Result<LazyFrame, RowsError> {
        self.rows.split(true, Some(number))
    }

    /// Whether a rule, by its place in the file, says of single rows whether they break it.
    pub fn tells_rows(&self, rule: usize) -> bool {
        self.rows.tells(rule)
    }

    /// The rows that break no rule: all that are not among [`Evaluated::failing_rows`].
    pub fn passing_rows(&self) -> Result<LazyFrame, RowsError> {
        self.rows.split(false, None)
    }
}
