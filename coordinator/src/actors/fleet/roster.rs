//! The workers that are connected, and the parcels each of them has.

use std::collections::{BTreeMap, HashMap};

use actix::Addr;
use lakegate_model::{StageKey, Timestamp, WorkerId};
use lakegate_proto::v1;

use super::matching::Room;
use crate::actors::stage::{StageActor, WorkerLink};

/// The workers that are connected.
#[derive(Default)]
pub(super) struct Roster {
    workers: BTreeMap<WorkerId, Worker>,
}

/// A connected worker.
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) parcels: HashMap<u64, Parcel>,
    link: WorkerLink,
    slots: u32,
    credits: u32,
    draining: bool,
    since: Timestamp,
    last_seen: Timestamp,
    memory: u64,
    tasks_done: u64,
}

impl Worker {
    pub(super) fn new(register: v1::Register, link: WorkerLink, now: Timestamp) -> Worker {
        Worker {
            name: register.name,
            parcels: HashMap::new(),
            link,
            slots: register.slots.max(1),
            credits: 0,
            draining: false,
            since: now,
            last_seen: now,
            memory: 0,
            tasks_done: 0,
        }
    }
}

/// A parcel that is out, or booked.
pub(super) struct Parcel {
    pub(super) key: StageKey,
    pub(super) stage: Addr<StageActor>,
    /// How many tasks were sent; `None` until the stage has said.
    tasks: Option<usize>,
    reported: usize,
}

impl Parcel {
    pub(super) fn new(key: StageKey, stage: Addr<StageActor>) -> Parcel {
        Parcel { key, stage, tasks: None, reported: 0 }
    }

    fn is_done(&self) -> bool {
        self.tasks.is_some_and(|tasks| self.reported >= tasks)
    }
}

impl Roster {
    pub(super) fn join(&mut self, id: WorkerId, worker: Worker) {
        self.workers.insert(id, worker);
    }

    pub(super) fn leave(&mut self, id: &WorkerId) -> Option<Worker> {
        self.workers.remove(id)
    }

    pub(super) fn len(&self) -> usize {
        self.workers.len()
    }

    pub(super) fn links(&self) -> Vec<WorkerLink> {
        self.workers.values().map(|worker| worker.link.clone()).collect()
    }

    /// What each worker may still be sent.
    pub(super) fn rooms(&self) -> BTreeMap<WorkerId, Room> {
        let open = self.workers.iter().filter(|(_, worker)| !worker.draining);
        let room = |worker: &Worker| Room {
            credits: worker.credits,
            slots: worker.slots,
            parcels: u32::try_from(worker.parcels.len()).unwrap_or(u32::MAX),
        };
        open.map(|(id, worker)| (id.clone(), room(worker))).collect()
    }

    /// Books a parcel against one of the worker's credits.
    pub(super) fn book(&mut self, id: &WorkerId, parcel: u64, booked: Parcel) -> Option<WorkerLink> {
        let worker = self.workers.get_mut(id)?;
        worker.credits = worker.credits.checked_sub(1)?;
        worker.parcels.insert(parcel, booked);
        Some(worker.link.clone())
    }

    /// The stage has said how many tasks it sent; with none the booking is undone.
    pub(super) fn settle(&mut self, id: &WorkerId, parcel: u64, tasks: usize) {
        let Some(worker) = self.workers.get_mut(id) else { return };
        if tasks == 0 {
            if worker.parcels.remove(&parcel).is_some() {
                worker.credits += 1;
            }
            return;
        }
        if let Some(booked) = worker.parcels.get_mut(&parcel) {
            booked.tasks = Some(tasks);
            if booked.is_done() {
                worker.parcels.remove(&parcel);
            }
        }
    }

    /// The worker has reported on tasks of a parcel; gives the stage that waits for it.
    pub(super) fn reported(&mut self, id: &WorkerId, parcel: u64, tasks: usize, now: Timestamp) -> Option<Addr<StageActor>> {
        let worker = self.workers.get_mut(id)?;
        worker.last_seen = now;
        worker.tasks_done += u64::try_from(tasks).unwrap_or(0);
        let open = worker.parcels.get_mut(&parcel)?;
        open.reported += tasks;
        let stage = open.stage.clone();
        if open.is_done() {
            worker.parcels.remove(&parcel);
        }
        Some(stage)
    }

    pub(super) fn credit(&mut self, id: &WorkerId, parcels: u32) {
        if let Some(worker) = self.workers.get_mut(id) {
            worker.credits = worker.credits.saturating_add(parcels);
        }
    }

    pub(super) fn seen(&mut self, id: &WorkerId, now: Timestamp, memory: u64) {
        if let Some(worker) = self.workers.get_mut(id) {
            (worker.last_seen, worker.memory) = (now, memory);
        }
    }

    pub(super) fn drain(&mut self, id: &WorkerId) {
        if let Some(worker) = self.workers.get_mut(id) {
            worker.draining = true;
        }
    }

    /// The workers as users see them.
    pub(super) fn list(&self) -> Vec<v1::Worker> {
        let running = |worker: &Worker| {
            worker.parcels.values().map(|parcel| parcel.tasks.unwrap_or(0).saturating_sub(parcel.reported)).sum::<usize>()
        };
        let entry = |(id, worker): (&WorkerId, &Worker)| v1::Worker {
            id: id.to_string(),
            name: worker.name.clone(),
            slots: worker.slots,
            running: u32::try_from(running(worker)).unwrap_or(u32::MAX),
            draining: worker.draining,
            since: worker.since.0,
            last_seen: worker.last_seen.0,
            memory: worker.memory,
            tasks_done: worker.tasks_done,
        };
        self.workers.iter().map(entry).collect()
    }
}
