//! An evaluation, and what it says of each row.

use polars::prelude::LazyFrame;

use super::Evaluation;
use super::rows::Rows;

/// Why there is no plan of rows.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RowsError(pub(super) String);

/// An evaluation, and what it says of each row. What is said of rows is a plan: it is worked out when it is run.
pub struct Evaluated {
    /// What came out.
    pub evaluation: Evaluation,
    rows: Rows,
}

impl Evaluated {
    pub(super) fn new(evaluation: Evaluation, rows: Rows) -> Evaluated {
        Evaluated { evaluation, rows }
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
