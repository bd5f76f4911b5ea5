//! The fleet: the workers that are connected, what each may still be sent, and who gets it.

mod roster;

pub(crate) mod matching;

use std::collections::HashMap;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use lakegate_model::{Failure, FailureCode, StageKey, TaskId, WorkerId};
use lakegate_proto::{convert::requests_from_wire, v1};
use tokio::sync::mpsc;

use super::{
    envelope::{Envelope, message, tell},
    stage::{self, Grant, Granted, Report, Reported, StageActor, TaskReport, WorkerLink},
};
use crate::{ports::Result, shared::Shared};
use matching::{Demand, Turns};
use roster::{Parcel, Roster, Worker};

/// The fleet.
pub(crate) struct Fleet {
    shared: Shared,
    roster: Roster,
    turns: Turns,
    stages: HashMap<StageKey, Known>,
    next_parcel: u64,
    draining: bool,
}

/// A stage's actor and the latest it has announced.
struct Known {
    addr: Addr<StageActor>,
    serial: u64,
}

/// What a stage could start, numbered in the order in which it said so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Announced {
    /// What it could start.
    pub(crate) demand: Demand,
    /// Grows with each announcement of one actor.
    pub(crate) serial: u64,
}

/// What a stage could start has changed.
pub(crate) struct DemandChanged {
    /// The stage.
    pub stage: StageKey,
    /// Its actor.
    pub addr: Addr<StageActor>,
    /// What it could start.
    pub demand: Announced,
}
message!(DemandChanged => ());

/// A worker has dialled in.
pub(crate) struct Register {
    /// What it says of itself.
    pub register: v1::Register,
    /// Where its messages go.
    pub sender: mpsc::Sender<v1::CoordinatorMessage>,
}
message!(Register => Result<WorkerId>);

/// A worker has said something.
pub(crate) struct Said {
    /// Which.
    pub worker: WorkerId,
    /// What.
    pub message: v1::worker_message::Message,
}
message!(Said => ());

/// A worker's session is over: the one event that every way of losing a worker posts.
pub(crate) struct Gone {
    /// Which.
    pub worker: WorkerId,
    /// How it ended.
    pub why: String,
}
message!(Gone => ());

/// Who is there?
pub(crate) struct Workers;
message!(Workers => Vec<v1::Worker>);

/// Send nothing more, and ask every worker to finish and leave.
pub(crate) struct Drain;
message!(Drain => ());

/// How many workers are connected.
pub(crate) struct StillThere;
message!(StillThere => usize);

impl Fleet {
    /// A fleet without workers.
    pub(crate) fn new(shared: Shared) -> Fleet {
        Fleet { shared, roster: Roster::default(), turns: Turns::default(), stages: HashMap::new(), next_parcel: 1, draining: false }
    }

    /// Notes what a stage could start, unless it has said something newer already. An actor that
    /// was made anew counts from the beginning.
    fn note(&mut self, key: StageKey, addr: Addr<StageActor>, announced: Announced) {
        let known = self.stages.get(&key);
        if known.is_some_and(|known| known.addr == addr && known.serial >= announced.serial) {
            return;
        }
        self.turns.set(&key, announced.demand);
        self.stages.insert(key, Known { addr, serial: announced.serial });
    }

    /// Grants as long as somebody has work and somebody has room.
    fn match_up(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        while let Some((key, worker, most)) = self.turns.next(&self.roster.rooms()) {
            let Some(stage) = self.stages.get(&key).map(|known| known.addr.clone()) else { continue };
            let parcel = self.next_parcel;
            self.next_parcel += 1;
            // Booked before it is sent: its results may be here before the stage's answer.
            let Some(link) = self.roster.book(&worker, parcel, Parcel::new(key.clone(), stage.clone())) else { continue };
            let send = stage.send(Envelope::many(Grant { worker: link, parcel, most }));
            ctx.spawn(send.into_actor(self).map(move |granted, fleet, ctx| {
                let tasks = granted.as_ref().map_or(0, |granted| granted.tasks);
                fleet.roster.settle(&worker, parcel, tasks);
                if let Ok(Granted { demand, .. }) = granted {
                    fleet.note(key, stage, demand);
                }
                fleet.match_up(ctx);
            }));
        }
    }

    /// Passes results on to the stages whose parcels they are of.
    fn pass_on(&mut self, worker: &WorkerId, results: Vec<v1::TaskResult>) {
        let mut by_parcel: HashMap<u64, Vec<TaskReport>> = HashMap::new();
        for result in results {
            match report(result) {
                Ok((parcel, report)) => by_parcel.entry(parcel).or_default().push(report),
                Err(failure) => tracing::error!(%worker, %failure, "a worker's result can't be read; its task will run into its deadline"),
            }
        }
        for (parcel, reports) in by_parcel {
            let Some(stage) = self.roster.reported(worker, parcel, reports.len(), self.shared.now()) else {
                tracing::debug!(%worker, parcel, "results of a parcel that nobody waits for");
                continue;
            };
            actix::spawn(tell(&stage, Reported { parcel: (worker.clone(), parcel), reports }));
        }
    }
}

