//! What the writer tells those who keep SDLF's tables (`crate::sdlf`), and what they read here: the
//! ledger is the truth, and a note only says where to look and which statuses were passed.

use std::{collections::HashMap, sync::Arc};

use lakegate_coordinator::ports::{
    Result,
    ledger::{Execution, Purpose},
};
use lakegate_model::{ExecutionId, ObjectId, ObjectVersion, StageKey, Timestamp, TraceContext};

use super::{
    keys::{self, Key, Raw},
    memory::Of,
    moves::member_entries,
    reader::{Reader, Stored},
    records::{LogRecord, StoredBatch, StoredObject},
    removals::{Untold, untold},
    table::{Change, OnlyIf, Range, n, text, unreadable},
    writer::{Desk, lock},
};
use crate::sdlf::pending::{Note, Step, Subject};

/// An object as the ledger has it now.
#[derive(Clone, Debug)]
pub(crate) struct ObjectNow {
    pub(crate) id: ObjectId,
    pub(crate) seq: u64,
    pub(crate) object: ObjectVersion,
    pub(crate) stage: StageKey,
    pub(crate) at: Timestamp,
    pub(crate) trace: TraceContext,
    pub(crate) made_by: Option<ExecutionId>,
    /// The version of the pipeline that its own execution has.
    pub(crate) pipeline_version: Option<u32>,
    pub(crate) is_removed: bool,
}

/// What there is of an object or a batch now.
#[derive(Clone, Debug)]
pub(crate) struct Now {
    pub(crate) subject: Subject,
    pub(crate) object: Option<ObjectNow>,
    pub(crate) execution: Option<Execution>,
}

/// The members of a sealed batch, and who has them.
pub(crate) struct MembersNow {
    pub(crate) execution: ExecutionId,
    pub(crate) pipeline_version: u32,
    pub(crate) members: Vec<Subject>,
}

/// What is read to keep SDLF's tables.
pub(crate) struct Source(pub(super) Reader);

impl Source {
    /// Objects with their executions, and batches with theirs, as they are now.
    pub(crate) async fn look_at(&self, subjects: &[Subject]) -> Result<Vec<Now>> {
        let wanted: Vec<Of> = subjects.iter().map(|subject| subject.of()).collect();
        let stored = self.0.stored(&wanted).await?;
        let mut executions: HashMap<ExecutionId, Execution> =
            self.0.executions(&stored).await?.into_iter().map(|execution| (execution.id.clone(), execution)).collect();
        let objects: Vec<StoredObject> = stored.iter().filter_map(|stored| object(stored).cloned()).collect();
        let removals = self.0.key_removals(&objects).await?;
        let now = |stored: Stored| match stored {
            Stored::Object(object) => {
                let subject = Subject::Object(keys::raw(object.id.as_str())?);
                let execution = object.execution_id().and_then(|id| executions.remove(&id));
                let is_removed = object.removed_at(&removals).is_some();
                Some(Now { subject, object: Some(object_now(object, is_removed)), execution })
            }
            Stored::Batch(batch) => {
                let subject = Subject::Batch(keys::raw(batch.id.as_str())?);
                Some(Now { subject, object: None, execution: executions.remove(&batch.execution) })
            }
        };
        Ok(stored.into_iter().filter_map(now).collect())
    }

    /// A sealed batch's members.
    pub(crate) async fn members(&self, batch: &Raw) -> Result<Option<MembersNow>> {
        let stored = self.0.stored(&[Of::Batch(*batch)]).await?;
        let Some(Stored::Batch(StoredBatch { execution, pipeline_version, .. })) = stored.into_iter().next() else { return Ok(None) };
        let members = member_entries(&self.0.table, batch).await?.into_iter().map(|(_, raw)| Subject::Object(raw)).collect();
        Ok(Some(MembersNow { execution, pipeline_version, members }))
    }

    /// What is in a stage's log from a record on, record by record, at most `limit` records.
    pub(crate) async fn log(&self, stage: &StageKey, from: u64, limit: usize) -> Result<Vec<(u64, Vec<Subject>)>> {
        let range = Range { from: keys::number(from), limit, ..Range::all(keys::log(stage)) };
        let mut records = Vec::new();
        for item in self.0.table.query(range).await? {
            let ordinal = text(&item, "sk")?.parse().map_err(|_| unreadable(&item, "sk"))?;
            let subjects = match LogRecord::read(&item)? {
                LogRecord::Arrivals(entries) => entries.into_iter().map(|(_, raw)| Subject::Object(raw)).collect(),
                LogRecord::Sealed(batch) => {
                    keys::raw(batch.id.as_str()).map(|raw| vec![Subject::Batch(raw), Subject::Members(raw)]).unwrap_or_default()
                }
            };
            records.push((ordinal, subjects));
        }
        Ok(records)
    }

