//! What the ledger records, and what it is asked and answers.

use lakegate_model::{
    BatchId, DatasetId, ExecutionId, Failure, ObjectVersion, Pipeline, StageKey, Timestamp, TraceContext, layout,
    machine::{batch::SealReason, execution::ExecutionState, object::ObjectState},
    pipeline::BatchTrigger,
    table::Schema,
};

use super::super::outbox::Outgoing;

/// What `apply_pipeline` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The pipeline's version, counted from 1.
    pub version: u32,
    /// False if it was the newest version already.
    pub changed: bool,
}

/// A pipeline as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineVersion {
    /// Its version, counted from 1.
    pub version: u32,
    /// When it was applied.
    pub at: Timestamp,
    /// What it says.
    pub pipeline: Pipeline,
}

/// An object's arrival at a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The object.
    pub object: ObjectVersion,
    /// What names its outputs: its raw key below its route's prefix, kept from stage to stage.
    pub relative: String,
    /// The stage it is input of.
    pub stage: StageKey,
    /// What the stage does with it.
    pub purpose: Purpose,
    /// The execution that made it; `None` for what landed.
    pub made_by: Option<ExecutionId>,
    /// When it arrived.
    pub at: Timestamp,
    /// Its trace, at the span under which what follows belongs.
    pub trace: TraceContext,
}

impl Arrival {
    /// The execution that it starts, recorded under this number; `None` if it joins a batch.
    pub fn execution(&self, seq: u64) -> Option<Execution> {
        let Purpose::Execute { pipeline_version } = self.purpose else { return None };
        Some(Execution {
            id: ExecutionId::of(&self.stage, self.object.id().as_str(), pipeline_version),
            seq,
            stage: self.stage.clone(),
            pipeline_version,
            subject: Subject::Object { object: self.object.clone(), relative: self.relative.clone() },
            revision: 0,
            state: ExecutionState::new(self.at),
            created_at: self.at,
            updated_at: self.at,
            trace: self.trace,
        })
    }
}

/// What a stage does with an arriving object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An execution of its own, by this pipeline version.
    Execute {
        /// The pipeline's version.
        pipeline_version: u32,
    },
    /// A place in the open batch.
    Collect,
}

/// What became of an arrival.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// It is new, and this is its execution.
    Started(Box<Execution>),
    /// It is new, and a member of the open batch.
    Collected,
    /// It is new, and older than a collecting member of the same bucket and key: it is recorded as
    /// `ObjectState::Superseded` and nothing will be done with it.
    Superseded,
    /// The ledger knew it.
    Known,
}

/// An execution as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Its place in the order in which its ledger recorded executions; grows, with gaps.
    pub seq: u64,
    /// The stage.
    pub stage: StageKey,
    /// The pipeline's version.
    pub pipeline_version: u32,
    /// What it is of.
    pub subject: Subject,
    /// Counts its moves; a move names the one it starts from.
    pub revision: u64,
    /// How far it is.
    pub state: ExecutionState,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// Its trace, at the span its own span is a child of.
    pub trace: TraceContext,
}

/// What an execution is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One object.
    Object {
        /// The object.
        object: ObjectVersion,
        /// As in `Arrival`.
        relative: String,
    },
    /// A sealed batch.
    Batch {
        /// The batch.
        id: BatchId,
        /// How many members.
        objects: u64,
        /// Bytes of all members.
        bytes: u64,
    },
}

impl Subject {
    /// The execution whose audit set these rows aside, if that is what it is.
    pub fn set_aside_by(&self) -> Option<ExecutionId> {
        match self {
            Subject::Object { object, .. } => layout::set_aside_by(&object.key),
            Subject::Batch { .. } => None,
        }
    }

    /// How many objects it is.
    pub fn objects(&self) -> u64 {
        match self {
            Subject::Object { .. } => 1,
            Subject::Batch { objects, .. } => *objects,
        }
    }
}

/// A step in an execution's life, with all that must be written with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Which execution.
    pub execution: ExecutionId,
    /// The revision it must be at.
    pub from: u64,
    /// Its state afterwards.
    pub to: ExecutionState,
    /// When.
    pub at: Timestamp,
    /// Objects it made that arrive at the next stage.
    pub outputs: Vec<Arrival>,
    /// The stage's input schema from now on, if it changed.
    pub schema: Option<Schema>,
    /// Messages to others that it causes.
    pub outgoing: Vec<Outgoing>,
}

