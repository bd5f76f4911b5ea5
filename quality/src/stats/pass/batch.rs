//! A batch as a section sees it: its rows, its columns, and how many rows each predicate matches.

use polars::prelude::*;

use super::{column::ColumnBatch, expressions::evaluate, plan::Section};

/// The rows of a section in a batch.
pub(super) struct Batch {
    pub(super) rows: u64,
    pub(super) columns: Vec<ColumnBatch>,
    /// Rows that match, or why it can't be told.
    pub(super) matches: Vec<Result<u64, String>>,
}

impl Batch {
    /// Of the rows that the section's filter has let through.
    pub(super) fn new(frame: &DataFrame, section: &Section) -> PolarsResult<Batch> {
        let columns = section.targets.iter().map(|target| ColumnBatch::of(frame, target)).collect::<PolarsResult<Vec<_>>>()?;
        let mut batch = Batch { rows: frame.height() as u64, columns, matches: Vec::new() };
        batch.matches = batch.matches_of(frame, section);
        Ok(batch)
    }

    /// Of rows whose predicates are worked out already.
    pub(super) fn with_matches(frame: &DataFrame, section: &Section, matches: Vec<Result<u64, String>>) -> PolarsResult<Batch> {
        let columns = section.targets.iter().map(|target| ColumnBatch::of(frame, target)).collect::<PolarsResult<Vec<_>>>()?;
        Ok(Batch { rows: frame.height() as u64, columns, matches })
    }

    fn matches_of(&self, frame: &DataFrame, section: &Section) -> Vec<Result<u64, String>> {
        let mut matches: Vec<Option<Result<u64, String>>> = vec![None; section.predicates.len()];
        for (place, column) in self.columns.iter().enumerate() {
            let (on, expressions) = section.predicates_of(place);
            if expressions.is_empty() {
                continue;
            }
            let Some(dictionary) = column.dictionary() else { continue };
            let values = section.targets.get(place).and_then(|target| dictionary.with_null(&target.root).ok());
            let Some(values) = values.and_then(|values| DataFrame::new_infer_height(vec![values]).ok()) else { continue };
            for (predicate, found) in on.into_iter().zip(evaluate(&values, &expressions)) {
                if let (Some(slot), Ok(conditions)) = (matches.get_mut(predicate), found) {
                    *slot = Some(Ok(dictionary.weigh(&conditions)));
                }
            }
        }
        let open = matches.iter().enumerate().filter(|(_, found)| found.is_none()).map(|(place, _)| place).collect::<Vec<_>>();
        let expressions: Vec<&Expr> = open.iter().filter_map(|place| section.predicates.get(*place)).map(|one| &one.expr).collect();
        if !expressions.is_empty() {
            for (place, found) in open.into_iter().zip(evaluate(frame, &expressions)) {
                if let Some(slot) = matches.get_mut(place) {
                    *slot = Some(found.map(|conditions| u64::from(conditions.sum().unwrap_or_default())));
                }
            }
        }
        matches.into_iter().map(|found| found.unwrap_or(Ok(0))).collect()
    }
}