    /// Notes that everything below this record of a stage's log is in the tables.
    pub(crate) async fn mark(&self, stage: &StageKey, ordinal: u64) -> Result<()> {
        let change =
            Change { key: Key::stage(stage), set: vec![(PROJECTED.to_owned(), n(ordinal))], only_if: OnlyIf::Below(PROJECTED, n(ordinal)) };
        self.0.table.change(change).await.map(drop)
    }

    /// Removals that the table of objects is still to be told of, oldest first.
    pub(crate) async fn untold(&self, limit: usize) -> Result<Vec<Untold>> {
        untold(&self.0.table, limit).await
    }

    /// The table has been told of a removal.
    pub(crate) async fn told(&self, removal: &Untold) -> Result<()> {
        self.0.table.delete(&Key::untold(removal.seq)).await
    }
}

/// The attribute of a stage's item: everything below this record of its log is in SDLF's tables.
pub(super) const PROJECTED: &str = "projected";

impl Subject {
    fn of(self) -> Of {
        match self {
            Subject::Object(raw) => Of::Object(raw),
            Subject::Batch(raw) | Subject::Members(raw) => Of::Batch(raw),
        }
    }
}

fn object(stored: &Stored) -> Option<&StoredObject> {
    match stored {
        Stored::Object(object) => Some(object),
        Stored::Batch(_) => None,
    }
}

fn object_now(stored: StoredObject, is_removed: bool) -> ObjectNow {
    let StoredObject { id, seq, arrival, .. } = stored;
    let pipeline_version = match arrival.purpose {
        Purpose::Execute { pipeline_version } => Some(pipeline_version),
        Purpose::Collect => None,
    };
    ObjectNow {
        id,
        seq,
        object: arrival.object,
        stage: arrival.stage,
        at: arrival.at,
        trace: arrival.trace,
        made_by: arrival.made_by,
        pipeline_version,
        is_removed,
    }
}

impl Desk {
    /// A new object is recorded, and so is its execution if it has one.
    pub(super) fn tell_arrived(&self, stage: &StageKey, ordinal: u64, raw: Raw, begun: Option<&Execution>) {
        let Some(feed) = &self.feed else { return };
        let steps = begun.map(Step::of).into_iter().collect();
        feed.note(stage, Note { subject: Subject::Object(raw), ordinal, is_row_due: true, steps });
    }

    /// A batch is sealed.
    pub(super) fn tell_sealed(&self, batch: &StoredBatch, ordinal: u64) {
        let (Some(feed), Some(raw)) = (&self.feed, keys::raw(batch.id.as_str())) else { return };
        let steps = vec![Step::of(&batch.execution())];
        feed.note(&batch.stage, Note { subject: Subject::Batch(raw), ordinal, is_row_due: false, steps });
        feed.note(&batch.stage, Note { subject: Subject::Members(raw), ordinal, is_row_due: false, steps: Vec::new() });
    }

    /// Moves are written. To be called before they count as over in memory.
    pub(super) fn tell_moved(&self, stage: &StageKey, seq: u64, of: Of, step: Step) {
        let Some(feed) = &self.feed else { return };
        let ordinal = lock(&self.memory).stages.get(stage).and_then(|stage| Some(stage.entries.get(&seq)?.ordinal));
        let subject = match of {
            Of::Object(raw) => Subject::Object(raw),
            Of::Batch(raw) => Subject::Batch(raw),
        };
        let is_row_due = step.is_over && matches!(of, Of::Object(_));
        feed.note(stage, Note { subject, ordinal: ordinal.unwrap_or(0), is_row_due, steps: vec![step] });
    }

    /// Everything below these records is over, and whoever keeps tables was told of it.
    pub(super) fn tell_settled(&self) {
        let Some(feed) = &self.feed else { return };
        let memory = lock(&self.memory);
        feed.settle(memory.stages.iter().map(|(key, stage)| (Arc::clone(key), stage.first_open())));
    }
}
