//! Learning facts: decide, write, then act.

use std::{collections::BTreeSet, time::Duration};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use lakegate_model::{
    ExecutionId, Failure, FailureCode, StageKey, TaskId, Timestamp,
    cost::Requests,
    drift::{Admission, admit},
    layout,
    machine::execution::{Action, ExecutionState, Fact, Phase, Rules, TaskOutput, decide},
    pipeline::{DriftPolicy, RetryPolicy},
    table::TableId,
};

use super::{StageActor, TaskReport, versions::Version};
use crate::{
    actors::{
        courier::Left,
        envelope::{Envelope, tell},
        monitor::{ParcelKey, Unwatch},
        publisher::{Promote, Register, discard_staging},
        router::{HandOn, TablePublished},
    },
    passing,
    ports::{
        Result,
        ledger::{Execution, Move, MoveOutcome},
        meter,
    },
    shared::Shared,
    task, telling,
};

/// A fact about an execution, and what it cost to bring it about.
pub(super) struct Learnt {
    pub(super) execution: ExecutionId,
    pub(super) fact: Fact,
    pub(super) requests: Requests,
}

/// A decision that is being written.
struct Decided {
    next: Execution,
    actions: Vec<Action>,
    step: Move,
    /// What the execution pays for with it.
    charged: Requests,
}

impl Decided {
    fn charge(&mut self, requests: &Requests) {
        self.next.state.requests.merge(requests);
        self.step.to.requests.merge(requests);
        self.charged.merge(requests);
    }
}

impl StageActor {
    /// The fact that a task finished with this output: whether it stands is for the drift policy to say.
    pub(super) fn finished(&mut self, task: &TaskId, output: TaskOutput) -> Fact {
        let attempt = task.attempt;
        let execution = self.window.get(&task.execution);
        // Rows that were set aside have been through the stage's transforms: their schema is its output's.
        let execution = execution.filter(|execution| execution.subject.set_aside_by().is_none());
        let version = execution.and_then(|execution| self.versions.seen(execution.pipeline_version));
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
        let free = |(execution, fact)| Learnt { execution, fact, requests: Requests::default() };
        self.learn_and_charge(facts.into_iter().map(free).collect(), ctx);
    }

    /// The same for facts that cost something.
    pub(super) fn learn_and_charge(&mut self, facts: Vec<Learnt>, ctx: &mut Context<Self>) {
        let mut decided = Vec::with_capacity(facts.len());
        for Learnt { execution, fact, requests } in facts {
            match self.decide(&execution, fact) {
                Some(mut decision) => {
                    decision.charge(&requests);
                    decided.push(decision);
                }
                // An attempt that was given up has cost something all the same.
                None => self.shared.ports.meter.give_back(&self.key, &requests),
            }
        }
        if decided.is_empty() {
            return;
        }
        self.charge_ended(&mut decided);
        self.under_way += 1;
        let work = write(self.shared.clone(), self.key.clone(), decided);
        ctx.spawn(work.into_actor(self).map(|written, actor, ctx| {
            actor.under_way -= 1;
            actor.written(written, ctx);
        }));
    }

    /// Executions that end pay their part of what their stage has cost.
    fn charge_ended(&self, decided: &mut [Decided]) {
        let mut ended: Vec<&mut Decided> = decided.iter_mut().filter(|decision| decision.next.state.phase.is_terminal()).collect();
        let objects: Vec<u64> = ended.iter().map(|decision| decision.next.subject.objects()).collect();
        if ended.is_empty() {
            return;
        }
        // What ends just now is still among them.
        let under_way = self.window.iter().filter(|execution| !execution.state.phase.is_terminal());
        let all: u64 = under_way.map(|execution| execution.subject.objects()).sum();
        let others = all.saturating_sub(objects.iter().sum());
        for (decision, share) in ended.iter_mut().zip(self.shared.ports.meter.ended(&self.key, &objects, others)) {
            decision.charge(&share);
        }
    }

