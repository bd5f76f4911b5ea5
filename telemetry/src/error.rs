//! What can be wrong with the settings of traces and logs.

/// A setting that can't be followed. The text says which and what to set instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `OTEL_TRACES_EXPORTER` names an exporter that isn't built in.
    #[error("OTEL_TRACES_EXPORTER is `{0}` — traces are exported over `otlp`, or not at all: `none`")]
    Exporter(String),
    /// `OTEL_EXPORTER_OTLP_PROTOCOL` or its `_TRACES_` form names a protocol that isn't built in.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is `{0}` — only `grpc` is supported; collectors take it on port 4317")]
    Protocol(String),
    /// The endpoint is no URL a span can be sent to.
    #[error("traces can't be sent to `{endpoint}`: {problem} — set OTEL_EXPORTER_OTLP_ENDPOINT to such as http://127.0.0.1:4317")]
    Endpoint {
        /// The endpoint as given.
        endpoint: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The exporter's settings contradict each other or what is built in.
    #[error("traces can't be exported: {0}")]
    Exporting(String),
    /// The exporter's thread could not be started.
    #[error("the thread that sends traces could not be started: {0}")]
    Thread(#[source] std::io::Error),
    /// The filter of log levels can't be read.
    #[error("the log filter `{filter}` can't be read: {problem} — write a level such as `info`, or `warn,lakegate_worker=debug`")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Logs were set up before.
    #[error("logs are set up already in this process")]
    LogsTwice,
}
