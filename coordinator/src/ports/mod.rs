//! What the coordinator needs from the world, as small traits. Each trait states the duties of
//! both sides; every adapter passes the same contract suite (`tests/`). An adapter's errors are
//! `Failure`s, because only the adapter knows whose fault one is and whether to try again.

pub mod catalog;
pub mod clock;
pub mod ledger;
pub mod meter;
pub mod outbox;
pub mod source;
pub mod storage;

use std::sync::Arc;

pub use catalog::{TableCatalog, TableChange};
pub use clock::{Clock, SystemClock};
pub use ledger::Ledger;
pub use meter::Meter;
pub use outbox::{Messenger, Outgoing};
pub use source::{EventSource, Message, NotUnderstood, Passed, Receipt};
pub use storage::{Promotion, Storage};

/// A port's answer.
pub type Result<T> = std::result::Result<T, lakegate_model::Failure>;

/// Every port, as the actors share them.
#[derive(Clone)]
pub struct Ports {
    /// The durable record.
    pub ledger: Arc<dyn Ledger>,
    /// The table catalog.
    pub catalog: Arc<dyn TableCatalog>,
    /// The lake's files, for the little the coordinator does with them.
    pub storage: Arc<dyn Storage>,
    /// What takes messages to others.
    pub messenger: Arc<dyn Messenger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the adapters count their requests on.
    pub meter: Meter,
}
