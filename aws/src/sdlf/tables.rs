//! What the two tables are to be: keys and indexes as SDLF makes them.

use aws_sdk_dynamodb::types::ScalarAttributeType::S;
use lakegate_model::project::sdlf::SdlfTables;

use crate::provision::{Index, TableSpec};

/// An index of the history's table: its name, and the attributes of its key.
const HISTORY: [(&str, &str, &str); 7] = [
    ("pipeline-last-updated-index", "pipeline", "last_updated_timestamp"),
    ("execution_date-status-index", "execution_date", "status"),
    ("pipeline-execution_date-index", "pipeline", "execution_date"),
    ("execution_date-last_updated-index", "execution_date", "last_updated_timestamp"),
    ("status-last_updated-index", "status", "last_updated_timestamp"),
    ("pipeline-status_last_updated-index", "pipeline", "status_last_updated_timestamp"),
    ("dataset-status_last_updated_timestamp-index", "dataset", "status_last_updated_timestamp"),
];

/// The tables that are kept.
pub(crate) fn specs(tables: &SdlfTables) -> Vec<TableSpec> {
    let objects = tables.objects.as_ref().map(|name| TableSpec {
        name: name.clone(),
        what: "SDLF's table of objects,",
        setting: "sdlf: { objects: }",
        hash: ("id", S),
        range: None,
        indexes: Vec::new(),
        expires: None,
    });
    let index = |(name, hash, range)| Index { name, hash: (hash, S), range: (range, S), is_whole: true };
    let history = tables.history.as_ref().map(|name| TableSpec {
        name: name.clone(),
        what: "SDLF's table of executions,",
        setting: "sdlf: { history: }",
        hash: ("id", S),
        range: None,
        indexes: HISTORY.map(index).into(),
        expires: Some("ttl"),
    });
    objects.into_iter().chain(history).collect()
}
