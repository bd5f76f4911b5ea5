//! What people ask: pages of executions, objects and batches, newest first, and finding one by the
//! start of its id. A stage's log, read from its end, is the list; a page's token is the number of
//! the last record looked at, so that pages neither repeat nor skip anything while others come in.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use lakegate_coordinator::ports::{
    Result,
    ledger::{BatchRecord, Execution, Filter, ObjectRecord, Page, Paged},
};
use lakegate_model::{ExecutionId, ObjectId, StageKey, machine::object::ObjectState};

use super::{
    keys,
    memory::{Mark, Of, is_unfinished},
    pages::{Asked, Collected},
    reader::{Reader, Stored},
    records::{LANDED, StoredBatch, StoredObject},
    table::{Item, Range, number, text},
    tails::Tails,
    writer::lock,
};

/// The names of phases.
pub(super) const PHASES: &[&str] = &["waiting", "ready", "running", "promoting", "succeeded", "failed", "quarantined", "superseded"];

impl Reader {
    pub(super) async fn runs(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        let asked = Asked::new(filter, page, PHASES)?;
        if filter.with_aside {
            return self.runs_aside(&asked).await;
        }
        if let Some(state) = asked.state.filter(|state| is_unfinished(state)) {
            let found = if filter.with_audit { Collected::new(&asked).all() } else { self.unfinished_runs(&asked, state).await? };
            return Ok(found);
        }
        let is_over = filter.with_audit || asked.state.is_some();
        let mut tails = if is_over { Tails::of_over(self, &asked) } else { Tails::open(self, &asked).await? };
        let mut collected = Collected::new(&asked);
        while collected.wants_more() {
            let entries = tails.next(collected.room()).await?;
            let Some((last, _)) = entries.last().copied() else { return Ok(collected.all()) };
            let stored = self.stored_at(&entries).await?;
            let executions = self.executions(&stored).await?;
            let fitting = executions.into_iter().filter(|run| asked.fits(run));
            collected.extend(fitting.map(|run| (run.seq, run)), entries.len(), last);
        }
        Ok(collected.page())
    }

    /// What is in quarantine, by the index, however much is not: a page costs what is on it.
    async fn runs_aside(&self, asked: &Asked<'_>) -> Result<Paged<Execution>> {
        let stages: Vec<StageKey> =
            lock(&self.memory).stages.keys().filter(|stage| asked.takes(stage)).map(|stage| (**stage).clone()).collect();
        for stage in &stages {
            self.list_aside_of(stage).await?;
        }
        let (mut before, mut collected) = (asked.before, Collected::new(asked));
        while collected.wants_more() {
            let room = collected.room();
            // In boxes: the compiler can't see by itself that these may be sent, whatever the lifetimes.
            let lists: Vec<_> =
                stages.iter().map(|stage| self.table.query_index(LANDED, keys::aside(stage), before, room).boxed()).collect();
            let lists: Vec<Vec<Item>> = futures::stream::iter(lists).buffered(16).try_collect().await?;
            let mut newest: Vec<(u64, String)> = Vec::new();
            for item in lists.iter().flatten() {
                newest.push((number(item, "seq")?, text(item, "sk")?.to_owned()));
            }
            newest.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
            newest.truncate(room);
            let Some(last) = newest.last().map(|(seq, _)| *seq) else { return Ok(collected.all()) };
            before = last;
            let looked_at = newest.len();
            let runs = self.executions_by_id(newest.into_iter().map(|(_, id)| id).collect()).await?;
            let fitting = runs.into_iter().filter(|run| asked.fits(run));
            collected.extend(fitting.map(|run| (run.seq, run)), looked_at, last);
        }
        Ok(collected.page())
    }

