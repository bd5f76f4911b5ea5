//! Records with all that follows from other records: an object's state from its execution or its
//! batch's, an execution that has not moved from its object.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use lakegate_coordinator::ports::{
    Result,
    ledger::{Execution, Member, ObjectRecord},
};
use lakegate_model::{
    BatchId, ExecutionId, Failure, FailureCode, ObjectId, StageKey, Timestamp,
    machine::{
        execution::{ExecutionState, Phase, TaskOutput},
        object::{ObjectFact, ObjectState, decide},
    },
};

use super::{
    keys::{self, Key},
    memory::{Memory, Of},
    moves::{OUTPUTS, member_entries},
    records::{ArrivalRecord, StoredBatch, StoredObject},
    table::{Item, Range, Table, number, text},
    writer::lock,
};

/// Where records are read. Cheap to clone.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) table: Table,
    pub(super) memory: Arc<Mutex<Memory>>,
}

/// How far an execution is, as its item says.
struct Progress {
    revision: u64,
    updated: Timestamp,
    state: ExecutionState,
}

/// A record by its id.
pub(super) enum Stored {
    Object(StoredObject),
    Batch(StoredBatch),
}

impl Stored {
    fn read(item: &Item) -> Result<Stored> {
        Ok(if item.contains_key("batch") { Stored::Batch(StoredBatch::read(item)?) } else { Stored::Object(StoredObject::read(item)?) })
    }

    fn execution(&self) -> Option<Execution> {
        match self {
            Stored::Object(object) => object.execution(),
            Stored::Batch(batch) => Some(batch.execution()),
        }
    }
}

fn member(stored: Stored) -> Option<Member> {
    match stored {
        Stored::Object(StoredObject { arrival, .. }) => {
            Some(Member { object: arrival.object, relative: arrival.relative, trace: arrival.trace })
        }
        Stored::Batch(_) => None,
    }
}

impl Of {
    pub(super) fn key(self) -> Key {
        match self {
            Of::Object(raw) => Key::of_id(keys::object_id(&raw).as_str()),
            Of::Batch(raw) => Key::of_id(keys::batch_id(&raw).as_str()),
        }
    }
}

impl Reader {
    async fn progress(&self, item: &Item) -> Result<Progress> {
        Ok(Progress {
            revision: number(item, "revision")?,
            updated: Timestamp(number(item, "updated")?),
            state: self.table.unpack(item, "state").await?,
        })
    }

    /// The items with these ids, by id.
    async fn items(&self, ids: impl IntoIterator<Item = String>) -> Result<HashMap<String, Item>> {
        let items = self.table.get_many(ids.into_iter().map(|id| Key::of_id(&id)).collect()).await?;
        items.into_iter().map(|item| Ok((text(&item, "sk")?.to_owned(), item))).collect()
    }

    /// Objects and batches by their ids' bytes, in the same order; those that are not there are left out.
    pub(super) async fn stored(&self, wanted: &[Of]) -> Result<Vec<Stored>> {
        let mut found = self.items(wanted.iter().map(|of| of.key().sk)).await?;
        let items = wanted.iter().filter_map(|of| found.remove(&of.key().sk));
        items.map(|item| Stored::read(&item)).collect()
    }

    /// The executions of objects and batches, as they are now, in the same order.
    pub(super) async fn executions(&self, stored: &[Stored]) -> Result<Vec<Execution>> {
        let begun: Vec<Execution> = stored.iter().filter_map(Stored::execution).collect();
        let found = self.items(begun.iter().map(|execution| execution.id.as_str().to_owned())).await?;
        let mut executions = Vec::with_capacity(begun.len());
        for execution in begun {
            executions.push(match found.get(execution.id.as_str()) {
                Some(item) => self.moved(execution, item).await?,
                None => execution,
            });
        }
        Ok(executions)
    }

    async fn moved(&self, begun: Execution, item: &Item) -> Result<Execution> {
        let Progress { revision, updated, state } = self.progress(item).await?;
        Ok(Execution { revision, state, updated_at: updated, ..begun })
    }

    pub(super) async fn execution(&self, id: &ExecutionId) -> Result<Option<Execution>> {
        let item = self.table.get(&Key::of_id(id.as_str())).await?;
        let of = match &item {
            Some(item) => Some(Key::of_id(text(item, "of")?)),
            None => keys::raw(id.as_str()).and_then(|raw| lock(&self.memory).runs.get(&raw).map(|run| run.of.key())),
        };
        let Some(of) = of else { return Ok(None) };
        let Some(stored) = self.table.get(&of).await? else { return Ok(None) };
        let Some(begun) = Stored::read(&stored)?.execution().filter(|begun| begun.id == *id) else { return Ok(None) };
        Ok(Some(match &item {
            Some(item) => self.moved(begun, item).await?,
            None => begun,
        }))
    }

