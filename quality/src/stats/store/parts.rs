//! Parts: what is known of each data file; and sums that are made of parts alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::Arc,
};

use super::{
    DataFile, StoreError, Stored,
    block::Held,
    entry::{Entry, Part},
    sum::{self, Failure, Sum},
};

/// What is known of a data file.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) part: Held<Part>,
    /// Bytes in the file.
    pub(super) bytes: u64,
    /// Whether something was measured since it was read.
    pub(super) grown: bool,
}

/// How a sum has fared.
pub(super) enum Summed {
    /// It is of all the files.
    Done,
    /// Something was damaged, and is forgotten.
    Lost,
    /// States can't be merged; there is no sum any more.
    Unmergeable,
}

impl Stored {
    /// Adds another's parts. Nothing is measured or merged yet. Of a file that is known already
    /// only the statistics are added that are not.
    ///
    /// Keys are not read: the file that the other was loaded from stays open for them, so it may be
    /// deleted meanwhile.
    pub fn take_in(&mut self, other: Stored) {
        for (file, mut slot) in other.parts {
            // Without keys nothing needs the other file any more.
            match slot.part.change() {
                Err(error) => self.lose(&file.path.display().to_string(), &error),
                Ok(entries) => {
                    let more = std::mem::take(entries);
                    let is_new = |known: &Part| more.keys().any(|key| !known.contains_key(key));
                    // What is damaged is no part any more.
                    if self.part_of(&file).is_none_or(is_new) {
                        self.grow(&file, more, false);
                    }
                }
            }
        }
        self.lost = self.lost.take().or(other.lost);
    }

