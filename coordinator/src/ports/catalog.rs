//! The table catalog: what tables there are, their schemas, partitions and files.

use async_trait::async_trait;
use lakegate_model::{
    ExecutionId, Location, Timestamp,
    table::{Schema, TableFile, TableId, TableVersion},
};

use super::Result;

/// The table catalog.
///
/// A publish is atomic: readers see the table without it or with all of it. Versions are kept, so
/// that whoever reads version n goes on reading version n.
#[async_trait]
pub trait TableCatalog: Send + Sync + 'static {
    /// The newest version of a table; `None` if there is no such table.
    ///
    /// # Errors
    /// The catalog can't be read.
    async fn table(&self, id: &TableId) -> Result<Option<TableVersion>>;

    /// A version of a table; `None` if there is none such.
    ///
    /// # Errors
    /// The catalog can't be read.
    async fn table_at(&self, id: &TableId, version: u64) -> Result<Option<TableVersion>>;

    /// The newest version of every table, by name.
    ///
    /// # Errors
    /// The catalog can't be read.
    async fn tables(&self) -> Result<Vec<TableVersion>>;

    /// Adds an execution's files to a table, which is created if need be, and returns the version
    /// that has them. An execution that is in the table already changes nothing. The schema grows
    /// as `lakegate_model::drift::merge` says. `Ok` is durable.
    ///
    /// # Errors
    /// `Conflict` if the table has other partition columns or lies elsewhere; `Catalog` if the
    /// catalog can't be written, and then nothing has changed.
    async fn publish(&self, change: TableChange) -> Result<TableVersion>;
}

/// What one execution adds to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableChange {
    /// The table.
    pub id: TableId,
    /// Where its files lie.
    pub location: Location,
    /// Columns whose values are folders, outermost first.
    pub partition_by: Vec<String>,
    /// The schema of the files, partition columns included.
    pub schema: Schema,
    /// The files; may be none.
    pub files: Vec<TableFile>,
    /// Who adds them.
    pub execution: ExecutionId,
    /// When.
    pub at: Timestamp,
}
