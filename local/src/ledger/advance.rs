//! Moves of executions, and what follows from the last of them.

use lakegate_coordinator::ports::ledger::{Move, MoveOutcome};
use lakegate_model::{
    Failure, FailureCode, Timestamp,
    machine::{
        execution::{Phase, Rejected},
        object::{ObjectFact, ObjectState, decide},
    },
    table::Schema,
};
use rusqlite::{OptionalExtension as _, Row, params};

use super::{
    rows::{int, to_json},
    writer::Changes,
};

/// What a move needs to know of its execution.
struct Current {
    seq: i64,
    stage: i64,
    phase: String,
    object: Option<i64>,
    batch: Option<i64>,
}

impl Current {
    fn read(row: &Row<'_>) -> rusqlite::Result<Current> {
        Ok(Current { seq: row.get(0)?, stage: row.get(1)?, phase: row.get(2)?, object: row.get(3)?, batch: row.get(4)? })
    }
}

impl Changes<'_> {
    pub(super) fn advance(&mut self, moves: &[Move]) -> rusqlite::Result<Vec<MoveOutcome>> {
        moves.iter().map(|step| self.advance_one(step)).collect()
    }

    fn advance_one(&mut self, step: &Move) -> rusqlite::Result<MoveOutcome> {
        let sql = "SELECT seq, stage, phase, object, batch FROM executions WHERE id = ?1 AND revision = ?2";
        let values = params![step.execution.as_str(), int(step.from)];
        let Some(current) = self.connection.prepare_cached(sql)?.query_row(values, Current::read).optional()? else {
            return Ok(MoveOutcome::Stale);
        };
        let phase = &step.to.phase;
        let sql = "UPDATE executions SET revision = revision + 1, phase = ?2, over = ?3, state = ?4, updated_at = ?5, has_aside = ?6
            WHERE seq = ?1";
        let values = params![current.seq, phase.as_str(), phase.is_terminal(), to_json(&step.to)?, step.at.0, step.to.has_aside()];
        self.connection.prepare_cached(sql)?.execute(values)?;
        self.tally(current.stage).moved(&current.phase, phase);
        self.follow(&current, phase, step.at)?;
        if let Some(schema) = &step.schema {
            self.record_schema(current.stage, schema)?;
        }
        self.leave(&step.outgoing)?;
        Ok(MoveOutcome::Moved(self.admit(&step.outputs)?))
    }

    fn record_schema(&mut self, stage: i64, schema: &Schema) -> rusqlite::Result<()> {
        let sql = "UPDATE stages SET schema = ?2 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute(params![stage, to_json(schema)?]).map(drop)
    }

    /// The object's or the members' states after an execution's terminal phase.
    fn follow(&mut self, current: &Current, phase: &Phase, at: Timestamp) -> rusqlite::Result<()> {
        let (fact, failure) = match phase {
            Phase::Waiting { .. } | Phase::Ready { .. } | Phase::Running { .. } | Phase::Promoting { .. } => return Ok(()),
            Phase::Succeeded { output } => {
                self.tally(current.stage).rows_out += output.rows_out;
                for rejected in &output.rejected {
                    self.reject(current, rejected, at)?;
                }
                (ObjectFact::Succeeded, None)
            }
            Phase::Failed { failure } => (ObjectFact::Failed, Some(failure)),
            Phase::Quarantined { failure } => (ObjectFact::Rejected, Some(failure)),
            Phase::Superseded { failure } => (ObjectFact::Superseded, Some(failure)),
        };
        if let Some(object) = current.object {
            self.follow_where("seq", object, ObjectState::Executing, fact, failure, at)?;
        }
        if let Some(batch) = current.batch {
            self.follow_where("batch", batch, ObjectState::Batched, fact, failure, at)?;
        }
        Ok(())
    }

    /// `column` is a name of ours, so that each statement is prepared once.
    fn follow_where(
        &mut self,
        column: &'static str,
        value: i64,
        state: ObjectState,
        fact: ObjectFact,
        failure: Option<&Failure>,
        at: Timestamp,
    ) -> rusqlite::Result<()> {
        let Some(next) = decide(state, fact) else { return Ok(()) };
        let sql = format!("UPDATE objects SET state = ?3, updated_at = ?4, failure = ?5 WHERE {column} = ?1 AND state = ?2");
        let failure = failure.map(to_json).transpose()?;
        self.connection.prepare_cached(&sql)?.execute(params![value, state.as_str(), next.as_str(), at.0, failure]).map(drop)
    }

    /// Sets aside a member of a batch that went on without it.
    fn reject(&mut self, current: &Current, rejected: &Rejected, at: Timestamp) -> rusqlite::Result<()> {
        let overwritten = rejected.failure.code == FailureCode::ObjectChanged;
        let fact = if overwritten { ObjectFact::Superseded } else { ObjectFact::Rejected };
        let (Some(batch), Some(next)) = (current.batch, decide(ObjectState::Batched, fact)) else { return Ok(()) };
        let sql = "UPDATE objects SET state = ?4, updated_at = ?5, failure = ?6 WHERE id = ?1 AND batch = ?2 AND state = ?3";
        let values =
            params![rejected.object.as_str(), batch, ObjectState::Batched.as_str(), next.as_str(), at.0, to_json(&rejected.failure)?];
        let changed = int(self.connection.prepare_cached(sql)?.execute(values)? as u64);
        let tally = self.tally(current.stage);
        if overwritten {
            tally.superseded += changed;
        } else {
            tally.quarantined += changed;
        }
        Ok(())
    }
}
