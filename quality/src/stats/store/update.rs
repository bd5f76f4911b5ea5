//! Measuring with what is stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use super::{DataFile, Entry, Kept, Run, Stored, columns_of, files_of};
use crate::{
    data::Dataset,
    stats::{
        Frequencies, MeasureError, Measured, Options, State, Statistic, measure_with_options,
        pass::{Groups, Value},
        states::Summing,
    },
};

/// Measures statistics of a dataset of which some files may have been measured before: those are not
/// read again. What is stored is afterwards of this dataset, with the states of these statistics.
///
/// What is damaged is measured again, and [`Stored::lost`] says so.
pub fn measure_with(dataset: &Dataset, statistics: &[Statistic], stored: &mut Stored) -> Result<Measured, MeasureError> {
    let Some(files) = files_of(dataset) else { return measure_with_options(dataset, statistics, &Options::default()) };
    let measured = match measure_added(dataset, &files, statistics, stored)? {
        Some(measured) => measured,
        None => measure_added(dataset, &files, statistics, stored)?.unwrap_or_default(),
    };
    // Of a file that was written meanwhile nobody knows which rows were read.
    if files_of(dataset).as_ref() != Some(&files) {
        stored.clear();
    }
    Ok(measured)
}

/// Measures what is not stored. `None` if what is stored was damaged; it is forgotten then.
fn measure_added(
    dataset: &Dataset,
    files: &[DataFile],
    statistics: &[Statistic],
    stored: &mut Stored,
) -> Result<Option<Measured>, MeasureError> {
    let options = Options { states: true, ..Options::default() };
    // Two rules may want the same; its keys are taken in once.
    // Two rules may want the same; its keys are taken in once.
    let wanted: BTreeMap<String, &Statistic> = statistics.iter().map(|statistic| (statistic.key(), statistic)).collect();
    if !stored.fits(dataset, files) {
        stored.clear();
    }
    // States of statistics that nobody asks for now would not know of the new files.
    let new: BTreeSet<&Path> = files.iter().filter(|file| !stored.content.files.contains(file)).map(|file| file.path.as_path()).collect();
    let is_new = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| new.contains(path.as_path()));
    let added: BTreeSet<&Path> = dataset.files().iter().filter(is_new).map(PathBuf::as_path).collect();
    if !added.is_empty() {
        stored.retain(|key| wanted.get(key).is_some_and(|statistic| statistic.is_lasting()));
        stored.changed = true;
    }
    let (known, mut unknown): (Vec<Statistic>, Vec<Statistic>) =
        wanted.into_values().cloned().partition(|statistic| is_stored(stored, statistic));
    let mut measured = measure_with_options(dataset, &unknown, &options)?;
    if !added.is_empty() && !known.is_empty() {
        let more = measure_with_options(&dataset.only(&added), &known, &options)?;
        for (statistic, found) in more.found {
            match found {
                Ok(value) => {
                    if let Err(error) = stored.merge(&statistic.key(), value) {
                        stored.clear();
                        stored.lost = Some(error.to_string());
                        return Ok(None);
                    }
                }
                Err(error) => {
                    stored.forget(&statistic.key());
                    measured.found.insert(statistic, Err(error));
                }
            }
        }
        // What could not take the new rows in is measured as if nothing were stored.
        let left = |statistic: &&Statistic| !is_stored(stored, statistic) && !measured.found.contains_key(*statistic);
        let unmerged: Vec<Statistic> = known.iter().filter(left).cloned().collect();
        if !unmerged.is_empty() {
            // Some states are of the new rows by now and others are not.
            let again = measure_with_options(dataset, &unmerged, &options).inspect_err(|_| stored.clear())?;
            measured.found.extend(again.found);
            unknown.extend(unmerged);
        }
    }
    for statistic in unknown.into_iter().filter(Statistic::is_lasting) {
        if let Some(Ok(value)) = measured.found.get_mut(&statistic) {
            stored.insert(statistic.key(), value);
            stored.changed = true;
        }
    }
    for statistic in known {
        if let Some(entry) = stored.content.entries.get(&statistic.key())
            && !measured.found.contains_key(&statistic)
        {
            measured.found.insert(statistic, Ok(entry.state.clone().into()));
        }
    }
    stored.content.files = files.to_vec();
    stored.content.columns = columns_of(dataset);
    Ok(Some(measured))
}

fn is_stored(stored: &Stored, statistic: &Statistic) -> bool {
    statistic.is_lasting() && stored.content.entries.contains_key(&statistic.key())
}

