//! The envelope every message between actors travels in.

use actix::Message;
use lakegate_model::TraceContext;

/// A message and the trace it belongs to. A message about many things, each with a trace of its
/// own in the ledger's records, travels under no trace.
pub(crate) struct Envelope<T> {
    /// The trace of what caused the message.
    pub trace: TraceContext,
    /// The message.
    pub body: T,
}

impl<T> Envelope<T> {
    /// A message that belongs to a trace.
    pub(crate) fn new(trace: TraceContext, body: T) -> Envelope<T> {
        Envelope { trace, body }
    }

    /// A message about many things.
    pub(crate) fn many(body: T) -> Envelope<T> {
        Envelope { trace: TraceContext::NONE, body }
    }
}

impl<T: Message> Message for Envelope<T> {
    type Result = T::Result;
}

/// Declares a message and what answers it.
macro_rules! message {
    ($name:ty => $result:ty) => {
        impl actix::Message for $name {
            type Result = $result;
        }
    };
}

pub(crate) use message;
