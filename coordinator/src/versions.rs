//! How a table's versions are recorded and follow one another, for table catalogs that keep such
//! records themselves. Where the records lie and how one is added is the adapter's.
//!
//! A record is whole and lists every file, or lists only those that came with it and names the
//! last whole one. A version is recorded whole again whenever what came since has grown to a fair
//! part of it, so that a publish costs what it adds and a table is read from few records.

use std::collections::HashSet;

use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location, Timestamp, drift,
    table::{Schema, TableFile, TableId, TableVersion},
};
use serde::{Deserialize, Serialize};

use crate::ports::{Result, TableChange};

/// The newest form of a record that this code reads and the one it writes.
const FORMAT: u32 = 1;
/// Files that may come before a table is listed whole again, however small it is.
const FEW: usize = 64;
/// Versions that may come before a table is listed whole again, however large it is.
const FAR: u64 = 256;

/// A version of a table as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// The form of this record.
    format: u32,
    /// Which table.
    #[serde(flatten)]
    pub id: TableId,
    /// Counted from 1.
    pub version: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub execution: ExecutionId,
    /// Where the table's files lie.
    pub location: Location,
    /// As of this version, the partition columns last.
    pub schema: Schema,
    /// Columns whose values are folders, outermost first.
    pub partition_by: Vec<String>,
    /// The version that lists every file up to its own; absent if this one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Every file, or those that came with this version.
    pub files: Vec<TableFile>,
    /// In a whole record: the executions that are in the table without a file of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    without_files: Vec<ExecutionId>,
}

impl VersionRecord {
    /// The record of the version that a change makes of a table.
    ///
    /// # Errors
    /// `Conflict` if the table has other partition columns or lies elsewhere; `Overtaken` if it is not at the
    /// version that the change is to come after.
    pub fn next(current: Option<&TableState>, change: &TableChange) -> Result<VersionRecord> {
        refuse_overtaken(current, change)?;
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
            return Ok(record);
        };
        refuse_other(&state.table, change)?;
        let is_small = state.changes_since + change.files.len().max(1) <= FEW.max(state.whole_files / 4);
        if is_small && record.version - state.whole_at <= FAR {
            record.since = Some(state.whole_at);
        } else {
            record.files = state.table.files.iter().chain(&change.files).cloned().collect();
            record.without_files.clone_from(&state.without_files);
            record.without_files.extend(change.files.is_empty().then(|| change.execution.clone()));
        }
        Ok(record)
    }

    /// The name of a version's record among its table's: `v00000001.json`.
    pub fn file_name(version: u64) -> String {
        format!("v{version:08}.json")
    }

    /// The version whose record has this name.
    pub fn version_of(file_name: &str) -> Option<u64> {
        file_name.strip_prefix('v')?.strip_suffix(".json")?.parse().ok()
    }

    /// The record as JSON.
    ///
    /// # Errors
    /// `Internal`: there is no such record.
    pub fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|error| {
            Failure::new(FailureCode::Internal, format!("version {} of table {} can't be written down: {error}", self.version, self.id))
        })
    }

    /// Reads a record; `place` says in messages where it lies.
    ///
    /// # Errors
    /// `Catalog` if it is damaged or of a newer form.
    pub fn decode(text: &[u8], place: &str) -> Result<VersionRecord> {
        let unreadable = |why: String| Failure::new(FailureCode::Catalog, format!("{place} can't be read: {why}"));
        let value = serde_json::from_slice::<serde_json::Value>(text).map_err(|error| unreadable(error.to_string()))?;
        if value.get("format").and_then(serde_json::Value::as_u64).is_some_and(|format| format > u64::from(FORMAT)) {
            return Err(unreadable("a newer lakegate has written it".to_owned()).hint("use that one"));
        }
        serde_json::from_value(value).map_err(|error| unreadable(error.to_string()).hint("put it back from a backup"))
    }

    /// What to say when a record that must be there is not.
    pub fn missing(id: &TableId, place: &str) -> Failure {
        Failure::new(FailureCode::Catalog, format!("table {id} is damaged: {place} is missing"))
            .hint("put it back from a backup; versions are never deleted by lakegate")
    }

    fn into_table(self) -> TableVersion {
        TableVersion {
            id: self.id,
            version: self.version,
            location: self.location,
            schema: self.schema,
            partition_by: self.partition_by,
            files: self.files,
            at: self.at,
        }
    }
}

