//! From an execution to the task a worker is sent, and from what it made to what arrives next.

use lakegate_model::{
    BatchId, Location, ObjectVersion, TraceContext, layout,
    machine::execution::TaskOutput,
    pipeline::{Pipeline, Stage, Trigger},
    project::Zones,
    table::OutputFile,
};
use lakegate_proto::v1;

use crate::ports::ledger::{Arrival, Execution, Purpose, Subject};

/// The task of an execution's current attempt.
pub(crate) fn task(execution: &Execution, pipeline: &Pipeline, stage: &Stage, zones: &Zones) -> v1::Task {
    let input = match &execution.subject {
        Subject::Object { object, .. } => {
            let location = zones.locate(&object.bucket, &object.key).map(|at| at.to_string()).unwrap_or_default();
            let input = v1::ObjectInput { location, object: Some((&object.as_stored()).into()) };
            if execution.subject.set_aside_by().is_some() { v1::task::Input::Rows(input) } else { v1::task::Input::Object(input) }
        }
        Subject::Batch { id, .. } => v1::task::Input::Manifest(manifest_location(stage, id, zones).to_string()),
    };
    v1::Task {
        id: Some(v1::TaskId { execution: execution.id.to_string(), step: 0, attempt: execution.state.attempt }),
        input: Some(input),
        target: Some(v1::Target { to: Some(target(execution, pipeline, stage, zones)) }),
        traceparent: span_context(execution).to_string(),
        timeout_ms: u64::try_from(stage.timeout().as_millis()).unwrap_or(u64::MAX),
        at: execution.updated_at.0,
        aside: stage.quality().map(|_| aside(execution, stage, zones)),
    }
}

/// Where rows go that the audit sets aside: into the attempt's staging, like all it writes.
fn aside(execution: &Execution, stage: &Stage, zones: &Zones) -> v1::FileTarget {
    let staging = layout::staging(zones.location(stage.output.zone), &execution.id, execution.state.attempt);
    let key = layout::rows_aside(&execution.stage, &execution.id);
    v1::FileTarget { location: staging.join(&key).to_string(), key }
}

/// Where a batch's manifest lies: in the zone the stage writes to, which it may write.
pub(crate) fn manifest_location(stage: &Stage, batch: &BatchId, zones: &Zones) -> Location {
    layout::manifest(zones.location(stage.output.zone), batch)
}

/// The execution's span in its trace: what is done for it is below that span.
pub(crate) fn span_context(execution: &Execution) -> TraceContext {
    execution.trace.at(execution.id.span_id())
}

fn target(execution: &Execution, pipeline: &Pipeline, stage: &Stage, zones: &Zones) -> v1::target::To {
    let zone = zones.location(stage.output.zone);
    let staging = layout::staging(zone, &execution.id, execution.state.attempt);
    if let Some(publish) = stage.publish() {
        return v1::target::To::Table(v1::TableTarget {
            staging: staging.to_string(),
            root: layout::table_root(&pipeline.dataset, &publish.table.table),
            partition_by: publish.partition_by.clone(),
        });
    }
    let key = match &execution.subject {
        Subject::Object { relative, .. } => layout::object_output(&pipeline.dataset, &stage.name, relative),
        Subject::Batch { id, .. } => layout::batch_output(&pipeline.dataset, &stage.name, id),
    };
    let place = if stage.is_staged(pipeline.drift) { &staging } else { zone };
    v1::target::To::File(v1::FileTarget { location: place.join(&key).to_string(), key })
}

/// What an execution's output is to the next stage; nothing if there is no next stage.
pub(crate) fn arrivals(execution: &Execution, pipeline: &Pipeline, output: &TaskOutput, at: lakegate_model::Timestamp) -> Vec<Arrival> {
    let Some((index, stage)) = pipeline.stage(&execution.stage.stage) else { return Vec::new() };
    let (Some(next), Some(next_key)) = (pipeline.stages.get(index + 1), pipeline.stage_key(index + 1)) else { return Vec::new() };
    let purpose = match next.trigger {
        Trigger::Object => Purpose::Execute { pipeline_version: execution.pipeline_version },
        Trigger::Batch(_) => Purpose::Collect,
    };
    let arrival = |file: &OutputFile| Arrival {
        object: ObjectVersion {
            bucket: stage.output.zone.as_str().to_owned(),
            key: file.key.clone(),
            version: file.version.clone(),
            sequencer: None,
            size: file.bytes,
        },
        relative: relative(execution, pipeline, file),
        stage: next_key.clone(),
        purpose,
        made_by: Some(execution.id.clone()),
        at,
        trace: span_context(execution),
    };
    output.files.iter().map(arrival).collect()
}

/// The name an output keeps: its raw object's, or, where it is of many, its own key's.
fn relative(execution: &Execution, pipeline: &Pipeline, file: &OutputFile) -> String {
    let stage = pipeline.stage(&execution.stage.stage).map(|(_, stage)| stage);
    match &execution.subject {
        Subject::Object { relative, .. } if stage.is_some_and(|stage| stage.publish().is_none()) => relative.clone(),
        _ => {
            let own = format!("{}/", pipeline.dataset);
            let below = file.key.strip_prefix(&own).unwrap_or(&file.key);
            below.strip_suffix(".parquet").unwrap_or(below).to_owned()
        }
    }
}
