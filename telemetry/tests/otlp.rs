//! What a collector receives over real OTLP/gRPC.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::{collections::HashMap, time::Duration};

use lakegate_model::{Timestamp, TraceContext};
use lakegate_telemetry::{Error, Guard, Options, SpanRecord, Tracer, start};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, status::StatusCode},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

struct Collector(mpsc::UnboundedSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(request.into_inner()).map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn collector() -> (Options, mpsc::UnboundedReceiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = mpsc::unbounded_channel();
    let service = TraceServiceServer::new(Collector(sender));
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));
    (Options { service: Some("under-test".into()), endpoint: Some(endpoint), ..Options::disabled() }, received)
}

fn exporting(options: Options) -> (Tracer, Guard) {
    let (tracer, guard) = start(options).unwrap();
    assert!(tracer.enabled());
    (tracer, guard)
}

/// Everything the collector got, by name, once the guard has flushed.
fn flushed(guard: Guard, received: &mut mpsc::UnboundedReceiver<ExportTraceServiceRequest>) -> HashMap<String, Span> {
    guard.shutdown();
    let mut spans = HashMap::new();
    while let Ok(request) = received.try_recv() {
        for resource in request.resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            assert_eq!(text(&attributes, "service.name").as_deref(), Some("under-test"));
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| (span.name.clone(), span)));
        }
    }
    spans
}

fn value(attributes: &[KeyValue], key: &str) -> Option<Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match value(attributes, key)? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_of_spans_arrives_with_its_ids_links_attributes_and_failure() {
    let (options, mut received) = collector().await;
    let (tracer, guard) = exporting(options);

    let landed = tracer.new_trace();
    let other = tracer.new_trace();
    let task = {
        let mut task = tracer.start("task", landed.at([7; 8]));
        task.attribute("execution", "ex-1");
        task.attribute("rows", 3_u64);
        task.link(other);
        task.link(TraceContext::NONE);
        task.fail("line 3: not a number");
        task.context()
    };
    tracer.emit(SpanRecord {
        name: "execution",
        parent: landed,
        span_id: [7; 8],
        start: Timestamp(1_700_000_000_000),
        end: Timestamp(1_700_000_000_250),
        attributes: vec![("attempt", 2_u32.into()), ("late", true.into())],
        links: vec![other],
        error: None,
    });
    tracer.emit(SpanRecord {
        name: "root",
        parent: TraceContext { span_id: [0; 8], ..landed },
        span_id: landed.span_id,
        start: Timestamp(1_700_000_000_000),
        end: Timestamp(1_700_000_000_000),
        attributes: Vec::new(),
        links: Vec::new(),
        error: Some("gone".into()),
    });
    let alone = tracer.start("alone", TraceContext::NONE).context();

    let spans = flushed(guard, &mut received);
    let (root, execution, worker, lonely) = (&spans["root"], &spans["execution"], &spans["task"], &spans["alone"]);

    assert_eq!(root.trace_id, landed.trace_id);
    assert_eq!(root.span_id, landed.span_id);
    assert!(root.parent_span_id.is_empty() || root.parent_span_id == [0; 8], "{:?}", root.parent_span_id);
    assert_eq!(root.end_time_unix_nano, root.start_time_unix_nano);
    let status = root.status.clone().unwrap();
    assert_eq!((status.code(), status.message.as_str()), (StatusCode::Error, "gone"));

    assert_eq!((&execution.trace_id[..], &execution.span_id[..]), (&landed.trace_id[..], &[7; 8][..]));
    assert_eq!(execution.parent_span_id, landed.span_id);
    assert_eq!(execution.start_time_unix_nano, 1_700_000_000_000_000_000);
    assert_eq!(execution.end_time_unix_nano - execution.start_time_unix_nano, 250_000_000);
    assert_eq!(value(&execution.attributes, "attempt"), Some(Value::IntValue(2)));
    assert_eq!(value(&execution.attributes, "late"), Some(Value::BoolValue(true)));
    assert_eq!(execution.links.iter().map(|link| link.span_id.clone()).collect::<Vec<_>>(), [other.span_id.to_vec()]);

    assert_eq!((&worker.trace_id[..], &worker.span_id[..]), (&landed.trace_id[..], &task.span_id[..]));
    assert_eq!(worker.parent_span_id, [7; 8]);
    assert_eq!(text(&worker.attributes, "execution").as_deref(), Some("ex-1"));
    assert_eq!(value(&worker.attributes, "rows"), Some(Value::IntValue(3)));
    assert_eq!(worker.links.iter().map(|link| link.trace_id.clone()).collect::<Vec<_>>(), [other.trace_id.to_vec()]);
    assert_eq!(worker.status.clone().unwrap().code(), StatusCode::Error);

    assert_eq!((&lonely.trace_id[..], &lonely.span_id[..]), (&alone.trace_id[..], &alone.span_id[..]));
    assert_ne!(alone.trace_id, landed.trace_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_linked_to_every_one_of_its_objects() {
    let (options, mut received) = collector().await;
    let (tracer, guard) = exporting(options);
    let objects: Vec<TraceContext> = (0..500).map(|_| tracer.new_trace()).collect();
    tracer.emit(SpanRecord {
        name: "batch",
        parent: tracer.new_trace(),
        span_id: [9; 8],
        start: Timestamp(1),
        end: Timestamp(2),
        attributes: Vec::new(),
        links: objects.clone(),
        error: None,
    });
    let links = flushed(guard, &mut received).remove("batch").unwrap().links;
    assert!(links.iter().map(|link| &link.trace_id[..]).eq(objects.iter().map(|object| &object.trace_id[..])), "{} links", links.len());
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_no_more_than_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (tracer, guard) = exporting(Options { endpoint: Some(endpoint), ..Options::disabled() });
    for _ in 0..100 {
        drop(tracer.start("lost", TraceContext::NONE));
    }
    let begun = std::time::Instant::now();
    guard.shutdown();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(tracer.start("after", TraceContext::NONE).context().is_some(), "contexts outlive the export");
}

#[test]
fn without_an_endpoint_nothing_is_exported_but_there_are_ids() {
    let (tracer, guard) = start(Options::disabled()).unwrap();
    assert!(!tracer.enabled());
    let (a, b) = (tracer.new_trace(), tracer.start("x", TraceContext::NONE).context());
    assert!(a.is_some() && b.is_some() && a.trace_id != b.trace_id);
    assert_eq!(tracer.start("child", a).context().trace_id, a.trace_id);
    guard.shutdown();
}

#[test]
fn an_endpoint_nothing_can_be_sent_to_is_refused() {
    for endpoint in ["https://collector:4317", "localhost:4317", "ftp://x"] {
        let error = start(Options { endpoint: Some(endpoint.into()), ..Options::disabled() }).err();
        assert!(matches!(&error, Some(Error::Endpoint { endpoint: named, .. }) if named == endpoint), "{endpoint}: {error:?}");
    }
}
