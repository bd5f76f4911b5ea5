//! One trace for each object, from landing to publish, received over real OTLP from a real lake.

use std::{collections::BTreeSet, time::Duration};

use lakegate_tests::kit::{
    Lake, data, eventually,
    otlp::{Collector, Span},
};

const OBJECTS: u64 = 9;

fn traced() -> Vec<Span> {
    let collector = Collector::start();
    let lake = Lake::new();
    lake.pipeline("orders", data::ORDERS);
    for file in 0..OBJECTS {
        lake.land(&format!("shop/orders/{file}.csv"), data::orders(file, 10));
    }
    let mut up = lake.command(&["up", "--until-idle"]);
    let output = up.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Spans are flushed before the process ends; the last may still be on their way through the test's own server.
    eventually(Duration::from_secs(10), "the last span", || {
        let spans = collector.spans();
        let published = spans.iter().filter(|span| span.name == "batch.execution").count();
        (named(&spans, "object.landed").len() == usize::try_from(OBJECTS).unwrap() && published > 0).then_some(spans)
    })
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn children<'a>(spans: &'a [Span], parent: &Span, name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.trace == parent.trace && span.parent == parent.id && span.name == name).collect()
}

fn only<'a>(found: &[&'a Span], what: &str) -> &'a Span {
    let [one] = found else { panic!("{what}: {found:#?}") };
    one
}

#[test]
fn a_trace_says_what_the_audit_found() {
    let collector = Collector::start();
    let lake = Lake::new();
    let audited = data::RETURNS.replace("      - publish", "      - quality: { rules: quality/r.dqdl, on_failure: warn }\n      - publish");
    lake.pipeline("returns", &audited).file("quality/r.dqdl", "Rules = [ RowCount > 0, RowCount > 100 ]\n");
    lake.land("shop/returns/a.csv", data::orders(1, 10));
    let mut up = lake.command(&["up", "--until-idle"]);
    let output = up.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["stage.execution", "worker.task"] {
        let span = eventually(Duration::from_secs(10), name, || collector.spans().into_iter().find(|span| span.name == name));
        assert_eq!(span.attributes["lakegate.quality.verdict"], "warned", "{span:?}");
        assert_eq!(span.attributes["lakegate.quality.score"], "0.5", "{span:?}");
    }
}

#[test]
fn every_object_has_one_trace_and_every_batch_links_to_its_objects() {
    let spans = traced();
    assert!(spans.iter().all(|span| span.service == "lakegate" && !span.failed), "{spans:#?}");
    let ids: BTreeSet<_> = spans.iter().map(|span| (&span.trace, &span.id)).collect();
    assert_eq!(ids.len(), spans.len(), "no span is sent twice");

    let landed = named(&spans, "object.landed");
    let traces: BTreeSet<_> = landed.iter().map(|span| &span.trace).collect();
    assert_eq!(traces.len(), landed.len(), "one trace for each object");
    for root in &landed {
        assert!(root.parent.is_empty(), "landing is the root of the trace: {root:?}");
        let execution = only(&children(&spans, root, "stage.execution"), "one execution below each landing");
        assert_eq!(execution.attributes["lakegate.stage"], "shop/orders/clean");
        let task = only(&children(&spans, execution, "worker.task"), "one task below each execution");
        assert_eq!(task.attributes["lakegate.execution"], execution.attributes["lakegate.execution"]);
        assert!(root.time.0 <= task.time.0 && task.time.0 <= task.time.1, "a task runs after its object landed");
    }

    let batches = named(&spans, "batch.execution");
    let mut linked = Vec::new();
    for batch in &batches {
        assert_eq!(batch.attributes["lakegate.stage"], "shop/orders/gather");
        only(&children(&spans, batch, "worker.task"), "one task below each batch");
        let publish = only(&children(&spans, batch, "publish"), "one publish below each batch");
        assert_eq!(publish.attributes["lakegate.table"], "shop.orders");
        linked.extend(batch.links.iter().map(|(trace, _)| trace));
    }
    assert_eq!(linked.len(), landed.len(), "every object is linked from one batch");
    assert_eq!(linked.into_iter().collect::<BTreeSet<_>>(), traces, "batches link to their objects' traces");
}
