//! What a version's file says.

use lakegate_model::{
    ExecutionId, Location, Timestamp,
    table::{Schema, TableFile, TableId, TableVersion},
};
use serde::{Deserialize, Serialize};

/// The newest form of a version's file that this code reads and the one it writes.
pub(super) const FORMAT: u32 = 1;

/// A version of a table as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VersionRecord {
    /// The form of this file.
    pub(super) format: u32,
    #[serde(flatten)]
    pub(super) id: TableId,
    pub(super) version: u64,
    pub(super) at: Timestamp,
    /// Who made it.
    pub(super) execution: ExecutionId,
    pub(super) location: Location,
    pub(super) schema: Schema,
    pub(super) partition_by: Vec<String>,
    /// The version that lists every file up to its own; absent if this one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<u64>,
    /// Every file, or those that came with this version.
    pub(super) files: Vec<TableFile>,
    /// In a whole version: the executions that are in the table without a file of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) without_files: Vec<ExecutionId>,
}

impl VersionRecord {
    /// The table as of this version, if the record is whole.
    pub(super) fn into_table(self) -> TableVersion {
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
