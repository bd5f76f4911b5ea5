//! Records as items, and back. What is here knows attributes, and makes no requests.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use lakegate_coordinator::ports::{
    Result,
    ledger::{Arrival, BatchRecord, Execution, Purpose, Subject},
};
use lakegate_model::{
    BatchId, ExecutionId, Failure, FailureCode, ObjectId, ObjectVersion, StageKey, Timestamp, TraceContext,
    machine::{batch::SealReason, execution::ExecutionState},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    keys::Raw,
    removals::REMOVED,
    table::{Item, n, number, s, text, unreadable},
};

/// The attribute that the index by key has: only objects that landed have it.
pub(super) const LANDED: &str = "landed";
/// The longest key of an S3 object; longer ones can't be looked up by it.
const LONGEST_KEY: usize = 1_024;

/// An arrival as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ArrivalRecord {
    object: ObjectVersion,
    relative: String,
    stage: StageKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pipeline_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_by: Option<ExecutionId>,
    at: Timestamp,
    trace: TraceContext,
}

impl From<&Arrival> for ArrivalRecord {
    fn from(arrival: &Arrival) -> ArrivalRecord {
        ArrivalRecord {
            object: arrival.object.clone(),
            relative: arrival.relative.clone(),
            stage: arrival.stage.clone(),
            pipeline_version: match arrival.purpose {
                Purpose::Execute { pipeline_version } => Some(pipeline_version),
                Purpose::Collect => None,
            },
            made_by: arrival.made_by.clone(),
            at: arrival.at,
            trace: arrival.trace,
        }
    }
}

impl From<ArrivalRecord> for Arrival {
    fn from(record: ArrivalRecord) -> Arrival {
        Arrival {
            object: record.object,
            relative: record.relative,
            stage: record.stage,
            purpose: record.pipeline_version.map_or(Purpose::Collect, |pipeline_version| Purpose::Execute { pipeline_version }),
            made_by: record.made_by,
            at: record.at,
            trace: record.trace,
        }
    }
}

/// Why a member of an open batch was set aside, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Aside {
    pub(super) failure: Failure,
    pub(super) at: Timestamp,
}

/// An object as stored.
#[derive(Clone, Debug)]
pub(super) struct StoredObject {
    pub(super) seq: u64,
    pub(super) id: ObjectId,
    pub(super) arrival: Arrival,
    /// Set when it was superseded while it collected.
    pub(super) aside: Option<Aside>,
    /// Set when this version alone was removed from its zone.
    pub(super) removed: Option<Timestamp>,
}

impl StoredObject {
    /// The item of a new object.
    pub(super) fn item(seq: u64, arrival: &Arrival) -> Result<Item> {
        let mut item = Item::from([("seq".to_owned(), n(seq)), ("arrival".to_owned(), s(to_json(&ArrivalRecord::from(arrival))?))]);
        let key = &arrival.object.key;
        if arrival.made_by.is_none() && !key.is_empty() && key.len() <= LONGEST_KEY {
            item.insert(LANDED.to_owned(), s(key));
        }
        Ok(item)
    }

    pub(super) fn read(item: &Item) -> Result<StoredObject> {
        let arrival: ArrivalRecord = json(item, "arrival")?;
        Ok(StoredObject {
            seq: number(item, "seq")?,
            id: ObjectId::from_text(text(item, "sk")?),
            arrival: arrival.into(),
            aside: item.contains_key("aside").then(|| json(item, "aside")).transpose()?,
            removed: item.get(REMOVED).filter(|value| value.is_n()).map(|_| number(item, REMOVED).map(Timestamp)).transpose()?,
        })
    }

    /// Its own execution's id; `None` if it is there for a batch.
    pub(super) fn execution_id(&self) -> Option<ExecutionId> {
        match self.arrival.purpose {
            Purpose::Execute { pipeline_version } => Some(ExecutionId::of(&self.arrival.stage, self.id.as_str(), pipeline_version)),
            Purpose::Collect => None,
        }
    }

    /// Its own execution, as it was when the object came.
    pub(super) fn execution(&self) -> Option<Execution> {
        self.arrival.execution(self.seq)
    }
}

/// A sealed batch as stored: in its stage's log, which makes it so, and by its id and its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredBatch {
    pub(super) seq: u64,
    pub(super) id: BatchId,
    pub(super) stage: StageKey,
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) first_at: Timestamp,
    pub(super) sealed_at: Timestamp,
    pub(super) reason: SealReason,
    pub(super) execution: ExecutionId,
    pub(super) pipeline_version: u32,
    pub(super) trace: TraceContext,
    /// The `seq` of its first and last member.
    pub(super) first: u64,
    pub(super) last: u64,
    /// In so many parts, named by its id, are its members.
    pub(super) parts: usize,
}

