//! Messages to others: those that moves leave in the ledger, and what sends them.

use async_trait::async_trait;
use lakegate_model::{ExecutionId, TraceContext, destination::Destination};
use serde::{Deserialize, Serialize};

use super::Result;

/// A message that a move of an execution has caused. It is sent at least once; whoever gets it again
/// knows it by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its id: `<execution>.<revision after the move>.<place in the move>`.
    pub id: String,
    /// Where to.
    pub to: Destination,
    /// What kind of message: `object` at a stage's queue, or what has happened.
    pub kind: String,
    /// Whose messages are to keep their order, where the destination can: `<team>/<dataset>`.
    pub group: String,
    /// What it says: JSON.
    pub body: String,
    /// The trace it belongs to.
    pub trace: TraceContext,
}

impl Outgoing {
    /// The id of the message at this place of the move that takes an execution to `revision`.
    pub fn id_of(execution: &ExecutionId, revision: u64, place: usize) -> String {
        format!("{execution}.{revision}.{place}")
    }
}

/// Sends messages.
#[async_trait]
pub trait Messenger: Send + Sync + 'static {
    /// Sends messages to one destination; an answer for each, in their order. `Ok` means that the
    /// destination has it and will not lose it.
    ///
    /// # Errors
    /// One whose `retry` is `Never` is about the message: it can't be sent as it is. All others are
    /// about the destination, and the message is sent again later.
    async fn send(&self, to: &Destination, messages: &[Outgoing]) -> Vec<Result<()>>;
}
