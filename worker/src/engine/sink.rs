//! Where the rows of a plan go: one file, or a table's files.

use std::sync::Arc;

use lakegate_model::{
    Failure, FailureCode,
    table::{OutputFile, Schema as ModelSchema},
};
use polars::prelude::*;

use super::{
    Engine, Target,
    files::{Destination, GrowingFile},
    partitions::{Partitions, TableTarget},
    schema::{model_schema, stored},
    transform::Subject,
};

/// Where the rows of a plan go.
pub(super) struct Sink {
    to: SinkFiles,
    rows: u64,
}

enum SinkFiles {
    File(Box<GrowingFile>),
    Table(Box<Partitions>),
}

impl Sink {
    /// The files that this target asks for, for rows with this schema.
    pub(super) fn open(engine: &Engine, target: &Target, schema: &Schema, subject: &Subject) -> Result<Sink, Failure> {
        let to = match target {
            Target::File { location, key } => {
                let destination = Destination { location: location.clone(), key: key.clone(), partition: Vec::new() };
                SinkFiles::File(Box::new(GrowingFile::create(destination, schema, &engine.writing)?))
            }
            target @ Target::Table { .. } => SinkFiles::Table(Box::new(Partitions::new(
                table_target(engine, target)?,
                schema,
                subject.clone(),
                Arc::clone(&engine.writing),
            )?)),
        };
        Ok(Sink { to, rows: 0 })
    }

    /// Adds rows.
    pub(super) fn push(&mut self, frame: DataFrame) -> Result<(), Failure> {
        self.rows += frame.height() as u64;
        match &mut self.to {
            SinkFiles::File(file) => file.push(frame),
            SinkFiles::Table(partitions) => partitions.push(frame),
        }
    }

    /// Makes the files durable; them and how many rows they have.
    pub(super) fn finish(self) -> Result<(Vec<OutputFile>, u64), Failure> {
        let files = match self.to {
            SinkFiles::File(file) => vec![file.commit()?],
            SinkFiles::Table(partitions) => partitions.finish()?,
        };
        Ok((files, self.rows))
    }
}

/// The schema of what is written: what a type is stored as, columns without a type told as such.
pub(super) fn output_schema(schema: &Schema) -> ModelSchema {
    let stored = schema.iter().map(|(name, data_type)| {
        let data_type = if *data_type == DataType::Null { DataType::Null } else { stored(data_type) };
        Field::new(name.clone(), data_type)
    });
    model_schema(&stored.collect())
}

/// Where a table's files go.
pub(super) fn table_target(engine: &Engine, target: &Target) -> Result<TableTarget, Failure> {
    let Target::Table { staging, root, partition_by, execution } = target else {
        return Err(Failure::new(FailureCode::Internal, "a file is no table"));
    };
    Ok(TableTarget {
        staging: staging.clone(),
        root: root.clone(),
        partition_by: partition_by.clone(),
        execution: execution.clone(),
        budget: engine.options.slot_memory / 4,
    })
}
