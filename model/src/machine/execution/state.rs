//! How far an execution is, as the ledger keeps it, and what a worker made of its task.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    audit::Audit,
    cost::Requests,
    failure::{Failure, FailureCode},
    ids::{ObjectId, WorkerId},
    table::{OutputFile, Schema, TableId},
    time::Timestamp,
};

/// All the ledger keeps about how far an execution is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionState {
    /// Where it is.
    pub phase: Phase,
    /// Attempts begun so far; the last of them is the current one.
    pub attempt: u32,
    /// Attempts that failed and might have passed.
    #[serde(default)]
    pub failures: u32,
    /// Attempts that were lost with their worker or coordinator.
    #[serde(default)]
    pub losses: u32,
    /// The versions of the referenced tables it reads, fixed when it first found them all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, PinnedTable>,
    /// The version of the table that the current attempt's rules are about, 0 before its first; none if they are not
    /// about a whole table. What the attempt makes is let in on top of that version only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audits_on: Option<u64>,
    /// Why the last attempt that didn't succeed did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Failure>,
    /// What the audit of the last attempt that finished found, if its stage audits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Box<Audit>>,
    /// What it has cost so far: its own requests, and once it is over its share of its stage's.
    #[serde(default, skip_serializing_if = "Requests::is_empty")]
    pub requests: Requests,
}

/// A table at a fixed version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedTable {
    /// Which table.
    pub table: TableId,
    /// Which version of it.
    pub version: u64,
}

/// Where an execution is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Phase {
    /// A referenced table does not exist yet.
    Waiting {
        /// The tables that don't.
        tables: Vec<TableId>,
    },
    /// It can be started.
    Ready {
        /// Not before this time.
        not_before: Timestamp,
    },
    /// A worker has it.
    Running {
        /// Which.
        worker: WorkerId,
    },
    /// Its output is whole in staging and is being let into the zone and the table catalog.
    Promoting {
        /// What the worker wrote.
        output: TaskOutput,
    },
    /// It is done.
    Succeeded {
        /// What it made; files are where they belong.
        output: TaskOutput,
    },
    /// It is a dead letter.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Its object was set aside.
    Quarantined {
        /// Why.
        failure: Failure,
    },
    /// Its object was overwritten before it was read; the newer version has its own execution.
    Superseded {
        /// What was found in its place.
        failure: Failure,
    },
}

impl Phase {
    /// The name as stored, sent and shown.
    pub fn as_str(&self) -> &'static str {
        match self {
            Phase::Waiting { .. } => "waiting",
            Phase::Ready { .. } => "ready",
            Phase::Running { .. } => "running",
            Phase::Promoting { .. } => "promoting",
            Phase::Succeeded { .. } => "succeeded",
            Phase::Failed { .. } => "failed",
            Phase::Quarantined { .. } => "quarantined",
            Phase::Superseded { .. } => "superseded",
        }
    }

    /// Whether nothing more happens.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Phase::Succeeded { .. } | Phase::Failed { .. } | Phase::Quarantined { .. } | Phase::Superseded { .. })
    }
}

/// What a worker made of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOutput {
    /// The files it wrote.
    pub files: Vec<OutputFile>,
    /// Rows read.
    pub rows_in: u64,
    /// Rows written.
    pub rows_out: u64,
    /// The schema of what was read.
    pub input_schema: Schema,
    /// The schema of what was written, partition columns included.
    pub output_schema: Schema,
    /// Members of the batch that could not be read; the others were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
    /// The file of the rows that the audit set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<OutputFile>,
    /// Whether the states of each file lie beside it (`layout::staged_states`), to be kept with the table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub states: bool,
    /// What the audit found, on its way from the worker: an execution keeps it in its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Box<Audit>>,
    /// Microseconds of reading, transforming and writing.
    #[serde(default)]
    pub micros: u64,
}

/// A member of a batch that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Which.
    pub object: ObjectId,
    /// Why.
    pub failure: Failure,
}

impl Rejected {
    /// Whether it was set aside. What was overwritten before it was read is gone its own way.
    pub fn is_aside(&self) -> bool {
        self.failure.code != FailureCode::ObjectChanged
    }
}

impl ExecutionState {
    /// Rows that its audit has set aside, once it has succeeded.
    pub fn rows_aside(&self) -> u64 {
        match &self.phase {
            Phase::Succeeded { output } => output.aside.as_ref().map_or(0, |aside| aside.rows),
            _ => 0,
        }
    }

    /// Whether something of it lies in quarantine: rows, its object or objects, or some members of its batch.
    pub fn has_aside(&self) -> bool {
        match &self.phase {
            Phase::Succeeded { output } => output.aside.is_some() || output.rejected.iter().any(Rejected::is_aside),
            Phase::Failed { failure } => failure.code.sets_aside(),
            Phase::Quarantined { .. } => true,
            _ => false,
        }
    }

    /// A new execution, ready at once.
    pub fn new(now: Timestamp) -> ExecutionState {
        ExecutionState {
            phase: Phase::Ready { not_before: now },
            attempt: 0,
            failures: 0,
            losses: 0,
            references: BTreeMap::new(),
            audits_on: None,
            last_failure: None,
            audit: None,
            requests: Requests::default(),
        }
    }
}