/// A table as of one version, and what adding the next one needs to know besides.
#[derive(Clone, Debug)]
pub struct TableState {
    /// The table.
    pub table: TableVersion,
    /// Who made this version.
    pub execution: ExecutionId,
    /// The version that listed every file.
    whole_at: u64,
    /// How many files that was, and how many changes came since.
    whole_files: usize,
    changes_since: usize,
    executions: HashSet<ExecutionId>,
    without_files: Vec<ExecutionId>,
}

impl TableState {
    /// The table as of a version whose record is whole.
    pub fn of(record: VersionRecord) -> TableState {
        let executions = record.files.iter().map(|file| &file.execution).chain(&record.without_files).chain([&record.execution]);
        TableState {
            execution: record.execution.clone(),
            whole_at: record.version,
            whole_files: record.files.len(),
            changes_since: 0,
            executions: executions.cloned().collect(),
            without_files: record.without_files.clone(),
            table: record.into_table(),
        }
    }

    /// Goes on to the next version.
    pub fn take(&mut self, record: VersionRecord) {
        if record.since.is_none() {
            *self = TableState::of(record);
            return;
        }
        if record.files.is_empty() {
            self.without_files.push(record.execution.clone());
        }
        self.executions.insert(record.execution.clone());
        self.execution = record.execution;
        self.changes_since += record.files.len().max(1);
        let table = &mut self.table;
        table.version = record.version;
        table.schema = record.schema;
        table.at = record.at;
        table.files.extend(record.files);
    }

    /// Whether an execution is in the table.
    pub fn has(&self, execution: &ExecutionId) -> bool {
        self.executions.contains(execution)
    }
}

fn partitions_last(schema: Schema, partition_by: &[String]) -> Schema {
    let (mut last, mut columns): (Vec<_>, Vec<_>) = schema.columns.into_iter().partition(|column| partition_by.contains(&column.name));
    last.sort_by_key(|column| partition_by.iter().position(|name| *name == column.name));
    columns.append(&mut last);
    Schema { columns }
}

/// Others may add to the table at any time: what was held against one version of it is let in on top of that one only.
fn refuse_overtaken(current: Option<&TableState>, change: &TableChange) -> Result<()> {
    let version = current.map_or(0, |state| state.table.version);
    match change.on_top_of {
        Some(audited) if audited != version => {
            let message = format!("table {} is at version {version}, and the audit was of what it is with version {audited}", change.id);
            Err(Failure::new(FailureCode::Overtaken, message)
                .hint("another run has published to it meanwhile; it is audited anew by itself"))
        }
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn change(n: u64, files: usize) -> TableChange {
        let execution = ExecutionId::from_text(format!("ex-{n}"));
        let file = |k: usize| TableFile {
            location: Location::new(format!("s3://lake/t/{n}-{k}.parquet")),
            partition: Vec::new(),
            rows: 1,
            bytes: 1,
            execution: execution.clone(),
        };
        TableChange {
            lf_tags: Default::default(),
            id: TableId::new("nyc", "t"),
            location: Location::new("s3://lake/t"),
            partition_by: Vec::new(),
            on_top_of: None,
            schema: Schema::default(),
            files: (0..files).map(file).collect(),
            execution: execution.clone(),
            at: Timestamp(0),
        }
    }

    #[test]
    fn a_table_is_read_from_few_records_however_large_it_is() {
        let mut state = TableState::of(VersionRecord::next(None, &change(0, 10_000)).unwrap());
        let mut whole = Vec::new();
        for n in 1..600 {
            let record = VersionRecord::next(Some(&state), &change(n, 1)).unwrap();
            whole.extend(record.since.is_none().then_some(record.version));
            state.take(record);
        }
        assert_eq!(whole, [258, 515]);
        assert_eq!(state.table.files.len(), 10_599);
    }

    #[test]
    fn records_read_as_they_were_written_and_newer_ones_are_refused() {
        let record = VersionRecord::next(None, &change(0, 2)).unwrap();
        let text = record.encode().unwrap();
        assert_eq!(VersionRecord::decode(&text, "v1").unwrap(), record);
        let newer = String::from_utf8(text).unwrap().replace("\"format\": 1", "\"format\": 2");
        assert!(VersionRecord::decode(newer.as_bytes(), "v1").unwrap_err().message.contains("newer"));
        assert_eq!(VersionRecord::version_of(&VersionRecord::file_name(7)), Some(7));
        assert_eq!(VersionRecord::version_of(".v00000007.json.part"), None);
    }
}
