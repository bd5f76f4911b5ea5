//! What every actor and service of one coordinator shares.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lakegate_model::{StageKey, Timestamp, destination::Destination, notify::TeamNotices, project::Zones};
use lakegate_telemetry::Tracer;

use crate::ports::{EventSource, Ports, Result};

/// What every actor and service of one coordinator shares. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    /// The ports.
    pub ports: Ports,
    /// Where each zone lies.
    pub zones: Zones,
    /// Where spans go.
    pub tracer: Tracer,
    /// Where events come from.
    pub sources: Arc<Vec<Arc<dyn EventSource>>>,
    /// The stages of which the ledger may hold more than their actors have heard of.
    pub doubt: Arc<Doubt>,
    /// Which messages to others are in trouble.
    pub outbox: Arc<OutboxTrouble>,
    /// Whom each team has told how its runs end.
    pub teams: Arc<TeamNotices>,
}

/// Stages of which a write failed: it may have been done all the same, its answer lost. Their actors
/// look at the ledger again.
#[derive(Debug, Default)]
pub(crate) struct Doubt(Mutex<BTreeSet<StageKey>>);

impl Doubt {
    fn stages(&self) -> MutexGuard<'_, BTreeSet<StageKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write of these failed.
    pub(crate) fn add(&self, stages: impl IntoIterator<Item = StageKey>) {
        self.stages().extend(stages);
    }

    /// Those that are to look again.
    pub(crate) fn take(&self) -> BTreeSet<StageKey> {
        std::mem::take(&mut self.stages())
    }
}

/// The destinations that could not be reached last time.
#[derive(Debug, Default)]
pub(crate) struct OutboxTrouble(Mutex<HashSet<Destination>>);

impl OutboxTrouble {
    fn destinations(&self) -> MutexGuard<'_, HashSet<Destination>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It could not be reached.
    pub(crate) fn troubled(&self, to: &Destination) {
        self.destinations().insert(to.clone());
    }

    /// It has everything.
    pub(crate) fn well(&self, to: &Destination) {
        self.destinations().remove(to);
    }
}

impl Shared {
    /// The time, by the clock port.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// How many destinations have messages to come that do not wait for a destination in trouble. An
    /// object on its way to a stage counts in any case: it is not done.
    pub(crate) async fn leaving(&self) -> Result<u64> {
        let waiting = self.ports.ledger.destinations().await?;
        let troubled = self.outbox.destinations();
        let counts = |to: &&Destination| matches!(to, Destination::Queue(_)) || !troubled.contains(*to);
        Ok(waiting.iter().filter(counts).count() as u64)
    }

    /// Things the sources know of that the ledger doesn't yet.
    pub(crate) fn arriving(&self) -> u64 {
        self.sources.iter().map(|source| source.arriving()).sum()
    }
}
