//! States in a file, so that new data costs only its own scan.
//!
//! A file of states knows of which data files they are: each by path, size and time of its last
//! change. For each it keeps the states of that file alone (a *part*); and for each statistic the
//! merged state of many files, with the set of these (a *sum*). [`measure_with`] measures only what no
//! part knows: a new or changed data file, or a new statistic. When a data file has changed or is gone
//! the sums are made again from parts, without a look at the data.
//!
//! The file (version 2, all numbers little-endian):
//!
//! ```text
//! "LGSTATES" · u32 version
//! runs: keys of `Frequencies` in the order of their hashes (`run`)
//! blocks of JSON: one for each part, one for each sum (`block`)
//! JSON: data files, and where the blocks are (`index`)
//! u64 where that JSON begins · u64 its length · u64 its XXH3 · "LGSTATES"
//! ```
//!
//! A sum of few files names the runs of their parts, so that keys are in the file once. When they would
//! be too many it has a run of its own, which the keys are merged into.
//!
//! What is new is appended, with a new JSON behind it, and what was the end before stays: should the new
//! end not become whole, the old one still tells the states of before. The file is written anew,
//! beside the old one, when most of it is out of date. Whoever writes has the file for itself, and takes
//! in what others wrote since it was read. A block or a run that is damaged costs a measurement of what it
//! told, no more.
//!
//! Memory does not grow with the files, but for a few hundred bytes for each: what is measured beyond some
//! bytes goes to a temporary file until it is saved, and parts are read one after the other.

mod adding;
mod block;
mod entry;
mod file;
mod index;
mod keys;
mod merge;
mod parts;
mod run;
mod save;
mod slot;
mod sum;
mod update;
mod write;

#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod parts_tests;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::PathBuf,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

pub use self::{file::StoreError, update::measure_with};
use self::{merge::Scratch, slot::Slot, sum::Sum};
use super::{Statistic, StatisticError, pass};
use crate::data::{Dataset, Stamp};

/// States of some data files.
#[derive(Debug, Default)]
pub struct Stored {
    parts: BTreeMap<DataFile, Slot>,
    /// By the statistics' keys.
    sums: BTreeMap<String, Sum>,
    /// Where this was loaded from.
    origin: Option<Origin>,
    /// What was too much for memory since it was saved.
    scratch: Scratch,
    /// Bytes of parts in memory that are not saved, about.
    in_memory: u64,
    /// Files of other states that are open.
    lent: usize,
    /// Whether there is something that is not in the file.
    changed: bool,
    /// Why something that was stored was of no use.
    lost: Option<String>,
}

/// The file that states were loaded from, or would have been.
#[derive(Clone, Debug)]
struct Origin {
    path: PathBuf,
    /// None if there was no file.
    known: Option<Known>,
}

/// A file of states as it is known.
#[derive(Clone, Debug)]
struct Known {
    file: Arc<File>,
    /// Bytes. If it has others by now, somebody else has written to it.
    size: u64,
}

/// What a data file is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DataFile {
    /// Where it is, however it was named; or the name of a part of a dataset.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Nanoseconds from 1970 to its last change; 0 of a part.
    pub modified: u128,
}

impl Stored {
    /// The data files of which there is a state.
    pub fn files(&self) -> Vec<DataFile> {
        let mut files: BTreeSet<&DataFile> = self.parts.keys().collect();
        sum::coverages(&self.sums).into_iter().for_each(|coverage| files.extend(coverage.iter()));
        files.into_iter().cloned().collect()
    }

    /// How many statistics have a sum here.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether there is no state.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty() && self.parts.is_empty()
    }

    /// Why something that was stored could not be used and was measured again, if it was damaged.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    fn lose(&mut self, what: &str, why: &std::io::Error) {
        self.changed = true;
        self.lost = Some(format!("{what}: {why}"));
    }
}

/// The files of a dataset in their order; `None` if it is not of files, or if one is there twice.
fn files_of(dataset: &Dataset) -> Option<Vec<DataFile>> {
    let files = match dataset.sizes() {
        Some(sizes) => {
            let known = dataset.files().iter().zip(sizes);
            known.map(|(path, size)| DataFile { path: path.clone(), size: *size, modified: 0 }).collect()
        }
        None => (0..).zip(dataset.files()).map(|(place, path)| file_at(path, dataset.stamp(place)?)).collect::<Option<Vec<_>>>()?,
    };
    let distinct: BTreeSet<&PathBuf> = files.iter().map(|file| &file.path).collect();
    (distinct.len() == files.len() && !files.is_empty()).then_some(files)
}

fn file_at(path: &std::path::Path, stamp: Stamp) -> Option<DataFile> {
    Some(DataFile { path: std::fs::canonicalize(path).ok()?, size: stamp.size, modified: stamp.modified })
}

/// The columns that a statistic reads and their types, in short: a state that was measured with
/// other types is of no use.
fn types_of(dataset: &Dataset, statistic: &Statistic) -> Result<u64, StatisticError> {
    let schema = dataset.schema();
    let types = pass::columns_of(schema, statistic)?.into_iter().map(|name| {
        let data_type = schema.get(&name).map(ToString::to_string).unwrap_or_default();
        format!("{name:?} {data_type}\n")
    });
    Ok(xxh3_64(types.collect::<String>().as_bytes()))
}
