//! What stands in a row: SDLF's attributes as SDLF writes them, and ours. Makes no requests.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use lakegate_coordinator::ports::ledger::{Execution, Subject};
use lakegate_model::{
    ExecutionId, Timestamp,
    machine::execution::Phase,
    project::{
        Zones,
        sdlf::{SdlfTables, dataset_name, stage_name},
    },
};

use super::pending::{Status, Step};
use crate::ledger::feed::ObjectNow;

/// Attributes with their values.
pub(super) type Attributes = Vec<(&'static str, AttributeValue)>;

/// The longest text about a failure, in characters.
const LONGEST_COMMENT: usize = 2_000;
/// Sequencers are filled up to so many digits, so that they compare as text.
const SEQUENCER_DIGITS: usize = 48;

/// How much is known of an object. Of one version a row that knows more takes the place of one that knows less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Arrived = 0,
    Batched = 1,
    Over = 2,
}

/// A row of the table of objects.
pub(super) struct ObjectRow {
    pub(super) id: String,
    pub(super) order: Option<String>,
    pub(super) seq: u64,
    pub(super) rank: Rank,
    pub(super) set: Attributes,
}

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The row's id of an object, `s3://bucket/key`; `None` if it lies in no zone on S3.
pub(super) fn object_id(zones: &Zones, bucket: &str, key: &str) -> Option<String> {
    let place = zones.locate(bucket, key)?;
    place.s3().map(|_| place.as_str().to_owned())
}

/// A sequencer that compares as text, as S3 says.
pub(super) fn order(sequencer: Option<&str>) -> Option<String> {
    sequencer.map(|sequencer| format!("{sequencer:0<SEQUENCER_DIGITS$}"))
}

/// An object's row; `None` if it lies in no zone on S3. `batch` is the execution of its sealed batch,
/// with the version of its pipeline.
pub(super) fn object(
    kept: &SdlfTables,
    zones: &Zones,
    now: &ObjectNow,
    own: Option<&Execution>,
    batch: Option<(&ExecutionId, u32)>,
) -> Option<ObjectRow> {
    let object = &now.object;
    let place = zones.locate(&object.bucket, &object.key)?;
    let (bucket, key) = place.s3()?;
    let execution = own.map(|own| &own.id).or(batch.map(|(id, _)| id));
    let pipeline_version = now.pipeline_version.or(batch.map(|(_, version)| version));
    let over = own.filter(|own| own.state.phase.is_terminal());
    let rank = match (over, batch) {
        (Some(_), _) => Rank::Over,
        (None, Some(_)) => Rank::Batched,
        (None, None) => Rank::Arrived,
    };
    let dataset = &now.stage.dataset;
    let mut set = vec![
        ("bucket", s(bucket)),
        ("key", s(key)),
        ("size", n(object.size)),
        ("last_modified_date", s(seconds(now.at))),
        ("timestamp", n(now.at.0)),
        ("stage", s(&object.bucket)),
        ("org", s(&kept.org)),
        ("app", s(&kept.app)),
        ("env", s(&kept.env)),
        ("team", s(&dataset.team)),
        ("dataset", s(&dataset.dataset)),
        ("pipeline", s(kept.pipeline(dataset))),
        ("pipeline_stage", s(stage_name(&now.stage.stage))),
        ("object_id", s(now.id.as_str())),
        ("object_version", s(&object.version)),
        ("trace_id", s(now.trace.trace_id_hex())),
        ("lakegate_seq", n(now.seq)),
        ("lakegate_rank", n(rank as u8)),
    ];
    set.extend(execution.map(|id| ("peh_id", s(history_id(id)))));
    set.extend(execution.map(|id| ("execution_id", s(id.as_str()))));
    set.extend(pipeline_version.map(|version| ("pipeline_version", n(version))));
    set.extend(now.made_by.as_ref().map(|id| ("made_by", s(history_id(id)))));
    set.extend(object.sequencer.as_ref().map(|sequencer| ("sequencer", s(sequencer))));
    let order = order(object.sequencer.as_deref());
    set.extend(order.as_ref().map(|order| ("lakegate_order", s(order))));
    if let Some(over) = over {
        set.extend([("attempt", n(over.state.attempt)), ("state", s(over.state.phase.as_str()))]);
    }
    Some(ObjectRow { id: place.as_str().to_owned(), order, seq: now.seq, rank, set })
}

/// Attributes that a row does not have while nothing is known of them, so that none stays behind from
/// an older version.
pub(super) const OPTIONAL: &[&str] =
    &["peh_id", "execution_id", "pipeline_version", "made_by", "sequencer", "lakegate_order", "attempt", "state"];

