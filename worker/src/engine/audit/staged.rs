//! What was staged, as the data that rules are about.

use std::fs::File;

use lakegate_model::{Failure, machine::execution::TaskOutput, pipeline::Quality, table::TableId};
use lakegate_quality::data::{DataError, Dataset, Format};

use super::{
    super::{Engine, ReferenceFile, ReferenceTable, references, scratch::ScratchFile, source::local_path},
    judge::unread,
};

/// Staged files as a dataset.
pub(super) struct Staged {
    /// Their rows: file by file, each in its order.
    pub(super) dataset: Dataset,
    /// Where the files themselves are, for rules about files.
    pub(super) locations: Vec<String>,
    /// Copies that are there as long as they are read.
    _kept: Vec<ScratchFile>,
}

impl Staged {
    /// Opens what a task has written. Files that need nothing done to them are read where they lie, so that
    /// what their footers say is not read at all. A table's partition columns are put back.
    pub(super) fn open(engine: &Engine, output: &TaskOutput, quality: &Quality) -> Result<Staged, Failure> {
        let locations = output.files.iter().map(|file| file.location.as_str().to_owned()).collect();
        let is_plain = output.files.iter().all(|file| file.partition.is_empty())
            && !output.output_schema.columns.iter().any(|column| column.data_type == lakegate_model::table::DataType::Null);
        if is_plain && !output.files.is_empty() {
            return Staged::in_place(engine, output, locations, &quality.rules.file);
        }
        let unreadable = |error: DataError| unread(&quality.rules.file, &error);
        let table = ReferenceTable {
            alias: "primary".to_owned(),
            table: TableId::new("staged", &quality.rules.file),
            version: 0,
            schema: output.output_schema.clone(),
            files: output.files.iter().map(ReferenceFile::from).collect(),
        };
        let (plan, bytes) = references::plan(&table, engine)?;
        let dataset = if bytes > engine.stream_above {
            Dataset::of_lazy(plan).map_err(unreadable)?
        } else {
            Dataset::of_frame(plan.collect().map_err(|error| unreadable(DataError::from(error)))?)
        };
        Ok(Staged { dataset, locations, _kept: Vec::new() })
    }

    fn in_place(engine: &Engine, output: &TaskOutput, locations: Vec<String>, rules: &str) -> Result<Staged, Failure> {
        let (mut kept, mut paths) = (Vec::new(), Vec::new());
        for file in &output.files {
            if file.location.s3().is_some() {
                let (scratch, _): (ScratchFile, File) =
                    engine.remote.fetch(&file.location, file.location.as_str(), None, &engine.options.scratch)?;
                paths.push(scratch.path().to_path_buf());
                kept.push(scratch);
            } else {
                paths.push(local_path(&file.location)?.into());
            }
        }
        let dataset = Dataset::of_files(&paths, Some(Format::Parquet)).map_err(|error| unread(rules, &error))?;
        Ok(Staged { dataset, locations, _kept: kept })
    }
}