impl Stored {
    /// Whether all data files are as they were, and all columns of the types they had.
    fn fits(&self, dataset: &Dataset, files: &[DataFile]) -> bool {
        let columns = columns_of(dataset);
        self.content.files.iter().all(|file| files.contains(file))
            && self.content.columns.iter().all(|(name, data_type)| columns.get(name) == Some(data_type))
    }

    /// Forgets everything, and that there is a file of it.
    fn clear(&mut self) {
        *self = Stored { changed: true, lost: self.lost.take(), ..Stored::default() };
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&String) -> bool) {
        self.content.entries.retain(|key, _| keep(key));
        self.fresh.retain(|key, _| keep(key));
    }

    fn forget(&mut self, key: &str) {
        self.content.entries.remove(key);
        self.fresh.remove(key);
    }

    /// Takes a state in; its keys are kept apart, and go to a run when the states are saved.
    fn insert(&mut self, key: String, value: &mut Value) {
        let state = match value {
            Value::One(State::Frequencies(frequencies)) => {
                let table = frequencies.table.take();
                self.fresh.insert(key.clone(), table.into_iter().filter(|table| !table.is_empty()).collect());
                Kept::One(State::Frequencies(frequencies.clone()))
            }
            Value::One(state) => Kept::One(state.clone()),
            Value::Groups(groups) => {
                let states = groups.shown.iter().map(|(_, state)| state.clone());
                Kept::Groups(groups.keys.iter().cloned().zip(states).collect())
            }
        };
        self.content.entries.insert(key, Entry { state, runs: Vec::new() });
    }

    /// Takes new rows in. It is an error if the keys of the old ones can't be read.
    fn merge(&mut self, key: &str, value: Value) -> io::Result<()> {
        let Some(mut entry) = self.content.entries.remove(key) else { return Ok(()) };
        let Entry { state, runs } = &mut entry;
        let merged = match (state, value) {
            (Kept::One(State::Frequencies(all)), Value::One(State::Frequencies(more))) => {
                let known = self.counts_of(key, runs, &more)?;
                add(all, &more, &known);
                self.fresh.entry(key.to_owned()).or_default().extend(more.table.filter(|table| !table.is_empty()));
                true
            }
            (Kept::One(state), Value::One(more)) => state.merge(&more).is_ok(),
            (Kept::Groups(groups), Value::Groups(more)) => merge_groups(groups, more),
            _ => false,
        };
        // A state that can't take the new rows in is of no use any more, and is measured anew next time.
        if merged {
            self.content.entries.insert(key.to_owned(), entry);
        } else {
            self.fresh.remove(key);
        }
        Ok(())
    }

    /// How often the new keys were there before, in the order of the keys.
    fn counts_of(&self, key: &str, runs: &[Run], more: &Frequencies) -> io::Result<Vec<u64>> {
        let keys: Vec<(u128, u64)> = more.table.iter().flat_map(|table| table.iter()).collect();
        let mut found = vec![0; keys.len()];
        if let Some((_, file)) = &self.file {
            runs.iter().try_for_each(|run| run.count(file, &keys, &mut found))?;
        }
        for table in self.fresh.get(key).into_iter().flatten() {
            let mut known = table.iter().peekable();
            for ((hash, _), found) in keys.iter().zip(&mut found) {
                while known.next_if(|(other, _)| other < hash).is_some() {}
                if let Some((_, count)) = known.next_if(|(other, _)| other == hash) {
                    *found += count;
                }
            }
        }
        Ok(found)
    }
}

/// Adds new keys, of which so many were there before.
fn add(all: &mut Frequencies, more: &Frequencies, known: &[u64]) {
    let mut summing = Summing::of(&all.summary);
    let keys = more.table.iter().flat_map(|table| table.iter());
    keys.zip(known).for_each(|((_, count), before)| summing.raise(*before, count));
    all.summary = summing.finish(all.summary.null_rows + more.summary.null_rows);
}

fn merge_groups(groups: &mut Vec<(super::Key, State)>, more: Groups) -> bool {
    for (key, (_, state)) in more.keys.into_iter().zip(more.shown) {
        match groups.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(place) => {
                if groups.get_mut(place).is_some_and(|(_, known)| known.merge(&state).is_err()) {
                    return false;
                }
            }
            Err(place) => groups.insert(place, (key, state)),
        }
    }
    groups.len() <= crate::stats::pass::GROUPS
}

impl From<Kept> for Value {
    fn from(kept: Kept) -> Value {
        match kept {
            Kept::One(state) => Value::One(state),
            Kept::Groups(states) => {
                let mut groups = Groups::default();
                states.into_iter().for_each(|(key, state)| groups.push(key, state));
                Value::Groups(groups)
            }
        }
    }
}
