//! What every actor and service of one coordinator shares.

use std::sync::Arc;

use lakegate_model::{Timestamp, project::Zones};
use lakegate_telemetry::Tracer;

use crate::ports::{EventSource, Ports};

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
}

impl Shared {
    /// The time, by the clock port.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Things the sources know of that the ledger doesn't yet.
    pub(crate) fn arriving(&self) -> u64 {
        self.sources.iter().map(|source| source.arriving()).sum()
    }
}
