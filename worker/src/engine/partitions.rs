//! A table's files: rows gathered by partition, one file for each, and further ones where the rows
//! are more than may be kept in memory.

use std::{collections::HashMap, sync::Arc};

use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location,
    layout::{partition_path, table_file},
    table::OutputFile,
};
use polars::prelude::*;

use super::{
    failure,
    files::{Destination, Writing},
    transform::Subject,
};

/// More partitions than this in one run are taken for a mistake in `partition_by`.
const MOST_PARTITIONS: usize = 1_000;

/// Where a table's files go.
#[derive(Clone, Debug)]
pub(super) struct TableTarget {
    /// Where they are written.
    pub staging: Location,
    /// The table's folder below its zone.
    pub root: String,
    /// Columns whose values become folders.
    pub partition_by: Vec<String>,
    /// What writes them.
    pub execution: ExecutionId,
    /// Bytes of rows to keep in memory at most before they are written.
    pub budget: u64,
}

/// A table's files as they are written. Dropped before it is finished, they are removed.
pub(super) struct Partitions {
    target: TableTarget,
    subject: Subject,
    writing: Arc<Writing>,
    groups: Vec<Group>,
    by_key: HashMap<Key, usize>,
    pending: u64,
    files: Vec<OutputFile>,
}

/// The values of a partition's columns.
pub(super) type Key = Vec<Option<String>>;

struct Group {
    key: Key,
    frames: Vec<DataFrame>,
    parts: usize,
}

impl Partitions {
    /// No files yet, of rows with this schema.
    pub(super) fn new(target: TableTarget, schema: &Schema, subject: Subject, writing: Arc<Writing>) -> Result<Partitions, Failure> {
        if let Some(missing) = target.partition_by.iter().find(|column| !schema.contains(column.as_str())) {
            let message = format!("{}: the output has no column \"{missing}\" to partition table {} by", subject.0, target.root);
            let hint = failure::columns_hint(missing, schema.iter_names().map(PlSmallStr::as_str));
            return Err(Failure::new(FailureCode::TransformFailed, message).hint(hint));
        }
        if schema.len() == target.partition_by.len() {
            let message = format!("{}: the output has no columns besides those table {} is partitioned by", subject.0, target.root);
            return Err(Failure::new(FailureCode::TransformFailed, message).hint("select more columns, or partition by fewer"));
        }
        Ok(Partitions { target, subject, writing, groups: Vec::new(), by_key: HashMap::new(), pending: 0, files: Vec::new() })
    }

    /// Adds rows.
    pub(super) fn push(&mut self, frame: DataFrame) -> Result<(), Failure> {
        if frame.height() == 0 {
            return Ok(());
        }
        self.pending = self.pending.saturating_add(frame.estimated_size() as u64);
        if self.target.partition_by.is_empty() {
            self.add(Vec::new(), frame)?;
        } else {
            let parts = self.split(frame).map_err(|error| self.failed(&error))?;
            for (key, frame) in parts {
                self.add(key, frame)?;
            }
        }
        if self.pending > self.target.budget { self.write_pending() } else { Ok(()) }
    }

    fn failed(&self, error: &PolarsError) -> Failure {
        let message = format!(
            "{}: its rows can't be partitioned by {}: {}",
            self.subject.0,
            self.target.partition_by.join(", "),
            failure::clean(error)
        );
        Failure::new(FailureCode::TransformFailed, message).hint("partition by columns of text, numbers, dates or booleans")
    }

    fn split(&self, mut frame: DataFrame) -> PolarsResult<Vec<(Key, DataFrame)>> {
        let names = &self.target.partition_by;
        for name in names {
            let values = as_folder_names(frame.column(name)?)?;
            frame.replace(name, values)?;
        }
        let parts = frame.partition_by_stable(names.iter().map(String::as_str), true)?;
        parts.into_iter().map(|part| Ok((key_of(&part, names)?, part.drop_many(names.iter().map(String::as_str))))).collect()
    }

