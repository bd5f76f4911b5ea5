//! A stage actor: carries the executions of one stage from ready to done.
//!
//! It holds a window onto the ledger, tells the fleet how much it could start, starts what the
//! fleet grants, and turns what workers and the publisher report into facts. `decide` says what
//! follows; the ledger writes it, refusing what is stale; only then are the actions carried out.

mod finish;
mod grant;
mod messages;
mod spans;
mod versions;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, SpawnHandle, WrapFuture};
use lakegate_model::{
    Failure, FailureCode, Retry, StageKey, TaskId, TraceContext, WorkerId,
    machine::execution::{Fact, Phase},
    table::Schema,
};

use super::{
    Singletons,
    envelope::tell,
    fleet::{Announced, DemandChanged, matching::Demand},
    monitor::ParcelKey,
};
use crate::{
    history::Histories,
    ports::{Result, ledger::Execution, meter},
    shared::Shared,
    window::Window,
};
pub(crate) use grant::{Grant, Granted, WorkerLink};
pub(crate) use messages::{Admit, LookAgain, Lost, Overdue, Report, Reported, RetireIfIdle, SetPaused, TableIsThere, TaskReport};
pub(crate) use spans::subject_text;
use versions::Versions;

/// The wait after the ledger or the catalog failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often executions that wait for tables look for them even if nobody tells.
const LOOK_FOR_TABLES_EVERY: Duration = Duration::from_secs(5);
/// Lost workers remembered, so that a grant under way to one of them is not forgotten.
const LOST_WORKERS: usize = 1024;

/// Carries one stage's executions.
pub(crate) struct StageActor {
    shared: Shared,
    peers: Singletons,
    key: StageKey,
    /// Its own address, for those it asks to call back.
    address: Option<Addr<StageActor>>,
    window: Window,
    versions: Versions,
    histories: Histories,
    /// The stage's recorded input schema.
    schema: Option<Schema>,
    paused: bool,
    /// The ledger is being read.
    reading: bool,
    /// The ledger is to be read again from the beginning, as soon as it is not being read.
    again: bool,
    /// Things under way that an idle actor must not be retired over.
    under_way: usize,
    timer: Option<SpawnHandle>,
    announced: Announced,
    lost: VecDeque<WorkerId>,
    /// Tasks not reported yet, of each parcel that is out.
    parcels: HashMap<ParcelKey, HashSet<TaskId>>,
    /// The traces of the members of batches that run, for the batch's span to link to.
    members: HashMap<lakegate_model::ExecutionId, Vec<TraceContext>>,
}

type Ctx = Context<StageActor>;

impl StageActor {
    /// The actor of a stage; it reads its executions from the ledger when it starts.
    pub(crate) fn new(shared: Shared, peers: Singletons, key: StageKey, paused: bool) -> StageActor {
        let versions = Versions::new(shared.ports.clone(), key.clone());
        let fresh = || Histories::new(Arc::new(shared.ports.clone()), key.clone());
        let histories = shared.resting.take(&key).unwrap_or_else(fresh);
        StageActor {
            shared,
            peers,
            key,
            address: None,
            window: Window::default(),
            versions,
            histories,
            schema: None,
            paused,
            reading: true,
            again: false,
            under_way: 0,
            timer: None,
            announced: Announced::default(),
            lost: VecDeque::new(),
            parcels: HashMap::new(),
            members: HashMap::new(),
        }
    }

    /// Reads the recorded schema, then the first page of executions.
    fn load(&mut self, ctx: &mut Ctx) {
        let (ledger, key) = (self.shared.ports.ledger.clone(), self.key.clone());
        let work = async move { meter::for_stage(&key, ledger.schema(&key)).await };
        ctx.spawn(work.into_actor(self).map(|result, actor, ctx| match result {
            Ok(schema) => {
                actor.schema = schema;
                actor.reading = false;
                actor.refill(ctx);
            }
            Err(failure) => {
                tracing::warn!(stage = %actor.key, %failure, "the stage could not be read; trying again");
                ctx.run_later(RETRY_AFTER, |actor, ctx| actor.load(ctx));
            }
        }));
    }

