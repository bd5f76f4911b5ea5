//! One table's folder: reading its versions and adding one.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use lakegate_coordinator::ports::{Result, TableChange};
use lakegate_model::{
    ExecutionId, Failure, FailureCode, drift,
    table::{Schema, TableId, TableVersion},
};

use super::record::{FORMAT, VersionRecord};
use crate::files::{create_dirs, io_failure, sync_dir, write_beside};

/// Files that may come before a table is listed whole again, however small it is.
const FEW: usize = 64;

/// A table as of one version, and what publishing needs to know besides.
#[derive(Clone, Debug)]
pub(super) struct TableState {
    pub(super) table: TableVersion,
    /// The version that listed every file.
    whole_at: u64,
    /// How many files that was, and how many changes came since.
    whole_files: usize,
    changes_since: usize,
    executions: HashSet<ExecutionId>,
    without_files: Vec<ExecutionId>,
}

/// A table's folder and the newest version seen in it.
pub(super) struct TableFolder {
    id: TableId,
    path: PathBuf,
    newest: Option<TableState>,
}

impl TableFolder {
    pub(super) fn new(id: TableId, path: PathBuf) -> TableFolder {
        TableFolder { id, path, newest: None }
    }

    /// The newest version, others' publishes included.
    pub(super) fn newest(&mut self) -> Result<Option<&TableState>> {
        if self.newest.is_none()
            && let Some(version) = self.newest_version()?
        {
            self.newest = self.load(version)?;
        }
        while let Some(state) = &mut self.newest
            && let Some(record) = read(&self.path, state.table.version + 1)?
        {
            state.take(record);
        }
        Ok(self.newest.as_ref())
    }

    /// One version; `None` if there is none such.
    pub(super) fn at(&self, version: u64) -> Result<Option<TableVersion>> {
        if let Some(state) = &self.newest
            && state.table.version == version
        {
            return Ok(Some(state.table.clone()));
        }
        Ok(self.load(version)?.map(|state| state.table))
    }

    /// Adds an execution's files. If another process adds a version at the same time, one of the
    /// two is first and the other tries again on top of it.
    pub(super) fn publish(&mut self, change: &TableChange) -> Result<TableVersion> {
        create_dirs(&self.path).map_err(|error| self.failed("make", &error))?;
        loop {
            let current = self.newest()?;
            if let Some(state) = current {
                if state.executions.contains(&change.execution) {
                    return Ok(state.table.clone());
                }
                refuse_other(&state.table, change)?;
            }
            let record = next_record(current, change);
            if !self.add(&record)? {
                continue;
            }
            match &mut self.newest {
                Some(state) => state.take(record),
                None => self.newest = Some(TableState::of(record)),
            }
            if let Some(state) = &self.newest {
                return Ok(state.table.clone());
            }
        }
    }

    /// Makes the version's file; false if there is one of that version already.
    fn add(&self, record: &VersionRecord) -> Result<bool> {
        let target = self.path.join(file_name(record.version));
        let text = serde_json::to_vec_pretty(record).map_err(|error| {
            Failure::new(FailureCode::Internal, format!("version {} of table {} can't be written down: {error}", record.version, self.id))
        })?;
        let beside = write_beside(&target, &text).map_err(|error| self.failed("write to", &error))?;
        let linked = fs::hard_link(&beside, &target);
        // Left behind, it is a hidden file that nobody reads.
        let _ = fs::remove_file(&beside);
        match linked {
            Ok(()) => sync_dir(&self.path).map_err(|error| self.failed("flush", &error)).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.failed("write to", &error)),
        }
    }

    /// The table as of a version: the last whole one before, and what came since.
    fn load(&self, version: u64) -> Result<Option<TableState>> {
        let Some(record) = read(&self.path, version)? else { return Ok(None) };
        let Some(since) = record.since else { return Ok(Some(TableState::of(record))) };
        let mut state = TableState::of(self.expect(since)?);
        for between in since + 1..version {
            state.take(self.expect(between)?);
        }
        state.take(record);
        Ok(Some(state))
    }

    fn expect(&self, version: u64) -> Result<VersionRecord> {
        read(&self.path, version)?.ok_or_else(|| {
            let missing = self.path.join(file_name(version));
            Failure::new(FailureCode::Catalog, format!("table {} is damaged: {} is missing", self.id, missing.display()))
                .hint("put it back from a backup; versions are never deleted by lakegate")
        })
    }

    fn newest_version(&self) -> Result<Option<u64>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("list", &error)),
        };
        let mut newest = None;
        for entry in entries {
            let name = entry.map_err(|error| self.failed("list", &error))?.file_name();
            newest = newest.max(name.to_str().and_then(version_of));
        }
        Ok(newest)
    }

    fn failed(&self, what: &str, error: &io::Error) -> Failure {
        io_failure(FailureCode::Catalog, &format!("{what} the folder of table {},", self.id), &self.path, error)
    }
}

