//! Parts: what is known of each data file; and sums that are made of parts alone.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::Arc,
};

use super::{
    DataFile, StoreError, Stored,
    adding::{Files, Summed},
    entry::{Entry, Part},
    slot::Slot,
    sum::{self, Coverage},
};

/// Bytes of parts in memory; those that come then go to a temporary file. (Tests need not measure so much.)
pub(super) const IN_MEMORY: u64 = if cfg!(test) { 1 << 15 } else { 256 << 20 };
/// Files of other states that are open for their keys; the keys of those that come then are copied.
pub(super) const OPEN: usize = if cfg!(test) { 3 } else { 64 };

impl Stored {
    /// Adds another's parts. Nothing is measured or merged yet. Of a file that is known already
    /// only the statistics are added that are not. Of another version of a file that is known this is the one that
    /// counts.
    ///
    /// Keys need not be read: the file that the other was loaded from may stay open for them, so it may be deleted
    /// meanwhile.
    pub fn take_in(&mut self, other: Stored) {
        let mut taken = false;
        for (file, slot) in other.parts {
            let name = file.path.display().to_string();
            match self.add_slot(file, slot) {
                Ok(added) => taken |= added,
                // What is damaged is no part.
                Err(error) => self.lose(&name, &error),
            }
        }
        self.lent += usize::from(taken);
        self.lost = self.lost.take().or(other.lost);
    }

    fn add_slot(&mut self, file: DataFile, mut slot: Slot) -> io::Result<bool> {
        let more: BTreeSet<String> = slot.read()?.keys().cloned().collect();
        if self.look_at(&file, |known| more.iter().all(|key| known.contains_key(key))) == Some(true) {
            return Ok(false);
        }
        let weight = slot.weight();
        if self.lent >= OPEN || self.in_memory + weight > IN_MEMORY {
            slot.copy(&mut self.scratch)?;
        } else {
            self.in_memory += weight;
        }
        self.forget_versions(&file);
        slot.bytes = 0;
        slot.grown = false;
        match self.parts.get_mut(&file) {
            Some(known) => known.underlay(slot),
            None => drop(self.parts.insert(file, slot)),
        }
        self.changed = true;
        Ok(self.lent < OPEN)
    }

    /// Forgets all parts of this path but the one of this version.
    pub(super) fn forget_versions(&mut self, file: &DataFile) {
        let first = DataFile { path: file.path.clone(), size: 0, modified: 0 };
        let same_path = self.parts.range(first..).map(|(known, _)| known).take_while(|known| known.path == file.path);
        let others: Vec<DataFile> = same_path.filter(|known| *known != file).cloned().collect();
        others.iter().for_each(|other| drop(self.parts.remove(other)));
    }

    /// Brings the sums up to date with the parts, as far as these know the statistics: every statistic
    /// that there is a sum of, or, if there are no sums, that all parts have. Reads no data.
    pub fn settle(&mut self) {
        let files: Vec<DataFile> = self.parts.keys().cloned().collect();
        let mut open = self.known_statistics(&files);
        open.keys().for_each(|key| self.drop_outdated(key));
        // Each turn but the last forgets something that was damaged.
        while !open.is_empty() {
            let wanted = self.additions(&open, &files);
            match self.sum_up(&files, &wanted) {
                Ok(summed) => open.retain(|key, _| matches!(summed.get(key), Some(Summed::Lost))),
                Err(error) => {
                    self.lose("a temporary file", &error);
                    break;
                }
            }
        }
    }

    /// A file with the sums and no parts: what it knows of the data needs no file for each data file.
    pub fn save_sums(&mut self, path: &Path) -> Result<(), StoreError> {
        let sums = self.sums.iter().map(|(key, sum)| (key.clone(), sum.clone())).collect();
        Stored { sums, changed: true, ..Stored::default() }.save(path)
    }

    /// The files that every sum is of; none if there are no sums.
    pub fn covered(&self) -> BTreeSet<DataFile> {
        let mut all = sum::coverages(&self.sums).into_iter();
        let Some(first) = all.next() else { return BTreeSet::new() };
        all.fold(BTreeSet::clone(first), |covered, other| covered.intersection(other).cloned().collect())
    }

    /// The files of which something was measured since this was loaded.
    pub fn measured(&self) -> Vec<DataFile> {
        self.parts.iter().filter(|(_, slot)| slot.grown).map(|(file, _)| file.clone()).collect()
    }

    /// What is known of one file alone, to be saved apart.
    pub fn part(&self, file: &DataFile) -> Option<Stored> {
        let slot = self.parts.get(file)?;
        let part = slot.read().ok()?.into_owned();
        let slot = Slot::of(part);
        Some(Stored { parts: BTreeMap::from([(file.clone(), slot)]), changed: true, ..Stored::default() })
    }

    /// Something of the statistics of a file; if they are damaged they are forgotten.
    pub(super) fn look_at<T>(&mut self, file: &DataFile, look: impl FnOnce(&Part) -> T) -> Option<T> {
        match self.parts.get(file)?.read().map(|part: Cow<'_, Part>| look(&part)) {
            Ok(found) => Some(found),
            Err(error) => {
                self.parts.remove(file);
                self.lose(&file.path.display().to_string(), &error);
                None
            }
        }
    }