/// The id of an execution's row: a UUID of version 8, of the execution's id but for the six bits that
/// say so.
pub(super) fn history_id(id: &ExecutionId) -> String {
    let digits = id.as_str().trim_start_matches("ex-");
    let number = u128::from_str_radix(digits, 16).unwrap_or_default();
    let number = number & !(0xF << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// An execution's row as it is after the last of `steps`, without its list of statuses.
pub(super) fn history(kept: &SdlfTables, execution: &Execution, last: &Step) -> Attributes {
    let (state, stage) = (&execution.state, &execution.stage);
    let pipeline = kept.pipeline_stage(stage);
    let (status, at) = (status(&stage.stage, last.status), last.at.to_string());
    let date = execution.created_at.to_string().get(..10).unwrap_or_default().to_owned();
    let mut set = vec![
        ("comment", s(format!("Pipeline: {pipeline} has started execution"))),
        ("pipeline", s(pipeline)),
        ("dataset", s(dataset_name(&stage.dataset))),
        ("dataset_date", s(&date)),
        ("execution_date", s(date)),
        ("active", AttributeValue::Bool(!last.is_over)),
        ("status", s(&status)),
        ("start_timestamp", s(execution.created_at.to_string())),
        ("last_updated_timestamp", s(&at)),
        ("status_last_updated_timestamp", s(format!("{status}#{at}"))),
        ("execution_id", s(execution.id.as_str())),
        ("pipeline_version", n(execution.pipeline_version)),
        ("attempt", n(state.attempt)),
        ("trace_id", s(execution.trace.trace_id_hex())),
        ("lakegate_revision", n(last.revision)),
    ];
    if let Some(ttl) = kept.ttl {
        set.push(("ttl", n((execution.created_at + ttl).0 / 1_000)));
    }
    match &execution.subject {
        Subject::Object { object, .. } => {
            set.extend([("object_id", s(object.id().as_str())), ("objects", n(1)), ("bytes", n(object.size))])
        }
        Subject::Batch { id, objects, bytes } => set.extend([("batch_id", s(id.as_str())), ("objects", n(objects)), ("bytes", n(bytes))]),
    }
    if last.is_over {
        let millis = last.at.since(execution.created_at).as_millis();
        set.extend([
            ("end_timestamp", s(at)),
            ("success", AttributeValue::Bool(last.status == Status::Completed)),
            ("duration_in_seconds", n(format!("{}.{:03}", millis / 1_000, millis % 1_000))),
        ]);
    }
    if let Some(audit) = &state.audit {
        set.extend([("quality_score", n(audit.score)), ("quality_verdict", s(audit.verdict.as_str()))]);
    }
    let failure = match &state.phase {
        Phase::Succeeded { output } => {
            set.extend([("rows_in", n(output.rows_in)), ("rows_out", n(output.rows_out))]);
            None
        }
        Phase::Failed { failure } | Phase::Quarantined { failure } | Phase::Superseded { failure } => Some(failure),
        _ => state.last_failure.as_ref(),
    };
    set.extend(failure.map(|failure| ("issue_comment", s(failure.to_string().chars().take(LONGEST_COMMENT).collect::<String>()))));
    set
}

/// The entries of a row's list of statuses.
pub(super) fn entries(execution: &Execution, steps: &[Step]) -> AttributeValue {
    let entry = |step: &Step| {
        let mut entry = HashMap::from([
            ("status".to_owned(), s(status(&execution.stage.stage, step.status))),
            ("timestamp".to_owned(), s(step.at.to_string())),
        ]);
        if let Status::Processing(component) = step.status {
            entry.insert("component".to_owned(), s(component));
        }
        AttributeValue::M(entry)
    };
    AttributeValue::L(steps.iter().map(entry).collect())
}

fn status(stage: &str, status: Status) -> String {
    match status {
        Status::Started => "STARTED".to_owned(),
        Status::Processing(component) => format!("{} {component} Processing", stage_name(stage)),
        Status::Completed => "COMPLETED".to_owned(),
        Status::Failed => "FAILED".to_owned(),
        Status::Canceled => "CANCELED".to_owned(),
    }
}

/// As S3's own dates stand in SDLF's rows: `2026-01-31T08:00:00+00:00`.
fn seconds(at: Timestamp) -> String {
    format!("{}+00:00", at.to_string().get(..19).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use lakegate_model::{DatasetId, StageKey};

    use super::*;

    #[test]
    fn a_rows_id_is_a_uuid_that_an_execution_keeps() {
        let stage = StageKey::new(DatasetId::new("nyc", "flights"), "clean");
        let id = ExecutionId::of(&stage, "ob-1", 1);
        let uuid = history_id(&id);
        assert_eq!(uuid, history_id(&id));
        assert_ne!(uuid, history_id(&ExecutionId::of(&stage, "ob-1", 2)));
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&uuid.as_bytes()[19]));
        assert_eq!(uuid.get(..8), id.as_str().get(3..11), "it begins as the execution's id does");
    }

    #[test]
    fn sequencers_compare_as_text() {
        assert!(order(Some("00AB")) < order(Some("00AB01")));
        assert_eq!(order(Some("00AB")), order(Some("00AB00")));
        assert!(order(Some("0055AED6DCD90281E5")) < order(Some("0055AED6DCD90281E6")));
    }

    #[test]
    fn dates_are_written_as_sdlf_writes_them() {
        assert_eq!(seconds(Timestamp(1_684_808_683_999)), "2023-05-23T02:24:43+00:00");
        assert_eq!(Timestamp(1_684_808_692_320).to_string(), "2023-05-23T02:24:52.320Z");
    }
}
