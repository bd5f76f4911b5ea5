//! Rules about the whole table that a stage publishes to, as it would be with what the execution wrote.
//!
//! What is published is not read again. Beside each file of the table lie its states, from which its
//! statistics are put together with those of all others; and the states that many files have together are
//! kept too, so that an audit reads the states of the newest files only. Whatever of it is not there, or not
//! readable, or not of these rules, is measured again: states are never more than a short cut.
//!
//! States of what was just written are staged with it and come to the table with it, so those of an attempt
//! that lost are never the table's.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_model::{
    Failure, FailureCode, Location, drift, layout,
    machine::execution::TaskOutput,
    table::{DataType, OutputFile, TableId},
};
use lakegate_quality::{
    data::{DataError, Dataset, Open, Part},
    stats::{DataFile, StoreError, Stored},
};
use polars::prelude::{LazyFrame, Schema};
use tracing::warn;

use super::{
    super::{
        Assignment, Engine, Published, ReferenceFile, Target, failure, references, remote::Remote, schema::polars_schema,
        scratch::ScratchFile, source::local_path,
    },
    judge::{Judge, unread},
};

/// Files whose states are read one by one; if there are more, what they have together is written down.
const FEW: usize = 16;

/// Audits the table with what was written.
pub(super) fn run(engine: &Engine, assignment: &Assignment, judge: Judge<'_>, output: TaskOutput) -> Result<TaskOutput, Failure> {
    let table = Table::new(engine, assignment, &output)?;
    let (states, summed) = table.load_states()?;
    let states = Arc::new(Mutex::new(states));
    let judge = judge.with_states(Arc::clone(&states));
    if !table.before.is_empty() {
        // Apart from what is added: that is not the table's yet, and may never be.
        judge.measure(&table.dataset(false)?);
        table.keep_sums(&mut states.lock().unwrap_or_else(PoisonError::into_inner), summed);
    }
    let judged = judge.judge(&table.dataset(true)?, &table.locations())?;
    table.keep_states(&states.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(TaskOutput { audit: Some(Box::new(judged.audit)), states: true, ..output })
}

/// The table before and after.
struct Table<'e> {
    engine: &'e Engine,
    published: &'e Published,
    table: TableId,
    /// The key of the table's folder below its zone.
    root: &'e str,
    /// The columns of both.
    schema: Schema,
    /// What it holds already.
    before: Vec<ReferenceFile>,
    /// What the execution adds: each file's name in the table, and where it is staged.
    added: Vec<(DataFile, &'e OutputFile)>,
    /// Whether what is added can be read as it is.
    is_plain: bool,
}

impl<'e> Table<'e> {
    fn new(engine: &'e Engine, assignment: &'e Assignment, output: &'e TaskOutput) -> Result<Table<'e>, Failure> {
        let missing = |what: &str| Failure::new(FailureCode::Internal, format!("rules about a whole table without {what}"));
        let published = assignment.published.as_deref().ok_or_else(|| missing("the table"))?;
        let Target::Table { root, .. } = &assignment.target else { return Err(missing("a folder of it")) };
        let known = published.table.as_ref();
        let schema = match known {
            Some(table) => drift::merge(&table.schema, &output.output_schema),
            None => output.output_schema.clone(),
        };
        let added: Vec<(DataFile, &OutputFile)> =
            output.files.iter().map(|file| (data_file(&published.zone.join(&file.key), file.bytes), file)).collect();
        let names: BTreeSet<&Path> = added.iter().map(|(file, _)| file.path.as_path()).collect();
        let others = |file: &&ReferenceFile| !names.contains(Path::new(file.location.as_str()));
        let before = known.into_iter().flat_map(|table| &table.files).filter(others).cloned().collect();
        let is_plain = output.files.iter().all(|file| file.partition.is_empty() && file.location.s3().is_none())
            && !output.output_schema.columns.iter().any(|column| column.data_type == DataType::Null);
        let table = known.map_or_else(|| TableId::new("staged", root), |known| known.table.clone());
        Ok(Table { engine, published, table, root, schema: polars_schema(&schema), before, added, is_plain })
    }

    /// Where the files of both lie.
    fn locations(&self) -> Vec<String> {
        let before = self.before.iter().map(|file| file.location.as_str());
        before.chain(self.added.iter().map(|(_, file)| file.location.as_str())).map(str::to_owned).collect()
    }

    /// The table as it was, or as it would be. No file is opened before its rows are wanted.
    fn dataset(&self, with_added: bool) -> Result<Dataset, Failure> {
        let mut parts: Vec<Part> = self.before.iter().map(|file| self.later(file.location.as_str(), file.bytes, file.clone())).collect();
        for (name, file) in self.added.iter().filter(|_| with_added) {
            let name = name.path.to_string_lossy();
            parts.push(match self.is_plain {
                true => Part::File { path: local_path(&file.location)?.into(), name: name.into_owned(), size: file.bytes },
                false => self.later(&name, file.bytes, ReferenceFile::from(*file)),
            });
        }
        Dataset::of_parts(self.schema.clone(), parts).map_err(|error| unread(&format!("table {}", self.table), &error))
    }

    fn later(&self, name: &str, size: u64, file: ReferenceFile) -> Part {
        let (remote, scratch) = (Arc::clone(&self.engine.remote), self.engine.options.scratch.clone());
        let opened = FileOfTable { table: self.table.clone(), file, schema: self.schema.clone(), remote, scratch };
        Part::Later { name: name.to_owned(), size, open: Arc::new(opened) }
    }

    /// What is known of the table's files, as far as it can be read, and of how many of them together.
    fn load_states(&self) -> Result<(Stored, usize), Failure> {
        let before: BTreeSet<DataFile> = self.before.iter().map(|file| data_file(&file.location, file.bytes)).collect();
        let mut states = self.load(&self.sums())?.unwrap_or_default();
        if !states.covered().is_subset(&before) {
            // Of another table of this name, or of files that somebody has taken out.
            states = Stored::default();
        }
        let covered = states.covered();
        for file in self.before.iter().filter(|file| !covered.contains(&data_file(&file.location, file.bytes))) {
            let Some(key) = file.location.below(&self.published.zone) else { continue };
            if let Some(found) = self.load(&self.published.zone.join(&layout::states(key)))? {
                states.take_in(found);
            }
        }
        Ok((states, covered.len()))
    }

    fn sums(&self) -> Location {
        self.published.zone.join(&layout::states_of_table(self.root))
    }

    /// Writes down what the files that are published have together, if it is worth it.
    fn keep_sums(&self, states: &mut Stored, summed: usize) {
        if !states.measured().is_empty() || self.before.len() >= summed + FEW {
            self.keep_if_possible(&self.sums(), |path| states.save_sums(path));
        }
    }

    /// Writes the states of each added file beside it.
    fn keep_states(&self, states: &Stored) {
        for (name, file) in &self.added {
            let mut part = states.part(name).unwrap_or_default();
            self.keep_if_possible(&layout::staged_states(&file.location), |path| part.save(path));
        }
    }

    /// Without them the next audit takes longer, and that is all.
    fn keep_if_possible(&self, at: &Location, save: impl FnOnce(&Path) -> Result<(), StoreError>) {
        if let Err(failure) = self.keep(at, save) {
            warn!(%at, %failure, "states could not be kept: the next audit of table {} measures again", self.table);
        }
    }

    /// The states that lie here; `None` if there are none that are of use.
    fn load(&self, at: &Location) -> Result<Option<Stored>, Failure> {
        let found = if at.s3().is_some() {
            match self.engine.remote.fetch(at, at.as_str(), None, &self.engine.options.scratch) {
                // An open file is there without its name.
                Ok((kept, _)) => Stored::load(kept.path()),
                Err(failure) if failure.code == FailureCode::ObjectGone => return Ok(None),
                Err(useless) if useless.code == FailureCode::PermissionDenied => {
                    warn!(%at, %useless, "files are measured again, each time until the states may be read");
                    return Ok(None);
                }
                Err(failure) => return Err(failure),
            }
        } else {
            Stored::load(Path::new(local_path(at)?))
        };
        match found {
            Ok(found) => Ok(Some(found)),
            // To try once more may help, and costs less than to read the table.
            Err(StoreError::Io { source, .. }) if !is_lasting(&source) => Err(failure::of_io(&source, "reading", at.as_str())),
            Err(useless) => {
                warn!(%at, %useless, "files are measured again");
                Ok(None)
            }
        }
    }

    /// Puts states here. Whoever reads meanwhile finds those of before or these.
    fn keep(&self, at: &Location, save: impl FnOnce(&Path) -> Result<(), StoreError>) -> Result<(), Failure> {
        let saved = |error: StoreError| match error {
            StoreError::Io { source, .. } => failure::of_io(&source, "writing", at.as_str()),
            other => Failure::new(FailureCode::LakeIo, format!("writing {at}: {other}")),
        };
        if at.s3().is_none() {
            let path = Path::new(local_path(at)?);
            let folder = path.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(folder).map_err(|error| failure::of_io(&error, "creating", &folder.to_string_lossy()))?;
            return save(path).map_err(saved);
        }
        let (kept, _) = ScratchFile::create(&self.engine.options.scratch)?;
        save(kept.path()).map_err(saved)?;
        let read = |error: std::io::Error| failure::of_io(&error, "reading", &kept.path().to_string_lossy());
        let mut file = File::open(kept.path()).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        self.engine.remote.upload(at, &mut file, size).map(drop)
    }
}

/// Whether whoever tries again is told the same.
fn is_lasting(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::NotADirectory | std::io::ErrorKind::IsADirectory)
}

/// A file's name among the states.
fn data_file(location: &Location, bytes: u64) -> DataFile {
    DataFile { path: location.as_str().into(), size: bytes, modified: 0 }
}

/// A file of the table, where it lies.
struct FileOfTable {
    table: TableId,
    file: ReferenceFile,
    schema: Schema,
    remote: Arc<Remote>,
    scratch: PathBuf,
}

impl Open for FileOfTable {
    fn open(&self) -> Result<LazyFrame, DataError> {
        let opened = references::part(&self.file, &self.table, &self.schema, &self.remote, &self.scratch);
        opened.map(|(plan, _)| plan).map_err(|failure| data_error(self.file.location.as_str(), failure))
    }
}

/// A failure as what it says of the file: whoever may not read it is not to wait for it, and a damaged one stays so.
fn data_error(location: &str, failure: Failure) -> DataError {
    use std::io::{Error, ErrorKind};
    let path = PathBuf::from(location);
    match failure.code {
        FailureCode::DamagedData => {
            DataError::Unreadable { path, why: failure.message, hint: "write the table's file again, or take it out of the table" }
        }
        FailureCode::PermissionDenied => DataError::Open { path, source: Error::new(ErrorKind::PermissionDenied, failure.message) },
        _ => DataError::Open { path, source: Error::other(failure.message) },
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_damaged_file_of_the_table_stays_so_and_an_outage_passes() {
        let of = |code| data_error("s3://lake/t/a.parquet", Failure::new(code, "table t: it can't be read"));
        assert!(of(FailureCode::DamagedData).io().is_none() && of(FailureCode::DamagedData).is_unread());
        let kind = |code| of(code).io().map(std::io::Error::kind);
        assert_eq!(kind(FailureCode::PermissionDenied), Some(ErrorKind::PermissionDenied));
        assert_eq!(kind(FailureCode::LakeIo), Some(ErrorKind::Other));
    }
}
