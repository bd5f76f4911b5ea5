//! Measuring with what is stored.

mod files;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    DataFile, Stored,
    entry::{Entry, Kept, Part},
    files_of,
    parts::Summed,
    sum, types_of,
};
use crate::{
    data::Dataset,
    stats::{
        MeasureError, Measured, Options, Statistic, StatisticError, measure_with_options,
        pass::{Found, GROUPS},
    },
};

/// Measures statistics of a dataset of which some files may have been measured before: those are not
/// read again. What is stored is afterwards of this dataset, with the states of these statistics.
///
/// What is damaged is measured again, and [`Stored::lost`] says so.
pub fn measure_with(dataset: &Dataset, statistics: &[Statistic], stored: &mut Stored) -> Result<Measured, MeasureError> {
    let Some(files) = files_of(dataset) else { return measure_with_options(dataset, statistics, &Options::default()) };
    let mut measured = Measured::default();
    let (mut lasting, mut passing) = (BTreeMap::new(), Vec::new());
    let distinct: BTreeMap<String, &Statistic> = statistics.iter().map(|statistic| (statistic.key(), statistic)).collect();
    for (key, statistic) in distinct {
        match types_of(dataset, statistic) {
            Err(error) => drop(measured.found.insert(statistic.clone(), Err(error))),
            Ok(types) if statistic.is_lasting() => drop(lasting.insert(key, Wanted { statistic, types })),
            Ok(_) => passing.push(statistic),
        }
    }
    let all = Arc::new(files.iter().cloned().collect());
    let mut update = Update { dataset, files: &files, all, stored, passing: &passing, found: HashMap::new() };
    update.begin(&lasting);
    update.run(lasting)?;
    measured.found.extend(update.found);
    // Of a file that was written meanwhile nobody knows which rows were read.
    let now = files_of(dataset).unwrap_or_default();
    if now != files {
        files.iter().filter(|file| !now.contains(file)).for_each(|file| drop(stored.parts.remove(file)));
        stored.sums.clear();
        stored.changed = true;
    }
    Ok(measured)
}

/// A statistic whose state is kept.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    statistic: &'a Statistic,
    types: u64,
}

struct Update<'a> {
    dataset: &'a Dataset,
    files: &'a [DataFile],
    all: Arc<BTreeSet<DataFile>>,
    stored: &'a mut Stored,
    /// Statistics of which no state is kept.
    passing: &'a [&'a Statistic],
    found: HashMap<Statistic, Found>,
}