    /// Executions that have moved, by their ids, in the same order; those that are not there are left out.
    pub(super) async fn executions_by_id(&self, ids: Vec<String>) -> Result<Vec<Execution>> {
        let items = self.items(ids.iter().cloned()).await?;
        let of = |id: &String| items.get(id).and_then(|item| text(item, "of").ok()).map(str::to_owned);
        let subjects = self.items(ids.iter().filter_map(of)).await?;
        let mut executions = Vec::with_capacity(ids.len());
        for id in &ids {
            let (Some(item), Some(subject)) = (items.get(id), of(id).and_then(|of| subjects.get(&of))) else { continue };
            if let Some(begun) = Stored::read(subject)?.execution() {
                executions.push(self.moved(begun, item).await?);
            }
        }
        Ok(executions)
    }

    /// The objects an execution made, in the order they were made.
    pub(super) async fn made_by(&self, id: &ExecutionId) -> Result<Vec<ObjectRecord>> {
        let Some(item) = self.table.get(&Key::of_id(id.as_str())).await? else { return Ok(Vec::new()) };
        let mut ids = Vec::new();
        for name in item.keys().filter(|name| name.starts_with(OUTPUTS)) {
            let outputs: Vec<ArrivalRecord> = self.table.unpack(&item, name).await?;
            ids.extend(outputs.into_iter().map(|output| lakegate_coordinator::ports::ledger::Arrival::from(output).object.id()));
        }
        let mut made = self.objects_of(ids.iter()).await?;
        made.retain(|object| object.arrival.made_by.as_ref() == Some(id));
        made.sort_by_key(|object| object.seq);
        self.records(made).await
    }

    /// The objects with these ids, in no order.
    async fn objects_of(&self, ids: impl Iterator<Item = &ObjectId>) -> Result<Vec<StoredObject>> {
        let found = self.items(ids.map(|id| id.as_str().to_owned())).await?;
        found.values().map(StoredObject::read).collect()
    }

    pub(super) async fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>> {
        if keys::raw(id.as_str()).is_none() {
            return Ok(None);
        }
        let objects = self.objects_of(std::iter::once(id)).await?;
        Ok(self.records(objects).await?.pop())
    }

    /// The members of a sealed batch, in the order they came.
    pub(super) async fn members(&self, batch: &BatchId) -> Result<Vec<Member>> {
        self.members_from(batch, 0, usize::MAX).await
    }

    pub(super) async fn members_from(&self, batch: &BatchId, from: usize, limit: usize) -> Result<Vec<Member>> {
        let Some(raw) = keys::raw(batch.as_str()) else { return Ok(Vec::new()) };
        let entries = member_entries(&self.table, &raw).await?.into_iter().skip(from).take(limit);
        let wanted: Vec<Of> = entries.map(|(_, raw)| Of::Object(raw)).collect();
        let stored = self.stored(&wanted).await?;
        if stored.len() != wanted.len() {
            let message = format!("the ledger's table {} has {} of the {} members of {batch}", self.table.name, stored.len(), wanted.len());
            return Err(Failure::new(FailureCode::Ledger, message).hint("something else than lakegate has deleted them: restore the table"));
        }
        Ok(stored.into_iter().filter_map(member).collect())
    }

    pub(super) async fn members_named(&self, objects: &[ObjectId]) -> Result<Vec<Member>> {
        let wanted: Vec<Of> = objects.iter().filter_map(|id| keys::raw(id.as_str())).map(Of::Object).collect();
        Ok(self.stored(&wanted).await?.into_iter().filter_map(member).collect())
    }

    /// Objects with their states, in the same order.
    pub(super) async fn records(&self, objects: Vec<StoredObject>) -> Result<Vec<ObjectRecord>> {
        let batches = self.batches_of(&objects).await?;
        let removals = self.key_removals(&objects).await?;
        let ids = objects.iter().filter_map(StoredObject::execution_id).chain(batches.values().map(|batch| batch.execution.clone()));
        let mut progress = HashMap::new();
        for (id, item) in self.items(ids.map(|id| id.as_str().to_owned())).await? {
            progress.insert(id, self.progress(&item).await?);
        }
        Ok(objects
            .into_iter()
            .map(|object| {
                let batch = batches.get(&object.seq);
                let execution = object.execution_id().or_else(|| batch.map(|batch| batch.execution.clone()));
                let progress = execution.as_ref().and_then(|id| progress.get(id.as_str()));
                let removed_at = object.removed_at(&removals);
                ObjectRecord { removed_at, ..record(object, batch, execution, progress) }
            })
            .collect())
    }

