//! What the ledger's table is to be.

use aws_sdk_dynamodb::types::ScalarAttributeType::{N, S};

use super::{blob::EXPIRES, records::LANDED};
use crate::provision::{Index, TableSpec};

/// The table's name.
pub(crate) fn table_name(prefix: &str) -> String {
    format!("{prefix}-ledger")
}

/// The table of the ledger `dynamodb://<prefix>`.
pub(super) fn spec(prefix: &str) -> TableSpec {
    TableSpec {
        name: table_name(prefix),
        what: "the ledger's table",
        setting: "ledger:",
        hash: ("pk", S),
        range: Some(("sk", S)),
        indexes: vec![Index { name: LANDED, hash: (LANDED, S), range: ("seq", N), is_whole: false }],
        expires: Some(EXPIRES),
    }
}
