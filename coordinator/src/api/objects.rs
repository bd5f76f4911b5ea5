//! Objects and their histories as users see them.

use std::collections::{BTreeSet, VecDeque};

use lakegate_model::{ExecutionId, machine::execution::Phase};
use lakegate_proto::v1;

use super::{filter, page, the_one};
use crate::{
    ports::{
        Result,
        ledger::{Execution, ObjectRecord, Subject},
    },
    shared::Shared,
};

/// Entries after which a history ends: an object's descendants can be many.
const MAX_ENTRIES: usize = 1_000;

pub(super) async fn get(shared: &Shared, name: &str) -> Result<v1::Object> {
    let found = shared.ports.ledger.objects_by_name(name).await?;
    the_one("object", name, found).map(|record| object(&record))
}

pub(super) async fn list(shared: &Shared, request: v1::ListObjectsRequest) -> Result<v1::ListObjectsResponse> {
    let filter = filter(&request.within, &request.state)?;
    let objects = shared.ports.ledger.objects(&filter, &page(request.page_size, request.page_token)).await?;
    Ok(v1::ListObjectsResponse { objects: objects.items.iter().map(object).collect(), next_page_token: objects.next })
}

fn object(record: &ObjectRecord) -> v1::Object {
    v1::Object {
        id: record.object.id().to_string(),
        object: Some((&record.object).into()),
        stage: record.stage.to_string(),
        state: record.state.as_str().to_owned(),
        arrived_at: record.arrived_at.0,
        run: record.execution.as_ref().map(ToString::to_string).unwrap_or_default(),
        batch: record.batch.as_ref().map(ToString::to_string).unwrap_or_default(),
        failure: record.failure.as_ref().map(Into::into),
        trace_id: record.trace.trace_id_hex(),
        made_by: record.made_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        removed_at: record.removed_at.map_or(0, |at| at.0),
    }
}

/// Follows an object from where it came to all that was made of it.
pub(super) async fn history(shared: &Shared, name: &str) -> Result<v1::ObjectHistory> {
    let ledger = &shared.ports.ledger;
    let record = the_one("object", name, ledger.objects_by_name(name).await?)?;
    let mut entries = Vec::new();
    let mut told: BTreeSet<ExecutionId> = BTreeSet::new();
    let mut next = VecDeque::from([record.clone()]);
    while let Some(object) = next.pop_front() {
        entries.push(arrival(&object));
        entries.extend(removal(&object));
        for execution in ledger.runs_of(&object.object.id()).await? {
            if !told.insert(execution.id.clone()) || entries.len() > MAX_ENTRIES {
                continue;
            }
            entries.extend(run(&execution));
            next.extend(ledger.made_by(&execution.id).await?);
        }
    }
    entries.sort_by_key(|entry| entry.at);
    Ok(v1::ObjectHistory { object: Some(object(&record)), entries })
}

fn arrival(object: &ObjectRecord) -> v1::HistoryEntry {
    let what = match &object.made_by {
        None => format!("landed: {}, {} bytes", object.object.key, object.object.size),
        Some(_) => format!("handed on: {}, {} bytes", object.object.key, object.object.size),
    };
    entry(object.arrived_at.0, object.stage.to_string(), what, None)
}

fn removal(object: &ObjectRecord) -> Option<v1::HistoryEntry> {
    let what = format!("removed from the {} zone: {}", object.object.bucket, object.object.key);
    object.removed_at.map(|at| entry(at.0, object.stage.to_string(), what, None))
}

fn run(execution: &Execution) -> Vec<v1::HistoryEntry> {
    let stage = execution.stage.to_string();
    let begun = match &execution.subject {
        Subject::Object { .. } => format!("run created, pipeline version {}", execution.pipeline_version),
        Subject::Batch { objects, .. } => format!("batch of {objects} sealed, pipeline version {}", execution.pipeline_version),
    };
    let state = &execution.state;
    let attempt = if state.attempt > 1 { format!(" in attempt {}", state.attempt) } else { String::new() };
    let now = match &state.phase {
        Phase::Succeeded { output } => {
            let audited = state.audit.as_ref().filter(|audit| audit.is_failing()).map(|audit| match audit.rows_aside {
                0 => format!("; it breaks rules: {}", audit.reason),
                rows => format!("; {rows} rows set aside: {}", audit.reason),
            });
            format!("run succeeded{attempt}: {} rows in, {} rows out{}", output.rows_in, output.rows_out, audited.unwrap_or_default())
        }
        Phase::Failed { failure } => format!("run failed{attempt}: {failure}"),
        Phase::Quarantined { failure } => format!("set aside: {failure}"),
        Phase::Superseded { failure } => format!("superseded: {failure}"),
        Phase::Waiting { tables } => {
            let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
            format!("run waits for {}", tables.join(", "))
        }
        Phase::Running { worker } => format!("run is on worker {worker}{attempt}"),
        Phase::Promoting { .. } => "run's output is being let in".to_owned(),
        Phase::Ready { .. } => match &state.last_failure {
            Some(failure) => format!("run will be tried again: {failure}"),
            None => "run is ready".to_owned(),
        },
    };
    let id = Some(&execution.id);
    vec![entry(execution.created_at.0, stage.clone(), begun, id), entry(execution.updated_at.0, stage, now, id)]
}

fn entry(at: i64, stage: String, what: String, run: Option<&ExecutionId>) -> v1::HistoryEntry {
    v1::HistoryEntry { at, stage, what, run: run.map(ToString::to_string).unwrap_or_default() }
}
