//! Starting executions: a worker's slot is reserved first, then the attempt is written to the
//! ledger, and only then is the parcel sent.

use std::{sync::Arc, time::Duration};

use actix::{ActorFutureExt, AsyncContext, Context, ResponseActFuture, WrapFuture};
use lakegate_model::{
    Failure, FailureCode, TaskId, TraceContext, WorkerId,
    machine::execution::{Fact, Phase, decide},
};
use lakegate_proto::{
    manifest::{Manifest, ManifestObject},
    v1,
};
use tokio::sync::mpsc;

use super::{RETRY_AFTER, StageActor, versions::Version, versions::Versions};
use crate::{
    actors::{
        envelope::{message, tell},
        fleet::{Announced, matching::SMALL_TASK_BYTES},
        monitor::Watch,
    },
    history::Histories,
    ports::{
        Result,
        ledger::{Execution, Move, MoveOutcome, Subject},
        meter,
    },
    shared::Shared,
    task,
};

/// A worker's session, to send it parcels.
#[derive(Clone)]
pub(crate) struct WorkerLink {
    /// The session.
    pub id: WorkerId,
    /// Where its messages go; closed when the session is over.
    pub sender: mpsc::Sender<v1::CoordinatorMessage>,
}

/// A slot of a worker is reserved for a parcel of this stage.
pub(crate) struct Grant {
    /// The worker.
    pub worker: WorkerLink,
    /// The parcel's id.
    pub parcel: u64,
    /// The most tasks in it.
    pub most: usize,
}
message!(Grant => Granted);

/// What was made of a grant.
pub(crate) struct Granted {
    /// Tasks sent; zero gives the reservation back.
    pub tasks: usize,
    /// What the stage could start now.
    pub demand: Announced,
}

/// The wait beyond all timeouts in a parcel before its worker is asked about: it may have to wait
/// for another parcel, and reports take their time on a busy machine.
const GRACE: Duration = Duration::from_secs(60);

/// Executions that a worker could take.
struct Offer {
    taken: Vec<Execution>,
    worker: WorkerId,
    /// Whether no other of the stage is under way.
    alone: bool,
}

/// Executions that were started in the ledger, ready to be sent, and those that were not.
struct Started {
    version: Option<Arc<Version>>,
    references: Vec<v1::Reference>,
    history: Vec<v1::Statistic>,
    published: Option<v1::Published>,
    started: Vec<Execution>,
    /// As they are in the ledger now: waiting, or changed by somebody else.
    others: Vec<Execution>,
    members: Vec<TraceContext>,
}

impl StageActor {
    pub(super) fn grant(&mut self, grant: Grant, _: &mut Context<Self>) -> ResponseActFuture<Self, Granted> {
        self.window.wake(self.shared.now());
        let taken = if self.paused { Vec::new() } else { self.window.take(grant.most, SMALL_TASK_BYTES) };
        if taken.is_empty() {
            let granted = Granted { tasks: 0, demand: self.announce() };
            return Box::pin(std::future::ready(granted).into_actor(self));
        }
        self.under_way += 1;
        let offer = Offer { taken: taken.clone(), worker: grant.worker.id.clone(), alone: self.window.under_way() == taken.len() };
        let started = start(self.shared.clone(), self.versions.clone(), self.histories.clone(), offer);
        let key = self.key.clone();
        let work = async move { meter::for_stage(&key, started).await };
        Box::pin(work.into_actor(self).then(move |result, actor, ctx| {
            let parcel = match result {
                Ok(started) => actor.started(started, &grant, ctx),
                Err(failure) => {
                    actor.give_up_for_now(taken, &failure, ctx);
                    None
                }
            };
            actor.send(parcel, grant)
        }))
    }