fn report(result: v1::TaskResult) -> Result<(u64, TaskReport)> {
    let missing = |field: &'static str| lakegate_proto::convert::Malformed::missing(field);
    let task: TaskId = result.task.ok_or_else(|| missing("task"))?.into();
    let requests = requests_from_wire(result.requests);
    let report = match result.result.ok_or_else(|| missing("result"))? {
        v1::task_result::Result::Finished(output) => Report::Finished(output.try_into()?),
        v1::task_result::Result::Failed(failure) => Report::Failed(failure.into()),
        v1::task_result::Result::HandedBack(_) => Report::HandedBack,
    };
    Ok((result.parcel, TaskReport { task, report, requests }))
}

impl Actor for Fleet {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(256);
    }
}

impl Handler<Envelope<DemandChanged>> for Fleet {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<DemandChanged>, ctx: &mut Self::Context) {
        let DemandChanged { stage, addr, demand } = envelope.body;
        self.stages.retain(|_, known| known.addr.connected());
        self.note(stage, addr, demand);
        self.match_up(ctx);
    }
}

impl Handler<Envelope<Register>> for Fleet {
    type Result = Result<WorkerId>;

    fn handle(&mut self, envelope: Envelope<Register>, _: &mut Self::Context) -> Self::Result {
        let Register { register, sender } = envelope.body;
        if self.draining {
            return Err(Failure::new(FailureCode::Unavailable, "the coordinator is leaving").hint("dial again in a while"));
        }
        refuse_other_versions(&register)?;
        let id = WorkerId::from_text(format!("w-{}", self.shared.tracer.new_trace().trace_id_hex().get(..12).unwrap_or_default()));
        tracing::info!(worker = %id, name = register.name, slots = register.slots, "a worker has joined");
        self.roster.join(id.clone(), Worker::new(register, WorkerLink { id: id.clone(), sender }, self.shared.now()));
        Ok(id)
    }
}

/// A worker of another minor version may mean something else by the same message.
fn refuse_other_versions(register: &v1::Register) -> Result<()> {
    let minor = |version: &str| version.splitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let ours = env!("CARGO_PKG_VERSION");
    if minor(ours) == minor(&register.version) {
        return Ok(());
    }
    let text = format!("worker {} has version {}, the coordinator {ours}", register.name, register.version);
    Err(Failure::new(FailureCode::Conflict, text).hint("run the same major and minor version on both sides"))
}

impl Handler<Envelope<Said>> for Fleet {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Said>, ctx: &mut Self::Context) {
        let Said { worker, message } = envelope.body;
        let now = self.shared.now();
        match message {
            v1::worker_message::Message::Credits(credits) => self.roster.credit(&worker, credits.parcels),
            v1::worker_message::Message::Heartbeat(heartbeat) => self.roster.seen(&worker, now, heartbeat.memory),
            v1::worker_message::Message::Results(results) => self.pass_on(&worker, results.results),
            v1::worker_message::Message::Draining(_) => self.roster.drain(&worker),
            v1::worker_message::Message::Progress(progress) => tracing::trace!(%worker, doing = progress.doing, "progress"),
            v1::worker_message::Message::Register(_) => tracing::warn!(%worker, "a worker registered twice in one session"),
        }
        self.match_up(ctx);
    }
}

impl Handler<Envelope<Gone>> for Fleet {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Gone>, _: &mut Self::Context) {
        let Gone { worker, why } = envelope.body;
        let Some(left) = self.roster.leave(&worker) else { return };
        let lost = left.parcels.len();
        tracing::info!(%worker, name = left.name, lost, why, "a worker has left");
        let failure = Failure::new(FailureCode::WorkerLost, format!("worker {} left while it had the task: {why}", left.name));
        let mut told: Vec<&StageKey> = Vec::new();
        for parcel in left.parcels.values() {
            if !told.contains(&&parcel.key) {
                told.push(&parcel.key);
                actix::spawn(tell(&parcel.stage, stage::Lost { worker: worker.clone(), why: failure.clone() }));
            }
        }
    }
}

impl Handler<Envelope<Workers>> for Fleet {
    type Result = Vec<v1::Worker>;

    fn handle(&mut self, _: Envelope<Workers>, _: &mut Self::Context) -> Self::Result {
        self.roster.list()
    }
}

impl Handler<Envelope<Drain>> for Fleet {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Envelope<Drain>, _: &mut Self::Context) -> Self::Result {
        self.draining = true;
        let links = self.roster.links();
        Box::pin(async move {
            for link in links {
                let drain = v1::CoordinatorMessage { message: Some(v1::coordinator_message::Message::Drain(v1::Drain {})) };
                // A worker that is gone has drained.
                drop(link.sender.send(drain).await);
            }
        })
    }
}

impl Handler<Envelope<StillThere>> for Fleet {
    type Result = usize;

    fn handle(&mut self, _: Envelope<StillThere>, _: &mut Self::Context) -> usize {
        self.roster.len()
    }
}
