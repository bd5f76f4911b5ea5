//! Where events come from: a watched directory, a queue.

use async_trait::async_trait;
use lakegate_model::{ExecutionId, StageKey, TraceContext, event::ObjectEvent, pipeline::Zone};

use super::Result;

/// A source of events.
///
/// The source delivers every event at least once, in any order, until its message is acknowledged.
/// The coordinator acknowledges a message only after what it says is in the ledger, or is known to
/// be nobody's. While a message is held the source keeps others from getting it.
#[async_trait]
pub trait EventSource: Send + Sync + 'static {
    /// A name for logs and metrics: `watch`, `sqs://…`.
    fn name(&self) -> &str;

    /// Waits for messages and gives at most `max` of them. Dropping the future loses nothing.
    ///
    /// # Errors
    /// What can't be received now; the caller tries again after a while.
    async fn receive(&self, max: usize) -> Result<Vec<Message>>;

    /// Forgets messages for good. Unknown receipts are ignored: acknowledging twice is harmless.
    ///
    /// # Errors
    /// What can't be acknowledged; those messages will be delivered again.
    async fn acknowledge(&self, receipts: Vec<Receipt>) -> Result<()>;

    /// Gives messages back at once, to be delivered again, here or elsewhere.
    ///
    /// # Errors
    /// What can't be given back; it is delivered again when its lease ends.
    async fn hand_back(&self, receipts: Vec<Receipt>) -> Result<()>;

    /// Reads a text that a message has said before and that was not understood then, as if it came again now;
    /// `None` from a source whose messages are no texts. The receipt names nothing.
    fn read_again(&self, _body: &str) -> Option<Message> {
        None
    }

    /// How many things the source knows of that are not acknowledged yet: files still being
    /// written, messages held. Zero means that nothing is under way as far as it can tell.
    fn arriving(&self) -> u64;
}

/// What one message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What acknowledges it.
    pub receipt: Receipt,
    /// Its events, in its order. May be empty.
    pub events: Vec<ObjectEvent>,
    /// Objects that it hands to a stage, at that stage's own queue.
    pub passed: Vec<Passed>,
    /// What in it says nothing that is understood. The coordinator puts it into quarantine before
    /// it acknowledges the message; the events go on.
    pub not_understood: Vec<NotUnderstood>,
}

/// An object that is handed to a stage by a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// To which stage.
    pub stage: StageKey,
    /// The zone it lies in.
    pub zone: Zone,
    /// Its key below the zone.
    pub key: String,
    /// Its version and size; `None` if the message does not say: then it is what lies there now.
    pub version: Option<(String, u64)>,
    /// As in `Arrival`; `None` if the message does not say.
    pub relative: Option<String>,
    /// The execution that made it, if the message says so.
    pub made_by: Option<ExecutionId>,
    /// The trace it belongs to, if the message says so.
    pub trace: TraceContext,
}

/// A part of a message, or all of it, that says nothing that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood {
    /// It, as it came.
    pub body: String,
    /// Why it is not understood, for people.
    pub reason: String,
}

/// Names a delivered message to its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);
