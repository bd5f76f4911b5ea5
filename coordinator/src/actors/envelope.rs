//! The envelope every message between actors travels in.

use actix::{Actor, Addr, Handler, Message, dev::ToEnvelope};
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

/// Sends a message that is about many things and has no answer; true when it was taken. The message
/// is in the mailbox, or in line for it, as soon as this is called. False means that the actor is
/// gone, and with it whatever the message was to change: the ledger knows.
pub(crate) fn tell<A, M>(to: &Addr<A>, body: M) -> impl Future<Output = bool> + use<A, M>
where
    A: Actor + Handler<Envelope<M>>,
    A::Context: ToEnvelope<A, Envelope<M>>,
    M: Message<Result = ()> + Send + 'static,
{
    let sending = to.send(Envelope::many(body));
    async move { sending.await.is_ok() }
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
