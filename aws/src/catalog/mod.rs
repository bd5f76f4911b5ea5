//! The table catalog in the Glue Data Catalog, for Athena, Spark and whoever else reads it there,
//! with a record of every version in the lake.
//!
//! ```text
//! <zone>/_lakegate/tables/<database>/<table>/v00000001.json     what a version is: schema, partition columns, files
//! Glue database <prefix><database>, table <table>               the newest version, as other programs know tables
//! ```
//!
//! Glue has no file lists, and what it keeps of older versions may be deleted by anybody. So the
//! record is the truth: `table`, `table_at` and `tables` read nothing else. A version's record is
//! created only if there is none (`If-None-Match: *`), which publishes it: of two who would make the
//! same version, one is first and the other goes on top of it. Then the table's entry in Glue is
//! brought up to it. A crash between the two is finished by the next publish to the table, and by the
//! next try of the same one. `lakegate_coordinator::versions` says what is in a record.
//!
//! What readers of the lake see at once is up to what they read:
//!
//! * Those that ask Lakegate (its own workers among them) get a version's exact files: all or nothing.
//! * Those that ask Glue see a partition when it is registered. A publish that adds several does so
//!   by the hundred, before the table's entry says that there is a new version: schema, counts and
//!   `lakegate.version` change together, last. A table's first partitions come after its entry, which
//!   says until then that it is empty.
//! * In a partition that was registered before, and in a table without partitions, Glue's readers list
//!   the folder, and see files as they are moved there, before any catalog hears of them.
//!
//! The entry's schema is Hive's; the exact one is in the record. Parameters, comments and
//! descriptions that others gave a table are kept; those of a partition are replaced with it.
//!
//! LF-Tags are given to a table's entry after it is brought up to date, by whoever publishes to it
//! first in the life of a process, or after the entry was made anew. `crawler` says how crawls are run.
//!
//! A table's zone is where its first publish put it. Two first publishes of one table to two zones
//! at the same moment are not told apart: pipelines that disagree about where a table lies.

mod crawler;
mod entry;
mod glue;
mod partitions;
mod records;
mod register;
mod table;
mod tags;
mod types;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakegate_coordinator::ports::{Result, TableCatalog, TableChange};
use lakegate_model::{
    Failure, FailureCode,
    project::Zones,
    table::{TableId, TableVersion},
};

use self::{crawler::Crawlers, glue::Glue, records::Records, table::TableRecord, tags::Tags};
use crate::account::Account;

/// Tables read at once.
const AT_ONCE: usize = 8;
/// Characters of a database's or table's name that Glue takes at most.
const LONGEST_NAME: usize = 255;

/// The table catalog in Glue. Several may be open on the same one.
pub struct GlueCatalog {
    glue: Glue,
    crawlers: Crawlers,
    tags: Tags,
    records: Records,
    prefix: String,
    tables: Mutex<HashMap<TableId, Arc<TableRecord>>>,
}

impl GlueCatalog {
    /// The catalog whose databases' names start with `prefix`, which may be empty: `dev_` makes Glue
    /// database `dev_nyc` of a pipeline's `nyc`. Tables lie in the stage and analytics zones. Nothing is
    /// asked of AWS yet.
    ///
    /// # Errors
    /// `InvalidRequest` if neither zone is on S3.
    pub async fn open(account: &Account, prefix: impl Into<String>, zones: Zones) -> Result<GlueCatalog> {
        let prefix = prefix.into();
        let records = Records::new(account, zones)?;
        let (glue, tags) = (Glue::new(account, prefix.clone()), Tags::new(account, prefix.clone()));
        Ok(GlueCatalog { glue, crawlers: Crawlers::new(account), tags, records, prefix, tables: Mutex::default() })
    }

    /// Gives every table these LF-Tags, value by key, where a pipeline names no other value for the key.
    #[must_use]
    pub fn tagging(mut self, lf_tags: BTreeMap<String, String>) -> GlueCatalog {
        self.tags = self.tags.defaulting(lf_tags);
        self
    }

    fn record(&self, id: &TableId) -> Result<Arc<TableRecord>> {
        for (name, length) in [(&id.database, self.prefix.len() + id.database.len()), (&id.table, id.table.len())] {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) || length > LONGEST_NAME {
                return Err(Failure::new(FailureCode::InvalidRequest, format!("\"{name}\" can't name a database or table")));
            }
        }
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(id.clone()).or_insert_with(|| Arc::new(TableRecord::new(id.clone(), self.records.clone())));
        Ok(Arc::clone(table))
    }
}

#[async_trait]
impl TableCatalog for GlueCatalog {
    async fn table(&self, id: &TableId) -> Result<Option<TableVersion>> {
        Ok(self.record(id)?.newest().await?.map(|state| state.table.clone()))
    }

    async fn table_at(&self, id: &TableId, version: u64) -> Result<Option<TableVersion>> {
        self.record(id)?.at(version).await
    }

    async fn tables(&self) -> Result<Vec<TableVersion>> {
        let ids = self.records.ids().await?;
        let tables = stream::iter(ids).map(|id| async move { self.table(&id).await }).buffered(AT_ONCE);
        tables.try_filter_map(|table| async { Ok(table) }).try_collect().await
    }

    async fn check(&self, change: &TableChange) -> Result<()> {
        self.record(&change.id)?.check(&self.glue, change).await
    }

    async fn publish(&self, change: TableChange) -> Result<TableVersion> {
        let record = self.record(&change.id)?;
        let table = record.publish(&self.glue, &change).await?;
        record.tag(&self.tags, &change).await?;
        Ok(table)
    }

    async fn crawl(&self, crawler: &str, patience: Duration) -> Result<()> {
        self.crawlers.crawl(crawler, patience).await
    }
}

/// Whether the Glue database of a pipeline's database is there; makes it if not, unless only a look is asked for.
///
/// # Errors
/// `Catalog` if Glue refuses or fails; `PermissionDenied`.
pub(crate) async fn ensure_database(account: &Account, prefix: &str, database: &str, dry_run: bool) -> Result<bool> {
    let glue = Glue::new(account, prefix.to_owned());
    let id = TableId::new(database, "");
    let present = glue.has_database(&id).await?;
    if !(present || dry_run) {
        glue.ensure_database(&id).await?;
    }
    Ok(present)
}