impl<'a> Update<'a> {
    /// Forgets what is of other files, or of columns of other types.
    fn begin(&mut self, wanted: &BTreeMap<String, Wanted<'_>>) {
        let Update { stored, all, .. } = self;
        let before = (stored.parts.len(), stored.sums.len());
        stored.parts.retain(|file, _| all.contains(file));
        let current: Vec<_> =
            sum::coverages(&stored.sums).into_iter().map(|known| (Arc::clone(known), known.is_subset(all), known == all)).collect();
        let of = |known: &Arc<BTreeSet<DataFile>>| current.iter().find(|(of, ..)| Arc::ptr_eq(of, known));
        stored.sums.retain(|key, sum| {
            let (subset, same) = of(&sum.coverage).map_or((false, false), |(_, subset, same)| (*subset, *same));
            // States of statistics that nobody asks for now would not know of the new files.
            subset && (same || wanted.contains_key(key))
        });
        let outdated =
            |(key, wanted): (&String, &Wanted<'_>)| stored.sum_of(key).is_some_and(|sum| sum.types != wanted.types).then(|| key.clone());
        let outdated: Vec<String> = wanted.iter().filter_map(outdated).collect();
        outdated.iter().for_each(|key| drop(stored.sums.remove(key)));
        stored.changed |= before != (stored.parts.len(), stored.sums.len());
    }

    fn run(&mut self, mut wanted: BTreeMap<String, Wanted<'a>>) -> Result<(), MeasureError> {
        let mut passing = std::mem::take(&mut self.passing);
        // Each turn but the last forgets something that was damaged.
        loop {
            let needed = self.needed(&wanted);
            self.measure(&mut wanted, &needed, passing)?;
            passing = &[];
            let mut settled = true;
            let mut unmergeable = Vec::new();
            for key in wanted.keys() {
                let files = needed.get(key).map_or(&[][..], |files| files);
                let files: Vec<DataFile> = files.iter().filter_map(|place| self.files.get(*place).cloned()).collect();
                match self.stored.sum_up(key, &files, Arc::clone(&self.all))? {
                    Summed::Done => {}
                    Summed::Lost => settled = false,
                    Summed::Unmergeable => unmergeable.push(key.clone()),
                }
            }
            for key in unmergeable {
                self.fail(&mut wanted, &key, &StatisticError::Groups(GROUPS));
            }
            if settled {
                break;
            }
        }
        for (key, Wanted { statistic, .. }) in wanted {
            if let Some(entry) = self.stored.sum_of(&key) {
                self.found.insert(statistic.clone(), Ok(entry.state.clone().into()));
            }
        }
        Ok(())
    }

    /// Of each statistic the places of the files that its sum is not of.
    fn needed(&mut self, wanted: &BTreeMap<String, Wanted<'a>>) -> BTreeMap<String, Vec<usize>> {
        let mut of_coverages: Vec<(Arc<BTreeSet<DataFile>>, Vec<usize>)> = Vec::new();
        let mut needed = BTreeMap::new();
        for key in wanted.keys() {
            // A sum that can't be read is none.
            let coverage = if self.stored.sum_of(key).is_some() { self.stored.sums.get(key).map(|sum| &sum.coverage) } else { None };
            let coverage = coverage.map(Arc::clone).unwrap_or_default();
            let known = of_coverages.iter().find(|(of, _)| **of == *coverage).map(|(_, files)| files.clone());
            let files = known.unwrap_or_else(|| {
                let files: Vec<usize> =
                    (0..).zip(self.files).filter(|(_, file)| !coverage.contains(file)).map(|(place, _)| place).collect();
                of_coverages.push((coverage, files.clone()));
                files
            });
            needed.insert(key.clone(), files);
        }
        needed
    }

    /// Measures what no part knows.
    fn measure(
        &mut self,
        wanted: &mut BTreeMap<String, Wanted<'a>>,
        needed: &BTreeMap<String, Vec<usize>>,
        passing: &[&'a Statistic],
    ) -> Result<(), MeasureError> {
        let mut jobs: BTreeMap<usize, Vec<Statistic>> = BTreeMap::new();
        for (key, want) in wanted.iter() {
            for place in needed.get(key).into_iter().flatten() {
                if let Some(file) = self.files.get(*place)
                    && !self.stored.knows(file, key, want.types)
                {
                    jobs.entry(*place).or_default().push(want.statistic.clone());
                }
            }
        }
        for place in (0..self.files.len()).filter(|_| !passing.is_empty()) {
            jobs.entry(place).or_default().extend(passing.iter().map(|statistic| (*statistic).clone()));
        }
        let mut of_all: BTreeMap<String, (Statistic, Vec<Kept>)> = BTreeMap::new();
        let mut failed: BTreeMap<String, StatisticError> = BTreeMap::new();
        for (place, measured) in files::measure(self.dataset, self.files, jobs)? {
            let mut part = Part::new();
            for (statistic, found) in measured.found {
                let key = statistic.key();
                match (found, wanted.get(&key)) {
                    (Err(error), Some(_)) => drop(failed.insert(key, error)),
                    (Err(error), None) => drop(self.found.insert(statistic, Err(error))),
                    (Ok(value), Some(Wanted { types, .. })) => drop(part.insert(key, Entry::of(*types, value))),
                    (Ok(value), None) => of_all.entry(key).or_insert_with(|| (statistic, Vec::new())).1.push(Entry::of(0, value).state),
                }
            }
            if let Some(file) = self.files.get(place)
                && !part.is_empty()
            {
                self.stored.grow(file, part, true);
            }
        }
        failed.iter().for_each(|(key, error)| self.fail(wanted, key, error));
        for (statistic, states) in of_all.into_values() {
            let found = sum::merged(states.iter()).map(Into::into).map_err(|_| StatisticError::Groups(GROUPS));
            self.found.entry(statistic).or_insert(found);
        }
        Ok(())
    }

    /// A statistic that can't be measured in one of the files can't be measured.
    fn fail(&mut self, wanted: &mut BTreeMap<String, Wanted<'a>>, key: &str, error: &StatisticError) {
        if let Some(Wanted { statistic, .. }) = wanted.remove(key) {
            self.found.insert(statistic.clone(), Err(error.clone()));
            self.stored.changed |= self.stored.sums.remove(key).is_some();
        }
    }
}
