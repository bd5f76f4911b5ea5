//! What a stage is in each of its pipeline's versions, and the tables it reads.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_model::{
    Failure, FailureCode, Pipeline, StageKey,
    machine::execution::{Fact, PinnedTable, Rules},
    pipeline::Stage,
    project::Zones,
    table::TableVersion,
};
use lakegate_proto::{convert::partition_to_wire, v1};

use crate::ports::{Ports, Result};

/// The stage in one version of its pipeline. Immutable, like the version.
pub(super) struct Version {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The stage in it.
    pub stage: Stage,
    /// The stage as workers are sent it.
    pub stage_json: String,
}

impl Version {
    /// What deciding about an execution needs to know.
    pub(super) fn rules(&self) -> Rules {
        Rules { retry: self.stage.retry, staged: self.stage.is_staged(self.pipeline.drift), audited: self.stage.quality().is_some() }
    }
}

/// The versions seen so far. Clones share what they have seen.
#[derive(Clone)]
pub(super) struct Versions {
    ports: Ports,
    key: StageKey,
    seen: Arc<Mutex<HashMap<u32, Arc<Version>>>>,
    tables: Arc<Mutex<HashMap<PinnedTableKey, v1::Reference>>>,
}

type PinnedTableKey = (String, lakegate_model::table::TableId, u64);

/// Tables kept ready to be sent; others are read again from the catalog.
const TABLES: usize = 16;

impl Versions {
    pub(super) fn new(ports: Ports, key: StageKey) -> Versions {
        Versions { ports, key, seen: Arc::default(), tables: Arc::default() }
    }

    /// The version, if it was seen before: all that have an execution running were.
    pub(super) fn seen(&self, version: u32) -> Option<Arc<Version>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&version).cloned()
    }

    /// The version, from the ledger if need be.
    pub(super) async fn get(&self, version: u32) -> Result<Arc<Version>> {
        if let Some(seen) = self.seen(version) {
            return Ok(seen);
        }
        let missing =
            || Failure::new(FailureCode::Internal, format!("the ledger has no version {version} of the pipeline with stage {}", self.key));
        let stored = self.ports.ledger.pipeline(&self.key.dataset, version).await?.ok_or_else(missing)?;
        let (_, stage) = stored.pipeline.stage(&self.key.stage).ok_or_else(missing)?;
        let stage_json = serde_json::to_string(stage).map_err(|error| Failure::new(FailureCode::Internal, error.to_string()))?;
        let found = Arc::new(Version { stage: stage.clone(), stage_json, pipeline: stored.pipeline });
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(version, Arc::clone(&found));
        Ok(found)
    }

    /// Whether the tables that the stage reads are all there, and which versions of them.
    pub(super) async fn references(&self, version: &Version) -> Result<Fact> {
        let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
        for (alias, table) in version.stage.references() {
            match self.ports.catalog.table(table).await? {
                Some(newest) => {
                    found.insert(alias.to_owned(), PinnedTable { table: table.clone(), version: newest.version });
                }
                None => missing.push(table.clone()),
            }
        }
        Ok(if missing.is_empty() { Fact::ReferencesFound(found) } else { Fact::ReferencesMissing(missing) })
    }

    /// The tables at their fixed versions, as workers are sent them.
    pub(super) async fn tables(&self, pinned: &BTreeMap<String, PinnedTable>) -> Result<Vec<v1::Reference>> {
        let mut references = Vec::new();
        for (alias, PinnedTable { table, version }) in pinned {
            let key = (alias.clone(), table.clone(), *version);
            let kept = self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            if let Some(kept) = kept {
                references.push(kept);
                continue;
            }
            let at = self.ports.catalog.table_at(table, *version).await?;
            let at = at.ok_or_else(|| {
                Failure::new(FailureCode::Catalog, format!("the table catalog has no version {version} of {table} any more"))
            })?;
            let reference = reference(alias, &at);
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            if tables.len() >= TABLES {
                tables.clear();
            }
            tables.insert(key, reference.clone());
            references.push(reference);
        }
        Ok(references)
    }
}

impl Versions {
    /// The table that the stage publishes to as it is now, if its rules are about the whole of that.
    pub(super) async fn published(&self, version: &Version, zones: &Zones) -> Result<Option<v1::Published>> {
        let Some(publish) = version.stage.publish().filter(|_| version.stage.audits_table()) else { return Ok(None) };
        let table = self.ports.catalog.table(&publish.table).await?;
        let zone = zones.location(version.stage.output.zone).to_string();
        Ok(Some(v1::Published { zone, table: table.map(|table| reference("", &table)) }))
    }
}

fn reference(alias: &str, table: &TableVersion) -> v1::Reference {
    let file = |file: &lakegate_model::table::TableFile| v1::ReferenceFile {
        location: file.location.to_string(),
        partition: partition_to_wire(&file.partition),
        bytes: file.bytes,
    };
    v1::Reference {
        alias: alias.to_owned(),
        table: table.id.to_string(),
        version: table.version,
        schema: Some((&table.schema).into()),
        files: table.files.iter().map(file).collect(),
    }
}
