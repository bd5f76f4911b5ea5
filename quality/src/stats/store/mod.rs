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
//! beside the old one, when most of it is out of date. A block or a run that is damaged costs a
//! measurement of what it told, no more.

mod block;
mod entry;
mod file;
mod index;
mod keys;
mod merge;
mod parts;
mod run;
mod sum;
mod update;

#[cfg(test)]
mod parts_tests;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::PathBuf,
    sync::Arc,
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

pub use self::{file::StoreError, update::measure_with};
use self::{merge::Scratch, parts::Slot, sum::Sum};
use super::{Statistic, StatisticError, pass};
use crate::data::Dataset;

/// States of some data files.
#[derive(Debug, Default)]
pub struct Stored {
    parts: BTreeMap<DataFile, Slot>,
    /// By the statistics' keys.
    sums: BTreeMap<String, Sum>,
    /// The file that most of this is in.
    file: Option<(PathBuf, Arc<File>)>,
    /// Keys that were put together since it was saved.
    scratch: Scratch,
    /// Whether there is something that is not in the file.
    changed: bool,
    /// Why something that was stored was of no use.
    lost: Option<String>,
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
        None => dataset.files().iter().map(|path| file_at(path)).collect::<Option<Vec<_>>>()?,
    };
    let distinct: BTreeSet<&PathBuf> = files.iter().map(|file| &file.path).collect();
    (distinct.len() == files.len() && !files.is_empty()).then_some(files)
}

fn file_at(path: &std::path::Path) -> Option<DataFile> {
    let metadata = std::fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some(DataFile { path: std::fs::canonicalize(path).ok()?, size: metadata.len(), modified })
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