    /// The sealed batches in which objects are, by the objects' `seq`.
    async fn batches_of(&self, objects: &[StoredObject]) -> Result<HashMap<u64, StoredBatch>> {
        let mut by_stage: BTreeMap<&StageKey, Vec<u64>> = BTreeMap::new();
        for object in objects.iter().filter(|object| object.execution_id().is_none() && object.aside.is_none()) {
            let is_collecting =
                |stage: &StageKey| lock(&self.memory).stages.get(stage).is_some_and(|stage| stage.collecting.contains_key(&object.seq));
            if !is_collecting(&object.arrival.stage) {
                by_stage.entry(&object.arrival.stage).or_default().push(object.seq);
            }
        }
        let mut found = HashMap::new();
        for (stage, mut seqs) in by_stage {
            seqs.sort_unstable();
            let mut known: Option<StoredBatch> = None;
            for seq in seqs {
                if known.as_ref().is_none_or(|batch| batch.last < seq) {
                    let range = Range { from: keys::number(seq), limit: 1, ..Range::all(keys::sealed(stage)) };
                    known = self.table.query(range).await?.first().map(StoredBatch::read).transpose()?;
                }
                found.extend(known.as_ref().filter(|batch| batch.first <= seq).map(|batch| (seq, batch.clone())));
            }
        }
        Ok(found)
    }
}

fn record(object: StoredObject, batch: Option<&StoredBatch>, execution: Option<ExecutionId>, progress: Option<&Progress>) -> ObjectRecord {
    let StoredObject { id, arrival, aside, .. } = object;
    let begun = match (&aside, &execution, batch) {
        (Some(_), _, _) => ObjectState::Superseded,
        (None, Some(_), Some(_)) => ObjectState::Batched,
        (None, Some(_), None) => ObjectState::Executing,
        (None, None, _) => ObjectState::Collecting,
    };
    let mut updated_at = batch.map_or(arrival.at, |batch| batch.sealed_at);
    let (mut state, mut failure) = (begun, None);
    if let Some(aside) = aside {
        (updated_at, failure) = (aside.at, Some(aside.failure));
    } else if let Some(progress) = progress
        && let Some((fact, why)) = follows(&progress.state.phase, batch.is_some(), &id)
        && let Some(next) = decide(begun, fact)
    {
        (state, updated_at, failure) = (next, progress.updated, why.cloned());
    }
    ObjectRecord {
        object: arrival.object,
        relative: arrival.relative,
        stage: arrival.stage,
        state,
        arrived_at: arrival.at,
        updated_at,
        execution,
        batch: batch.map(|batch| batch.id.clone()),
        failure,
        removed_at: None,
        made_by: arrival.made_by,
        trace: arrival.trace,
    }
}

/// What an execution's phase means for an object of its; `None` if it is not over.
fn follows<'a>(phase: &'a Phase, is_member: bool, id: &ObjectId) -> Option<(ObjectFact, Option<&'a Failure>)> {
    match phase {
        Phase::Waiting { .. } | Phase::Ready { .. } | Phase::Running { .. } | Phase::Promoting { .. } => None,
        Phase::Succeeded { output } => Some(match rejected(output, id).filter(|_| is_member) {
            Some(why) if why.code == FailureCode::ObjectChanged => (ObjectFact::Superseded, Some(why)),
            Some(why) => (ObjectFact::Rejected, Some(why)),
            None => (ObjectFact::Succeeded, None),
        }),
        Phase::Failed { failure } => Some((ObjectFact::Failed, Some(failure))),
        Phase::Quarantined { failure } => Some((ObjectFact::Rejected, Some(failure))),
        Phase::Superseded { failure } => Some((ObjectFact::Superseded, Some(failure))),
    }
}

fn rejected<'a>(output: &'a TaskOutput, id: &ObjectId) -> Option<&'a Failure> {
    output.rejected.iter().find(|rejected| rejected.object == *id).map(|rejected| &rejected.failure)
}
