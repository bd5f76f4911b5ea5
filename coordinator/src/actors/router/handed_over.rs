//! Objects that are handed to a stage by a message at its own queue.

use lakegate_model::{FailureCode, ObjectVersion, StageKey, pipeline::Trigger};

use super::admission::{self, Pipelines, Sorted};
use crate::{
    ports::{
        Passed, Result,
        ledger::{Admission, Arrival, Purpose, Unrouted},
    },
    shared::Shared,
};

/// Has what was sorted written to the ledger, and with it what was handed over.
pub(super) async fn admit(
    shared: Shared,
    mut sorted: Sorted,
    passed: Vec<Passed>,
    pipelines: Pipelines,
) -> (Vec<(StageKey, Admission)>, Result<()>) {
    let made_here = passed.iter().filter(|object| object.made_by.is_some()).count();
    for object in passed {
        match arrival(&shared, object, &pipelines).await {
            Ok(Ok(arrival)) => sorted.arrivals.push(arrival),
            Ok(Err(unrouted)) => sorted.unrouted.push(*unrouted),
            Err(failure) => return (Vec::new(), Err(failure)),
        }
    }
    let on_the_way = std::sync::Arc::clone(&shared.on_the_way);
    let admitted = admission::admit(shared, sorted).await;
    if admitted.1.is_ok() {
        on_the_way.arrived(made_here);
    }
    admitted
}

async fn arrival(shared: &Shared, passed: Passed, pipelines: &Pipelines) -> Result<std::result::Result<Arrival, Box<Unrouted>>> {
    let (Passed { stage, zone, key, version, relative, made_by, trace }, at) = (passed, shared.now());
    let object = match version {
        Some((version, size)) => Ok(ObjectVersion { bucket: zone.as_str().to_owned(), key: key.clone(), version, sequencer: None, size }),
        None => match shared.ports.storage.head(zone, &key).await {
            Ok(found) => found.ok_or("is not there"),
            // Somebody has named what may not be seen; their neighbours must not wait for it.
            Err(failure) if failure.code == FailureCode::PermissionDenied => Err("may not be seen"),
            Err(failure) => return Err(failure),
        },
    };
    let object = match object {
        Ok(object) => object,
        Err(why) => {
            let bucket = zone.as_str().to_owned();
            let object = ObjectVersion { bucket, key, version: String::new(), sequencer: None, size: 0 };
            return Ok(Err(Box::new(Unrouted { object, reason: format!("it was handed to {stage}, and {why}"), at })));
        }
    };
    let known = pipelines.get(&stage.dataset).and_then(|version| Some((version, version.pipeline.stage(&stage.stage)?.1)));
    let Some((version, trigger)) = known.map(|(version, stage)| (version.version, &stage.trigger)) else {
        return Ok(Err(Box::new(Unrouted { object, reason: format!("it was handed to {stage}, which no pipeline has"), at })));
    };
    let purpose = match trigger {
        Trigger::Object => Purpose::Execute { pipeline_version: version },
        Trigger::Batch(_) => Purpose::Collect,
    };
    let relative = relative.unwrap_or_else(|| relative_of(&stage, &object.key));
    let trace = if trace.is_some() { trace } else { shared.tracer.new_trace() };
    Ok(Ok(Arrival { object, relative, stage, purpose, made_by, at, trace }))
}

/// The name that an object's outputs keep, where nobody says: its own below its dataset's folder.
fn relative_of(stage: &StageKey, key: &str) -> String {
    let own = format!("{}/", stage.dataset);
    let below = key.strip_prefix(&own).unwrap_or(key);
    below.strip_suffix(".parquet").unwrap_or(below).to_owned()
}