impl StoredBatch {
    pub(super) fn item(&self) -> Result<Item> {
        Ok(Item::from([("batch".to_owned(), s(to_json(self)?))]))
    }

    pub(super) fn read(item: &Item) -> Result<StoredBatch> {
        json(item, "batch")
    }

    /// Its execution, as it was when it was sealed.
    pub(super) fn execution(&self) -> Execution {
        Execution {
            id: self.execution.clone(),
            seq: self.seq,
            stage: self.stage.clone(),
            pipeline_version: self.pipeline_version,
            subject: Subject::Batch { id: self.id.clone(), objects: self.objects, bytes: self.bytes },
            revision: 0,
            state: ExecutionState::new(self.sealed_at),
            created_at: self.sealed_at,
            updated_at: self.sealed_at,
            trace: self.trace,
        }
    }

    pub(super) fn record(&self, state: &str) -> BatchRecord {
        BatchRecord {
            id: self.id.clone(),
            stage: self.stage.clone(),
            objects: self.objects,
            bytes: self.bytes,
            first_at: self.first_at,
            sealed_at: self.sealed_at,
            reason: self.reason,
            execution: self.execution.clone(),
            state: state.to_owned(),
        }
    }
}

/// Numbers and ids, one after the other: the entries of a log's record, the members of a batch.
pub(super) fn pack_entries(entries: &[(u64, Raw)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY);
    for (seq, raw) in entries {
        bytes.extend_from_slice(&seq.to_be_bytes());
        bytes.extend_from_slice(raw);
    }
    bytes
}

/// Bytes of an entry.
pub(super) const ENTRY: usize = 24;

pub(super) fn unpack_entries(bytes: &[u8]) -> Vec<(u64, Raw)> {
    let (entries, _) = bytes.as_chunks::<ENTRY>();
    let read = |entry: &[u8; ENTRY]| {
        let (mut seq, mut raw) = ([0; 8], [0; 16]);
        seq.copy_from_slice(&entry[..8]);
        raw.copy_from_slice(&entry[8..]);
        (u64::from_be_bytes(seq), raw)
    };
    entries.iter().map(read).collect()
}

/// A record of a stage's log.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LogRecord {
    /// Objects are about to be recorded with these numbers.
    Arrivals(Vec<(u64, Raw)>),
    /// A batch was sealed.
    Sealed(Box<StoredBatch>),
}

impl LogRecord {
    /// `token` tells this write from any other.
    pub(super) fn item(&self, token: &str) -> Result<Item> {
        let mut item = match self {
            LogRecord::Arrivals(entries) => Item::from([("entries".to_owned(), AttributeValue::B(Blob::new(pack_entries(entries))))]),
            LogRecord::Sealed(batch) => batch.item()?,
        };
        item.insert("token".to_owned(), s(token));
        Ok(item)
    }

    pub(super) fn read(item: &Item) -> Result<LogRecord> {
        match item.get("entries") {
            Some(entries) => {
                let bytes = entries.as_b().map_err(|_| unreadable(item, "entries"))?;
                Ok(LogRecord::Arrivals(unpack_entries(bytes.as_ref())))
            }
            None => Ok(LogRecord::Sealed(Box::new(StoredBatch::read(item)?))),
        }
    }

    /// The number of its first entry.
    pub(super) fn first(&self) -> u64 {
        match self {
            LogRecord::Arrivals(entries) => entries.first().map_or(0, |(seq, _)| *seq),
            LogRecord::Sealed(batch) => batch.seq,
        }
    }
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Failure::new(FailureCode::Internal, format!("a record can't be written as JSON: {error}")))
}

pub(super) fn json<T: DeserializeOwned>(item: &Item, name: &str) -> Result<T> {
    serde_json::from_str(text(item, name)?).map_err(|_| unreadable(item, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_the_same_after_packing() {
        let entries = vec![(1, [7; 16]), (u64::MAX, [255; 16])];
        assert_eq!(unpack_entries(&pack_entries(&entries)), entries);
        let record = LogRecord::Arrivals(entries);
        assert_eq!(LogRecord::read(&record.item("t").unwrap()).unwrap(), record);
    }
}
