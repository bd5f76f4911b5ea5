//! What a stage is told and asked, and what it makes of that.

use actix::{ActorContext as _, Handler, ResponseActFuture};
use lakegate_model::{
    Failure, FailureCode, TaskId, WorkerId,
    cost::Requests,
    machine::execution::{Fact, Phase, TaskOutput},
    table::TableId,
};

use super::{Grant, Granted, LOST_WORKERS, StageActor, finish::Learnt};
use crate::{
    actors::{
        envelope::{Envelope, message},
        monitor::ParcelKey,
    },
    ports::ledger::Execution,
};

/// Executions that are new in the ledger.
pub(crate) struct Admit(pub Vec<Execution>);
message!(Admit => ());

/// What a worker says of tasks of one parcel.
pub(crate) struct Reported {
    /// The parcel.
    pub parcel: ParcelKey,
    /// The reports.
    pub reports: Vec<TaskReport>,
}
message!(Reported => ());

/// What a worker says of a task, and what it cost.
pub(crate) struct TaskReport {
    /// Which task.
    pub task: TaskId,
    /// What it says.
    pub report: Report,
    /// The requests that it made.
    pub requests: Requests,
}

/// What a worker says of a task.
pub(crate) enum Report {
    /// It is done.
    Finished(TaskOutput),
    /// It failed.
    Failed(Failure),
    /// It was not begun.
    HandedBack,
}

/// A worker is gone; what it had of this stage is lost.
pub(crate) struct Lost {
    /// The worker.
    pub worker: WorkerId,
    /// What became of it.
    pub why: Failure,
}
message!(Lost => ());

/// Are these tasks still running? Their deadline has passed.
pub(crate) struct Overdue(pub Vec<TaskId>);
message!(Overdue => ());

/// The ledger may hold executions of this stage that nobody told of: what wrote them had no answer.
pub(crate) struct LookAgain;
message!(LookAgain => ());

/// A table has a new version.
pub(crate) struct TableIsThere(pub TableId);
message!(TableIsThere => ());

/// Pause or resume.
pub(crate) struct SetPaused(pub bool);
message!(SetPaused => ());

/// Go, if there is nothing to do; the ledger remembers the rest.
pub(crate) struct RetireIfIdle;
message!(RetireIfIdle => bool);

impl Handler<Envelope<Admit>> for StageActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Admit>, ctx: &mut Self::Context) {
        self.window.admit(envelope.body.0, self.shared.now());
        self.changed(ctx);
    }
}

impl Handler<Envelope<Grant>> for StageActor {
    type Result = ResponseActFuture<Self, Granted>;

    fn handle(&mut self, envelope: Envelope<Grant>, ctx: &mut Self::Context) -> Self::Result {
        self.grant(envelope.body, ctx)
    }
}

impl Handler<Envelope<Reported>> for StageActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Reported>, ctx: &mut Self::Context) {
        let Reported { parcel, reports } = envelope.body;
        self.unwatch(&parcel, &reports);
        let facts = reports.into_iter().map(|TaskReport { task, report, requests }| {
            let attempt = task.attempt;
            let fact = match report {
                Report::Finished(output) => self.finished(&task, output),
                Report::Failed(failure) => Fact::Failed { attempt, failure },
                Report::HandedBack => Fact::HandedBack { attempt },
            };
            Learnt { execution: task.execution, fact, requests }
        });
        let facts = facts.collect();
        self.learn_and_charge(facts, ctx);
    }
}

impl Handler<Envelope<Lost>> for StageActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Lost>, ctx: &mut Self::Context) {
        let Lost { worker, why } = envelope.body;
        let had = |execution: &&Execution| matches!(&execution.state.phase, Phase::Running { worker: runs } if *runs == worker);
        let fact = |execution: &Execution| (execution.id.clone(), Fact::Lost { attempt: execution.state.attempt, why: why.clone() });
        let facts = self.window.iter().filter(had).map(fact).collect();
        self.parcels.retain(|(holder, _), _| *holder != worker);
        self.lost.push_back(worker);
        if self.lost.len() > LOST_WORKERS {
            self.lost.pop_front();
        }
        self.learn(facts, ctx);
    }
}

impl Handler<Envelope<Overdue>> for StageActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Overdue>, ctx: &mut Self::Context) {
        let fact = |task: TaskId| {
            let failure =
                Failure::new(FailureCode::Timeout, "the worker did not report in time").hint("raise the step's timeout if it needs longer");
            (task.execution, Fact::Failed { attempt: task.attempt, failure })
        };
        let facts = envelope.body.0.into_iter().map(fact).collect();
        self.learn(facts, ctx);
    }
}

impl Handler<Envelope<LookAgain>> for StageActor {
    type Result = ();

    fn handle(&mut self, _: Envelope<LookAgain>, ctx: &mut Self::Context) {
        self.again = true;
        self.refill(ctx);
    }
}

impl Handler<Envelope<TableIsThere>> for StageActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<TableIsThere>, ctx: &mut Self::Context) {
        let table = envelope.body.0;
        let waits = |execution: &Execution| matches!(&execution.state.phase, Phase::Waiting { tables } if tables.contains(&table));
        if self.window.iter().any(waits) {
            self.look_for_tables(ctx);
        }
    }
}

impl Handler<Envelope<SetPaused>> for StageActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<SetPaused>, ctx: &mut Self::Context) {
        self.paused = envelope.body.0;
        self.changed(ctx);
    }
}

impl Handler<Envelope<RetireIfIdle>> for StageActor {
    type Result = bool;

    fn handle(&mut self, _: Envelope<RetireIfIdle>, ctx: &mut Self::Context) -> bool {
        let idle = self.window.is_idle() && self.under_way == 0 && !self.reading;
        if idle {
            self.shared.resting.put(self.histories.clone());
            ctx.stop();
        }
        idle
    }
}
