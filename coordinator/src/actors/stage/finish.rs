//! Learning facts: decide, write, then act.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use lakegate_model::{
    ExecutionId, Failure, FailureCode, StageKey, TaskId,
    drift::{Admission, admit},
    layout,
    machine::execution::{Action, ExecutionState, Fact, Phase, TaskOutput, decide},
    pipeline::DriftPolicy,
    table::TableId,
};
use lakegate_telemetry::SpanRecord;

use super::{Report, StageActor, versions::Version};
use crate::{
    actors::{
        envelope::{Envelope, tell},
        monitor::{ParcelKey, Unwatch},
        publisher::{Promote, Register, discard_staging},
        router::{HandOn, TablePublished},
    },
    ports::{
        Result,
        ledger::{Execution, Move, MoveOutcome, Subject},
    },
    shared::Shared,
    task,
};

/// A decision that is being written.
struct Decided {
    next: Execution,
    actions: Vec<Action>,
    step: Move,
}

impl StageActor {
    /// The fact that a task finished with this output: whether it stands is for the drift policy to say.
    pub(super) fn finished(&mut self, task: &TaskId, output: TaskOutput) -> Fact {
        let attempt = task.attempt;
        let version = self.window.get(&task.execution).and_then(|execution| self.versions.seen(execution.pipeline_version));
        let Some(version) = version else { return Fact::Finished { attempt, output } };
        let policy = version.pipeline.drift;
        match admit(policy, self.schema.as_ref(), &output.input_schema) {
            Admission::Admit(_) => Fact::Finished { attempt, output },
            Admission::Reject(differences) => {
                let failure =
                    Failure::new(FailureCode::SchemaDrift, format!("the schema is not the one recorded for {}: {differences}", self.key));
                match policy {
                    DriftPolicy::Quarantine => Fact::Rejected { attempt, failure },
                    DriftPolicy::Freeze | DriftPolicy::Evolve => {
                        Fact::Failed { attempt, failure: failure.hint("mend the file, or set drift: evolve in the pipeline file") }
                    }
                }
            }
        }
    }

    /// Decides about facts and has the decisions written; what follows from them is done after.
    pub(super) fn learn(&mut self, facts: Vec<(ExecutionId, Fact)>, ctx: &mut Context<Self>) {
        let decided: Vec<Decided> = facts.into_iter().filter_map(|(id, fact)| self.decide(&id, fact)).collect();
        if decided.is_empty() {
            return;
        }
        self.under_way += 1;
        let work = write(self.shared.clone(), self.key.clone(), decided);
        ctx.spawn(work.into_actor(self).map(|written, actor, ctx| {
            actor.under_way -= 1;
            actor.written(written, ctx);
        }));
    }

    fn decide(&mut self, id: &ExecutionId, fact: Fact) -> Option<Decided> {
        let now = self.shared.now();
        let execution = self.window.get(id)?;
        // What runs was started by this actor, which has seen its version, or was read from the
        // ledger as running: then its rules are not needed to say that it is lost.
        let version = self.versions.seen(execution.pipeline_version);
        let rules = version.as_ref().map_or_else(default_rules, |version| version.rules());
        let (state, actions) = decide(&execution.state, fact, rules, now)?;
        if state == execution.state {
            // Nothing to write: an interrupted promotion is taken up.
            let execution = execution.clone();
            return Some(Decided { step: unchanged(&execution), next: execution, actions });
        }
        let outputs = match (&state.phase, &version) {
            (Phase::Succeeded { output }, Some(version)) => task::arrivals(execution, &version.pipeline, output, now),
            _ => Vec::new(),
        };
        let next = Execution { state: state.clone(), revision: execution.revision + 1, updated_at: now, ..execution.clone() };
        let schema = version.and_then(|version| self.evolved(&version, &next));
        let step = Move { execution: id.clone(), from: next.revision - 1, to: state, at: now, outputs, schema };
        Some(Decided { next, actions, step })
    }

    /// The stage's schema, if what the execution read changes it.
    fn evolved(&mut self, version: &Version, execution: &Execution) -> Option<lakegate_model::table::Schema> {
        let Phase::Succeeded { output } = &execution.state.phase else { return None };
        let Admission::Admit(schema) = admit(version.pipeline.drift, self.schema.as_ref(), &output.input_schema) else { return None };
        if self.schema.as_ref() == Some(&schema) {
            return None;
        }
        self.schema = Some(schema.clone());
        Some(schema)
    }

