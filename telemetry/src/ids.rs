//! Trace and span ids: random ones, and ones that were decided before the span was made.

use std::cell::Cell;

use lakegate_model::TraceContext;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

thread_local! {
    /// The ids of the span this thread is about to build.
    static NEXT: Cell<TraceContext> = const { Cell::new(TraceContext::NONE) };
}

/// Fresh random ids, from a generator of this thread that the operating system seeded.
pub(crate) fn random() -> TraceContext {
    TraceContext { trace_id: RandomIdGenerator::default().new_trace_id().to_bytes(), span_id: random_span() }
}

/// A fresh random span id.
pub(crate) fn random_span() -> [u8; 8] {
    RandomIdGenerator::default().new_span_id().to_bytes()
}

/// Runs `build`; the span it builds on this thread gets these ids. The SDK draws a span's ids
/// itself while it builds it, and this is the only way to tell it which.
pub(crate) fn with_ids<T>(ids: TraceContext, build: impl FnOnce() -> T) -> T {
    NEXT.set(ids);
    let built = build();
    NEXT.set(TraceContext::NONE);
    built
}

/// Gives the SDK the ids set by `with_ids`.
#[derive(Debug)]
pub(crate) struct DecidedIds;

impl IdGenerator for DecidedIds {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_bytes(NEXT.get().trace_id)
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from_bytes(NEXT.get().span_id)
    }
}