    fn add(&mut self, key: Key, frame: DataFrame) -> Result<(), Failure> {
        let index = match self.by_key.get(&key) {
            Some(index) => *index,
            None if self.groups.len() == MOST_PARTITIONS => return Err(self.too_many()),
            None => {
                self.by_key.insert(key.clone(), self.groups.len());
                self.groups.push(Group { key, frames: Vec::new(), parts: 0 });
                self.groups.len() - 1
            }
        };
        if let Some(group) = self.groups.get_mut(index) {
            group.frames.push(frame);
        }
        Ok(())
    }

    fn too_many(&self) -> Failure {
        let columns = self.target.partition_by.join(", ");
        let message = format!("{}: more than {MOST_PARTITIONS} partitions of table {} by {columns}", self.subject.0, self.target.root);
        Failure::new(FailureCode::TransformFailed, message)
            .hint("partition by columns with few values, such as a month instead of a time; readers are slow on many small files")
    }

    fn write_pending(&mut self) -> Result<(), Failure> {
        self.pending = 0;
        for index in 0..self.groups.len() {
            let Some(group) = self.groups.get_mut(index).filter(|group| !group.frames.is_empty()) else { continue };
            let (frames, part) = (std::mem::take(&mut group.frames), group.parts);
            group.parts += 1;
            let partition: Vec<(String, Option<String>)> =
                self.target.partition_by.iter().cloned().zip(group.key.iter().cloned()).collect();
            let frame = joined(frames).map_err(|error| self.failed(&error))?;
            let file = self.writing.write_frame(self.destination(partition, part), frame)?;
            self.files.push(file);
        }
        Ok(())
    }

    fn destination(&self, partition: Vec<(String, Option<String>)>, part: usize) -> Destination {
        let name = table_file(&self.target.execution, part);
        let folder = partition_path(&partition);
        let below = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        Destination { location: self.target.staging.join(&below), key: format!("{}/{below}", self.target.root), partition }
    }

    /// Writes what is left; all files, those of a partition one after another.
    pub(super) fn finish(mut self) -> Result<Vec<OutputFile>, Failure> {
        self.write_pending()?;
        Ok(std::mem::take(&mut self.files))
    }
}

impl Drop for Partitions {
    fn drop(&mut self) {
        for file in &self.files {
            // Staging is discarded as a whole when the execution ends; this only tidies up early.
            self.writing.remove(&file.location);
        }
    }
}

/// Values as Hive writes them into folder names; an empty text is no name and means null.
fn as_folder_names(values: &Column) -> PolarsResult<Column> {
    let text = values.cast(&DataType::String)?;
    let text = text.str()?;
    if text.iter().any(|value| value == Some("")) {
        let named: StringChunked = text.iter().map(|value| value.filter(|value| !value.is_empty())).collect();
        return Ok(named.with_name(values.name().clone()).into_column());
    }
    Ok(text.clone().into_column())
}

/// Of each row the values that its partition has.
pub(super) fn keys_of(frame: &DataFrame, names: &[String]) -> PolarsResult<Vec<Key>> {
    let mut keys = vec![Vec::with_capacity(names.len()); frame.height()];
    for name in names {
        let values = as_folder_names(frame.column(name)?)?;
        keys.iter_mut().zip(values.str()?.iter()).for_each(|(key, value)| key.push(value.map(str::to_owned)));
    }
    Ok(keys)
}

fn key_of(part: &DataFrame, names: &[String]) -> PolarsResult<Key> {
    names.iter().map(|name| Ok(part.column(name)?.str()?.get(0).map(str::to_owned))).collect()
}

fn joined(frames: Vec<DataFrame>) -> PolarsResult<DataFrame> {
    let mut frames = frames.into_iter();
    let mut joined = frames.next().unwrap_or_default();
    for frame in frames {
        joined.vstack_mut_owned(frame)?;
    }
    joined.rechunk_mut();
    Ok(joined)
}
