//! A table's entry in Glue: what it says, and what an entry that is there says of how far it is.

use std::collections::HashMap;

use aws_sdk_glue::types::{Column as GlueColumn, SerDeInfo, StorageDescriptor, Table, TableInput};
use lakegate_coordinator::{ports::Result, versions::TableState};
use lakegate_model::{
    Failure, FailureCode, Location,
    table::{TableId, TableVersion},
};

use super::{
    partitions::Totals,
    types::{Columns, Named, lower},
};

/// What the entry's own parameters start with.
const OURS: &str = "lakegate.";
/// The table's own name: `database.table` as pipelines call it.
const TABLE: &str = "lakegate.table";
/// The version the entry is at.
const VERSION: &str = "lakegate.version";
/// How many files that version has: of a table's files, the first so many are in the entry.
const FILES: &str = "lakegate.files";
/// Who made that version, and when.
const EXECUTION: &str = "lakegate.execution";
const PUBLISHED_AT: &str = "lakegate.published_at";

const SERDE: &str = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
const INPUT_FORMAT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
const OUTPUT_FORMAT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat";

/// How far a table's entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Its version; 0 if it is not at any.
    pub(super) version: u64,
    /// How many of the table's files it takes in.
    pub(super) files: usize,
}

impl Progress {
    /// What an entry says. Versions are recorded before they are told to Glue, so an entry that says
    /// more than the record is not of this record, and is told everything again.
    pub(super) fn of(found: &Table, newest: &TableVersion) -> Progress {
        let number = |name| found.parameters()?.get(name)?.parse().ok();
        let progress =
            Progress { version: number(VERSION).unwrap_or(0), files: number(FILES).and_then(|n| usize::try_from(n).ok()).unwrap_or(0) };
        if progress.version > newest.version { Progress::default() } else { progress }
    }
}

/// Refuses an entry that is not of the table that would be there.
///
/// # Errors
/// `Conflict`, with what is there.
pub(super) fn refuse_other(found: &Table, id: &TableId, location: &Location, partition_by: &[String]) -> Result<()> {
    let name = format!("{}.{}", found.database_name().unwrap_or_default(), found.name());
    let refused = |what: String| {
        let message = format!("table {id} would be {name} in Glue, and {what}");
        Err(Failure::new(FailureCode::Conflict, message).hint("publish to a table of another name"))
    };
    let its_own = found.parameters().and_then(|parameters| parameters.get(TABLE));
    if let Some(other) = its_own.filter(|other| **other != id.to_string()) {
        return refused(format!("that is table {other}: names in Glue are lower case"));
    }
    let its_place = found.storage_descriptor().and_then(StorageDescriptor::location).unwrap_or_default();
    if its_place.trim_end_matches('/') != location.as_str() {
        return refused(format!("that lies at \"{its_place}\", not at {location}"));
    }
    let keys: Vec<&str> = found.partition_keys().iter().map(GlueColumn::name).collect();
    if keys != lower(partition_by) {
        return refused(format!("that is partitioned by [{}], not by [{}]", keys.join(", "), partition_by.join(", ")));
    }
    Ok(())
}

