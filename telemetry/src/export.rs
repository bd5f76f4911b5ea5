//! Sending spans to a collector over OTLP/gRPC, and the last flush.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::Runtime;

use crate::{Error, Options, Tracer, ids::DecidedIds};

/// What the last flush may take, so that a collector that is gone never holds up leaving.
const FLUSH: Duration = Duration::from_secs(5);

/// Starts exporting, if the options ask for it. The tracer works from then on; the guard is to be
/// shut down last.
///
/// # Errors
/// If an option can't be followed. That the collector can't be reached is no error: it may come.
pub fn start(options: Options) -> Result<(Tracer, Guard), Error> {
    if !options.exports()? {
        return Ok((Tracer::disabled(), Guard { exporting: None }));
    }
    // The exporter's connection lives on a thread of its own: whoever shuts down may block its own
    // runtime meanwhile, or have none.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .thread_name("lakegate-traces")
        .build()
        .map_err(Error::Thread)?;
    let exporter = {
        let _entered = runtime.enter();
        connect(&options)?
    };
    let batches = BatchConfigBuilder::default().with_max_queue_size(options.queue).build();
    let processor = BatchSpanProcessor::builder(Reporting { exporter, failing: AtomicBool::new(false) }).with_batch_config(batches).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_id_generator(DecidedIds)
        .with_max_links_per_span(options.links)
        .with_resource(resource(&options))
        .build();
    let tracer = Tracer::exporting(provider.tracer("lakegate"));
    Ok((tracer, Guard { exporting: Some((provider, runtime)) }))
}

fn connect(options: &Options) -> Result<opentelemetry_otlp::SpanExporter, Error> {
    let mut builder = opentelemetry_otlp::SpanExporter::builder().with_tonic();
    if let Some(endpoint) = &options.endpoint {
        let wrong = |problem: &str| Error::Endpoint { endpoint: endpoint.clone(), problem: problem.to_owned() };
        match endpoint.split_once("://") {
            Some(("http", _)) => {}
            Some(("https", _)) => return Err(wrong("TLS is not built in; send to a collector on this machine or in its network")),
            _ => return Err(wrong("it is no http:// URL")),
        }
        builder = builder.with_endpoint(endpoint);
    }
    builder.build().map_err(|error| Error::Exporting(error.to_string()))
}

fn resource(options: &Options) -> Resource {
    let builder = Resource::builder();
    match &options.service {
        Some(service) => builder.with_service_name(service.clone()).build(),
        None => builder.build(),
    }
}

/// Keeps the export going. Spans that end after it is shut down or dropped are lost.
#[must_use = "spans are exported as long as the guard lives"]
pub struct Guard {
    exporting: Option<(SdkTracerProvider, Runtime)>,
}

impl Guard {
    /// Sends what waits, for at most five seconds. Blocks the calling thread for as long.
    pub fn shutdown(mut self) {
        self.flush();
    }

    fn flush(&mut self) {
        let Some((provider, runtime)) = self.exporting.take() else { return };
        if let Err(error) = provider.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
        runtime.shutdown_background();
    }
}

/// A guard that is dropped, as when an error ends the program early, flushes too.
impl Drop for Guard {
    fn drop(&mut self) {
        self.flush();
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("exporting", &self.exporting.is_some()).finish()
    }
}

/// Says once in the logs when the collector stops taking spans, and once when it takes them again.
#[derive(Debug)]
struct Reporting<E> {
    exporter: E,
    failing: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        let failed_before = self.failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !failed_before => tracing::warn!(%error, spans, "traces can't be exported and are dropped until they can"),
            Ok(()) if failed_before => tracing::info!("traces are exported again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