    /// Reads on if there is room.
    fn refill(&mut self, ctx: &mut Ctx) {
        if self.reading {
            return;
        }
        // Not while a page is on its way: it would be taken for the end.
        if std::mem::take(&mut self.again) {
            self.window.look_again();
        }
        let room = self.window.room();
        if room == 0 {
            return;
        }
        self.reading = true;
        let (ledger, key, after) = (self.shared.ports.ledger.clone(), self.key.clone(), self.window.cursor());
        let versions = self.versions.clone();
        let work = async move {
            let page = meter::for_stage(&key, ledger.unfinished(&key, after, room)).await?;
            // What was interrupted is decided about at once, by its pipeline's rules.
            for execution in page.iter().filter(|execution| is_interrupted(execution)) {
                match meter::for_stage(&key, versions.get(execution.pipeline_version)).await {
                    Err(failure) if failure.retry() == Retry::Backoff => return Err(failure),
                    Err(failure) => tracing::error!(stage = %key, %failure, "nobody is told how its interrupted runs end"),
                    Ok(_) => {}
                }
            }
            Ok(page)
        };
        ctx.spawn(work.into_actor(self).map(move |result: Result<Vec<Execution>>, actor, ctx| {
            actor.reading = false;
            match result {
                Ok(page) => actor.take_in(page, room, ctx),
                Err(failure) => {
                    tracing::warn!(stage = %actor.key, %failure, "the ledger could not be read; trying again");
                    ctx.run_later(RETRY_AFTER, |actor, ctx| actor.refill(ctx));
                }
            }
        }));
    }

    /// Takes in a page. What it says is running or being promoted, and is not held here, was so in an
    /// earlier life of this coordinator, and is lost or taken up again.
    fn take_in(&mut self, page: Vec<Execution>, asked: usize, ctx: &mut Ctx) {
        let interrupted = page.iter().filter(|execution| is_interrupted(execution) && self.window.get(&execution.id).is_none());
        let lost = |execution: &Execution| {
            let why = Failure::new(FailureCode::WorkerLost, "the coordinator was restarted while the task ran");
            (execution.id.clone(), Fact::Lost { attempt: execution.state.attempt, why })
        };
        let facts: Vec<_> = interrupted.map(lost).collect();
        let waiting = page.iter().any(|execution| matches!(execution.state.phase, Phase::Waiting { .. }));
        self.window.extend(page, asked, self.shared.now());
        self.learn(facts, ctx);
        if waiting {
            self.look_for_tables(ctx);
        }
        self.changed(ctx);
    }

    /// After anything that may change what could be started.
    fn changed(&mut self, ctx: &mut Ctx) {
        self.refill(ctx);
        if let Some(next) = self.window.wake(self.shared.now()) {
            self.wake_at(next, ctx);
        }
        if self.demand() != self.announced.demand {
            let message = DemandChanged { stage: self.key.clone(), addr: ctx.address(), demand: self.announce() };
            // A fleet that is gone takes this actor with it.
            actix::spawn(tell(&self.peers.fleet, message));
        }
    }

    /// What the stage could start now, numbered: answers and messages can overtake one another.
    fn announce(&mut self) -> Announced {
        self.announced = Announced { demand: self.demand(), serial: self.announced.serial + 1 };
        self.announced
    }

    fn demand(&self) -> Demand {
        if self.paused {
            return Demand::default();
        }
        let (ready, first_bytes) = self.window.demand();
        Demand { ready, small: first_bytes.is_some_and(|bytes| bytes <= super::fleet::matching::SMALL_TASK_BYTES) }
    }

    fn wake_at(&mut self, at: lakegate_model::Timestamp, ctx: &mut Ctx) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let wait = at.since(self.shared.now()).max(Duration::from_millis(1));
        self.timer = Some(ctx.run_later(wait, |actor, ctx| {
            actor.timer = None;
            actor.changed(ctx);
        }));
    }

    /// Looks whether the tables that executions wait for are there now.
    fn look_for_tables(&mut self, ctx: &mut Ctx) {
        let waiting: Vec<Execution> =
            self.window.iter().filter(|execution| matches!(execution.state.phase, Phase::Waiting { .. })).cloned().collect();
        if waiting.is_empty() {
            return;
        }
        let (versions, key) = (self.versions.clone(), self.key.clone());
        let work = async move {
            let mut facts = Vec::new();
            for execution in waiting {
                let version = versions.get(execution.pipeline_version).await?;
                facts.push((execution.id, meter::for_stage(&key, versions.references(&version)).await?));
            }
            Ok(facts)
        };
        ctx.spawn(work.into_actor(self).map(|facts: Result<Vec<_>>, actor, ctx| match facts {
            Ok(facts) => actor.learn(facts, ctx),
            Err(failure) => tracing::warn!(stage = %actor.key, %failure, "the table catalog could not be read"),
        }));
    }
}

/// Whether an earlier life of this coordinator has left it in the middle.
fn is_interrupted(execution: &Execution) -> bool {
    matches!(execution.state.phase, Phase::Running { .. } | Phase::Promoting { .. })
}

impl Actor for StageActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(256);
        self.address = Some(ctx.address());
        ctx.run_interval(LOOK_FOR_TABLES_EVERY, |actor, ctx| actor.look_for_tables(ctx));
        self.load(ctx);
    }
}
