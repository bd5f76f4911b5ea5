//! The job monitor: asks a stage about a parcel whose deadline has passed.
//!
//! A worker enforces its tasks' timeouts itself; this is for workers that don't. A deadline is a
//! question, not a verdict: the stage knows whether the tasks still run in the attempt named.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use actix::{Actor, Addr, AsyncContext, Context, Handler};
use lakegate_model::{TaskId, Timestamp, WorkerId};

use super::{
    envelope::{Envelope, message, tell},
    stage::{self, StageActor},
};
use crate::shared::Shared;

/// How often deadlines are looked at; they are minutes to hours away.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Names a parcel: parcel ids are unique within a worker's session.
pub(crate) type ParcelKey = (WorkerId, u64);

/// The job monitor.
pub(crate) struct Monitor {
    shared: Shared,
    watched: BTreeMap<ParcelKey, Watch>,
    by_deadline: BTreeSet<(Timestamp, ParcelKey)>,
}

/// Ask this stage about these tasks after this time.
pub(crate) struct Watch {
    /// Names the watch.
    pub parcel: ParcelKey,
    /// Whom to ask.
    pub stage: Addr<StageActor>,
    /// About what.
    pub tasks: Vec<TaskId>,
    /// After when.
    pub deadline: Timestamp,
}
message!(Watch => ());

/// The parcel is done: never mind its deadline.
pub(crate) struct Unwatch(pub ParcelKey);
message!(Unwatch => ());

impl Monitor {
    /// A monitor that watches nothing yet.
    pub(crate) fn new(shared: Shared) -> Monitor {
        Monitor { shared, watched: BTreeMap::new(), by_deadline: BTreeSet::new() }
    }

    fn take_overdue(&mut self, now: Timestamp) -> Vec<Watch> {
        let mut overdue = Vec::new();
        while let Some((deadline, parcel)) = self.by_deadline.first().cloned() {
            if deadline > now {
                break;
            }
            self.by_deadline.pop_first();
            overdue.extend(self.watched.remove(&parcel));
        }
        overdue
    }
}

impl Actor for Monitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(256);
        ctx.run_interval(LOOK_EVERY, |monitor, _| {
            for watch in monitor.take_overdue(monitor.shared.now()) {
                tracing::warn!(worker = %watch.parcel.0, tasks = watch.tasks.len(), "a parcel is past its deadline");
                // A stage that is gone has no tasks running.
                actix::spawn(tell(&watch.stage, stage::Overdue(watch.tasks)));
            }
        });
    }
}

impl Handler<Envelope<Watch>> for Monitor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Watch>, _: &mut Self::Context) {
        let watch = envelope.body;
        self.by_deadline.insert((watch.deadline, watch.parcel.clone()));
        self.watched.insert(watch.parcel.clone(), watch);
    }
}

impl Handler<Envelope<Unwatch>> for Monitor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Unwatch>, _: &mut Self::Context) {
        let Unwatch(parcel) = envelope.body;
        if let Some(watch) = self.watched.remove(&parcel) {
            self.by_deadline.remove(&(watch.deadline, parcel));
        }
    }
}
