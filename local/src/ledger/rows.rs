//! Rows as records, and numbers as SQLite keeps them.

use lakegate_coordinator::ports::ledger::{BatchRecord, Execution, Member, ObjectRecord, Subject, Unrouted};
use lakegate_model::{
    BatchId, DatasetId, ExecutionId, ObjectVersion, StageKey, Timestamp, TraceContext,
    machine::{batch::SealReason, execution::Phase, object::ObjectState},
    object::Standing,
};
use rusqlite::{Row, types::Type};
use serde::{Serialize, de::DeserializeOwned};

/// SQLite's integers are signed. Nothing here counts further than they go.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// Plain data as the text it is stored as.
pub(super) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// What a text column says; an error that names the column if it can't be read.
pub(super) fn from_json<T: DeserializeOwned>(text: &str, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

fn unreadable(column: usize, text: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("\"{text}\" means nothing to this version of lakegate").into())
}

/// The columns `team, dataset, stage` from `at` on.
pub(super) fn stage_key(row: &Row<'_>, at: usize) -> rusqlite::Result<StageKey> {
    Ok(StageKey::new(DatasetId::new(row.get::<_, String>(at)?, row.get::<_, String>(at + 1)?), row.get::<_, String>(at + 2)?))
}

/// The columns `bucket, key, version, sequencer, size` from `at` on.
fn object_version(row: &Row<'_>, at: usize) -> rusqlite::Result<ObjectVersion> {
    Ok(ObjectVersion {
        bucket: row.get(at)?,
        key: row.get(at + 1)?,
        version: row.get(at + 2)?,
        sequencer: row.get(at + 3)?,
        size: number(row, at + 4)?,
    })
}

fn trace(row: &Row<'_>, at: usize) -> rusqlite::Result<TraceContext> {
    Ok(TraceContext::from(row.get::<_, String>(at)?))
}

/// What `execution` reads; `e` is the execution.
pub(super) const EXECUTION: &str =
    "SELECT e.seq, e.id, s.team, s.dataset, s.stage, e.pipeline_version, e.revision, e.state, e.created_at, e.updated_at, e.trace,
    o.bucket, o.key, o.version, o.sequencer, o.size, o.relative, b.id, b.objects, b.bytes";
/// What `EXECUTION` needs besides the execution.
pub(super) const EXECUTION_JOINS: &str =
    "JOIN stages s ON s.id = e.stage LEFT JOIN objects o ON o.seq = e.object LEFT JOIN batches b ON b.seq = e.batch";

pub(super) fn execution(row: &Row<'_>) -> rusqlite::Result<Execution> {
    let state: String = row.get(7)?;
    Ok(Execution {
        seq: number(row, 0)?,
        id: ExecutionId::from_text(row.get::<_, String>(1)?),
        stage: stage_key(row, 2)?,
        pipeline_version: row.get(5)?,
        revision: number(row, 6)?,
        state: from_json(&state, 7)?,
        created_at: Timestamp(row.get(8)?),
        updated_at: Timestamp(row.get(9)?),
        trace: trace(row, 10)?,
        subject: subject(row)?,
    })
}

fn subject(row: &Row<'_>) -> rusqlite::Result<Subject> {
    match row.get::<_, Option<String>>(17)? {
        Some(id) => Ok(Subject::Batch { id: BatchId::from_text(id), objects: number(row, 18)?, bytes: number(row, 19)? }),
        None => Ok(Subject::Object { object: object_version(row, 11)?, relative: row.get(16)? }),
    }
}

/// What `object` reads; `o` is the object.
pub(super) const OBJECT: &str =
    "SELECT o.seq, o.bucket, o.key, o.version, o.sequencer, o.size, o.relative, s.team, s.dataset, s.stage, o.state,
    o.arrived_at, o.updated_at, e.id, b.id, o.failure, o.made_by, o.trace, o.removed_at, r.sequencer, r.seq, r.at";
/// What `OBJECT` needs besides the object.
pub(super) const OBJECT_JOINS: &str =
    "JOIN stages s ON s.id = o.stage LEFT JOIN executions e ON e.seq = o.execution LEFT JOIN batches b ON b.seq = o.batch
    LEFT JOIN removals r ON r.bucket = o.bucket AND r.key = o.key";

