//! Arrivals.

use lakegate_coordinator::ports::ledger::{Admission, Arrival, Execution, Purpose, Subject, Unrouted};
use lakegate_model::{
    ExecutionId, Failure, FailureCode,
    machine::object::{ObjectFact, ObjectState, decide},
    object::is_earlier,
};
use rusqlite::params;

use super::{
    rows::{int, to_json},
    writer::Changes,
};

/// An execution to record.
pub(super) struct NewExecution<'a> {
    pub(super) execution: &'a Execution,
    /// The row of its stage.
    pub(super) stage: i64,
}

impl Changes<'_> {
    pub(super) fn admit(&mut self, arrivals: &[Arrival]) -> rusqlite::Result<Vec<Admission>> {
        arrivals.iter().map(|arrival| self.admit_one(arrival)).collect()
    }

    fn admit_one(&mut self, arrival: &Arrival) -> rusqlite::Result<Admission> {
        let id = arrival.object.id();
        let stage = self.stage(&arrival.stage)?;
        let seq = self.next_seq();
        self.forget_unrouted(id.as_str())?;
        // An execution of its own has the object's number, so neither row has to wait for the other.
        let (state, execution) = match arrival.purpose {
            Purpose::Execute { .. } => (ObjectState::Executing, Some(int(seq))),
            Purpose::Collect => (ObjectState::Collecting, None),
        };
        let object = &arrival.object;
        let sql = "INSERT INTO objects (seq, id, stage, state, execution, size, arrived_at, updated_at, bucket, key, version, sequencer, relative, made_by, trace)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO NOTHING";
        let inserted = self.connection.prepare_cached(sql)?.execute(params![
            int(seq),
            id.as_str(),
            stage,
            state.as_str(),
            execution,
            int(object.size),
            arrival.at.0,
            object.bucket,
            object.key,
            object.version,
            object.sequencer,
            arrival.relative,
            arrival.made_by.as_ref().map(ExecutionId::as_str),
            arrival.trace.to_string(),
        ])?;
        if inserted == 0 {
            self.restore(object, seq)?;
            return Ok(Admission::Known);
        }
        match arrival.execution(seq) {
            Some(execution) => {
                self.record_execution(&NewExecution { execution: &execution, stage })?;
                Ok(Admission::Started(Box::new(execution)))
            }
            None => self.collect(arrival, stage, seq),
        }
    }

    /// Records a ready execution, whose object or batch has the same number.
    pub(super) fn record_execution(&mut self, new: &NewExecution<'_>) -> rusqlite::Result<()> {
        let NewExecution { execution, stage } = new;
        let seq = int(execution.seq);
        let (object, batch) = match execution.subject {
            Subject::Object { .. } => (Some(seq), None),
            Subject::Batch { .. } => (None, Some(seq)),
        };
        let sql = "INSERT INTO executions (seq, id, stage, pipeline_version, object, batch, revision, phase, over, created_at, updated_at, trace, state)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?9, ?10, ?11)";
        self.connection.prepare_cached(sql)?.execute(params![
            seq,
            execution.id.as_str(),
            stage,
            execution.pipeline_version,
            object,
            batch,
            int(execution.revision),
            execution.state.phase.as_str(),
            execution.created_at.0,
            execution.trace.to_string(),
            to_json(&execution.state)?,
        ])?;
        self.tally(*stage).ready += 1;
        Ok(())
    }

    /// The new member takes the place of an older one of the same key.
    fn collect(&mut self, arrival: &Arrival, stage: i64, seq: u64) -> rusqlite::Result<Admission> {
        if self.has_newer_member(arrival, stage, seq)? {
            self.set_aside(arrival, stage, seq)?;
            return Ok(Admission::Superseded);
        }
        self.tally(stage).collecting += 1;
        if let Some(state) = decide(ObjectState::Collecting, ObjectFact::Superseded) {
            let why =
                Failure::new(FailureCode::ObjectChanged, format!("{} was overwritten before its batch was sealed", arrival.object.key));
            let sql = "UPDATE objects SET state = ?5, updated_at = ?6, failure = ?7
                WHERE stage = ?1 AND key = ?2 AND bucket = ?3 AND state = 'collecting' AND seq <> ?4";
            let values = params![stage, arrival.object.key, arrival.object.bucket, int(seq), state.as_str(), arrival.at.0, to_json(&why)?];
            let replaced = self.connection.prepare_cached(sql)?.execute(values)?;
            let tally = self.tally(stage);
            tally.collecting -= int(replaced as u64);
            tally.superseded += int(replaced as u64);
        }
        Ok(Admission::Collected)
    }

    /// Whether a later version of the arrival's key is collecting already: its event overtook this one's.
    fn has_newer_member(&self, arrival: &Arrival, stage: i64, seq: u64) -> rusqlite::Result<bool> {
        if arrival.object.sequencer.is_none() {
            return Ok(false);
        }
        let sql = "SELECT sequencer FROM objects WHERE stage = ?1 AND key = ?2 AND bucket = ?3 AND state = 'collecting' AND seq <> ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut members = statement.query(params![stage, arrival.object.key, arrival.object.bucket, int(seq)])?;
        while let Some(member) = members.next()? {
            let sequencer: Option<String> = member.get(0)?;
            if is_earlier(arrival.object.sequencer.as_deref(), sequencer.as_deref()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Records the arrival as overwritten already.
    fn set_aside(&mut self, arrival: &Arrival, stage: i64, seq: u64) -> rusqlite::Result<()> {
        let why = Failure::new(FailureCode::ObjectChanged, format!("{} was overwritten before it was heard of", arrival.object.key));
        let sql = "UPDATE objects SET state = ?2, failure = ?3 WHERE seq = ?1";
        self.connection.prepare_cached(sql)?.execute(params![int(seq), ObjectState::Superseded.as_str(), to_json(&why)?])?;
        self.tally(stage).superseded += 1;
        Ok(())
    }

    pub(super) fn record_unrouted(&mut self, objects: &[Unrouted]) -> rusqlite::Result<()> {
        self.unrouted_may_exist();
        let sql = "INSERT INTO unrouted (id, bucket, key, version, sequencer, size, reason, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING";
        for Unrouted { object, reason, at } in objects {
            let id = object.id();
            let values = params![id.as_str(), object.bucket, object.key, object.version, object.sequencer, int(object.size), reason, at.0];
            self.connection.prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }
}
