//! Measuring with what is stored.

mod files;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::Arc,
};

use super::{
    DataFile, Stored,
    adding::{Files, Summed},
    entry::{Entry, Kept, Part},
    files_of,
    sum::{self, Coverage, Fold},
    types_of,
};
use crate::{
    data::Dataset,
    stats::{
        MeasureError, Measured, Options, State, Statistic, StatisticError, measure_with_options,
        pass::{Found, GROUPS},
    },
};

/// So often at most is measured again what was damaged.
const MOST_TURNS: usize = 100;

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
    let done = update.run(lasting);
    measured.found.extend(update.found);
    // Of a file that was written since it was opened nobody knows which rows were read.
    let mut changed = (0..).zip(&files).filter(|(place, _)| !dataset.is_as_opened(*place)).map(|(_, file)| file).peekable();
    if changed.peek().is_some() {
        changed.for_each(|file| drop(stored.parts.remove(file)));
        stored.sums.clear();
        stored.changed = true;
    }
    done.map(|()| measured)
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
    all: Coverage,
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
        let of = |known: &Coverage| current.iter().find(|(of, ..)| Arc::ptr_eq(of, known));
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
        for turn in 0.. {
            if turn > MOST_TURNS {
                return Err(io::Error::other("what was measured is lost as often as it is kept; is the disk damaged?").into());
            }
            let needed = self.needed(&wanted);
            self.measure(&mut wanted, &needed, passing)?;
            passing = &[];
            let additions = wanted.keys().map(|key| {
                let places = needed.get(key).map(Arc::clone).unwrap_or_default();
                (key.clone(), Files { places, coverage: Arc::clone(&self.all) })
            });
            let summed = self.stored.sum_up(self.files, &additions.collect())?;
            let unmergeable = summed.iter().filter(|(_, how)| **how == Summed::Unmergeable);
            unmergeable.for_each(|(key, _)| self.fail(&mut wanted, key, &StatisticError::Groups(GROUPS)));
            if !summed.values().any(|how| *how == Summed::Lost) {
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
    fn needed(&mut self, wanted: &BTreeMap<String, Wanted<'a>>) -> BTreeMap<String, Arc<[usize]>> {
        let mut of_coverages: Vec<(Coverage, Arc<[usize]>)> = Vec::new();
        let mut needed = BTreeMap::new();
        for key in wanted.keys() {
            // A sum that can't be read is none.
            let coverage = if self.stored.sum_of(key).is_some() { self.stored.sums.get(key).map(|sum| &sum.coverage) } else { None };
            let coverage = coverage.map(Arc::clone).unwrap_or_default();
            let known = of_coverages.iter().find(|(of, _)| **of == *coverage).map(|(_, files)| Arc::clone(files));
            let files = known.unwrap_or_else(|| {
                let files: Arc<[usize]> =
                    (0..).zip(self.files).filter(|(_, file)| !coverage.contains(file)).map(|(place, _)| place).collect();
                of_coverages.push((coverage, Arc::clone(&files)));
                files
            });
            needed.insert(key.clone(), files);
        }
        needed
    }

    /// What no part knows: the statistics that are to be measured of each file, by its place.
    fn jobs(
        &mut self,
        wanted: &BTreeMap<String, Wanted<'a>>,
        needed: &BTreeMap<String, Arc<[usize]>>,
        passing: &[&'a Statistic],
    ) -> BTreeMap<usize, Vec<&'a Statistic>> {
        let mut of_files: BTreeMap<usize, Vec<(&String, &Wanted<'a>)>> = BTreeMap::new();
        for want in wanted {
            let places = needed.get(want.0).map_or(&[][..], |places| places);
            places.iter().for_each(|place| of_files.entry(*place).or_default().push(want));
        }
        let mut jobs: BTreeMap<usize, Vec<&'a Statistic>> = BTreeMap::new();
        for (place, wants) in of_files {
            let Some(file) = self.files.get(place) else { continue };
            let is_known =
                |part: &Part, (key, want): &(&String, &Wanted<'a>)| part.get(*key).is_some_and(|entry| entry.types == want.types);
            let unknown = self.stored.look_at(file, |part| wants.iter().filter(|want| !is_known(part, want)).copied().collect());
            let unknown: Vec<(&String, &Wanted<'a>)> = unknown.unwrap_or(wants);
            if !unknown.is_empty() {
                jobs.insert(place, unknown.into_iter().map(|(_, want)| want.statistic).collect());
            }
        }
        for place in (0..self.files.len()).filter(|_| !passing.is_empty()) {
            jobs.entry(place).or_default().extend(passing);
        }
        jobs
    }

    /// Measures what no part knows. What was measured is kept, whatever fails after it.
    fn measure(
        &mut self,
        wanted: &mut BTreeMap<String, Wanted<'a>>,
        needed: &BTreeMap<String, Arc<[usize]>>,
        passing: &[&'a Statistic],
    ) -> Result<(), MeasureError> {
        let jobs = self.jobs(wanted, needed, passing);
        let mut of_all: BTreeMap<String, (Statistic, Result<Fold, sum::Failure>)> = BTreeMap::new();
        let mut failed: BTreeMap<String, StatisticError> = BTreeMap::new();
        let mut values = self.values(wanted);
        let Update { dataset, files, stored, found: all, .. } = self;
        files::measure(dataset, files, jobs, |place, measured| {
            let mut part = Part::new();
            for (statistic, found) in measured.found {
                let key = statistic.key();
                match (found, wanted.get(&key)) {
                    (Err(error), Some(_)) => drop(failed.insert(key, error)),
                    (Err(error), None) => drop(all.insert(statistic, Err(error))),
                    (Ok(value), Some(Wanted { types, .. })) => {
                        let mut entry = Entry::of(*types, value);
                        if let Kept::One(State::Quantiles(quantiles)) = &mut entry.state {
                            let values = values.entry(key.clone()).or_default();
                            *values += quantiles.count;
                            quantiles.sketch_among(*values);
                        }
                        part.insert(key, entry);
                    }
                    (Ok(value), None) => {
                        let (_, fold) = of_all.entry(key).or_insert_with(|| (statistic, Ok(Fold::default())));
                        if let Some(failure) = fold.as_mut().ok().and_then(|fold| fold.push(Entry::of(0, value).state).err()) {
                            *fold = Err(failure);
                        }
                    }
                }
            }
            match files.get(place) {
                Some(file) if !part.is_empty() => Ok(stored.grow(file, part)?),
                _ => Ok(()),
            }
        })?;
        failed.iter().for_each(|(key, error)| self.fail(wanted, key, error));
        for (statistic, fold) in of_all.into_values() {
            let found = fold.and_then(Fold::finish).map(Into::into).map_err(|_| StatisticError::Groups(GROUPS));
            self.found.entry(statistic).or_insert(found);
        }
        Ok(())
    }

    /// How many values the sums of those statistics are of that keep them.
    fn values(&mut self, wanted: &BTreeMap<String, Wanted<'a>>) -> BTreeMap<String, u64> {
        let count = |key: &String| Some((key.clone(), self.stored.sum_of(key)?.quantiles()?.count));
        wanted.keys().filter_map(count).collect()
    }

    /// A statistic that can't be measured in one of the files can't be measured.
    fn fail(&mut self, wanted: &mut BTreeMap<String, Wanted<'a>>, key: &str, error: &StatisticError) {
        if let Some(Wanted { statistic, .. }) = wanted.remove(key) {
            self.found.insert(statistic.clone(), Err(error.clone()));
            self.stored.changed |= self.stored.sums.remove(key).is_some();
        }
    }
}
