//! Objects on their way to a stage that has a queue of its own: they arrive by a message, which others
//! may read and write too.

use lakegate_model::{Location, Pipeline, destination::Destination, project::Zones};
use serde::Serialize;

use crate::ports::{
    Outgoing,
    ledger::{Arrival, Move},
};

/// What kind of message it is.
pub(crate) const KIND: &str = "object";

/// What a message at a stage's queue says. Whoever writes one may leave out all but the place.
#[derive(Serialize)]
struct Passed<'a> {
    team: &'a str,
    dataset: &'a str,
    pipeline_stage: &'a str,
    bucket: &'a str,
    key: &'a str,
    size: u64,
    version: &'a str,
    relative: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    made_by: Option<&'a str>,
}

/// Takes those outputs out of a move that go by way of a queue, and leaves messages for them.
pub(crate) fn by_queue(step: &mut Move, pipeline: &Pipeline, zones: &Zones) {
    let queue = |arrival: &Arrival| pipeline.stage(&arrival.stage.stage).and_then(|(_, stage)| stage.queue.as_ref());
    let (passed, direct) = std::mem::take(&mut step.outputs).into_iter().partition(|arrival| queue(arrival).is_some());
    step.outputs = direct;
    let passed: Vec<Arrival> = passed;
    for arrival in &passed {
        let Some(queue) = queue(arrival) else { continue };
        let place = step.outgoing.len();
        step.outgoing.push(Outgoing {
            id: Outgoing::id_of(&step.execution, step.from + 1, place),
            to: Destination::Queue(queue.name.clone()),
            kind: KIND.to_owned(),
            group: arrival.stage.dataset.to_string(),
            body: body(arrival, zones),
            trace: arrival.trace,
        });
    }
}

fn body(arrival: &Arrival, zones: &Zones) -> String {
    let object = &arrival.object;
    let at = zones.locate(&object.bucket, &object.key);
    // A lake whose zones are folders has no buckets but these names.
    let (bucket, key) = at.as_ref().and_then(Location::s3).unwrap_or((&object.bucket, &object.key));
    let passed = Passed {
        team: &arrival.stage.dataset.team,
        dataset: &arrival.stage.dataset.dataset,
        pipeline_stage: &arrival.stage.stage,
        bucket,
        key,
        size: object.size,
        version: &object.version,
        relative: &arrival.relative,
        made_by: arrival.made_by.as_ref().map(|id| id.as_str()),
    };
    // Texts and a number: this can't fail.
    serde_json::to_string(&passed).unwrap_or_default()
}
