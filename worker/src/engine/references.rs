//! Published tables that SQL reads besides `input`, at the version its execution fixed.
//!
//! A version of a table never changes, so small ones are kept: thousands of small objects joined
//! with the same table read it once.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_model::{Failure, FailureCode, Location, table::TableId};
use polars::prelude::*;

use super::{Engine, ReferenceFile, ReferenceTable, align, failure, remote::Remote, schema::polars_schema, source::local_path, storage};

/// Bytes of files up to which a table is read whole and kept.
const KEPT_TABLE: u64 = 16 << 20;
/// Tables that are kept at most.
const KEPT_TABLES: usize = 8;

/// Tables in memory, the one used last at the end.
#[derive(Default)]
pub(super) struct Kept(Mutex<Vec<(TableId, u64, DataFrame)>>);

impl Kept {
    fn get(&self, table: &TableId, version: u64) -> Option<DataFrame> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(id, at, _)| id == table && *at == version)?;
        let found = kept.remove(index);
        let frame = found.2.clone();
        kept.push(found);
        Some(frame)
    }

    fn put(&self, table: &TableId, version: u64, frame: DataFrame) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_TABLES {
            kept.remove(0);
        }
        kept.push((table.clone(), version, frame));
    }

    /// A table's rows as they were in its version.
    pub(super) fn frame(&self, reference: &ReferenceTable, engine: &Engine) -> Result<LazyFrame, Failure> {
        if let Some(frame) = self.get(&reference.table, reference.version) {
            return Ok(frame.lazy());
        }
        let failed = |error: PolarsError| unreadable(&error, &format!("table {} version {}", reference.table, reference.version));
        let (plan, bytes) = plan(reference, engine)?;
        if bytes > KEPT_TABLE {
            return Ok(plan);
        }
        let frame = plan.collect().map_err(failed)?;
        self.put(&reference.table, reference.version, frame.clone());
        Ok(frame.lazy())
    }
}

/// The table as a plan, and the bytes of its files.
pub(super) fn plan(reference: &ReferenceTable, engine: &Engine) -> Result<(LazyFrame, u64), Failure> {
    let wanted = polars_schema(&reference.schema);
    let mut bytes = 0;
    let mut plans = Vec::with_capacity(reference.files.len());
    for file in &reference.files {
        let (plan, size) = part(file, &reference.table, &wanted, &engine.remote, &engine.options.scratch)?;
        bytes += size;
        plans.push(plan);
    }
    let plan = match plans.len() {
        0 => DataFrame::empty_with_schema(&wanted).lazy(),
        _ => concat(plans, UnionArgs { rechunk: false, ..UnionArgs::default() })
            .map_err(|error| Failure::new(FailureCode::Internal, format!("table {}: {}", reference.table, failure::clean(&error))))?,
    };
    Ok((plan, bytes))
}

/// A file of a table as a plan with the table's columns, and its bytes.
pub(super) fn part(
    file: &ReferenceFile,
    table: &TableId,
    wanted: &Schema,
    remote: &Remote,
    scratch: &Path,
) -> Result<(LazyFrame, u64), Failure> {
    let (opened, size) = open(&file.location, table, remote, scratch)?;
    let of_file = |error: PolarsError| unreadable(&error, &format!("table {table}: {}", file.location));
    let plan = file_plan(opened, &file.partition, wanted).map_err(of_file)?;
    Ok((plan, size))
}

/// What of a published table can't be read: the system may get better, a file that is damaged will not.
fn unreadable(error: &PolarsError, what: &str) -> Failure {
    if let Some(error) = failure::io_of(error) {
        return failure::of_io(error, "reading", what);
    }
    Failure::new(FailureCode::DamagedData, format!("{what} can't be read: {}", failure::clean(error)))
        .hint("write the table's file again, or take it out of the table")
}

fn open(location: &Location, table: &TableId, remote: &Remote, scratch: &Path) -> Result<(File, u64), Failure> {
    let failed = |error: io::Error| failure::of_io(&error, &format!("table {table}: reading"), location.as_str());
    let file = if location.s3().is_some() {
        // The scratch file has no name any more and is there as long as it is open.
        remote.fetch(location, location.as_str(), None, scratch).map_err(|failure| of_table(failure, table))?.1
    } else {
        File::open(local_path(location)?).map_err(failed)?
    };
    let size = file.metadata().map_err(failed)?.len();
    Ok((file, size))
}

/// A file that is gone is the table's trouble, as it is on a disk, and no object's.
fn of_table(failure: Failure, table: &TableId) -> Failure {
    match failure.code {
        FailureCode::ObjectGone => Failure::new(FailureCode::LakeIo, format!("table {table}: reading: {}", failure.message)),
        _ => failure,
    }
}

/// A file of a table as a plan with the table's columns.
fn file_plan(file: File, partition: &[(String, Option<String>)], wanted: &Schema) -> PolarsResult<LazyFrame> {
    let mut plan = storage::scan(Arc::from([file]))?;
    let mut found = Schema::clone(&*plan.collect_schema()?);
    let values: Vec<Expr> = partition.iter().map(|(column, value)| partition_value(column, value.as_deref())).collect();
    found.extend(partition.iter().map(|(column, _)| Field::new(column.as_str().into(), DataType::String)));
    Ok(align::plan(plan.with_columns(values), &found, wanted))
}

fn partition_value(column: &str, value: Option<&str>) -> Expr {
    match value {
        Some(value) => lit(value),
        None => lit(NULL).cast(DataType::String),
    }
    .alias(column)
}
