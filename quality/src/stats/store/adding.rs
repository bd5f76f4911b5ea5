//! Parts are added to sums: each is read once, for all sums that want it.

use std::{collections::BTreeMap, io, sync::Arc};

use super::{
    DataFile, Stored,
    block::Held,
    sum::{Adding, Coverage, Failure, Sum},
};

/// The files that are added to a sum.
pub(super) struct Files {
    /// Their places among all.
    pub(super) places: Arc<[usize]>,
    /// All files that it is of then.
    pub(super) coverage: Coverage,
}

/// How a sum has fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Summed {
    /// It is of all the files.
    Done,
    /// Something was damaged or of no use, and is forgotten.
    Lost,
    /// States can't be merged; there is no sum any more.
    Unmergeable,
}

impl Stored {
    /// Adds the parts of files, by their places, to sums, or makes new ones of them.
    pub(super) fn sum_up(&mut self, files: &[DataFile], wanted: &BTreeMap<String, Files>) -> io::Result<BTreeMap<String, Summed>> {
        let mut summed: BTreeMap<String, Summed> = BTreeMap::new();
        let mut open: BTreeMap<&str, Result<Adding, Failure>> = BTreeMap::new();
        let mut of_files: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (key, Files { places, .. }) in wanted {
            if self.sums.contains_key(key) && self.sum_of(key).is_none() {
                summed.insert(key.clone(), Summed::Lost);
            } else if places.is_empty() {
                summed.insert(key.clone(), Summed::Done);
            } else {
                open.insert(key, Adding::new(self.sum_of(key)));
                places.iter().for_each(|place| of_files.entry(*place).or_default().push(key));
            }
        }
        for (place, keys) in of_files {
            let known = files.get(place).is_some_and(|file| self.add_part(file, place, &keys, &mut open));
            if !known {
                // A sum without it would be of less than it says.
                keys.iter().for_each(|key| drop(open.remove(key)));
            }
        }
        for (key, files_of_sum) in wanted {
            if summed.contains_key(key) {
                continue;
            }
            let how = match open.remove(key.as_str()) {
                None => Summed::Lost,
                Some(adding) => match adding.and_then(|adding| adding.finish(&mut self.scratch)) {
                    Ok(entry) => {
                        self.changed = true;
                        let coverage = Arc::clone(&files_of_sum.coverage);
                        self.sums.insert(key.clone(), Sum { entry: Held::new(entry), coverage, bytes: 0 });
                        Summed::Done
                    }
                    Err(failure) => self.fail(files, key, failure)?,
                },
            };
            summed.insert(key.clone(), how);
        }
        Ok(summed)
    }

    /// Adds what is known of a file; `false` if not all of it is.
    fn add_part<'k>(
        &mut self,
        file: &DataFile,
        place: usize,
        keys: &[&'k str],
        open: &mut BTreeMap<&'k str, Result<Adding, Failure>>,
    ) -> bool {
        let added = self.look_at(file, |part| {
            let mut all = true;
            for key in keys {
                match (part.get(*key), open.get_mut(key)) {
                    (Some(entry), Some(adding)) => {
                        let failed = adding.as_mut().ok().and_then(|adding| adding.add(place, entry).err());
                        if let Some(failure) = failed {
                            *adding = Err(failure);
                        }
                    }
                    (None, Some(_)) => all = false,
                    (_, None) => {}
                }
            }
            all
        });
        added == Some(true)
    }

    fn fail(&mut self, files: &[DataFile], key: &str, failure: Failure) -> io::Result<Summed> {
        match failure {
            Failure::Io(error) => return Err(error),
            Failure::Unmergeable => {
                self.changed |= self.sums.remove(key).is_some();
                return Ok(Summed::Unmergeable);
            }
            Failure::Sum(error) => {
                self.sums.remove(key);
                self.lose("a sum", &error);
            }
            Failure::Part(place, error) => {
                if let Some(file) = files.get(place) {
                    self.forget(file, key);
                    self.lose(&file.path.display().to_string(), &error);
                }
            }
            Failure::Rough(places) => {
                self.sums.remove(key);
                self.changed = true;
                places.iter().filter_map(|place| files.get(*place)).for_each(|file| self.forget(file, key));
            }
        }
        Ok(Summed::Lost)
    }

    /// Forgets a statistic of a file.
    fn forget(&mut self, file: &DataFile, key: &str) {
        if self.parts.get_mut(file).is_some_and(|slot| slot.forget(key).is_err()) {
            self.parts.remove(file);
        }
    }
}
