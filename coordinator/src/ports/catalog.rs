//! The table catalog: what tables there are, their schemas, partitions and files.

use std::{collections::BTreeMap, time::Duration};

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

    /// Whether `publish` would take this change; changes nothing. Asked before the files are where
    /// they belong: what the catalog refuses must not come into a table's folder. A change that is
    /// taken here may still be refused by `publish` if the table has changed meanwhile.
    ///
    /// # Errors
    /// As `publish`, for whatever the change itself or what is there speaks against.
    async fn check(&self, change: &TableChange) -> Result<()>;

    /// Adds an execution's files to a table, which is created if need be, and returns the version
    /// that has them. An execution that is in the table already changes nothing. The schema grows
    /// as `lakegate_model::drift::merge` says. `Ok` is durable.
    ///
    /// # Errors
    /// `Conflict` if the table has other partition columns or lies elsewhere; `Overtaken` if it is not at the
    /// version that the change is to come after; `Catalog` if the catalog can't be written. Then nothing has changed.
    async fn publish(&self, change: TableChange) -> Result<TableVersion>;

    /// Has a crawler of the catalog look through the lake, and waits until it has. What lay in its
    /// zone before this was called is in what is crawled: a crawl that runs already doesn't count, and
    /// is waited for. Can be done again. Calls that wait for the same crawler may share one crawl.
    ///
    /// # Errors
    /// `InvalidPipeline` if the catalog has no crawlers; `NotFound` if it has none of this name;
    /// `Catalog`, with what the crawler says, if the crawl failed or was cancelled; `Timeout` after
    /// `patience`, and then the crawl may go on.
    async fn crawl(&self, crawler: &str, patience: Duration) -> Result<()>;
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
    /// The version that the table has to be at, 0 if there has to be none; whichever, if it is not said.
    pub on_top_of: Option<u64>,
    /// The files; may be none.
    pub files: Vec<TableFile>,
    /// The LF-Tags the table is to have, value by key, whatever others it has. A catalog that knows
    /// none overlooks them.
    pub lf_tags: BTreeMap<String, String>,
    /// Who adds them.
    pub execution: ExecutionId,
    /// When.
    pub at: Timestamp,
}
