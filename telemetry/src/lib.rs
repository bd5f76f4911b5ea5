//! Traces and logs.
//!
//! A [`Tracer`] is made once, by [`start`], and handed to whoever needs one: nothing here is an
//! ambient global except the `tracing` subscriber that [`logs::init`] installs. What ties spans of
//! different processes together is [`TraceContext`](lakegate_model::TraceContext), which travels in
//! messages, tasks and ledger records.
//!
//! Spans leave the process over OTLP, in batches and from a thread of their own; the code that made
//! them never waits for the collector. When the collector is too slow, spans are dropped, not work.

mod error;
mod export;
mod ids;
pub mod logs;
mod options;
mod span;
mod tracer;

pub use error::Error;
pub use export::{Guard, start};
pub use options::Options;
pub use span::{Span, SpanRecord, Value};
pub use tracer::Tracer;