    /// What is under way is in memory, however much is over.
    async fn unfinished_runs(&self, asked: &Asked<'_>, state: &str) -> Result<Paged<Execution>> {
        let mut entries = BTreeMap::new();
        for (_, stage) in lock(&self.memory).stages.iter().filter(|(stage, _)| asked.takes(stage)) {
            for seq in stage.live.range(..asked.before) {
                let entry = stage.entries.get(seq);
                let fits = |mark: &Mark| matches!(mark, Mark::Execution { phase, .. } if *phase == state);
                entries.extend(entry.filter(|entry| fits(&entry.mark)).map(|entry| (*seq, entry.of)));
            }
        }
        let newest: Vec<(u64, Of)> = entries.into_iter().rev().take(asked.size + 1).collect();
        let stored = self.stored_at(&newest).await?;
        let runs = self.executions(&stored).await?;
        let mut collected = Collected::new(asked);
        let (looked_at, last) = (newest.len(), newest.last().map_or(0, |(seq, _)| *seq));
        collected.extend(runs.into_iter().map(|run| (run.seq, run)), looked_at, last);
        Ok(collected.page_or_all(looked_at <= asked.size))
    }

    pub(super) async fn objects(&self, filter: &Filter, page: &Page) -> Result<Paged<ObjectRecord>> {
        let states: Vec<&str> = ObjectState::ALL.iter().map(|state| state.as_str()).collect();
        let asked = Asked::new(filter, page, &states)?;
        let mut tails = Tails::open(self, &asked).await?;
        let mut collected = Collected::new(&asked);
        while collected.wants_more() {
            let entries = tails.next(collected.room()).await?;
            let Some((last, _)) = entries.last().copied() else { return Ok(collected.all()) };
            let objects: Vec<StoredObject> = self.stored_at(&entries).await?.into_iter().filter_map(object).collect();
            let seqs: Vec<u64> = objects.iter().map(|object| object.seq).collect();
            let records = seqs.into_iter().zip(self.records(objects).await?);
            let fitting = records.filter(|(_, record)| asked.state.is_none_or(|state| record.state.as_str() == state));
            collected.extend(fitting, entries.len(), last);
        }
        Ok(collected.page())
    }

    /// The records that these entries are of; an entry whose object another entry recorded is nothing.
    async fn stored_at(&self, entries: &[(u64, Of)]) -> Result<Vec<Stored>> {
        let wanted: Vec<Of> = entries.iter().map(|(_, of)| *of).collect();
        let seqs: BTreeSet<u64> = entries.iter().map(|(seq, _)| *seq).collect();
        let mut stored = self.stored(&wanted).await?;
        stored.retain(|stored| seqs.contains(&stored.seq()));
        stored.sort_by_key(|stored| std::cmp::Reverse(stored.seq()));
        Ok(stored)
    }

    pub(super) async fn batches(&self, filter: &Filter, page: &Page) -> Result<Paged<BatchRecord>> {
        let asked = Asked::new(filter, page, PHASES)?;
        let stages: Vec<StageKey> =
            lock(&self.memory).stages.keys().filter(|stage| asked.takes(stage)).map(|stage| (**stage).clone()).collect();
        let (mut before, mut collected) = (asked.before, Collected::new(&asked));
        while collected.wants_more() {
            let mut newest: Vec<StoredBatch> = Vec::new();
            for stage in &stages {
                // Members come before their batch: all keys of batches below `before` are below it too.
                let range =
                    Range { to: keys::number(before), newest_first: true, limit: collected.room() + 1, ..Range::all(keys::sealed(stage)) };
                for item in self.table.query(range).await? {
                    newest.push(StoredBatch::read(&item)?);
                }
            }
            newest.retain(|batch| batch.seq < before);
            newest.sort_by_key(|batch| std::cmp::Reverse(batch.seq));
            newest.truncate(collected.room());
            let Some(last) = newest.last().map(|batch| batch.seq) else { return Ok(collected.all()) };
            before = last;
            let looked_at = newest.len();
            let found = self.batch_records(newest).await?;
            collected.extend(found.into_iter().filter(|(_, batch)| asked.state.is_none_or(|state| batch.state == state)), looked_at, last);
        }
        Ok(collected.page())
    }

    async fn batch_records(&self, batches: Vec<StoredBatch>) -> Result<Vec<(u64, BatchRecord)>> {
        let stored: Vec<Stored> = batches.iter().cloned().map(Stored::Batch).collect();
        let executions = self.executions(&stored).await?;
        Ok(batches.iter().zip(executions).map(|(batch, run)| (batch.seq, batch.record(run.state.phase.as_str()))).collect())
    }

