//! Where data goes: every output key is a function of the execution, so that a repeated attempt
//! overwrites itself and two files of the same name in two folders never meet.

use crate::{
    ids::{BatchId, DatasetId, ExecutionId, StageKey, digest},
    location::Location,
};

/// The folder below a zone that no reader or watcher takes for data.
pub const INTERNAL: &str = "_lakegate";

/// The key of an object stage's output below its zone: the raw key below `<team>/<dataset>/`
/// (`relative`), its own suffixes kept.
pub fn object_output(dataset: &DatasetId, stage: &str, relative: &str) -> String {
    format!("{dataset}/{stage}/{relative}.parquet")
}

/// The key of a batch stage's output below its zone.
pub fn batch_output(dataset: &DatasetId, stage: &str, batch: &BatchId) -> String {
    format!("{dataset}/{stage}/{batch}.parquet")
}

/// The key of a table's folder below its zone.
pub fn table_root(dataset: &DatasetId, table: &str) -> String {
    format!("{dataset}/{table}")
}

/// The folders of a partition, Hive style: `year=2013/carrier=UA`. Values are escaped as Hive
/// does; null is `__HIVE_DEFAULT_PARTITION__`.
pub fn partition_path(partition: &[(String, Option<String>)]) -> String {
    let folders: Vec<String> = partition
        .iter()
        .map(|(column, value)| {
            let value = value.as_deref().map_or_else(|| HIVE_NULL.to_owned(), escape_hive);
            format!("{}={value}", escape_hive(column))
        })
        .collect();
    folders.join("/")
}

const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Hive's escaping: control characters and those that mean something in a path become `%XX`.
/// The empty text is the null partition's name in Hive, so it is escaped by nothing and never
/// produced: callers pass `None`.
fn escape_hive(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_control() || "\"#%'*/:=?\\{}[]^ ".contains(c) {
            escaped.push_str(&format!("%{:02X}", c as u32));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// The place below `zone` where one attempt of an execution writes what is not yet let in.
pub fn staging(zone: &Location, execution: &ExecutionId, attempt: u32) -> Location {
    zone.join(&format!("{INTERNAL}/staging/{execution}/{attempt}"))
}

/// The place below `zone` of everything the attempts of an execution staged.
pub fn staging_root(zone: &Location, execution: &ExecutionId) -> Location {
    zone.join(&format!("{INTERNAL}/staging/{execution}"))
}

/// The key below its zone of the states of what a table's file holds: what its statistics are made of.
pub fn states(file_key: &str) -> String {
    format!("{INTERNAL}/states/{file_key}.states")
}

/// The key below its zone of the states that a table's files have together. They can be made again.
pub fn states_of_table(root: &str) -> String {
    format!("{INTERNAL}/states/{root}.states")
}

/// Where an attempt writes the states of a file that it has staged: beside it.
pub fn staged_states(file: &Location) -> Location {
    Location::new(format!("{file}.states"))
}

/// The place below `zone` of a batch's manifest.
pub fn manifest(zone: &Location, batch: &BatchId) -> Location {
    zone.join(&format!("{INTERNAL}/manifests/{batch}.json"))
}

/// The key below its zone of the rows that an execution's audit set aside.
pub fn rows_aside(stage: &StageKey, execution: &ExecutionId) -> String {
    format!("{ROWS_ASIDE}{stage}/{execution}.parquet")
}

/// The execution that set aside the rows at this key; `None` if it is no key of such rows.
pub fn set_aside_by(key: &str) -> Option<ExecutionId> {
    let name = key.strip_prefix(ROWS_ASIDE)?.rsplit('/').next()?;
    name.strip_suffix(".parquet").filter(|name| name.starts_with("ex-")).map(ExecutionId::from_text)
}

/// Where keys of rows that were set aside begin. Events that were not understood lie below it too.
const ROWS_ASIDE: &str = "_lakegate/quarantine/";

/// What names the outputs of an execution of rows that were set aside: another's name than that of the
/// output they were taken from.
pub fn released(execution: &ExecutionId) -> String {
    format!("released/{execution}")
}

/// The id of something an event source told that was not understood. The same text has the same id, however
/// often it comes.
pub fn event_id(source: &str, body: &str) -> String {
    format!("{EVENT}{}", digest("event", &[source.as_bytes(), body.as_bytes()]))
}

/// What ids of events that were not understood begin with.
pub const EVENT: &str = "ev-";

/// The folder below `zone` of events that were not understood: a file for each.
pub fn quarantined_events(zone: &Location) -> Location {
    zone.join(&format!("{INTERNAL}/quarantine/events"))
}

/// The name in that folder of the event of an id.
pub fn event_file(id: &str) -> String {
    format!("{}.json", id.strip_prefix(EVENT).unwrap_or(id))
}

/// The name of the `part`-th file an execution writes into a table's partition.
pub fn table_file(execution: &ExecutionId, part: usize) -> String {
    format!("{execution}-{part:05}.parquet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_names_in_two_folders_never_meet() {
        let dataset = DatasetId::new("nyc", "flights");
        let [a, b] = ["2013/01.csv", "2014/01.csv"].map(|relative| object_output(&dataset, "clean", relative));
        assert_eq!(a, "nyc/flights/clean/2013/01.csv.parquet");
        assert_ne!(a, b);
        assert_ne!(object_output(&dataset, "clean", "a.csv"), object_output(&dataset, "clean", "a.csv.gz"));
    }

    #[test]
    fn rows_that_were_set_aside_are_known_by_their_key() {
        let stage = StageKey::new(DatasetId::new("nyc", "flights"), "clean");
        let execution = ExecutionId::from_text("ex-7");
        let key = rows_aside(&stage, &execution);
        assert_eq!(key, "_lakegate/quarantine/nyc/flights/clean/ex-7.parquet");
        assert_eq!(set_aside_by(&key), Some(execution));
        assert!(!crate::object::is_data(&key), "no watcher takes it for data");
        for other in ["nyc/flights/clean/ex-7.parquet", "_lakegate/quarantine/events/7.json", "_lakegate/staging/ex-7/1/a.parquet"] {
            assert_eq!(set_aside_by(other), None, "{other}");
        }
    }

    #[test]
    fn an_event_that_was_not_understood_has_one_place_however_often_it_comes() {
        let id = event_id("sqs://events", "{");
        assert_eq!(id, event_id("sqs://events", "{"));
        assert_ne!(id, event_id("sqs://others", "{"));
        let at = quarantined_events(&Location::new("s3://lake/stage")).join(&event_file(&id));
        let name = id.strip_prefix("ev-").unwrap();
        assert_eq!(at.as_str(), format!("s3://lake/stage/_lakegate/quarantine/events/{name}.json"));
    }

    #[test]
    fn partitions_are_written_as_hive_writes_them() {
        let partition = [("day".to_owned(), Some("2013/01 a".to_owned())), ("k".to_owned(), None)];
        assert_eq!(partition_path(&partition), "day=2013%2F01%20a/k=__HIVE_DEFAULT_PARTITION__");
    }
}