/// What became of a move.
#[derive(Clone, Debug, PartialEq)]
pub enum MoveOutcome {
    /// It is written; these are the admissions of its outputs.
    Moved(Vec<Admission>),
    /// The execution is at another revision, or unknown: nothing was written.
    Stale,
}

/// What to seal.
#[derive(Clone, Debug, PartialEq)]
pub struct SealRequest {
    /// The stage whose open batch it is.
    pub stage: StageKey,
    /// Its limits.
    pub trigger: BatchTrigger,
    /// The pipeline version that will run it.
    pub pipeline_version: u32,
    /// Why.
    pub reason: SealReason,
    /// When.
    pub at: Timestamp,
    /// The trace of the batch.
    pub trace: TraceContext,
}

/// A batch that was sealed just now.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    /// The batch.
    pub batch: BatchRecord,
    /// Its execution.
    pub execution: Execution,
}

/// A sealed batch as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// Its id, a function of its members.
    pub id: BatchId,
    /// Whose.
    pub stage: StageKey,
    /// How many members.
    pub objects: u64,
    /// Bytes of all members.
    pub bytes: u64,
    /// When its first member arrived.
    pub first_at: Timestamp,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// Why.
    pub reason: SealReason,
    /// Its execution.
    pub execution: ExecutionId,
    /// The name of its execution's phase.
    pub state: String,
}

/// A member of a sealed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The object.
    pub object: ObjectVersion,
    /// As in `Arrival`.
    pub relative: String,
    /// The member's own trace, to link to.
    pub trace: TraceContext,
}

/// An object as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectRecord {
    /// The object.
    pub object: ObjectVersion,
    /// As in `Arrival`.
    pub relative: String,
    /// The stage it is input of.
    pub stage: StageKey,
    /// Where it is in it.
    pub state: ObjectState,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// The execution it is in.
    pub execution: Option<ExecutionId>,
    /// The sealed batch it is in.
    pub batch: Option<BatchId>,
    /// Why it was set aside, if it was.
    pub failure: Option<Failure>,
    /// When it was removed from its zone, if it was.
    pub removed_at: Option<Timestamp>,
    /// The execution that made it.
    pub made_by: Option<ExecutionId>,
    /// Its trace.
    pub trace: TraceContext,
}

/// An object that no pipeline takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrouted {
    /// The object.
    pub object: ObjectVersion,
    /// Why nobody takes it.
    pub reason: String,
    /// When it arrived.
    pub at: Timestamp,
}

/// That an object was removed from its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The name of its zone.
    pub bucket: String,
    /// Its key below the zone.
    pub key: String,
    /// The version that was removed; empty if it is not told, and nothing the ledger knows if a delete
    /// marker hides the key.
    pub version: String,
    /// S3's sequencer of the removal.
    pub sequencer: Option<String>,
    /// When it was removed, by the source's clock.
    pub at: Timestamp,
}

/// What is in a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageCounts {
    /// The stage; `None` only in the default value.
    pub stage: Option<StageKey>,
    /// Executions by phase.
    pub waiting: u64,
    /// Ready to start, or waiting for a retry.
    pub ready: u64,
    /// Running or promoting.
    pub running: u64,
    /// Done.
    pub succeeded: u64,
    /// Dead letters.
    pub failed: u64,
    /// Set aside, batch members among them.
    pub quarantined: u64,
    /// Overwritten before they were read.
    pub superseded: u64,
    /// Members of the open batch.
    pub collecting: u64,
    /// Rows that succeeded executions wrote.
    pub rows_out: u64,
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this dataset's.
    pub dataset: Option<DatasetId>,
    /// Only this stage's, within the dataset.
    pub stage: Option<String>,
    /// Only those in the state of this name.
    pub state: Option<String>,
    /// Of executions only those of which something lies in quarantine: `ExecutionState::has_aside`. One that
    /// ended just now may be missing for a moment.
    pub with_aside: bool,
    /// Of executions only those that are over and have an audit. What waits costs such a list nothing, however much it is.
    pub with_audit: bool,
}

/// Which page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many; the adapter may give fewer.
    pub size: usize,
    /// `Paged::next` of the page before; empty for the first.
    pub token: String,
}

/// A page of something.
#[derive(Clone, Debug, PartialEq)]
pub struct Paged<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page starts; empty if this is the last.
    pub next: String,
}