    /// Notes what was started and makes its parcel.
    fn started(&mut self, started: Started, grant: &Grant, ctx: &mut Context<Self>) -> Option<v1::Parcel> {
        let now = self.shared.now();
        for execution in started.started.iter().chain(&started.others) {
            self.window.put(execution.clone(), now);
        }
        if started.others.iter().any(|execution| execution.state.phase.is_terminal()) {
            self.changed(ctx);
        }
        // Started by a move whose answer was lost, and then not sent to anybody.
        let unsent = started.others.iter().filter(|execution| matches!(execution.state.phase, Phase::Running { .. }));
        let lost = unsent.map(|execution| {
            let why = Failure::new(FailureCode::WorkerLost, "the ledger was away when the task was to be sent");
            (execution.id.clone(), Fact::Lost { attempt: execution.state.attempt, why })
        });
        self.learn(lost.collect(), ctx);
        let version = started.version?;
        self.window.one_by_one(version.stage.audits_table());
        let first = started.started.first()?;
        if !started.members.is_empty() {
            self.members.insert(first.id.clone(), started.members);
        }
        let tasks = started.started.iter().map(|execution| task::task(execution, &version.pipeline, &version.stage, &self.shared.zones));
        Some(v1::Parcel {
            id: grant.parcel,
            stage_key: self.key.to_string(),
            pipeline_version: first.pipeline_version,
            stage_json: version.stage_json.clone(),
            references: started.references,
            tasks: tasks.collect(),
            history: started.history,
            published: started.published.map(Box::new),
        })
    }

    /// Puts executions back when the ledger or the catalog could not be asked.
    fn give_up_for_now(&mut self, taken: Vec<Execution>, failure: &Failure, ctx: &mut Context<Self>) {
        tracing::warn!(stage = %self.key, %failure, "nothing could be started; trying again");
        ctx.run_later(RETRY_AFTER, move |actor, ctx| {
            let now = actor.shared.now();
            for execution in taken {
                actor.window.put(execution, now);
            }
            actor.changed(ctx);
        });
    }

    /// Sends the parcel. A worker that is gone by now loses it like any other.
    fn send(&mut self, parcel: Option<v1::Parcel>, grant: Grant) -> ResponseActFuture<Self, Granted> {
        let tasks: Vec<TaskId> =
            parcel.iter().flat_map(|parcel| &parcel.tasks).filter_map(|task| task.id.clone()).map(Into::into).collect();
        let gone = self.lost.contains(&grant.worker.id);
        let worker = grant.worker.id.clone();
        if let (Some(parcel), false) = (&parcel, gone) {
            self.watch(&worker, parcel, &tasks);
        }
        let work = async move {
            match parcel {
                Some(parcel) if !gone => {
                    let message = v1::CoordinatorMessage { message: Some(v1::coordinator_message::Message::Parcel(parcel)) };
                    grant.worker.sender.send(message).await.is_ok()
                }
                Some(_) => false,
                None => true,
            }
        };
        Box::pin(work.into_actor(self).map(move |sent, actor, ctx| {
            actor.under_way -= 1;
            let count = if sent { tasks.len() } else { 0 };
            if !sent {
                let why = Failure::new(FailureCode::WorkerLost, "the worker left before it was sent the task");
                let lost = tasks.into_iter().map(|task| (task.execution, Fact::Lost { attempt: task.attempt, why: why.clone() }));
                actor.learn(lost.collect(), ctx);
            }
            actor.refill(ctx);
            Granted { tasks: count, demand: actor.announce() }
        }))
    }

    fn watch(&mut self, worker: &WorkerId, parcel: &v1::Parcel, tasks: &[TaskId]) {
        let key = (worker.clone(), parcel.id);
        let each = parcel.tasks.iter().map(|task| Duration::from_millis(task.timeout_ms)).max().unwrap_or_default();
        let count = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        // Twice: the parcel may wait at the worker for as long as one like it takes.
        let deadline = self.shared.now() + each.saturating_mul(count).saturating_mul(2) + GRACE;
        self.parcels.insert(key.clone(), tasks.iter().cloned().collect());
        if let Some(stage) = self.address.clone() {
            let watch = Watch { parcel: key, stage, tasks: tasks.to_vec(), deadline };
            actix::spawn(tell(&self.peers.monitor, watch));
        }
    }
}

