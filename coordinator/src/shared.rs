//! What every actor and service of one coordinator shares.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lakegate_model::{StageKey, Timestamp, destination::Destination, notify::TeamNotices, project::Zones};
use lakegate_telemetry::Tracer;

use crate::{
    history::Resting,
    ports::{EventSource, Ports, Result},
};

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
    /// Objects that were sent to a stage's queue and have not arrived at the stage.
    pub on_the_way: Arc<OnTheWay>,
    /// Which messages to others are in trouble.
    pub outbox: Arc<OutboxTrouble>,
    /// Whom each team has told how its runs end.
    pub teams: Arc<TeamNotices>,
    /// What stages that are idle remember of their audits.
    pub resting: Arc<Resting>,
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

/// Counts objects between a stage's queue and the stage, for a while: others may take them out.
#[derive(Debug, Default)]
pub(crate) struct OnTheWay(Mutex<VecDeque<Instant>>);

impl OnTheWay {
    /// Longer than a queue keeps a message from whoever waits for it.
    const COUNTED: Duration = Duration::from_secs(30);

    fn sent_at(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many were sent.
    pub(crate) fn sent(&self, count: usize) {
        self.sent_at().extend(std::iter::repeat_n(Instant::now(), count));
    }

    /// So many have arrived.
    pub(crate) fn arrived(&self, count: usize) {
        let mut sent_at = self.sent_at();
        let arrived = count.min(sent_at.len());
        sent_at.drain(..arrived);
    }

    fn count(&self) -> u64 {
        let mut sent_at = self.sent_at();
        while sent_at.front().is_some_and(|at| at.elapsed() > OnTheWay::COUNTED) {
            sent_at.pop_front();
        }
        sent_at.len() as u64
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

    /// How many destinations have messages to come that do not wait for a destination in trouble, and
    /// objects that are in a stage's queue. An object on its way to a stage counts in any case: it is not
    /// done.
    pub(crate) async fn leaving(&self) -> Result<u64> {
        let waiting = self.ports.ledger.destinations().await?;
        let troubled = self.outbox.destinations();
        let counts = |to: &&Destination| matches!(to, Destination::Queue(_)) || !troubled.contains(*to);
        Ok(waiting.iter().filter(counts).count() as u64 + self.on_the_way.count())
    }

    /// Things the sources know of that the ledger doesn't yet.
    pub(crate) fn arriving(&self) -> u64 {
        self.sources.iter().map(|source| source.arriving()).sum()
    }
}
