//! A collector that receives spans over real OTLP/gRPC.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value,
    trace::v1::Span as WireSpan,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// A running collector; it ends when dropped.
pub struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
    _runtime: Runtime,
}

/// A span as it was received.
#[derive(Clone, Debug)]
pub struct Span {
    /// The service that sent it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// The trace it belongs to.
    pub trace: Vec<u8>,
    /// Its id.
    pub id: Vec<u8>,
    /// Its parent's id; empty for a root.
    pub parent: Vec<u8>,
    /// The spans it links to, as trace and span id.
    pub links: Vec<(Vec<u8>, Vec<u8>)>,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Nanoseconds since the Unix epoch at which it began and ended.
    pub time: (u64, u64),
    /// Whether it is marked as failed.
    pub failed: bool,
}

impl Collector {
    /// Listens on a free port of loopback.
    pub fn start() -> Collector {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let spans = Arc::default();
        let service = TraceServiceServer::new(Receiver { spans: Arc::clone(&spans) });
        runtime.spawn(Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));
        Collector { address, spans, _runtime: runtime }
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` must say.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has arrived so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("the receiver does not panic").clone()
    }
}

struct Receiver {
    spans: Arc<Mutex<Vec<Span>>>,
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().expect("nobody panics with it");
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.map(|resource| attributes(resource.attributes)).unwrap_or_default();
            let service = attributes.get("service.name").cloned().unwrap_or_default();
            let received = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(received.map(|span| of_wire(&service, span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn of_wire(service: &str, span: WireSpan) -> Span {
    const ERROR: i32 = 2;
    Span {
        service: service.to_owned(),
        name: span.name,
        trace: span.trace_id,
        id: span.span_id,
        parent: span.parent_span_id,
        links: span.links.into_iter().map(|link| (link.trace_id, link.span_id)).collect(),
        attributes: attributes(span.attributes),
        time: (span.start_time_unix_nano, span.end_time_unix_nano),
        failed: span.status.is_some_and(|status| status.code == ERROR),
    }
}

fn attributes(pairs: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        any_value::Value::StringValue(text) => text,
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::BoolValue(truth) => truth.to_string(),
        any_value::Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs.into_iter().filter_map(|pair| Some((pair.key, text(pair.value?.value?)))).collect()
}