/// The entry of a table as of its newest version.
///
/// # Errors
/// `Internal` if it can't be put together.
pub(super) fn whole(state: &TableState, columns: &Columns, found: Option<&Table>) -> Result<TableInput> {
    let table = &state.table;
    let mut parameters = Totals::of(table).parameters();
    parameters.extend(
        [
            (VERSION, table.version.to_string()),
            (FILES, table.files.len().to_string()),
            (EXECUTION, state.execution.to_string()),
            (PUBLISHED_AT, table.at.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    entry(table, columns, parameters, found)
}

/// The entry of a table whose partitions are still to be told: it holds nothing yet.
///
/// # Errors
/// `Internal` if it can't be put together.
pub(super) fn begun(table: &TableVersion, columns: &Columns) -> Result<TableInput> {
    entry(table, columns, Totals::default().parameters(), None)
}

fn entry(table: &TableVersion, columns: &Columns, ours: HashMap<String, String>, found: Option<&Table>) -> Result<TableInput> {
    let mut parameters = found.and_then(Table::parameters).cloned().unwrap_or_default();
    parameters.retain(|key, _| !key.starts_with(OURS));
    parameters.extend(ours);
    parameters.extend(
        [("EXTERNAL", "TRUE"), ("classification", "parquet"), ("typeOfData", "file"), (TABLE, &table.id.to_string())]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let keys = found.map(Table::partition_keys).unwrap_or_default();
    TableInput::builder()
        .name(table_name(&table.id))
        .set_description(found.and_then(Table::description).map(str::to_owned))
        .set_owner(found.and_then(Table::owner).map(str::to_owned))
        .retention(found.map_or(0, Table::retention))
        .table_type("EXTERNAL_TABLE")
        .storage_descriptor(stored(table, columns, found)?)
        .set_partition_keys(Some(to_glue(&columns.partition, keys)?))
        .set_parameters(Some(parameters))
        .build()
        .map_err(|error| Failure::new(FailureCode::Internal, format!("table {} can't be described to Glue: {error}", table.id)))
}

/// How and where a table is stored.
///
/// # Errors
/// `Internal` if it can't be put together.
pub(super) fn stored(table: &TableVersion, columns: &Columns, found: Option<&Table>) -> Result<StorageDescriptor> {
    let found = found.and_then(Table::storage_descriptor);
    let serde = SerDeInfo::builder().serialization_library(SERDE).parameters("serialization.format", "1").build();
    Ok(StorageDescriptor::builder()
        .set_columns(Some(to_glue(&columns.data, found.map(StorageDescriptor::columns).unwrap_or_default())?))
        .location(table.location.as_str())
        .input_format(INPUT_FORMAT)
        .output_format(OUTPUT_FORMAT)
        .serde_info(serde)
        .set_parameters(found.and_then(StorageDescriptor::parameters).cloned())
        .build())
}

fn to_glue(columns: &[Named], found: &[GlueColumn]) -> Result<Vec<GlueColumn>> {
    columns.iter().map(|column| column.to_glue(found)).collect()
}

/// A table's database in Glue.
pub(super) fn database_name(prefix: &str, id: &TableId) -> String {
    format!("{prefix}{}", id.database).to_lowercase()
}

/// A table's name in Glue.
pub(super) fn table_name(id: &TableId) -> String {
    id.table.to_lowercase()
}

#[cfg(test)]
mod tests {
    use lakegate_model::{Timestamp, table::Schema};

    use super::*;

    fn version(version: u64) -> TableVersion {
        TableVersion {
            id: TableId::new("nyc", "flights"),
            version,
            location: Location::new("s3://lake/flights"),
            schema: Schema::default(),
            partition_by: vec!["Month".into()],
            files: Vec::new(),
            at: Timestamp(0),
        }
    }

    fn found(location: &str, key: &str, parameters: &[(&str, &str)]) -> Table {
        let key = GlueColumn::builder().name(key).r#type("bigint").build().unwrap();
        let stored = StorageDescriptor::builder().location(location).build();
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let table = Table::builder().name("flights").database_name("nyc").partition_keys(key).storage_descriptor(stored);
        table.set_parameters(Some(parameters)).build().unwrap()
    }

    #[test]
    fn an_entry_says_how_far_it_is_unless_it_is_of_another_record() {
        for (version_said, files_said, newest, expected) in
            [("2", "7", 2, (2, 7)), ("2", "7", 5, (2, 7)), ("6", "7", 5, (0, 0)), ("x", "", 5, (0, 0)), ("3", "x", 5, (3, 0))]
        {
            let entry = found("", "month", &[(VERSION, version_said), (FILES, files_said)]);
            let progress = Progress::of(&entry, &version(newest));
            assert_eq!((progress.version, progress.files), expected, "{version_said} {files_said} {newest}");
        }
    }

    #[test]
    fn only_an_entry_of_the_same_table_is_taken_over() {
        let place = "s3://lake/flights";
        for (entry, refused) in [
            (found(place, "month", &[]), None),
            (found("s3://lake/flights/", "month", &[(TABLE, "nyc.flights")]), None),
            (found(place, "month", &[(TABLE, "nyc.Flights")]), Some("that is table nyc.Flights")),
            (found("s3://other", "month", &[]), Some("lies at \"s3://other\", not at s3://lake/flights")),
            (found("", "month", &[]), Some("lies at \"\"")),
            (found(place, "year", &[]), Some("partitioned by [year], not by [Month]")),
        ] {
            let table = version(1);
            let failure = refuse_other(&entry, &table.id, &table.location, &table.partition_by).err();
            assert_eq!(failure.is_some(), refused.is_some(), "{failure:?}");
            if let (Some(failure), Some(part)) = (failure, refused) {
                assert_eq!(failure.code, FailureCode::Conflict);
                assert!(failure.message.contains(part), "{failure}");
            }
        }
    }
}