impl TableState {
    fn of(record: VersionRecord) -> TableState {
        let executions = record.files.iter().map(|file| &file.execution).chain(&record.without_files).chain([&record.execution]);
        TableState {
            whole_at: record.version,
            whole_files: record.files.len(),
            changes_since: 0,
            executions: executions.cloned().collect(),
            without_files: record.without_files.clone(),
            table: record.into_table(),
        }
    }

    /// Goes on to the next version.
    fn take(&mut self, record: VersionRecord) {
        if record.since.is_none() {
            *self = TableState::of(record);
            return;
        }
        if record.files.is_empty() {
            self.without_files.push(record.execution.clone());
        }
        self.executions.insert(record.execution);
        self.changes_since += record.files.len().max(1);
        let table = &mut self.table;
        table.version = record.version;
        table.schema = record.schema;
        table.at = record.at;
        table.files.extend(record.files);
    }
}

fn next_record(current: Option<&TableState>, change: &TableChange) -> VersionRecord {
    let schema = current.map_or_else(|| change.schema.clone(), |state| drift::merge(&state.table.schema, &change.schema));
    let mut record = VersionRecord {
        format: FORMAT,
        id: change.id.clone(),
        version: current.map_or(1, |state| state.table.version + 1),
        at: change.at,
        execution: change.execution.clone(),
        location: change.location.clone(),
        schema: partitions_last(schema, &change.partition_by),
        partition_by: change.partition_by.clone(),
        since: None,
        files: change.files.clone(),
        without_files: Vec::new(),
    };
    let Some(state) = current else {
        record.without_files.extend(change.files.is_empty().then(|| change.execution.clone()));
        return record;
    };
    if state.changes_since + change.files.len().max(1) <= FEW.max(state.whole_files / 4) {
        record.since = Some(state.whole_at);
    } else {
        record.files = state.table.files.iter().chain(&change.files).cloned().collect();
        record.without_files.clone_from(&state.without_files);
        record.without_files.extend(change.files.is_empty().then(|| change.execution.clone()));
    }
    record
}

fn partitions_last(schema: Schema, partition_by: &[String]) -> Schema {
    let (mut last, mut columns): (Vec<_>, Vec<_>) = schema.columns.into_iter().partition(|column| partition_by.contains(&column.name));
    last.sort_by_key(|column| partition_by.iter().position(|name| *name == column.name));
    columns.append(&mut last);
    Schema { columns }
}

fn refuse_other(table: &TableVersion, change: &TableChange) -> Result<()> {
    let refused = |message: String| {
        Err(Failure::new(FailureCode::Conflict, message).hint("publish to a table of another name, or change the pipeline back"))
    };
    if table.partition_by != change.partition_by {
        let [has, wanted] = [&table.partition_by, &change.partition_by].map(|columns| columns.join(", "));
        return refused(format!("table {} is partitioned by [{has}], not by [{wanted}]", table.id));
    }
    if table.location != change.location {
        return refused(format!("table {} lies at {}, not at {}", table.id, table.location, change.location));
    }
    Ok(())
}

fn file_name(version: u64) -> String {
    format!("v{version:08}.json")
}

fn version_of(file_name: &str) -> Option<u64> {
    file_name.strip_prefix('v')?.strip_suffix(".json")?.parse().ok()
}

fn read(folder: &Path, version: u64) -> Result<Option<VersionRecord>> {
    let path = folder.join(file_name(version));
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_failure(FailureCode::Catalog, "read", &path, &error)),
    };
    let unreadable = |why: String| Failure::new(FailureCode::Catalog, format!("{} can't be read: {why}", path.display()));
    let format = serde_json::from_slice::<serde_json::Value>(&text).map_err(|error| unreadable(error.to_string()))?;
    if format.get("format").and_then(serde_json::Value::as_u64).is_some_and(|format| format > u64::from(FORMAT)) {
        return Err(unreadable("a newer lakegate has written it".to_owned()).hint("use that one"));
    }
    let record = serde_json::from_value(format).map_err(|error| unreadable(error.to_string()).hint("put it back from a backup"))?;
    Ok(Some(record))
}
