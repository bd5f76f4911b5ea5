//! The table catalog as files that other tools can read.
//!
//! ```text
//! <catalog>/<database>/<table>/v00000001.json     whole: schema, partition columns, every file
//!                              v00000002.json     the same, but only the files that came with it; `since` names the whole one
//! ```
//!
//! A version's file appears whole or not at all and is never changed: it is written beside, flushed,
//! and linked to its name, which fails if another writer was first. `lakegate_coordinator::versions`
//! says what is in it and when a version is written whole.
//!
//! The data is not here: it lies in Hive layout where `location` says.

mod table;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lakegate_coordinator::ports::{Result, TableCatalog, TableChange};
use lakegate_model::{
    Failure, FailureCode,
    table::{TableId, TableVersion},
};

use self::table::TableFolder;
use crate::{
    blocking::blocking,
    files::{create_dirs, io_failure},
};

/// A table catalog in a directory.
#[derive(Clone)]
pub struct DirectoryCatalog {
    root: PathBuf,
    /// Each table's newest version as last seen, behind a lock that makes writers of this process take turns.
    tables: Arc<Mutex<HashMap<TableId, Arc<Mutex<TableFolder>>>>>,
}

impl DirectoryCatalog {
    /// Opens the catalog in `root`, which is made if need be.
    ///
    /// # Errors
    /// `Catalog` or `PermissionDenied` if the directory can't be made.
    pub async fn open(root: impl AsRef<Path>) -> Result<DirectoryCatalog> {
        let root = root.as_ref().to_owned();
        blocking(move || {
            create_dirs(&root).map_err(|error| io_failure(FailureCode::Catalog, "make the table catalog's folder", &root, &error))?;
            Ok(DirectoryCatalog { root, tables: Arc::default() })
        })
        .await
    }

    /// Does something with a table's folder while nobody else of this process does.
    async fn with<T: Send + 'static>(&self, id: &TableId, work: impl FnOnce(&mut TableFolder) -> Result<T> + Send + 'static) -> Result<T> {
        let folder = self.folder(id)?;
        blocking(move || work(&mut folder.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    fn folder(&self, id: &TableId) -> Result<Arc<Mutex<TableFolder>>> {
        for name in [&id.database, &id.table] {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
                return Err(Failure::new(FailureCode::InvalidRequest, format!("\"{name}\" can't name a database or table")));
            }
        }
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tables.entry(id.clone()).or_insert_with(|| {
            let path = self.root.join(&id.database).join(&id.table);
            Arc::new(Mutex::new(TableFolder::new(id.clone(), path)))
        });
        Ok(Arc::clone(folder))
    }

    fn ids(&self) -> Result<Vec<TableId>> {
        let mut ids = Vec::new();
        for database in names(&self.root)? {
            for table in names(&self.root.join(&database))? {
                ids.push(TableId::new(database.clone(), table));
            }
        }
        ids.sort();
        Ok(ids)
    }
}

#[async_trait]
impl TableCatalog for DirectoryCatalog {
    async fn table(&self, id: &TableId) -> Result<Option<TableVersion>> {
        self.with(id, |folder| Ok(folder.newest()?.map(|state| state.table.clone()))).await
    }

    async fn table_at(&self, id: &TableId, version: u64) -> Result<Option<TableVersion>> {
        self.with(id, move |folder| folder.at(version)).await
    }

    async fn tables(&self) -> Result<Vec<TableVersion>> {
        let catalog = self.clone();
        let ids = blocking(move || catalog.ids()).await?;
        let mut tables = Vec::new();
        for id in ids {
            tables.extend(self.table(&id).await?);
        }
        Ok(tables)
    }

    async fn check(&self, change: &TableChange) -> Result<()> {
        let change = change.clone();
        self.with(&change.id.clone(), move |folder| folder.check(&change)).await
    }

    async fn publish(&self, change: TableChange) -> Result<TableVersion> {
        let id = change.id.clone();
        self.with(&id, move |folder| folder.publish(&change)).await
    }

    async fn crawl(&self, crawler: &str, _: Duration) -> Result<()> {
        let message = format!("\"{crawler}\" is to crawl the lake, and the table catalog in {} has no crawlers", self.root.display());
        Err(Failure::new(FailureCode::InvalidPipeline, message)
            .hint("name a `database` and a `table` in `publish`, or set `catalog: glue://` in lakegate.yaml"))
    }
}

/// The names of the folders in a folder; hidden ones are not ours.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |error: io::Error| io_failure(FailureCode::Catalog, "list", folder, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    Ok(names)
}