    /// The decisions are in the ledger, or were stale: carries out what follows.
    fn written(&mut self, written: Vec<(Decided, MoveOutcome, Option<Execution>)>, ctx: &mut Context<Self>) {
        let now = self.shared.now();
        let mut handed_on = Vec::new();
        for (decided, outcome, current) in written {
            match outcome {
                MoveOutcome::Stale => match current {
                    Some(execution) => self.window.put(execution, now),
                    None => {
                        self.window.remove(&decided.next.id);
                    }
                },
                MoveOutcome::Moved(admissions) => {
                    self.window.put(decided.next.clone(), now);
                    handed_on.extend(decided.step.outputs.iter().map(|arrival| arrival.stage.clone()).zip(admissions));
                    self.act(decided, ctx);
                }
            }
        }
        if !handed_on.is_empty() {
            actix::spawn(tell(&self.peers.router, HandOn(handed_on)));
        }
        self.changed(ctx);
    }

    fn act(&mut self, decided: Decided, ctx: &mut Context<Self>) {
        let execution = decided.next;
        if execution.state.phase.is_terminal() {
            self.tell_end(&execution);
        }
        for action in decided.actions {
            match action {
                // The window holds it until its time comes, and what it made went on in `written`.
                Action::Schedule(_) | Action::HandOn => {}
                Action::Promote => self.promote(&execution, ctx),
                Action::DiscardStaging => self.discard(&execution),
                Action::Report(failure) => self.report(&execution, &failure),
            }
        }
    }

    fn promote(&mut self, execution: &Execution, ctx: &mut Context<Self>) {
        let Phase::Promoting { output } = execution.state.phase.clone() else { return };
        let (versions, publisher, execution) = (self.versions.clone(), self.peers.publisher.clone(), execution.clone());
        let (id, attempt) = (execution.id.clone(), execution.state.attempt);
        self.under_way += 1;
        let work = async move {
            let version = versions.get(execution.pipeline_version).await?;
            let stage = &version.stage;
            let register = register(&version);
            let message = Promote { execution: execution.id.clone(), zone: stage.output.zone, register, output };
            let promoted = publisher.send(Envelope::new(task::span_context(&execution), message)).await;
            Ok((stage.publish().map(|publish| publish.table.clone()), promoted.unwrap_or_else(|_| Err(crate::actors::gone("publisher")))))
        };
        ctx.spawn(work.into_actor(self).map(move |result: Result<_>, actor, ctx| {
            actor.under_way -= 1;
            let (table, promoted) = result.unwrap_or_else(|failure| (None, Err(failure)));
            actor.promoted(id, attempt, table, promoted, ctx);
        }));
    }

    fn promoted(&mut self, id: ExecutionId, attempt: u32, table: Option<TableId>, result: Result<TaskOutput>, ctx: &mut Context<Self>) {
        let fact = match result {
            Ok(output) => Fact::Promoted { attempt, output },
            Err(failure) => Fact::Failed { attempt, failure },
        };
        if let (Fact::Promoted { .. }, Some(table)) = (&fact, table) {
            actix::spawn(tell(&self.peers.router, TablePublished(table)));
        }
        self.learn(vec![(id, fact)], ctx);
    }

    fn discard(&self, execution: &Execution) {
        let Some(version) = self.versions.seen(execution.pipeline_version) else { return };
        if !version.rules().staged {
            return;
        }
        let (shared, zone, id) = (self.shared.clone(), version.stage.output.zone, execution.id.clone());
        actix::spawn(async move { discard_staging(&shared, zone, &id).await });
    }

    fn report(&self, execution: &Execution, failure: &Failure) {
        tracing::error!(
            stage = %self.key, execution = %execution.id, subject = subject_text(&execution.subject), code = failure.code.as_str(),
            trace_id = execution.trace.trace_id_hex(), "{failure}"
        );
    }