    /// Adds statistics of a file that were measured now. They may go to a temporary file.
    pub(super) fn grow(&mut self, file: &DataFile, more: Part) -> io::Result<()> {
        self.changed = true;
        let is_large = more.values().flat_map(|entry| &entry.keys).any(|keys| keys.is_written());
        let slot = self.parts.entry(file.clone()).or_default();
        slot.grown = true;
        slot.cover(more);
        let weight = slot.weight();
        if is_large || self.in_memory + weight > IN_MEMORY {
            return slot.put_away(&mut self.scratch);
        }
        self.in_memory += weight;
        Ok(())
    }

    /// A sum, read if it must be; what is damaged is forgotten.
    pub(super) fn sum_of(&mut self, key: &str) -> Option<&Entry> {
        if let Err(error) = self.sums.get_mut(key)?.entry.get() {
            self.sums.remove(key);
            self.lose("a sum", &error);
        }
        self.sums.get(key)?.entry.value()
    }

    /// The statistics of which there are sums, or, without sums, which all files have; with their types.
    fn known_statistics(&mut self, files: &[DataFile]) -> BTreeMap<String, u64> {
        let keys: Vec<String> = self.sums.keys().cloned().collect();
        let mut known = BTreeMap::new();
        let mut damaged: BTreeSet<String> = BTreeSet::new();
        for key in keys {
            match self.sum_of(&key).map(|entry| entry.types) {
                Some(types) => drop(known.insert(key, types)),
                None => drop(damaged.insert(key)),
            }
        }
        if !known.is_empty() && damaged.is_empty() {
            return known;
        }
        // What the parts agree on: all of them if nothing else tells what is wanted.
        let none = known.is_empty() && damaged.is_empty();
        let mut agreed: Option<BTreeMap<String, u64>> = None;
        for file in files {
            let is_wanted = |key: &String| none || damaged.contains(key);
            let of_part = |part: &Part| -> BTreeMap<String, u64> {
                part.iter().filter(|(key, _)| is_wanted(key)).map(|(key, entry)| (key.clone(), entry.types)).collect()
            };
            let Some(of_part) = self.look_at(file, of_part) else { continue };
            match &mut agreed {
                None => agreed = Some(of_part),
                Some(agreed) => agreed.retain(|key, types| of_part.get(key) == Some(types)),
            }
        }
        known.extend(agreed.into_iter().flatten());
        known
    }

    /// Forgets a sum that is of another version of a file that there is a part of.
    fn drop_outdated(&mut self, key: &str) {
        let Some(sum) = self.sums.get(key) else { return };
        let now: BTreeMap<&Path, &DataFile> = self.parts.keys().map(|file| (file.path.as_path(), file)).collect();
        let outdated = |file: &DataFile| now.get(file.path.as_path()).is_some_and(|now| *now != file);
        if sum.coverage.iter().any(outdated) {
            self.sums.remove(key);
            self.changed = true;
        }
    }

    /// Of each statistic the files that its sum is not of, and have it; and all files that it will be of.
    fn additions(&mut self, statistics: &BTreeMap<String, u64>, files: &[DataFile]) -> BTreeMap<String, Files> {
        let mut places: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        let mut of_coverages: Vec<(Coverage, Vec<(&String, &u64)>)> = Vec::new();
        for statistic in statistics {
            let coverage = self.sums.get(statistic.0).map(|sum| Arc::clone(&sum.coverage)).unwrap_or_default();
            match of_coverages.iter_mut().find(|(known, _)| *known == coverage) {
                Some((_, same)) => same.push(statistic),
                None => of_coverages.push((coverage, vec![statistic])),
            }
        }
        for (place, file) in files.iter().enumerate() {
            let is_open = |(coverage, _): &&(Coverage, Vec<_>)| !coverage.contains(file);
            let open: Vec<(&String, &u64)> = of_coverages.iter().filter(is_open).flat_map(|(_, open)| open.iter().copied()).collect();
            if open.is_empty() {
                continue;
            }
            let known = |part: &Part| -> Vec<&String> {
                let knows = |(key, types): &&(&String, &u64)| part.get(*key).is_some_and(|entry| entry.types == **types);
                open.iter().filter(knows).map(|(key, _)| *key).collect()
            };
            for key in self.look_at(file, known).into_iter().flatten() {
                places.entry(key).or_default().push(place);
            }
        }
        let mut known: Vec<Coverage> = Vec::new();
        let mut additions = BTreeMap::new();
        for (key, places) in places {
            let covered = self.sums.get(key).map(|sum| Arc::clone(&sum.coverage)).unwrap_or_default();
            let more = places.iter().filter_map(|place| files.get(*place));
            let after: BTreeSet<DataFile> = covered.iter().chain(more).cloned().collect();
            let same = known.iter().chain(sum::coverages(&self.sums)).find(|known| ***known == after).cloned();
            let coverage = same.unwrap_or_else(|| Arc::new(after));
            known.push(Arc::clone(&coverage));
            additions.insert(key.clone(), Files { places: places.into(), coverage });
        }
        additions
    }
}
