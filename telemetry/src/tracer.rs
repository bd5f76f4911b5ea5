//! The handle that makes spans.

use std::time::{Duration, SystemTime};

use lakegate_model::{Timestamp, TraceContext};
use opentelemetry::{
    Context, KeyValue,
    trace::{Link, Span as _, SpanBuilder, Status, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};

use crate::{
    ids,
    span::{Span, SpanRecord, sdk_context},
};

/// Makes spans. Cheap to clone; all clones send to the same place.
#[derive(Clone, Debug)]
pub struct Tracer {
    exporting: Option<SdkTracer>,
}

impl Tracer {
    /// A tracer that makes ids, so that logs and messages can be told apart, and exports nothing.
    pub fn disabled() -> Tracer {
        Tracer { exporting: None }
    }

    pub(crate) fn exporting(tracer: SdkTracer) -> Tracer {
        Tracer { exporting: Some(tracer) }
    }

    /// Whether spans are exported.
    pub fn enabled(&self) -> bool {
        self.exporting.is_some()
    }

    /// A new trace and the id of its root span, whose record is to be emitted by whoever knows when it ends.
    pub fn new_trace(&self) -> TraceContext {
        ids::random()
    }

    /// Begins a span now. Without a parent it is the root of a new trace; under a parent whose span
    /// id is zero it is the root of that trace.
    pub fn start(&self, name: &'static str, parent: TraceContext) -> Span {
        let context = if parent.is_some() { parent.at(ids::random_span()) } else { ids::random() };
        let recording = self.exporting.as_ref().map(|tracer| build(tracer, SpanBuilder::from_name(name), parent, context));
        Span { context, recording }
    }

    /// Exports a span that is over. Emitting a record again, as after a restart, repeats the same
    /// span with the same id.
    pub fn emit(&self, record: SpanRecord) {
        let Some(tracer) = &self.exporting else { return };
        let context = record.parent.at(record.span_id);
        let mut builder = SpanBuilder::from_name(record.name).with_start_time(system_time(record.start));
        builder.attributes = Some(record.attributes.into_iter().map(|(key, value)| KeyValue::new(key, value.0)).collect());
        builder.links =
            Some(record.links.into_iter().filter(TraceContext::is_some).map(|link| Link::with_context(sdk_context(link))).collect());
        let mut span = build(tracer, builder, record.parent, context);
        if let Some(error) = record.error {
            span.set_status(Status::error(error));
        }
        span.end_with_timestamp(system_time(record.end));
    }
}

fn build(tracer: &SdkTracer, builder: SpanBuilder, parent: TraceContext, context: TraceContext) -> SdkSpan {
    let parent = Context::new().with_remote_span_context(sdk_context(parent));
    ids::with_ids(context, || tracer.build_with_context(builder, &parent))
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}