/// Finds the tables executions read, writes their manifests, and starts their next attempt in the ledger.
async fn start(shared: Shared, versions: Versions, histories: Histories, offer: Offer) -> Result<Started> {
    let Offer { taken, worker, alone } = offer;
    let mut nothing = Started {
        version: None,
        references: Vec::new(),
        history: Vec::new(),
        published: None,
        started: Vec::new(),
        others: Vec::new(),
        members: Vec::new(),
    };
    let Some(first) = taken.first() else { return Ok(nothing) };
    let version = versions.get(first.pipeline_version).await?;
    let now = shared.now();
    let published = versions.published(&version, &shared.zones).await?;
    let audits_on = published.as_ref().map(|published| published.table.as_ref().map_or(0, |table| table.version));
    let found = if version.stage.references().is_empty() { None } else { Some(versions.references(&version).await?) };

    let mut moves: Vec<(Execution, Move)> = Vec::new();
    let mut pinned = None;
    for execution in &taken {
        // Rules about the whole table are asked of what the one before has left there: one at a time.
        if version.stage.audits_table() && (!alone || !moves.is_empty()) {
            nothing.others.push(execution.clone());
            continue;
        }
        let mut state = execution.state.clone();
        if let (Some(fact), true) = (&found, state.references.is_empty()) {
            state = decide(&state, fact.clone(), version.rules(), now).map_or(state, |(next, _)| next);
        }
        // Executions that read other versions of the tables go in a parcel of their own, another time.
        let shares =
            matches!(state.phase, Phase::Waiting { .. }) || *pinned.get_or_insert_with(|| state.references.clone()) == state.references;
        if !shares {
            nothing.others.push(execution.clone());
            continue;
        }
        if let Some((next, _)) = decide(&state, Fact::Started { worker: worker.clone(), audits_on }, version.rules(), now) {
            state = next;
        }
        let next = Execution { state: state.clone(), revision: execution.revision + 1, updated_at: now, ..execution.clone() };
        let step = Move {
            execution: execution.id.clone(),
            from: execution.revision,
            to: state,
            at: now,
            outputs: Vec::new(),
            schema: None,
            outgoing: Vec::new(),
        };
        moves.push((next, step));
    }
    let references = versions.tables(&pinned.unwrap_or_default()).await?;
    let history = histories.wanted(&version.stage).await?;
    let mut members = Vec::new();
    for (execution, step) in &mut moves {
        let (written, requests) = meter::for_run(write_manifest(&shared, &version, execution)).await;
        members = written?;
        execution.state.requests.merge(&requests);
        step.to.requests.merge(&requests);
    }
    let (executions, moves): (Vec<_>, Vec<_>) = moves.into_iter().unzip();
    let outcomes = shared.ports.ledger.advance(moves).await?;
    let mut result = Started { version: Some(version), references, history, published, members, ..nothing };
    for (execution, outcome) in executions.into_iter().zip(outcomes) {
        match outcome {
            MoveOutcome::Moved(_) if matches!(execution.state.phase, Phase::Running { .. }) => result.started.push(execution),
            MoveOutcome::Moved(_) => result.others.push(execution),
            MoveOutcome::Stale => result.others.extend(shared.ports.ledger.execution(&execution.id).await?),
        }
    }
    Ok(result)
}

/// Writes a batch's manifest, the same each time, and gives its members' traces.
async fn write_manifest(shared: &Shared, version: &Version, execution: &Execution) -> Result<Vec<TraceContext>> {
    let (Subject::Batch { id, .. }, Phase::Running { .. }) = (&execution.subject, &execution.state.phase) else { return Ok(Vec::new()) };
    let members = shared.ports.ledger.members(id).await?;
    let mut objects = Vec::with_capacity(members.len());
    for member in &members {
        let location = shared.zones.locate(&member.object.bucket, &member.object.key).ok_or_else(|| {
            Failure::new(
                FailureCode::Internal,
                format!("object {} lies in bucket {}, which is no zone's", member.object.key, member.object.bucket),
            )
        })?;
        objects.push(ManifestObject { id: member.object.id(), location, object: member.object.as_stored() });
    }
    let manifest = Manifest { batch: id.clone(), stage: execution.stage.clone(), objects };
    let bytes = serde_json::to_vec(&manifest).map_err(|error| Failure::new(FailureCode::Internal, error.to_string()))?;
    shared.ports.storage.write(&task::manifest_location(&version.stage, id, &shared.zones), bytes).await?;
    Ok(members.into_iter().map(|member| member.trace).collect())
}
