//! Runs and batches as users see them.

use lakegate_model::{
    Failure,
    machine::execution::{Phase, TaskOutput},
    pipeline::Trigger,
};
use lakegate_proto::{convert::requests_to_wire, v1};

use super::{filter, page, the_one};
use crate::{
    actors::stage::subject_text,
    ports::{
        Result,
        ledger::{BatchRecord, Execution, Subject},
    },
    shared::Shared,
};

/// The most keys of a batch's members that are shown.
const KEYS: usize = 1_000;

pub(super) async fn get(shared: &Shared, prefix: &str) -> Result<v1::Run> {
    let found = shared.ports.ledger.runs_by_prefix(prefix).await?;
    the_one("run", prefix, found).map(|execution| run(&execution))
}

pub(super) async fn list(shared: &Shared, request: v1::ListRunsRequest) -> Result<v1::ListRunsResponse> {
    let filter = filter(&request.within, &request.state)?;
    let runs = shared.ports.ledger.runs(&filter, &page(request.page_size, request.page_token)).await?;
    Ok(v1::ListRunsResponse { runs: runs.items.iter().map(in_list).collect(), next_page_token: runs.next })
}

/// A run among many: of its audit only what came of it, for a ruleset can be long.
fn in_list(execution: &Execution) -> v1::Run {
    let mut run = run(execution);
    if let Some(audit) = &mut run.audit {
        audit.rules.clear();
        audit.analyzers.clear();
        audit.statistics.clear();
    }
    run
}

/// Whether nothing more happens to the run.
pub(super) fn is_over(run: &v1::Run) -> bool {
    matches!(run.state.as_str(), "succeeded" | "failed" | "quarantined" | "superseded")
}

/// A run as users see it.
pub(super) fn run(execution: &Execution) -> v1::Run {
    let state = &execution.state;
    let none = TaskOutput::default();
    let output = match &state.phase {
        Phase::Succeeded { output } | Phase::Promoting { output } => output,
        _ => &none,
    };
    let (subject_kind, subject) = match &execution.subject {
        Subject::Object { object, .. } => ("object", object.id().to_string()),
        Subject::Batch { id, .. } => ("batch", id.to_string()),
    };
    v1::Run {
        id: execution.id.to_string(),
        stage: execution.stage.to_string(),
        pipeline_version: execution.pipeline_version,
        subject_kind: subject_kind.to_owned(),
        subject,
        subject_text: subject_text(&execution.subject),
        state: state.phase.as_str().to_owned(),
        partial: output.rejected.iter().any(|rejected| rejected.failure.code != lakegate_model::FailureCode::ObjectChanged),
        attempt: state.attempt,
        worker: if let Phase::Running { worker } = &state.phase { worker.to_string() } else { String::new() },
        failure: failure(execution).map(Into::into),
        waiting_for: if let Phase::Waiting { tables } = &state.phase {
            tables.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        },
        created_at: execution.created_at.0,
        updated_at: execution.updated_at.0,
        rows_in: output.rows_in,
        rows_out: output.rows_out,
        outputs: output.files.iter().map(Into::into).collect(),
        trace_id: execution.trace.trace_id_hex(),
        requests: requests_to_wire(&state.requests),
        audit: state.audit.as_deref().map(|audit| Box::new(audit.into())),
        aside: output.aside.as_ref().map(|aside| Box::new(aside.into())),
    }
}

/// Why it ended as it did or why its last attempt did; nothing once it has succeeded.
fn failure(execution: &Execution) -> Option<&Failure> {
    match &execution.state.phase {
        Phase::Failed { failure } | Phase::Quarantined { failure } | Phase::Superseded { failure } => Some(failure),
        Phase::Succeeded { .. } | Phase::Promoting { .. } => None,
        Phase::Waiting { .. } | Phase::Ready { .. } | Phase::Running { .. } => execution.state.last_failure.as_ref(),
    }
}

pub(super) async fn batch(shared: &Shared, prefix: &str) -> Result<v1::Batch> {
    let found = shared.ports.ledger.batches_by_prefix(prefix).await?;
    let record = the_one("sealed batch", prefix, found)?;
    let members = shared.ports.ledger.members_from(&record.id, 0, KEYS).await?;
    let keys = members.into_iter().map(|member| member.object.key).collect();
    Ok(v1::Batch { keys, ..sealed(&record) })
}

pub(super) async fn batches(shared: &Shared, request: v1::ListBatchesRequest) -> Result<v1::ListBatchesResponse> {
    let filter = filter(&request.within, "")?;
    let mut batches = Vec::new();
    if request.page_token.is_empty() {
        batches = open(shared, &filter).await?;
    }
    let paged = shared.ports.ledger.batches(&filter, &page(request.page_size, request.page_token)).await?;
    batches.extend(paged.items.iter().map(sealed));
    Ok(v1::ListBatchesResponse { batches, next_page_token: paged.next })
}

async fn open(shared: &Shared, filter: &crate::ports::ledger::Filter) -> Result<Vec<v1::Batch>> {
    let mut batches = Vec::new();
    for version in shared.ports.ledger.pipelines().await? {
        for (index, stage) in version.pipeline.stages.iter().enumerate() {
            let (Trigger::Batch(trigger), Some(key)) = (&stage.trigger, version.pipeline.stage_key(index)) else { continue };
            let wanted = filter.dataset.as_ref().is_none_or(|dataset| *dataset == key.dataset)
                && filter.stage.as_ref().is_none_or(|stage| *stage == key.stage);
            if !wanted {
                continue;
            }
            let open = shared.ports.ledger.open_batch(&key, trigger).await?;
            if open.objects > 0 {
                batches.push(v1::Batch {
                    stage: key.to_string(),
                    state: "open".to_owned(),
                    objects: open.objects,
                    bytes: open.bytes,
                    first_at: open.first_at.0,
                    ..v1::Batch::default()
                });
            }
        }
    }
    Ok(batches)
}

fn sealed(record: &BatchRecord) -> v1::Batch {
    v1::Batch {
        id: record.id.to_string(),
        stage: record.stage.to_string(),
        state: record.state.clone(),
        objects: record.objects,
        bytes: record.bytes,
        first_at: record.first_at.0,
        sealed_at: record.sealed_at.0,
        reason: record.reason.as_str().to_owned(),
        run: record.execution.to_string(),
        keys: Vec::new(),
    }
}
