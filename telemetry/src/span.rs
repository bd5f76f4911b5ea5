//! Spans: what took place in a trace, from when to when.

use lakegate_model::{Timestamp, TraceContext};
use opentelemetry::{
    KeyValue,
    trace::{Span as _, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::Span as SdkSpan;

/// A span that is going on. It ends when it is dropped.
#[derive(Debug)]
pub struct Span {
    pub(crate) context: TraceContext,
    /// Absent when nothing is exported.
    pub(crate) recording: Option<SdkSpan>,
}

impl Span {
    /// The parent for whatever this span causes.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Says something about the span.
    pub fn attribute(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.recording {
            span.set_attribute(KeyValue::new(key, value.into().0));
        }
    }

    /// Points to a span of another trace that this one came from.
    pub fn link(&mut self, other: TraceContext) {
        if let Some(span) = &mut self.recording
            && other.is_some()
        {
            span.add_link(sdk_context(other), Vec::new());
        }
    }

    /// Marks the span as failed.
    pub fn fail(&mut self, why: &str) {
        if let Some(span) = &mut self.recording {
            span.set_status(Status::error(why.to_owned()));
        }
    }
}

/// A span that is over, whose ids and times are known.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRecord {
    /// What took place.
    pub name: &'static str,
    /// The trace, and the span in it that caused this one; a zero span id means the trace's root.
    pub parent: TraceContext,
    /// The span's own id.
    pub span_id: [u8; 8],
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// What there is to say about it.
    pub attributes: Vec<(&'static str, Value)>,
    /// Spans of other traces it came from.
    pub links: Vec<TraceContext>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// An attribute's value: text, a number, or true or false.
#[derive(Clone, Debug, PartialEq)]
pub struct Value(pub(crate) opentelemetry::Value);

macro_rules! value_from {
    ($($from:ty),*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Value {
                Value(value.into())
            }
        })*
    };
}

value_from!(bool, i64, f64, String);

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value(value.to_owned().into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Value {
        Value(i64::from(value).into())
    }
}

/// Numbers beyond the largest `i64`, which is all OTLP has, become that.
impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value(i64::try_from(value).unwrap_or(i64::MAX).into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        (value as u64).into()
    }
}

/// The context as the SDK knows it. It counts as sampled: `TraceContext` says only where something
/// happens, and whether it is kept is each process's own choice.
pub(crate) fn sdk_context(context: TraceContext) -> SpanContext {
    let (trace, span) = (TraceId::from_bytes(context.trace_id), SpanId::from_bytes(context.span_id));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}
