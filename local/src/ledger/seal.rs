//! Sealing: the members of a batch are fixed before anything runs on it.

use lakegate_coordinator::ports::ledger::{BatchRecord, Execution, SealRequest, Sealed, Subject};
use lakegate_model::{
    BatchId, ExecutionId, ObjectId, Timestamp,
    machine::{
        batch::members_to_seal,
        execution::ExecutionState,
        object::{ObjectFact, ObjectState, decide},
    },
};
use rusqlite::params;

use super::{admit::NewExecution, rows::int, writer::Changes};

/// A member of the open batch.
struct Candidate {
    seq: i64,
    id: ObjectId,
    bytes: u64,
    arrived_at: Timestamp,
}

impl Changes<'_> {
    pub(super) fn seal(&mut self, request: &SealRequest) -> rusqlite::Result<Option<Sealed>> {
        let stage = self.stage(&request.stage)?;
        let mut members = self.oldest_members(stage, request.trigger.max_objects)?;
        let take = members_to_seal(&request.trigger, members.iter().map(|member| member.bytes));
        members.truncate(usize::try_from(take).unwrap_or(usize::MAX));
        let (Some(first), Some(last)) = (members.first(), members.last()) else { return Ok(None) };
        let seq = self.next_seq();
        let batch = record(request, &members, first.arrived_at);
        self.record_batch(stage, seq, &batch)?;
        self.record_members(stage, seq, last.seq, request.at)?;
        let execution = Execution {
            id: batch.execution.clone(),
            seq,
            stage: request.stage.clone(),
            pipeline_version: request.pipeline_version,
            subject: Subject::Batch { id: batch.id.clone(), objects: batch.objects, bytes: batch.bytes },
            revision: 0,
            state: ExecutionState::new(request.at),
            created_at: request.at,
            updated_at: request.at,
            trace: request.trace,
        };
        self.record_execution(&NewExecution { execution: &execution, stage })?;
        Ok(Some(Sealed { batch, execution }))
    }

    fn oldest_members(&self, stage: i64, most: u64) -> rusqlite::Result<Vec<Candidate>> {
        let sql = "SELECT seq, id, size, arrived_at FROM objects INDEXED BY objects_collecting WHERE stage = ?1 AND state = 'collecting' ORDER BY seq LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let members = statement.query_map(params![stage, int(most)], |row| {
            let bytes: i64 = row.get(2)?;
            Ok(Candidate {
                seq: row.get(0)?,
                id: ObjectId::from_text(row.get::<_, String>(1)?),
                bytes: bytes.unsigned_abs(),
                arrived_at: Timestamp(row.get(3)?),
            })
        })?;
        members.collect()
    }

    fn record_batch(&mut self, stage: i64, seq: u64, batch: &BatchRecord) -> rusqlite::Result<()> {
        let sql =
            "INSERT INTO batches (seq, id, stage, objects, bytes, first_at, sealed_at, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.prepare_cached(sql)?.execute(params![
            int(seq),
            batch.id.as_str(),
            stage,
            int(batch.objects),
            int(batch.bytes),
            batch.first_at.0,
            batch.sealed_at.0,
            batch.reason.as_str()
        ])?;
        self.tally(stage).collecting -= int(batch.objects);
        Ok(())
    }

    fn record_members(&mut self, stage: i64, seq: u64, last: i64, at: Timestamp) -> rusqlite::Result<()> {
        let Some(state) = decide(ObjectState::Collecting, ObjectFact::Sealed) else { return Ok(()) };
        let sql = "UPDATE objects SET state = ?3, batch = ?4, execution = ?4, updated_at = ?5 WHERE stage = ?1 AND state = 'collecting' AND seq <= ?2";
        self.connection.prepare_cached(sql)?.execute(params![stage, last, state.as_str(), int(seq), at.0]).map(drop)
    }
}

fn record(request: &SealRequest, members: &[Candidate], first_at: Timestamp) -> BatchRecord {
    let id = BatchId::of(&request.stage, members.iter().map(|member| &member.id));
    let execution = ExecutionId::of(&request.stage, id.as_str(), request.pipeline_version);
    BatchRecord {
        id,
        stage: request.stage.clone(),
        objects: members.len() as u64,
        bytes: members.iter().fold(0, |sum, member| sum.saturating_add(member.bytes)),
        first_at,
        sealed_at: request.at,
        reason: request.reason,
        execution,
        state: ExecutionState::new(request.at).phase.as_str().to_owned(),
    }
}
