//! From events and submitted keys to arrivals in the ledger.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use actix::Addr;
use lakegate_model::{
    DatasetId, Failure, FailureCode, ObjectVersion, StageKey, Timestamp, TraceContext,
    event::{EventKind, ObjectEvent},
    object::is_data,
    pipeline::{Trigger, Zone},
    route::{Routes, Routing},
};
use lakegate_telemetry::SpanRecord;

use super::{Route, Router, SubmitOutcome};
use crate::{
    actors::envelope::Envelope,
    ports::{
        Result,
        ledger::{Admission, Arrival, PipelineVersion, Purpose, Removal, Unrouted},
    },
    shared::Shared,
};

pub(super) type Pipelines = HashMap<DatasetId, Arc<PipelineVersion>>;

/// Events sorted by what is to become of them.
pub(super) struct Sorted {
    pub(super) arrivals: Vec<Arrival>,
    pub(super) unrouted: Vec<Unrouted>,
    removals: Vec<Removal>,
}

/// Sorts events. Creations in other zones and those of keys that are no data are nobody's. A removal
/// without a sequencer after which its key is created again is none: the ledger could not tell.
pub(super) fn sort(shared: &Shared, routes: &Routes, pipelines: &Pipelines, events: Vec<ObjectEvent>) -> Sorted {
    let mut sorted = Sorted { arrivals: Vec::new(), unrouted: Vec::new(), removals: Vec::new() };
    let (raw, now) = (shared.zones.bucket(Zone::Raw), shared.now());
    for ObjectEvent { kind, object, at } in events {
        if kind == EventKind::Created {
            let is_of_another = |removal: &Removal| removal.bucket != object.bucket || removal.key != object.key;
            sorted.removals.retain(|removal| removal.sequencer.is_some() || is_of_another(removal));
        }
        match kind {
            EventKind::Created if object.bucket == raw => match arrival(shared, routes, pipelines, object, now) {
                Ok(Some(arrival)) => sorted.arrivals.push(arrival),
                Ok(None) => {}
                Err(unrouted) => sorted.unrouted.push(*unrouted),
            },
            EventKind::Removed if is_data(&object.key) => {
                let ObjectVersion { bucket, key, version, sequencer, .. } = object;
                sorted.removals.push(Removal { bucket, key, version, sequencer, at });
            }
            EventKind::Created | EventKind::Removed => {
                tracing::debug!(bucket = object.bucket, key = object.key, ?kind, "nothing to do for this event");
            }
        }
    }
    sorted
}

fn arrival(
    shared: &Shared,
    routes: &Routes,
    pipelines: &Pipelines,
    object: ObjectVersion,
    at: Timestamp,
) -> std::result::Result<Option<Arrival>, Box<Unrouted>> {
    let (dataset, relative) = match routes.route(&object.key) {
        Routing::To { dataset, relative } => (dataset, relative),
        Routing::Ignore => return Ok(None),
        Routing::Unrouted { reason } => return Err(Box::new(Unrouted { object, reason, at })),
    };
    let first = pipelines.get(&dataset).and_then(|version| Some((version, version.pipeline.stages.first()?)));
    let Some((version, stage)) = first else {
        return Err(Box::new(Unrouted { object, reason: format!("the pipeline of {dataset} has no stages"), at }));
    };
    let purpose = match stage.trigger {
        Trigger::Object => Purpose::Execute { pipeline_version: version.version },
        Trigger::Batch(_) => Purpose::Collect,
    };
    let stage = StageKey::new(dataset, &stage.name);
    Ok(Some(Arrival { object, relative, stage, purpose, made_by: None, at, trace: shared.tracer.new_trace() }))
}

/// Has everything written to the ledger, and gives the admissions with their stages. What was admitted
/// is to be passed on even if the removals after it could not be recorded.
pub(super) async fn admit(shared: Shared, sorted: Sorted) -> (Vec<(StageKey, Admission)>, Result<()>) {
    let removals = sorted.removals;
    match admit_arrivals(&shared, sorted.arrivals, sorted.unrouted).await {
        Ok(admissions) if removals.is_empty() => (admissions, Ok(())),
        // After the arrivals, which came before them.
        Ok(admissions) => (admissions, shared.ports.ledger.record_removed(removals).await),
        Err(failure) => (Vec::new(), Err(failure)),
    }
}