    /// Emits the execution's span, whose id was given to the worker when it started.
    fn tell_end(&mut self, execution: &Execution) {
        let links = self.members.remove(&execution.id).unwrap_or_default();
        if !self.shared.tracer.enabled() {
            return;
        }
        let (error, rows) = match &execution.state.phase {
            Phase::Failed { failure } | Phase::Quarantined { failure } => (Some(failure.to_string()), 0),
            Phase::Succeeded { output } => (None, i64::try_from(output.rows_out).unwrap_or(i64::MAX)),
            _ => (None, 0),
        };
        let name = if matches!(execution.subject, Subject::Batch { .. }) { "batch.execution" } else { "stage.execution" };
        self.shared.tracer.emit(SpanRecord {
            name,
            parent: execution.trace,
            span_id: execution.id.span_id(),
            start: execution.created_at,
            end: execution.updated_at,
            attributes: vec![
                ("lakegate.stage", self.key.to_string().into()),
                ("lakegate.execution", execution.id.to_string().into()),
                ("lakegate.attempt", i64::from(execution.state.attempt).into()),
                ("lakegate.state", execution.state.phase.as_str().to_owned().into()),
                ("lakegate.rows_out", rows.into()),
            ],
            links,
            error,
        });
    }

    /// Stops watching a parcel all of whose tasks are reported.
    pub(super) fn unwatch(&mut self, parcel: &ParcelKey, reports: &[(TaskId, Report)]) {
        let Some(open) = self.parcels.get_mut(parcel) else { return };
        for (task, _) in reports {
            open.remove(task);
        }
        if open.is_empty() {
            self.parcels.remove(parcel);
            actix::spawn(tell(&self.peers.monitor, Unwatch(parcel.clone())));
        }
    }
}

/// How the table catalog comes to know of what the stage makes.
fn register(version: &Version) -> Register {
    match (version.stage.publish(), version.stage.crawl()) {
        (Some(publish), _) => {
            let root = layout::table_root(&version.pipeline.dataset, &publish.table.table);
            Register::Table { publish: publish.clone(), root }
        }
        (None, Some(crawl)) => Register::Crawler(crawl.clone()),
        (None, None) => Register::Nowhere,
    }
}

/// The subject for people: a key, or how many objects.
pub(crate) fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Object { object, .. } => object.key.clone(),
        Subject::Batch { objects: 1, .. } => "1 object".to_owned(),
        Subject::Batch { objects, .. } => format!("{objects} objects"),
    }
}

fn default_rules() -> lakegate_model::machine::execution::Rules {
    lakegate_model::machine::execution::Rules { retry: lakegate_model::pipeline::RetryPolicy::default(), staged: false }
}

/// A move that writes nothing new, for a decision that leaves the state as it is.
fn unchanged(execution: &Execution) -> Move {
    let state: ExecutionState = execution.state.clone();
    Move {
        execution: execution.id.clone(),
        from: execution.revision,
        to: state,
        at: execution.updated_at,
        outputs: Vec::new(),
        schema: None,
    }
}

/// Writes decisions, however long it takes: what a worker made must not be lost to a ledger that
/// is away for a while. Gives, for each that was stale, the execution as the ledger has it.
async fn write(shared: Shared, stage: StageKey, decided: Vec<Decided>) -> Vec<(Decided, MoveOutcome, Option<Execution>)> {
    let (same, moved): (Vec<_>, Vec<_>) =
        decided.into_iter().partition(|decided| decided.step.to == decided.next.state && decided.step.from == decided.next.revision);
    let mut written: Vec<_> = same.into_iter().map(|decided| (decided, MoveOutcome::Moved(Vec::new()), None)).collect();
    if moved.is_empty() {
        return written;
    }
    let mut wait = Duration::from_millis(100);
    let outcomes = loop {
        let moves = moved.iter().map(|decided| decided.step.clone()).collect();
        match shared.ports.ledger.advance(moves).await {
            Ok(outcomes) => break outcomes,
            Err(failure) => tracing::warn!(%stage, %failure, "what happened could not be written; trying again"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    };
    for (decided, outcome) in moved.into_iter().zip(outcomes) {
        let current = match outcome {
            MoveOutcome::Stale => shared.ports.ledger.execution(&decided.next.id).await.ok().flatten(),
            MoveOutcome::Moved(_) => None,
        };
        written.push((decided, outcome, current));
    }
    written
}
