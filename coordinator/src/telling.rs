//! Telling others how an execution ended: messages that are left in the ledger with its last move.

use lakegate_model::{
    machine::execution::{Phase, TaskOutput},
    notify::{
        Event, TeamNotices,
        body::{Notification, SCHEMA},
        destinations,
    },
    pipeline::Stage,
};

use crate::{
    ports::{
        Outgoing,
        ledger::{Execution, Move, Subject},
    },
    task,
};

/// Leaves a message in the move that brings an execution to its end, for each who is told: by its
/// stage, where its pipeline is at hand, and by its team.
pub(crate) fn of_end(step: &mut Move, ended: &Execution, stage: Option<&Stage>, teams: &TeamNotices) {
    let ending = Event::of(&ended.state);
    let team = teams.get(&ended.stage.dataset.team).into_iter().flatten();
    let asked = stage.into_iter().flat_map(Stage::notices).chain(team);
    for (to, event) in destinations(asked, ending) {
        let id = Outgoing::id_of(&step.execution, step.from + 1, step.outgoing.len());
        let body = notification(&id, event, ended, stage).to_json();
        let (kind, group) = (event.as_str().to_owned(), ended.stage.dataset.to_string());
        step.outgoing.push(Outgoing { id, to: to.clone(), kind, group, body, trace: task::span_context(ended) });
    }
}

fn notification<'a>(id: &'a str, event: Event, ended: &'a Execution, stage: Option<&Stage>) -> Notification<'a> {
    let nothing = TaskOutput::default();
    let (output, reason) = match &ended.state.phase {
        Phase::Succeeded { output } => (output, None),
        Phase::Failed { failure } | Phase::Quarantined { failure } => (&nothing, Some(failure)),
        _ => (&nothing, None),
    };
    let (object, batch) = match &ended.subject {
        Subject::Object { object, .. } => (Some(object.key.as_str()), None),
        Subject::Batch { id, .. } => (None, Some(id.as_str())),
    };
    Notification {
        schema: SCHEMA,
        id,
        event,
        team: &ended.stage.dataset.team,
        dataset: &ended.stage.dataset.dataset,
        stage: &ended.stage.stage,
        run: ended.id.as_str(),
        pipeline_version: ended.pipeline_version,
        attempt: ended.state.attempt,
        outcome: ended.state.phase.as_str(),
        reason,
        objects: ended.subject.objects(),
        object,
        batch,
        rejected: output.rejected.len() as u64,
        rows_in: output.rows_in,
        rows_out: output.rows_out,
        quality: ended.state.audit.as_deref().map(Into::into),
        table: stage.and_then(Stage::publish).map(|publish| publish.table.to_string()),
        trace_id: ended.trace.trace_id_hex(),
        recorded_at: ended.created_at,
        ended_at: ended.updated_at,
    }
}
