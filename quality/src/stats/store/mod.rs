//! States in a file, so that new data costs only its own scan.
//!
//! A file of states knows of which data files they are: each by path, size and time of its last
//! change. [`measure_with`] measures only what was added since; if a data file has changed or is
//! gone, or a column has another type, it measures everything again.
//!
//! The file (version 1, all numbers little-endian):
//!
//! ```text
//! "LGSTATES" · u32 version
//! runs: keys of `Frequencies` in the order of their hashes (`run`)
//! JSON: data files, columns, states, and where the runs are
//! u64 where the JSON begins · u64 its length · u64 its XXH3 · "LGSTATES"
//! ```
//!
//! New runs and a new JSON are appended, and what was the end before stays: should the new end not
//! become whole, the old one still tells the states of before. The file is written anew, beside the old
//! one, when there are many runs, or when most of it is out of date.

mod file;
mod run;
mod update;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs::File, path::PathBuf, sync::Arc, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use self::run::Run;
pub use self::{file::StoreError, update::measure_with};
use super::{FrequencyTable, State, pass::Key};
use crate::data::Dataset;

/// States of some data files.
#[derive(Debug, Default)]
pub struct Stored {
    content: Content,
    /// The file whose runs `content` speaks of.
    file: Option<(PathBuf, Arc<File>)>,
    /// Keys that are not in the file yet, by statistic.
    fresh: BTreeMap<String, Vec<FrequencyTable>>,
    /// Whether there is something that is not in the file.
    changed: bool,
    /// Why what was stored was of no use.
    lost: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    files: Vec<DataFile>,
    /// Columns and their types.
    columns: BTreeMap<String, String>,
    /// By the statistics' keys.
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    state: Kept,
    /// Where the keys of the state are, if it is one of `Frequencies`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    runs: Vec<Run>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    One(State),
    Groups(Vec<(Key, State)>),
}

/// What a data file is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DataFile {
    /// Where it is, however it was named.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Nanoseconds from 1970 to its last change.
    pub modified: u128,
}

impl Stored {
    /// The data files whose states these are.
    pub fn files(&self) -> &[DataFile] {
        &self.content.files
    }

    /// How many statistics have a state here.
    pub fn len(&self) -> usize {
        self.content.entries.len()
    }

    /// Why what was stored could not be used and was measured again, if it was damaged.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Whether there is no state.
    pub fn is_empty(&self) -> bool {
        self.content.entries.is_empty()
    }
}

/// The files of a dataset; `None` if it is not of files, or if one is there twice.
fn files_of(dataset: &Dataset) -> Option<Vec<DataFile>> {
    let known = dataset.files().iter().map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        Some(DataFile { path: std::fs::canonicalize(path).ok()?, size: metadata.len(), modified })
    });
    let mut files = known.collect::<Option<Vec<_>>>()?;
    files.sort();
    let twice = files.windows(2).any(|pair| matches!(pair, [one, other] if one.path == other.path));
    (!twice && !files.is_empty()).then_some(files)
}

fn columns_of(dataset: &Dataset) -> BTreeMap<String, String> {
    dataset.schema().iter().map(|(name, data_type)| (name.to_string(), data_type.to_string())).collect()
}
