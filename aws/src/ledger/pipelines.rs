//! Pipelines, every version of them. A version is written once and never changed.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _};
use lakegate_coordinator::ports::{
    Result,
    ledger::{Applied, PipelineVersion},
};
use lakegate_model::{DatasetId, Pipeline, Timestamp};

use super::{
    blob,
    keys::{self, Key},
    reader::Reader,
    table::{Item, Range, Written, n, number, s, text},
};

/// How long the list of pipelines is kept: it is asked for with every status, and changes seldom.
const KEPT: Duration = Duration::from_secs(5);

/// The list of pipelines as it was read last.
#[derive(Default)]
pub(super) struct Kept(Mutex<List>);

#[derive(Default)]
struct List {
    /// How often it was changed here.
    changes: u64,
    read: Option<(Instant, Vec<PipelineVersion>)>,
}

impl Kept {
    /// The list, read anew if it is old or was changed here.
    pub(super) async fn list(&self, reader: &Reader) -> Result<Vec<PipelineVersion>> {
        let changes = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &kept.read {
                Some((at, list)) if at.elapsed() < KEPT => return Ok(list.clone()),
                _ => kept.changes,
            }
        };
        let list = reader.pipelines().await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.changes == changes {
            kept.read = Some((Instant::now(), list.clone()));
        }
        Ok(list)
    }

    /// What is kept, and what is just being read, is no longer so.
    pub(super) fn forget(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = List { changes: kept.changes + 1, read: None };
    }
}

fn partition(dataset: &DatasetId) -> String {
    format!("pipeline#{dataset}")
}

impl Reader {
    /// `token` names what this write leaves beside its item.
    pub(super) async fn apply_pipeline(&self, pipeline: &Pipeline, at: Timestamp, token: &str) -> Result<Applied> {
        let dataset = &pipeline.dataset;
        let digest = pipeline.digest();
        // Named before it has a version: whoever lists pipelines passes over one that has none.
        let named = Item::from([("team".to_owned(), s(&dataset.team)), ("dataset".to_owned(), s(&dataset.dataset))]);
        self.table.put(&Key::new(keys::DATASETS, dataset.to_string()), named).await?;
        loop {
            let version: u32 = match self.newest_item(dataset).await? {
                Some(item) if text(&item, "digest")? == digest => {
                    // Ours, if an answer was lost: then it did change.
                    let changed = text(&item, "token")? == token;
                    return Ok(Applied { version: number(&item, "version")?, changed });
                }
                Some(item) => number::<u32>(&item, "version")?.saturating_add(1),
                None => 1,
            };
            let packed = blob::pack(pipeline, token)?;
            self.table.put_parts(&packed.token, packed.parts).await?;
            let item = Item::from([
                ("version".to_owned(), n(version)),
                ("digest".to_owned(), s(&digest)),
                ("token".to_owned(), s(token)),
                ("applied".to_owned(), n(at.0)),
                ("body".to_owned(), packed.value),
            ]);
            let key = Key::new(partition(dataset), keys::number(u64::from(version)));
            // Refused: somebody has applied another one at the same time. Look again.
            if let Written::Done(_) = self.table.put_new(&key, item).await? {
                return Ok(Applied { version, changed: true });
            }
        }
    }

    async fn newest_item(&self, dataset: &DatasetId) -> Result<Option<Item>> {
        let range = Range { newest_first: true, limit: 1, ..Range::all(partition(dataset)) };
        Ok(self.table.query(range).await?.pop())
    }

    pub(super) async fn pipelines(&self) -> Result<Vec<PipelineVersion>> {
        let mut datasets = Vec::new();
        for item in self.table.query(Range::all(keys::DATASETS)).await? {
            datasets.push(DatasetId::new(text(&item, "team")?, text(&item, "dataset")?));
        }
        datasets.sort();
        let newest = datasets.into_iter().map(|dataset| async move {
            match self.newest_item(&dataset).await? {
                Some(item) => self.version(&item).await.map(Some),
                None => Ok(None),
            }
        });
        futures::stream::iter(newest).buffered(8).try_filter_map(|version| async move { Ok(version) }).try_collect().await
    }

    pub(super) async fn pipeline(&self, dataset: &DatasetId, version: u32) -> Result<Option<PipelineVersion>> {
        match self.table.get(&Key::new(partition(dataset), keys::number(u64::from(version)))).await? {
            Some(item) => self.version(&item).await.map(Some),
            None => Ok(None),
        }
    }

    async fn version(&self, item: &Item) -> Result<PipelineVersion> {
        Ok(PipelineVersion {
            version: number(item, "version")?,
            at: Timestamp(number(item, "applied")?),
            pipeline: self.table.unpack(item, "body").await?,
        })
    }
}