/// Has arrivals written to the ledger, and gives the admissions with their stages.
pub(super) async fn admit_arrivals(shared: &Shared, arrivals: Vec<Arrival>, unrouted: Vec<Unrouted>) -> Result<Vec<(StageKey, Admission)>> {
    for unrouted in &unrouted {
        tracing::warn!(key = unrouted.object.key, reason = unrouted.reason, "nobody takes this object");
    }
    if !unrouted.is_empty() {
        shared.ports.ledger.record_unrouted(unrouted).await?;
    }
    if arrivals.is_empty() {
        return Ok(Vec::new());
    }
    let landed: Vec<Landed> = arrivals.iter().map(Landed::of).collect();
    let admissions = shared.ports.ledger.admit(arrivals).await.inspect_err(|_| in_doubt(shared, &landed))?;
    let mut arrived: BTreeMap<StageKey, u64> = BTreeMap::new();
    landed.iter().for_each(|landed| *arrived.entry(landed.stage.clone()).or_default() += 1);
    shared.ports.meter.arrived(&arrived);
    let now = shared.now();
    let admitted = landed.into_iter().zip(admissions).map(|(landed, admission)| {
        if admission != Admission::Known {
            landed.tell(shared, now);
        }
        (landed.stage, admission)
    });
    Ok(admitted.collect())
}

/// A failed write may have been done all the same; when it is tried again its objects are known, and
/// nobody would start them.
fn in_doubt(shared: &Shared, landed: &[Landed]) {
    shared.doubt.add(landed.iter().map(|landed| landed.stage.clone()));
}

/// What is told of an object that landed, once the ledger has it.
struct Landed {
    stage: StageKey,
    key: String,
    trace: TraceContext,
    at: Timestamp,
}

impl Landed {
    fn of(arrival: &Arrival) -> Landed {
        Landed { stage: arrival.stage.clone(), key: arrival.object.key.clone(), trace: arrival.trace, at: arrival.at }
    }

    /// The root span of the object's trace.
    fn tell(&self, shared: &Shared, now: Timestamp) {
        tracing::debug!(key = self.key, stage = %self.stage, trace_id = self.trace.trace_id_hex(), "landed");
        if !shared.tracer.enabled() {
            return;
        }
        shared.tracer.emit(SpanRecord {
            name: "object.landed",
            parent: self.trace.at([0; 8]),
            span_id: self.trace.span_id,
            start: self.at,
            end: now,
            attributes: vec![("lakegate.key", self.key.clone().into()), ("lakegate.stage", self.stage.to_string().into())],
            links: Vec::new(),
            error: None,
        });
    }
}

/// Looks submitted keys up and admits those that are there and have a pipeline.
pub(super) async fn submit(
    shared: Shared,
    routes: Routes,
    pipelines: Pipelines,
    keys: Vec<String>,
) -> Result<(Vec<(StageKey, Admission)>, Vec<SubmitOutcome>)> {
    let now = shared.now();
    let (mut arrivals, mut outcomes) = (Vec::new(), Vec::new());
    for key in keys {
        let result = match shared.ports.storage.head(Zone::Raw, &key).await? {
            None => Err(Failure::new(FailureCode::ObjectGone, format!("there is no object {key} in the raw zone"))
                .hint("keys are relative to the raw zone: <team>/<dataset>/…")),
            Some(object) => match arrival(&shared, &routes, &pipelines, object, now) {
                Ok(Some(arrival)) => Ok(arrival),
                Ok(None) => Err(Failure::new(FailureCode::InvalidRequest, format!("{key} is a hidden or temporary file, not data"))),
                Err(unrouted) => Err(Failure::new(FailureCode::Unrouted, format!("{key}: {}", unrouted.reason))),
            },
        };
        match result {
            Ok(arrival) => {
                outcomes.push(SubmitOutcome { key, result: Ok((arrival.object.id(), false)) });
                arrivals.push(arrival);
            }
            Err(failure) => outcomes.push(SubmitOutcome { key, result: Err(failure) }),
        }
    }
    let admissions = admit_arrivals(&shared, arrivals, Vec::new()).await?;
    let accepted = outcomes.iter_mut().filter_map(|outcome| outcome.result.as_mut().ok());
    for ((_, new), (_, admission)) in accepted.zip(&admissions) {
        *new = *admission != Admission::Known;
    }
    Ok((admissions, outcomes))
}

/// Objects offered again at once when pipelines change.
const REROUTE_PAGE: usize = 500;

/// Offers the objects that no pipeline took to the pipelines as they are now.
pub(super) async fn reroute(shared: &Shared, router: &Addr<Router>) {
    let mut after = String::new();
    loop {
        let page = match shared.ports.ledger.unrouted_objects(&after, REROUTE_PAGE).await {
            Ok(page) => page,
            Err(failure) => {
                tracing::warn!(%failure, "objects that no pipeline took are not offered again before the next start");
                return;
            }
        };
        let Some(last) = page.last() else { return };
        after = last.object.id().as_str().to_owned();
        let events = page.into_iter().map(|unrouted| ObjectEvent::created(unrouted.object, unrouted.at)).collect();
        // A router that is gone reads the ledger when it is begun anew.
        let _ = router.send(Envelope::many(Route { events, passed: Vec::new() })).await;
    }
}
