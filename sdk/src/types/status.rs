//! How much is waiting, running and done, and on which workers.

use lakegate_model::Timestamp;
use lakegate_proto::v1;
use serde::Serialize;

/// How much is waiting, running and done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Per stage.
    pub stages: Vec<StageStatus>,
    /// Workers connected.
    pub workers: u32,
    /// Their slots in all.
    pub slots: u32,
    /// Files being written and messages in hand: seen, and not in the ledger yet.
    pub arriving: u64,
    /// Files that no pipeline takes.
    pub unrouted: u64,
    /// Nothing is arriving, ready, running or collecting.
    pub idle: bool,
    /// Nothing can go on by itself: only open batches, runs that wait for tables, or paused stages are left.
    pub stalled: bool,
    /// When it was so.
    pub at: Timestamp,
}

/// What is in one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageStatus {
    /// `team/dataset/stage`.
    pub stage: String,
    /// Runs that wait for tables.
    pub waiting: u64,
    /// Runs that are ready to start, or wait for another try.
    pub ready: u64,
    /// Runs under way.
    pub running: u64,
    /// Runs done.
    pub succeeded: u64,
    /// Runs given up.
    pub failed: u64,
    /// Runs and objects set aside.
    pub quarantined: u64,
    /// Objects in the open batch.
    pub collecting: u64,
    /// Whether it is paused.
    pub paused: bool,
    /// Rows that its runs wrote.
    pub rows_out: u64,
    /// The tables its waiting runs wait for.
    pub waiting_for: Vec<String>,
}

impl From<v1::Status> for Status {
    fn from(status: v1::Status) -> Status {
        Status {
            stages: status.stages.into_iter().map(Into::into).collect(),
            workers: status.workers,
            slots: status.slots,
            arriving: status.arriving,
            unrouted: status.unrouted,
            idle: status.idle,
            stalled: status.stalled,
            at: Timestamp(status.at),
        }
    }
}

impl From<v1::StageStatus> for StageStatus {
    fn from(stage: v1::StageStatus) -> StageStatus {
        StageStatus {
            stage: stage.stage,
            waiting: stage.waiting,
            ready: stage.ready,
            running: stage.running,
            succeeded: stage.succeeded,
            failed: stage.failed,
            quarantined: stage.quarantined,
            collecting: stage.collecting,
            paused: stage.paused,
            rows_out: stage.rows_out,
            waiting_for: stage.waiting_for,
        }
    }
}

/// A connected worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// The id of its session.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Tasks it runs at once.
    pub slots: u32,
    /// Tasks it runs now.
    pub running: u32,
    /// Whether it is leaving.
    pub draining: bool,
    /// When it registered.
    pub since: Timestamp,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// Resident bytes of its process.
    pub memory: u64,
    /// Tasks it has reported.
    pub tasks_done: u64,
}

impl From<v1::Worker> for Worker {
    fn from(worker: v1::Worker) -> Worker {
        Worker {
            id: worker.id,
            name: worker.name,
            slots: worker.slots,
            running: worker.running,
            draining: worker.draining,
            since: Timestamp(worker.since),
            last_seen: Timestamp(worker.last_seen),
            memory: worker.memory,
            tasks_done: worker.tasks_done,
        }
    }
}