    fn decide(&mut self, id: &ExecutionId, fact: Fact) -> Option<Decided> {
        let now = self.shared.now();
        let execution = self.window.get(id)?;
        // What runs was started by this actor, which has seen its version, or was read from the
        // ledger as running: then its rules are not needed to say that it is lost.
        let version = self.versions.seen(execution.pipeline_version);
        let rules = version.as_ref().map_or_else(strictest_rules, |version| version.rules());
        let (state, actions) = decide(&execution.state, fact, rules, now)?;
        if state == execution.state {
            // Nothing to write: an interrupted promotion is taken up.
            let execution = execution.clone();
            return Some(Decided { step: unchanged(&execution), next: execution, actions, charged: Requests::default() });
        }
        let outputs = match (&state.phase, &version) {
            (Phase::Succeeded { output }, Some(version)) => task::arrivals(execution, &version.pipeline, output, now),
            _ => Vec::new(),
        };
        let next = Execution { state: state.clone(), revision: execution.revision + 1, updated_at: now, ..execution.clone() };
        let pipeline = version.clone();
        let schema = version.and_then(|version| self.evolved(&version, &next));
        let outgoing = Vec::new();
        let mut step = Move { execution: id.clone(), from: next.revision - 1, to: state, at: now, outputs, schema, outgoing };
        if let Some(pipeline) = &pipeline {
            passing::by_queue(&mut step, &pipeline.pipeline, &self.shared.zones);
        }
        telling::of_end(&mut step, &next, pipeline.as_ref().map(|version| &version.stage), &self.shared.teams);
        Some(Decided { next, actions, step, charged: Requests::default() })
    }

    /// The stage's schema, if what the execution read changes it.
    fn evolved(&mut self, version: &Version, execution: &Execution) -> Option<lakegate_model::table::Schema> {
        let Phase::Succeeded { output } = &execution.state.phase else { return None };
        if execution.subject.set_aside_by().is_some() {
            return None;
        }
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
        let (mut handed_on, mut left) = (Vec::new(), BTreeSet::new());
        for (decided, outcome, current) in written {
            match outcome {
                // Written by a try whose answer was lost. Nobody has heard of what it admitted either.
                MoveOutcome::Stale if current.as_ref().is_some_and(|current| is_same(current, &decided.next)) => {
                    self.window.put(decided.next.clone(), now);
                    self.shared.doubt.add(decided.step.outputs.iter().map(|arrival| arrival.stage.clone()));
                    left.extend(decided.step.outgoing.iter().map(|message| message.to.clone()));
                    self.act(decided, ctx);
                }
                MoveOutcome::Stale => {
                    self.shared.ports.meter.give_back(&self.key, &decided.charged);
                    match current {
                        Some(execution) => {
                            self.histories.add(&execution);
                            self.window.put(execution, now);
                        }
                        None => {
                            self.window.remove(&decided.next.id);
                        }
                    }
                }
                MoveOutcome::Moved(admissions) => {
                    self.window.put(decided.next.clone(), now);
                    handed_on.extend(decided.step.outputs.iter().map(|arrival| arrival.stage.clone()).zip(admissions));
                    left.extend(decided.step.outgoing.iter().map(|message| message.to.clone()));
                    self.act(decided, ctx);
                }
            }
        }
        if !handed_on.is_empty() {
            actix::spawn(tell(&self.peers.router, HandOn(handed_on)));
        }
        if !left.is_empty() {
            actix::spawn(tell(&self.peers.courier, Left(left.into_iter().collect())));
        }
        self.changed(ctx);
    }

    fn act(&mut self, decided: Decided, ctx: &mut Context<Self>) {
        let execution = decided.next;
        if execution.state.phase.is_terminal() {
            self.histories.add(&execution);
            self.warn(&execution);
            self.tell_end(&execution);
        }
        for action in decided.actions {
            match action {
                // The window holds it until its time comes, and what it made went on in `written`.
                Action::Schedule(_) | Action::HandOn => {}
                Action::Promote => self.promote(&execution, ctx),
                Action::PromoteAt(at) => self.promote_later(&execution, at, ctx),
                Action::DiscardStaging => self.discard(&execution),
                Action::Report(failure) => self.report(&execution, &failure),
            }
        }
    }

