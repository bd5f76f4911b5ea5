//! Statistics of a dataset.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    thread,
};

use polars::error::PolarsResult;

use super::{
    Measure, MeasureError, State, Statistic, StatisticError, footers,
    keys::Keep,
    pass::{self, Found, Key, Plan, Value},
};
use crate::data::Dataset;

/// Bytes of a file's keys that are stored from memory. (Tests need not make millions.)
const KEYS_IN_MEMORY: u64 = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether states must merge whatever their size: the keys of `Frequencies` are then kept, 16
    /// bytes each and more.
    pub states: bool,
    /// Bytes that keys may take in memory before they go to a temporary file.
    pub memory: u64,
    /// Bytes that the values of all `Quantiles` may take together before those are sketches; by default each may
    /// take 32 MB.
    pub values: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options { states: false, memory: 512 << 20, values: None }
    }
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub(super) found: HashMap<Statistic, Found>,
}

impl Measured {
    /// The state of a statistic without groups.
    pub fn get(&self, statistic: &Statistic) -> Result<&State, &StatisticError> {
        match self.found.get(statistic) {
            Some(Ok(Value::One(state))) => Ok(state),
            Some(Ok(Value::Groups(_))) => Err(&StatisticError::Grouped),
            Some(Err(error)) => Err(error),
            None => Err(&StatisticError::NotMeasured),
        }
    }

    /// The states of a statistic's groups, in the order of the groups' values; null is `null`.
    pub fn groups(&self, statistic: &Statistic) -> Result<&[(Vec<String>, State)], &StatisticError> {
        match self.found.get(statistic) {
            Some(Ok(Value::Groups(groups))) => Ok(&groups.shown),
            Some(Ok(Value::One(_))) | None => Err(&StatisticError::NotMeasured),
            Some(Err(error)) => Err(error),
        }
    }
}

impl Measured {
    /// The states of a statistic's groups by their keys, in which null is none of the texts.
    pub(crate) fn groups_by_key(&self, statistic: &Statistic) -> Result<impl Iterator<Item = (&Key, &State)>, &StatisticError> {
        match self.found.get(statistic) {
            Some(Ok(Value::Groups(groups))) => Ok(groups.keys.iter().zip(groups.shown.iter().map(|(_, state)| state))),
            Some(Ok(Value::One(_))) | None => Err(&StatisticError::NotMeasured),
            Some(Err(error)) => Err(error),
        }
    }
}

/// Measures statistics in as few scans as possible: none for what footers tell, one for the rest.
pub fn measure(dataset: &Dataset, statistics: &[Statistic]) -> Result<Measured, MeasureError> {
    measure_with_options(dataset, statistics, &Options::default())
}

/// Measures statistics as the options say.
pub fn measure_with_options(dataset: &Dataset, statistics: &[Statistic], options: &Options) -> Result<Measured, MeasureError> {
    measure_keeping(dataset, statistics, options, if options.states { Keep::All } else { Keep::Few }, usize::MAX)
}

/// Measures statistics to be stored: keys beyond some bytes are in a temporary file, and can be read in order only.
/// So many files are measured at once, and share memory and threads.
pub(super) fn measure_to_store(dataset: &Dataset, statistics: &[Statistic], at_once: usize) -> Result<Measured, MeasureError> {
    let shares = at_once.max(1) as u64;
    let keyed = statistics.iter().filter(|statistic| matches!(statistic.measure, Measure::Frequencies(_))).count().max(1) as u64;
    let options = Options { memory: Options::default().memory / shares, ..Options::default() };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(at_once.max(1));
    measure_keeping(dataset, statistics, &options, Keep::Written(KEYS_IN_MEMORY / keyed / shares), threads)
}

#[expect(clippy::mutable_key_type, reason = "a predicate is told apart by its key, not by its expression")]
fn measure_keeping(
    dataset: &Dataset,
    statistics: &[Statistic],
    options: &Options,
    keep: Keep,
    threads: usize,
) -> Result<Measured, MeasureError> {
    let mut found: HashMap<Statistic, Found> = HashMap::with_capacity(statistics.len());
    let distinct: HashSet<&Statistic> = statistics.iter().collect();
    let mut open: Vec<&Statistic> = Vec::with_capacity(distinct.len());
    for statistic in distinct {
        match footers::answer(dataset, statistic) {
            Some(state) => drop(found.insert(statistic.clone(), Ok(Value::One(state)))),
            None => open.push(statistic),
        }
    }
    let numbered: Vec<(usize, &Statistic)> = open.iter().copied().enumerate().collect();
    let (mut plan, errors) = Plan::new(dataset.schema(), &numbered);
    if let Some(values) = options.values {
        plan.limit_values(values);
    }
    plan.threads = plan.threads.min(threads);
    let place = |(index, one): (usize, Found)| open.get(index).map(|statistic| ((*statistic).clone(), one));
    found.extend(errors.into_iter().map(|(index, error)| (index, Err(error))).filter_map(place));
    if !plan.sections.is_empty() {
        found.extend(pass::run(dataset, &plan, keep, options.memory)?.into_iter().filter_map(place));
    }
    Ok(Measured { found })
}

/// The keys of some columns that occur more than once, among the rows that a filter lets through; or why they can't be found.
pub(crate) fn repeated_keys(dataset: &Dataset, columns: &[String], filter: Option<&str>) -> PolarsResult<HashSet<u128>> {
    let measure = Measure::Frequencies(columns.to_vec());
    let statistic = Statistic { measure, filter: filter.map(str::to_owned), group_by: Vec::new() };
    let (plan, errors) = Plan::new(dataset.schema(), &[(0, &statistic)]);
    let errors = errors.into_iter().map(|(_, error)| Err(error));
    let found = pass::run(dataset, &plan, Keep::Repeated, Options::default().memory)?;
    let table = match errors.chain(found.into_iter().map(|(_, found)| found)).next() {
        Some(Ok(Value::One(State::Frequencies(counted)))) => counted.table.unwrap_or_default(),
        Some(Err(error)) => return Err(error.into()),
        _ => return Err(StatisticError::NotMeasured.into()),
    };
    Ok(table.iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect())
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