    /// Brings the sums up to date with the parts, as far as these know the statistics: every statistic
    /// that there is a sum of, or, if there are no sums, that all parts have. Reads no data.
    pub fn settle(&mut self) {
        let files: Vec<DataFile> = self.parts.keys().cloned().collect();
        for (key, types) in self.known_statistics(&files) {
            self.drop_outdated(&key);
            // Each turn but the last forgets something that was damaged.
            loop {
                let (needed, coverage) = self.needed(&key, types, &files);
                if needed.is_empty() {
                    break;
                }
                match self.sum_up(&key, &needed, coverage) {
                    Ok(Summed::Lost) => {}
                    Ok(Summed::Done | Summed::Unmergeable) => break,
                    Err(error) => {
                        self.lose("a temporary file", &error);
                        break;
                    }
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
        let mut slot = self.parts.get(file)?.clone();
        slot.part.change().ok()?;
        let slot = Slot { bytes: 0, ..slot };
        Some(Stored { parts: BTreeMap::from([(file.clone(), slot)]), changed: true, ..Stored::default() })
    }

    /// The statistics of a file, read if they must be; what is damaged is forgotten.
    pub(super) fn part_of(&mut self, file: &DataFile) -> Option<&Part> {
        if let Err(error) = self.parts.get_mut(file)?.part.get() {
            self.parts.remove(file);
            self.lose(&file.path.display().to_string(), &error);
        }
        self.parts.get(file)?.part.value()
    }

    /// Adds statistics of a file.
    pub(super) fn grow(&mut self, file: &DataFile, more: Part, measured: bool) {
        self.changed = true;
        if self.part_of(file).is_none() {
            self.parts.insert(file.clone(), Slot { part: Held::new(Part::new()), bytes: 0, grown: false });
        }
        if let Some(slot) = self.parts.get_mut(file) {
            slot.grown |= measured;
            if let Ok(part) = slot.part.change() {
                for (key, entry) in more {
                    if measured || !part.contains_key(&key) {
                        part.insert(key, entry);
                    }
                }
            }
        }
    }

    /// Whether a file's part has a statistic, with columns of these types.
    pub(super) fn knows(&mut self, file: &DataFile, key: &str, types: u64) -> bool {
        self.part_of(file).is_some_and(|part| part.get(key).is_some_and(|entry| entry.types == types))
    }

    /// A sum, read if it must be; what is damaged is forgotten.
    pub(super) fn sum_of(&mut self, key: &str) -> Option<&Entry> {
        if let Err(error) = self.sums.get_mut(key)?.entry.get() {
            self.sums.remove(key);
            self.lose("a sum", &error);
        }
        self.sums.get(key)?.entry.value()
    }

    /// Adds parts, which have the statistic, to its sum, or makes one of them. It is then of these files.
    pub(super) fn sum_up(&mut self, key: &str, needed: &[DataFile], coverage: Arc<BTreeSet<DataFile>>) -> io::Result<Summed> {
        if self.sums.contains_key(key) && self.sum_of(key).is_none() {
            return Ok(Summed::Lost);
        }
        let sum = self.sums.get(key).and_then(|sum| sum.entry.value());
        let entry = |file| self.parts.get(file)?.part.value()?.get(key);
        let entries: Vec<&Entry> = needed.iter().filter_map(entry).collect();
        if entries.len() != needed.len() {
            return Ok(Summed::Lost);
        }
        let done = if entries.is_empty() { None } else { Some(sum::add(sum, &entries, &mut self.scratch)) };
        match done {
            None => {}
            Some(Ok(entry)) => {
                self.changed = true;
                self.sums.insert(key.to_owned(), Sum { entry: Held::new(entry), coverage, bytes: 0 });
            }
            Some(Err(Failure::Io(error))) => return Err(error),
            Some(Err(Failure::Unmergeable)) => {
                self.changed |= self.sums.remove(key).is_some();
                return Ok(Summed::Unmergeable);
            }
            Some(Err(Failure::Sum(error))) => {
                self.sums.remove(key);
                self.lose("a sum", &error);
                return Ok(Summed::Lost);
            }
            Some(Err(Failure::Part(place, error))) => {
                if let Some(file) = needed.get(place) {
                    if let Some(Ok(part)) = self.parts.get_mut(file).map(|slot| slot.part.change()) {
                        part.remove(key);
                    }
                    self.lose(&file.path.display().to_string(), &error);
                }
                return Ok(Summed::Lost);
            }
        }
        Ok(Summed::Done)
    }

    /// The statistics of which there are sums, or, without sums, which all files have; with their types.
    fn known_statistics(&mut self, files: &[DataFile]) -> Vec<(String, u64)> {
        if !self.sums.is_empty() {
            let keys: Vec<String> = self.sums.keys().cloned().collect();
            return keys.into_iter().filter_map(|key| self.sum_of(&key).map(|entry| entry.types).map(|types| (key, types))).collect();
        }
        let mut all: Option<BTreeMap<String, u64>> = None;
        for file in files {
            let Some(part) = self.part_of(file) else { continue };
            match &mut all {
                None => all = Some(part.iter().map(|(key, entry)| (key.clone(), entry.types)).collect()),
                Some(all) => all.retain(|key, types| part.get(key).is_some_and(|entry| entry.types == *types)),
            }
        }
        all.unwrap_or_default().into_iter().collect()
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

    /// The files that a sum is not of, and have the statistic; and all files that it will be of.
    fn needed(&mut self, key: &str, types: u64, files: &[DataFile]) -> (Vec<DataFile>, Arc<BTreeSet<DataFile>>) {
        let covered = self.sums.get(key).map(|sum| Arc::clone(&sum.coverage)).unwrap_or_default();
        let needed: Vec<DataFile> = files.iter().filter(|file| !covered.contains(file) && self.knows(file, key, types)).cloned().collect();
        let after: BTreeSet<DataFile> = covered.iter().chain(&needed).cloned().collect();
        let same = sum::coverages(&self.sums).into_iter().find(|known| ***known == after).cloned();
        (needed, same.unwrap_or_else(|| Arc::new(after)))
    }
}
