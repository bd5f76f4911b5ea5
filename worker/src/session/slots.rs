//! The slots: so many parcels run at once, each on a blocking thread. They outlive sessions.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use lakegate_telemetry::Tracer;
use tokio::task::JoinSet;

use super::{
    admission::Memory,
    parcel::Parcel,
    work::{Bench, Execute, Outlet, work_off},
};
use crate::WorkerOptions;

/// Counts sessions, to tell this one's parcels from those of one that is over.
type Epoch = u64;

pub(super) struct Slots {
    bench: Arc<Bench>,
    size: usize,
    epoch: Epoch,
    /// Parcels of the current session that run.
    current: usize,
    running: JoinSet<Ended>,
}

/// How a slot's thread ended.
struct Ended {
    epoch: Epoch,
    panicked: bool,
}

/// A slot is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freed {
    /// A parcel of this session is worked off.
    Done,
    /// A parcel of a session that is over has noticed it.
    Stale,
    /// A parcel of this session died of a defect here, and left tasks unreported.
    Died,
}

impl Slots {
    pub(super) fn new(options: &WorkerOptions, engine: Arc<dyn Execute>, tracer: Tracer) -> Slots {
        let size = options.slots.max(1);
        let bench = Arc::new(Bench { engine, memory: Memory::new(options.memory, size), tracer });
        Slots { bench, size, epoch: 0, current: 0, running: JoinSet::new() }
    }

    /// A new session begins; what runs belongs to one that is over.
    pub(super) fn begin_session(&mut self) {
        self.epoch += 1;
        self.current = 0;
    }

    /// Slots in which nothing runs.
    pub(super) fn free(&self) -> usize {
        self.size.saturating_sub(self.busy())
    }

    /// Slots in which something runs, be it of this session or not.
    pub(super) fn busy(&self) -> usize {
        self.running.len()
    }

    /// Parcels of this session that run.
    pub(super) fn current(&self) -> usize {
        self.current
    }

    /// Runs a parcel. The caller has seen that a slot is free.
    pub(super) fn start(&mut self, parcel: Parcel, outlet: Outlet) {
        let (bench, epoch) = (Arc::clone(&self.bench), self.epoch);
        self.current += 1;
        self.running.spawn_blocking(move || {
            let panicked = catch_unwind(AssertUnwindSafe(|| work_off(parcel, &bench, &outlet))).is_err();
            Ended { epoch, panicked }
        });
    }

    /// Waits for a slot to become free; for ever if nothing runs. Safe to give up waiting.
    pub(super) async fn freed(&mut self) -> Freed {
        match self.running.join_next().await {
            None => std::future::pending().await,
            Some(Ok(ended)) if ended.epoch != self.epoch => Freed::Stale,
            Some(ended) => {
                self.current = self.current.saturating_sub(1);
                if ended.is_ok_and(|ended| !ended.panicked) { Freed::Done } else { Freed::Died }
            }
        }
    }
}