pub(super) fn object(row: &Row<'_>) -> rusqlite::Result<ObjectRecord> {
    let state: String = row.get(10)?;
    let failure: Option<String> = row.get(15)?;
    Ok(ObjectRecord {
        object: object_version(row, 1)?,
        relative: row.get(6)?,
        stage: stage_key(row, 7)?,
        state: ObjectState::from_text(&state).ok_or_else(|| unreadable(10, &state))?,
        arrived_at: Timestamp(row.get(11)?),
        updated_at: Timestamp(row.get(12)?),
        execution: row.get::<_, Option<String>>(13)?.map(ExecutionId::from_text),
        batch: row.get::<_, Option<String>>(14)?.map(BatchId::from_text),
        failure: failure.map(|text| from_json(&text, 15)).transpose()?,
        removed_at: removed_at(row)?,
        made_by: row.get::<_, Option<String>>(16)?.map(ExecutionId::from_text),
        trace: trace(row, 17)?,
    })
}

/// When the version was removed alone, or its key after it.
fn removed_at(row: &Row<'_>) -> rusqlite::Result<Option<Timestamp>> {
    let alone: Option<i64> = row.get(18)?;
    let Some(at) = row.get::<_, Option<i64>>(21)?.filter(|_| alone.is_none()) else { return Ok(alone.map(Timestamp)) };
    let (sequencer, removal): (Option<String>, Option<String>) = (row.get(4)?, row.get(19)?);
    let object = Standing { sequencer: sequencer.as_deref(), seq: number(row, 0)? };
    let removal = Standing { sequencer: removal.as_deref(), seq: number(row, 20)? };
    Ok((!removal.is_before(object)).then_some(Timestamp(at)))
}

/// What `batch` reads; `b` is the batch.
pub(super) const BATCH: &str =
    "SELECT b.seq, b.id, s.team, s.dataset, s.stage, b.objects, b.bytes, b.first_at, b.sealed_at, b.reason, e.id, e.phase";
/// What `BATCH` needs besides the batch.
pub(super) const BATCH_JOINS: &str = "JOIN stages s ON s.id = b.stage JOIN executions e ON e.seq = b.seq";

pub(super) fn batch(row: &Row<'_>) -> rusqlite::Result<BatchRecord> {
    let reason: String = row.get(9)?;
    Ok(BatchRecord {
        id: BatchId::from_text(row.get::<_, String>(1)?),
        stage: stage_key(row, 2)?,
        objects: number(row, 5)?,
        bytes: number(row, 6)?,
        first_at: Timestamp(row.get(7)?),
        sealed_at: Timestamp(row.get(8)?),
        reason: SealReason::from_text(&reason).ok_or_else(|| unreadable(9, &reason))?,
        execution: ExecutionId::from_text(row.get::<_, String>(10)?),
        state: row.get(11)?,
    })
}

/// Reads `bucket, key, version, sequencer, size, relative, trace`.
pub(super) fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member { object: object_version(row, 0)?, relative: row.get(5)?, trace: trace(row, 6)? })
}

/// Reads `bucket, key, version, sequencer, size, reason, at`.
pub(super) fn unrouted(row: &Row<'_>) -> rusqlite::Result<Unrouted> {
    Ok(Unrouted { object: object_version(row, 0)?, reason: row.get(5)?, at: Timestamp(row.get(6)?) })
}

/// What is added to a stage's counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) waiting: i64,
    pub(super) ready: i64,
    pub(super) running: i64,
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    pub(super) quarantined: i64,
    pub(super) superseded: i64,
    pub(super) collecting: i64,
    pub(super) rows_out: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Tally) {
        self.waiting += other.waiting;
        self.ready += other.ready;
        self.running += other.running;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.quarantined += other.quarantined;
        self.superseded += other.superseded;
        self.collecting += other.collecting;
        self.rows_out = self.rows_out.saturating_add(other.rows_out);
    }

    /// Counts an execution out of the phase of that name and into another.
    pub(super) fn moved(&mut self, from: &str, to: &Phase) {
        self.phase(from, -1);
        self.phase(to.as_str(), 1);
    }

    fn phase(&mut self, name: &str, by: i64) {
        match name {
            "waiting" => self.waiting += by,
            "ready" => self.ready += by,
            "running" | "promoting" => self.running += by,
            "succeeded" => self.succeeded += by,
            "failed" => self.failed += by,
            "quarantined" => self.quarantined += by,
            "superseded" => self.superseded += by,
            _ => {}
        }
    }
}