    /// Promotes again when it is time, if it is still to be promoted then. After a restart that is at once.
    fn promote_later(&self, execution: &Execution, at: Timestamp, ctx: &mut Context<Self>) {
        let (id, attempt, wait) = (execution.id.clone(), execution.state.attempt, at.since(self.shared.now()));
        ctx.run_later(wait, move |actor, ctx| {
            let execution = actor.window.get(&id).filter(|execution| execution.state.attempt == attempt).cloned();
            if let Some(execution) = execution {
                actor.promote(&execution, ctx);
            }
        });
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
            let message = Promote {
                execution: execution.id.clone(),
                zone: stage.output.zone,
                register,
                on_top_of: execution.state.audits_on,
                output,
            };
            let promoted = publisher.send(Envelope::new(task::span_context(&execution), message)).await;
            let nothing = |_| (Err(crate::actors::gone("publisher")), Requests::default());
            Ok((stage.publish().map(|publish| publish.table.clone()), promoted.unwrap_or_else(nothing)))
        };
        ctx.spawn(work.into_actor(self).map(move |result: Result<_>, actor, ctx| {
            actor.under_way -= 1;
            let (table, (promoted, requests)) = result.unwrap_or_else(|failure| (None, (Err(failure), Requests::default())));
            let (fact, table) = promotion_fact(attempt, table, promoted);
            if let Some(table) = table {
                actix::spawn(tell(&actor.peers.router, TablePublished(table)));
            }
            actor.learn_and_charge(vec![Learnt { execution: id, fact, requests }], ctx);
        }));
    }

    fn discard(&self, execution: &Execution) {
        let Some(version) = self.versions.seen(execution.pipeline_version) else { return };
        if !version.rules().staged {
            return;
        }
        let (shared, zone, id, key) = (self.shared.clone(), version.stage.output.zone, execution.id.clone(), self.key.clone());
        actix::spawn(async move { meter::for_stage(&key, discard_staging(&shared, zone, &id)).await });
    }

    /// Stops watching a parcel all of whose tasks are reported.
    pub(super) fn unwatch(&mut self, parcel: &ParcelKey, reports: &[TaskReport]) {
        let Some(open) = self.parcels.get_mut(parcel) else { return };
        for report in reports {
            open.remove(&report.task);
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

/// Whether the ledger has what was decided.
fn is_same(current: &Execution, decided: &Execution) -> bool {
    current.revision == decided.revision && current.state == decided.state
}

/// What a promotion tells, and the table that has a new version by it.
fn promotion_fact(attempt: u32, table: Option<TableId>, result: Result<TaskOutput>) -> (Fact, Option<TableId>) {
    match result {
        Ok(output) => (Fact::Promoted { attempt, output }, table),
        Err(why) if why.code == FailureCode::Overtaken => (Fact::Overtaken { attempt, why }, None),
        Err(failure) => (Fact::Failed { attempt, failure }, None),
    }
}

/// The rules of what nobody knows the rules of: nothing is let in that may have had to be audited.
fn strictest_rules() -> Rules {
    Rules { retry: RetryPolicy::default(), staged: true, audited: true }
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
        outgoing: Vec::new(),
    }
}

/// An execution as the ledger has it, however long that is away.
async fn as_it_is(shared: &Shared, id: &ExecutionId) -> Option<Execution> {
    loop {
        match shared.ports.ledger.execution(id).await {
            Ok(execution) => return execution,
            Err(failure) => tracing::warn!(execution = %id, %failure, "a run could not be read; trying again"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
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
            MoveOutcome::Stale => as_it_is(&shared, &decided.next.id).await,
            MoveOutcome::Moved(_) => None,
        };
        written.push((decided, outcome, current));
    }
    written
}

#[cfg(test)]
mod tests {
    use lakegate_model::WorkerId;

    use super::*;

    #[test]
    fn nothing_unaudited_is_let_in_by_rules_that_nobody_knows() {
        let running = Phase::Running { worker: WorkerId::from_text("w1") };
        let running = ExecutionState { phase: running, attempt: 1, ..ExecutionState::new(Timestamp(0)) };
        let finished = Fact::Finished { attempt: 1, output: TaskOutput::default() };
        let (state, actions) = decide(&running, finished, strictest_rules(), Timestamp(0)).unwrap();
        assert!(matches!(state.phase, Phase::Ready { .. }) && !actions.contains(&Action::HandOn), "{state:?}");
    }
}
