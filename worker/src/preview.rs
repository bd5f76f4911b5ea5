//! The first rows of a published table, or of a file of rows that were set aside, for people.

use std::{fs::File, io::Cursor, path::PathBuf};

use lakegate_model::{Failure, FailureCode, Location, table::Schema};
use polars::prelude::*;
use serde_json::Value;

use crate::engine::{Remote, ScratchFile, clean, local_path};

/// A file of a table, and its partition's columns and values; `None` is null.
pub type PartitionedFile = (Location, Vec<(String, Option<String>)>);

/// Rows of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// The columns' names, as the table has them.
    pub columns: Vec<String>,
    /// Values by row: numbers, booleans and lists as such, null as null, everything else as text.
    pub rows: Vec<Vec<Value>>,
}

/// The first `rows` rows of a table with these files and columns. Opens only as many files as it
/// needs. Partition columns are filled in.
pub fn preview(files: &[PartitionedFile], schema: &Schema, rows: usize) -> Result<Preview, Failure> {
    let remote = Remote::default();
    let mut preview = Preview { columns: schema.columns.iter().map(|column| column.name.clone()).collect(), rows: Vec::new() };
    for (location, partition) in files {
        let wanted = rows.saturating_sub(preview.rows.len());
        if wanted == 0 {
            break;
        }
        let frame = first_rows(&remote, location, wanted)?;
        preview.rows.extend((0..frame.height()).map(|row| row_of(&frame, row, &preview.columns, partition)));
    }
    Ok(preview)
}

/// The first `rows` rows of one Parquet file, with the columns that it has.
pub fn preview_file(location: &Location, rows: usize) -> Result<Preview, Failure> {
    let frame = first_rows(&Remote::default(), location, rows)?;
    let columns: Vec<String> = frame.get_column_names().into_iter().map(ToString::to_string).collect();
    let rows = (0..frame.height()).map(|row| row_of(&frame, row, &columns, &[])).collect();
    Ok(Preview { columns, rows })
}

/// Files of the lake as paths on this machine; objects of S3 are copied, and there as long as this is.
pub struct Copies {
    /// The paths, in the order of the files.
    pub paths: Vec<PathBuf>,
    _kept: Vec<ScratchFile>,
}

/// Files of the lake as paths on this machine.
pub fn copies(locations: &[Location]) -> Result<Copies, Failure> {
    let (remote, mut paths, mut kept) = (Remote::default(), Vec::with_capacity(locations.len()), Vec::new());
    for location in locations {
        if location.s3().is_some() {
            let (scratch, _) = remote.fetch(location, location.as_str(), None, &std::env::temp_dir())?;
            paths.push(scratch.path().to_path_buf());
            kept.push(scratch);
        } else {
            paths.push(local_path(location)?.into());
        }
    }
    Ok(Copies { paths, _kept: kept })
}

fn first_rows(remote: &Remote, location: &Location, rows: usize) -> Result<DataFrame, Failure> {
    let read = if location.s3().is_some() {
        let bytes = remote.read(location, location.as_str(), None)?;
        ParquetReader::new(Cursor::new(bytes)).with_slice(Some((0, rows))).finish()
    } else {
        let opened = File::open(local_path(location)?).map_err(PolarsError::from);
        opened.and_then(|file| ParquetReader::new(file).with_slice(Some((0, rows))).finish())
    };
    read.map_err(|error| Failure::new(FailureCode::LakeIo, format!("reading {location}: {}", clean(&error))))
}

fn row_of(frame: &DataFrame, row: usize, columns: &[String], partition: &[(String, Option<String>)]) -> Vec<Value> {
    let value = |name: &String| match partition.iter().find(|(column, _)| column == name) {
        Some((_, value)) => value.clone().map_or(Value::Null, Value::String),
        None => frame.column(name).and_then(|column| column.get(row).map(|value| to_json(&value))).unwrap_or(Value::Null),
    };
    columns.iter().map(value).collect()
}

fn to_json(value: &AnyValue) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => Value::from(*value),
        AnyValue::String(text) => Value::from(*text),
        AnyValue::StringOwned(text) => Value::from(text.as_str()),
        AnyValue::Int8(value) => Value::from(*value),
        AnyValue::Int16(value) => Value::from(*value),
        AnyValue::Int32(value) => Value::from(*value),
        AnyValue::Int64(value) => Value::from(*value),
        AnyValue::UInt8(value) => Value::from(*value),
        AnyValue::UInt16(value) => Value::from(*value),
        AnyValue::UInt32(value) => Value::from(*value),
        AnyValue::UInt64(value) => Value::from(*value),
        AnyValue::Float32(value) => Value::from(*value),
        AnyValue::Float64(value) => Value::from(*value),
        AnyValue::List(values) => values.iter().map(|value| to_json(&value)).collect(),
        other => Value::from(other.to_string()),
    }
}
