//! What was measured, as a rule's judgement sees it.

use std::collections::HashMap;

use super::{Fault, Want};
use crate::data::Dataset;
use crate::stats::{FrequencySummary, Key, Lengths, Measured, Moments, State, Statistic};

/// Everything that was measured, by the datasets' aliases; `None` is the dataset itself.
#[derive(Default)]
pub(crate) struct Measurements {
    by_source: HashMap<Option<String>, Result<Measured, Fault>>,
}

impl Measurements {
    /// With what was measured of one dataset.
    pub(crate) fn insert(&mut self, source: Option<String>, measured: Result<Measured, Fault>) {
        self.by_source.insert(source, measured);
    }

    fn of(&self, source: &Option<String>) -> Result<&Measured, Fault> {
        match self.by_source.get(source) {
            Some(Ok(measured)) => Ok(measured),
            Some(Err(error)) => Err(error.clone()),
            None => Err(Fault::error("It was not measured.")),
        }
    }

    fn groups(&self, want: &Want) -> Result<impl Iterator<Item = (&Key, &State)>, Fault> {
        self.of(&want.source)?.groups_by_key(&want.statistic).map_err(|error| Fault::Error(error.to_string()))
    }

    fn state(&self, want: &Want) -> Result<&State, Fault> {
        self.of(&want.source)?.get(&want.statistic).map_err(|error| Fault::Error(error.to_string()))
    }
}

/// The states of one group.
pub(crate) type Group<'a> = Vec<(&'a Statistic, &'a State)>;

/// What was measured, as a rule's judgement sees it: of the whole, or of one group.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    /// The dataset, for rules with a query of their own.
    pub(crate) data: &'a Dataset,
    measurements: &'a Measurements,
    group: Option<&'a Group<'a>>,
}

impl<'a> Found<'a> {
    /// Of the whole.
    pub(crate) fn whole(data: &'a Dataset, measurements: &'a Measurements) -> Found<'a> {
        Found { data, measurements, group: None }
    }

    /// Of one group.
    pub(crate) fn group(self, group: &'a Group<'a>) -> Found<'a> {
        Found { group: Some(group), ..self }
    }

    /// A state.
    pub(crate) fn state(&self, want: &Want) -> Result<&'a State, Fault> {
        match self.group {
            Some(group) if want.source.is_none() => {
                find(group, &want.statistic).ok_or_else(|| Fault::error("It was not measured in this group."))
            }
            _ => self.measurements.state(want),
        }
    }

    /// The groups of a statistic by their keys.
    pub(crate) fn groups(&self, want: &Want) -> Result<impl Iterator<Item = (&'a Key, &'a State)>, Fault> {
        self.measurements.groups(want)
    }

    /// Rows.
    pub(crate) fn rows(&self, want: &Want) -> Result<u64, Fault> {
        self.state(want)?.rows().ok_or_else(unlike)
    }

    /// Rows; none if the statistic's own filter leaves no row of this group.
    pub(crate) fn rows_or_none(&self, want: &Want) -> Result<u64, Fault> {
        match self.group {
            Some(group) if want.source.is_none() && find(group, &want.statistic).is_none() => Ok(0),
            _ => self.rows(want),
        }
    }

    /// Rows that hold, and rows.
    pub(crate) fn ratio(&self, want: &Want) -> Result<(u64, u64), Fault> {
        self.state(want)?.ratio().ok_or_else(unlike)
    }

    /// Least and greatest, if there is a value.
    pub(crate) fn extremes(&self, want: &Want) -> Result<Option<(f64, f64)>, Fault> {
        let extremes = self.state(want)?.extremes().ok_or_else(unlike)?;
        Ok(extremes.minimum().zip(extremes.maximum()))
    }

    /// Lengths.
    pub(crate) fn lengths(&self, want: &Want) -> Result<&'a Lengths, Fault> {
        self.state(want)?.lengths().ok_or_else(unlike)
    }

    /// Moments.
    pub(crate) fn moments(&self, want: &Want) -> Result<&'a Moments, Fault> {
        self.state(want)?.moments().ok_or_else(unlike)
    }

    /// What is known of a key's groups.
    pub(crate) fn frequencies(&self, want: &Want) -> Result<&'a FrequencySummary, Fault> {
        self.state(want)?.frequencies().ok_or_else(unlike)
    }

    /// What is known of a key's groups; nothing if the statistic's own filter leaves no row of this group.
    pub(crate) fn frequencies_or_none(&self, want: &Want) -> Result<Option<&'a FrequencySummary>, Fault> {
        match self.group {
            Some(group) if want.source.is_none() => {
                find(group, &want.statistic).map(|state| state.frequencies().ok_or_else(unlike)).transpose()
            }
            _ => self.frequencies(want).map(Some),
        }
    }
}

/// A rule wants few statistics, so its group is a list.
fn find<'a>(group: &Group<'a>, statistic: &Statistic) -> Option<&'a State> {
    group.iter().find(|(known, _)| *known == statistic).map(|(_, state)| *state)
}

/// A state of another kind than was asked for.
pub(crate) fn unlike() -> Fault {
    Fault::error("What was measured is of another kind.")
}
