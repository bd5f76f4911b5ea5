//! Objects, what happened to them, and the batches they are in.

use lakegate_model::{Failure, ObjectVersion, Timestamp};
use lakegate_proto::{convert::Malformed, v1};
use serde::Serialize;

use super::{text, time};

/// What became of one submitted key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// The key in the raw zone.
    pub key: String,
    /// The object's id; `None` if it was refused.
    pub object: Option<String>,
    /// Whether this submission was the first to tell of it.
    pub new: bool,
    /// Why it was refused.
    pub refused: Option<Failure>,
}

impl From<v1::Submitted> for Submitted {
    fn from(submitted: v1::Submitted) -> Submitted {
        Submitted { key: submitted.key, object: text(submitted.object), new: submitted.new, refused: submitted.refused.map(Into::into) }
    }
}

/// An object as input of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Object {
    /// Its id: `ob-…`.
    pub id: String,
    /// Which version of which file.
    pub object: ObjectVersion,
    /// The stage it is input of: `team/dataset/stage`.
    pub stage: String,
    /// `executing`, `collecting`, `batched`, `processed`, `failed`, `quarantined` or `superseded`.
    pub state: String,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// The run it is in; `None` while it collects.
    pub run: Option<String>,
    /// The sealed batch it is in.
    pub batch: Option<String>,
    /// Why it was set aside.
    pub failure: Option<Failure>,
    /// Its trace, 32 hexadecimal digits.
    pub trace_id: String,
    /// The run that made it; `None` for what landed.
    pub made_by: Option<String>,
    /// When it was removed from its zone; `None` if it was not.
    pub removed_at: Option<Timestamp>,
}

impl TryFrom<v1::Object> for Object {
    type Error = Malformed;

    fn try_from(object: v1::Object) -> Result<Object, Malformed> {
        Ok(Object {
            id: object.id,
            object: object.object.ok_or_else(|| Malformed::missing("object"))?.into(),
            stage: object.stage,
            state: object.state,
            arrived_at: Timestamp(object.arrived_at),
            run: text(object.run),
            batch: text(object.batch),
            failure: object.failure.map(Into::into),
            trace_id: object.trace_id,
            made_by: text(object.made_by),
            removed_at: time(object.removed_at),
        })
    }
}

/// What happened to an object, through every stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectHistory {
    /// The object.
    pub object: Object,
    /// What happened, in order of time.
    pub entries: Vec<HistoryEntry>,
}

/// One thing that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// In which stage: `team/dataset/stage`.
    pub stage: String,
    /// What, for people.
    pub what: String,
    /// In which run.
    pub run: Option<String>,
}

impl TryFrom<v1::ObjectHistory> for ObjectHistory {
    type Error = Malformed;

    fn try_from(history: v1::ObjectHistory) -> Result<ObjectHistory, Malformed> {
        let entry =
            |entry: v1::HistoryEntry| HistoryEntry { at: Timestamp(entry.at), stage: entry.stage, what: entry.what, run: text(entry.run) };
        Ok(ObjectHistory {
            object: history.object.ok_or_else(|| Malformed::missing("object"))?.try_into()?,
            entries: history.entries.into_iter().map(entry).collect(),
        })
    }
}

/// A batch: the set of objects a batch stage runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Its id, `ba-…`; `None` while it is open.
    pub id: Option<String>,
    /// `team/dataset/stage`.
    pub stage: String,
    /// `open`, or the state of its run.
    pub state: String,
    /// How many objects.
    pub objects: u64,
    /// Bytes of all objects.
    pub bytes: u64,
    /// When its first object arrived.
    pub first_at: Option<Timestamp>,
    /// When it was sealed.
    pub sealed_at: Option<Timestamp>,
    /// Why it was sealed: `max_objects`, `schedule`, …
    pub reason: Option<String>,
    /// Its run.
    pub run: Option<String>,
    /// The keys of its first objects, at most 1,000; only where one batch was asked for.
    pub keys: Vec<String>,
}

impl From<v1::Batch> for Batch {
    fn from(batch: v1::Batch) -> Batch {
        Batch {
            id: text(batch.id),
            stage: batch.stage,
            state: batch.state,
            objects: batch.objects,
            bytes: batch.bytes,
            first_at: time(batch.first_at),
            sealed_at: time(batch.sealed_at),
            reason: text(batch.reason),
            run: text(batch.run),
            keys: batch.keys,
        }
    }
}