    /// The ids of a kind that start with `prefix` and have items, at most two.
    async fn ids(&self, kind: &str, prefix: &str) -> Result<Vec<String>> {
        let queries = keys::shards(kind, prefix).into_iter().map(|shard| async move {
            let from = if prefix.len() > kind.len() { prefix } else { kind };
            let range = Range { from: from.to_owned(), to: format!("{from}\u{10FFFF}"), limit: 2, ..Range::all(shard) };
            self.table.query(range).await
        });
        let mut shards = futures::stream::iter(queries).buffered(16);
        let mut ids = Vec::new();
        while ids.len() < 2
            && let Some(items) = shards.try_next().await?
        {
            for item in &items {
                ids.push(text(item, "sk")?.to_owned());
            }
        }
        ids.truncate(2);
        Ok(ids)
    }

    pub(super) async fn runs_by_prefix(&self, prefix: &str) -> Result<Vec<Execution>> {
        let mut ids: BTreeSet<String> = {
            // Those that have not moved have no items.
            let memory = lock(&self.memory);
            let known = memory.runs.keys().map(|raw| keys::execution_id(raw).as_str().to_owned());
            known.filter(|id| id.starts_with(prefix)).take(2).collect()
        };
        if ids.len() < 2 {
            ids.extend(self.ids("ex-", prefix).await?);
        }
        let mut runs = Vec::new();
        for id in ids.into_iter().take(2) {
            runs.extend(self.execution(&ExecutionId::from_text(id)).await?);
        }
        Ok(runs)
    }

    pub(super) async fn batches_by_prefix(&self, prefix: &str) -> Result<Vec<BatchRecord>> {
        let wanted: Vec<Of> = self.ids("ba-", prefix).await?.iter().filter_map(|id| keys::raw(id)).map(Of::Batch).collect();
        let batch = |stored| match stored {
            Stored::Batch(batch) => Some(batch),
            Stored::Object(_) => None,
        };
        let batches = self.stored(&wanted).await?.into_iter().filter_map(batch).collect();
        Ok(self.batch_records(batches).await?.into_iter().map(|(_, batch)| batch).collect())
    }

    pub(super) async fn objects_by_name(&self, name: &str) -> Result<Vec<ObjectRecord>> {
        let mut wanted: Vec<Of> = self.ids("ob-", name).await?.iter().filter_map(|id| keys::raw(id)).map(Of::Object).collect();
        if wanted.is_empty() {
            wanted.extend(self.landed(name).await?.and_then(|id| keys::raw(id.as_str())).map(Of::Object));
        }
        let objects = self.stored(&wanted).await?.into_iter().filter_map(object).collect();
        self.records(objects).await
    }

    pub(super) async fn known(&self, ids: &[ObjectId]) -> Result<BTreeSet<ObjectId>> {
        let wanted: Vec<Of> = ids.iter().filter_map(|id| keys::raw(id.as_str())).map(Of::Object).collect();
        let items = self.table.get_many(wanted.into_iter().map(Of::key).collect()).await?;
        items.iter().map(|item| Ok(ObjectId::from_text(text(item, "sk")?))).collect()
    }

    /// The newest object that landed with this key, by the index, which may be a moment behind.
    async fn landed(&self, key: &str) -> Result<Option<ObjectId>> {
        if key.is_empty() {
            return Ok(None);
        }
        let newest = self.table.query_index(LANDED, key.to_owned(), u64::MAX, 1).await?;
        newest.first().map(|item| Ok(ObjectId::from_text(text(item, "sk")?))).transpose()
    }
}

impl Stored {
    fn seq(&self) -> u64 {
        match self {
            Stored::Object(object) => object.seq,
            Stored::Batch(batch) => batch.seq,
        }
    }
}

fn object(stored: Stored) -> Option<StoredObject> {
    match stored {
        Stored::Object(object) => Some(object),
        Stored::Batch(_) => None,
    }
}
