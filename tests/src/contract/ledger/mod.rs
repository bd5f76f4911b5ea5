//! The duties of a ledger.

mod admission;
mod audits;
mod batches;
mod durability;
mod listings;
mod moves;
mod outbox;
mod removals;
mod stages;

use async_trait::async_trait;
use lakegate_coordinator::ports::{
    Ledger,
    ledger::{Admission, Arrival, Execution, Filter, Move, MoveOutcome, Page, Purpose, SealRequest, StageCounts},
};
use lakegate_model::{
    DatasetId, ExecutionId, Failure, FailureCode, ObjectVersion, StageKey, Timestamp, TraceContext, WorkerId,
    machine::{
        batch::SealReason,
        execution::{ExecutionState, Phase, TaskOutput},
        object::ObjectState,
    },
    pipeline::{BatchTrigger, Schedule},
};

pub use self::{admission::*, audits::*, batches::*, durability::*, listings::*, moves::*, outbox::*, removals::*, stages::*};

/// Where a ledger is, and stays when it is closed.
#[async_trait]
pub trait LedgerPlace: Default + Send + Sync + 'static {
    /// The adapter.
    type Ledger: Ledger;

    /// Opens the ledger. The one opened before has been dropped.
    async fn open(&self) -> Self::Ledger;
}

/// Tests an adapter of `Ledger`, whose `LedgerPlace` is named.
#[macro_export]
macro_rules! ledger_contract {
    ($place:ty $(, $how:ident)?) => {
        $crate::contract!(
            $crate::contract::ledger,
            $place,
            [
                a_new_object_gets_a_ready_execution,
                an_object_is_admitted_once,
                admissions_are_in_the_order_of_arrivals,
                an_object_is_known_whatever_the_pipeline_version,
                a_collected_object_has_no_execution,
                a_newer_member_supersedes_the_collecting_one,
                a_member_whose_sequencer_is_older_does_not_take_a_newer_ones_place,
                a_member_of_a_sealed_batch_is_not_superseded,
                objects_nobody_takes_are_remembered_until_they_are_admitted,
                admitting_from_many_tasks_records_each_object_once,
                a_move_advances_revision_and_state,
                a_stale_move_writes_nothing,
                a_stale_move_does_not_stop_its_neighbours,
                outputs_are_admitted_with_the_move,
                a_move_records_the_schema,
                an_object_follows_its_execution,
                of_many_moves_from_one_revision_one_applies,
                an_open_batch_is_what_its_members_make_it,
                sealing_an_empty_batch_does_nothing,
                sealing_takes_the_oldest_within_the_limits,
                a_sealed_batch_is_recorded_with_its_execution_and_members,
                batch_members_follow_their_execution,
                rejected_members_go_their_own_way,
                every_object_is_in_exactly_one_batch_while_others_arrive,
                pipelines_have_versions,
                pausing_tells_whether_it_changed_anything,
                unfinished_executions_are_paged_by_seq,
                busy_stages_are_those_with_work,
                counts_are_what_a_recount_finds,
                runs_are_listed_newest_first_in_pages,
                lists_keep_to_their_filters,
                pages_neither_repeat_nor_skip_while_records_come_in,
                what_is_asked_wrongly_is_refused,
                ids_are_found_by_their_start,
                an_object_is_found_by_its_key,
                an_execution_knows_what_it_made_and_an_object_its_runs,
                an_execution_keeps_its_audit,
                executions_that_set_something_aside_are_listed,
                executions_that_were_audited_are_listed,
                the_ledger_knows_which_objects_it_knows,
                messages_are_left_with_their_move,
                a_message_waits_until_it_is_marked_as_sent,
                messages_of_an_execution_that_is_not_over_wait_too,
                messages_are_there_after_reopening,
                many_large_messages_of_one_move_are_kept,
                a_removed_object_says_when,
                a_removal_changes_no_state,
                an_older_removal_removes_nothing_newer,
                without_sequencers_the_order_of_telling_counts,
                what_arrives_again_is_there_again,
                a_version_can_be_removed_alone,
                what_is_written_is_there_after_reopening,
                a_read_after_a_write_sees_it,
                the_order_goes_on_after_reopening,
            ] $(, $how)?
        );
    };
}

pub(crate) fn dataset() -> DatasetId {
    DatasetId::new("nyc", "flights")
}

pub(crate) fn stage(name: &str) -> StageKey {
    StageKey::new(dataset(), name)
}

pub(crate) fn object(key: &str, version: &str) -> ObjectVersion {
    ObjectVersion { bucket: "raw".into(), key: format!("nyc/flights/{key}"), version: version.into(), sequencer: None, size: 100 }
}

pub(crate) fn trace(seed: u8) -> TraceContext {
    TraceContext { trace_id: [seed.max(1); 16], span_id: [7; 8] }
}

/// An arrival of an object stage, at a time in milliseconds.
pub(crate) fn arrival(stage_name: &str, key: &str, version: &str, at: i64) -> Arrival {
    Arrival {
        object: object(key, version),
        relative: key.to_owned(),
        stage: stage(stage_name),
        purpose: Purpose::Execute { pipeline_version: 1 },
        made_by: None,
        at: Timestamp(at),
        trace: trace(1),
    }
}

/// An arrival of a batch stage.
pub(crate) fn member(stage_name: &str, key: &str, version: &str, at: i64) -> Arrival {
    Arrival { purpose: Purpose::Collect, ..arrival(stage_name, key, version, at) }
}

/// Admits one new object of an object stage and gives its execution.
pub(crate) async fn started(ledger: &impl Ledger, arrival: Arrival) -> Execution {
    match ledger.admit(vec![arrival]).await.expect("admitted").remove(0) {
        Admission::Started(execution) => *execution,
        other => panic!("not started: {other:?}"),
    }
}

pub(crate) fn failure(code: FailureCode) -> Failure {
    Failure::new(code, "it did not go well").hint("do it otherwise")
}

pub(crate) fn running() -> Phase {
    Phase::Running { worker: WorkerId::from_text("w-1") }
}

pub(crate) fn succeeded(rows_out: u64) -> Phase {
    Phase::Succeeded { output: TaskOutput { rows_in: 10, rows_out, ..TaskOutput::default() } }
}

/// A move of an execution to a phase, from the revision it has.
pub(crate) fn step(execution: &Execution, to: Phase, at: i64) -> Move {
    Move {
        execution: execution.id.clone(),
        from: execution.revision,
        to: ExecutionState { phase: to, ..execution.state.clone() },
        at: Timestamp(at),
        outputs: Vec::new(),
        schema: None,
        outgoing: Vec::new(),
    }
}

/// Moves an execution on and gives it as it is then.
pub(crate) async fn moved(ledger: &impl Ledger, execution: &Execution, to: Phase, at: i64) -> Execution {
    let outcome = ledger.advance(vec![step(execution, to, at)]).await.expect("advanced");
    assert_eq!(outcome, [MoveOutcome::Moved(Vec::new())]);
    ledger.execution(&execution.id).await.expect("read").expect("there")
}

pub(crate) fn trigger(edit: impl FnOnce(&mut BatchTrigger)) -> BatchTrigger {
    let mut trigger = BatchTrigger { schedule: Schedule::Never, ..BatchTrigger::default() };
    edit(&mut trigger);
    trigger
}

pub(crate) fn seal(stage_name: &str, trigger: BatchTrigger, at: i64) -> SealRequest {
    SealRequest { stage: stage(stage_name), trigger, pipeline_version: 3, reason: SealReason::Schedule, at: Timestamp(at), trace: trace(9) }
}

pub(crate) async fn counts_of(ledger: &impl Ledger, stage_name: &str) -> StageCounts {
    let counts = ledger.counts().await.expect("counted");
    counts.into_iter().find(|counts| counts.stage.as_ref() == Some(&stage(stage_name))).unwrap_or_default()
}

pub(crate) async fn state_of(ledger: &impl Ledger, object: &ObjectVersion) -> ObjectState {
    ledger.objects_by_name(object.id().as_str()).await.expect("read").first().expect("known").state
}

pub(crate) fn page(size: usize) -> Page {
    Page { size, token: String::new() }
}

pub(crate) fn everything() -> Filter {
    Filter::default()
}

/// Every execution, newest first, page by page.
pub(crate) async fn all_runs(ledger: &impl Ledger, filter: &Filter, size: usize) -> Vec<ExecutionId> {
    let (mut ids, mut next) = (Vec::new(), page(size));
    loop {
        let read = ledger.runs(filter, &next).await.expect("listed");
        assert!(read.items.len() <= size, "a page is no larger than asked for");
        ids.extend(read.items.into_iter().map(|execution| execution.id));
        if read.next.is_empty() {
            return ids;
        }
        next.token = read.next;
    }
}
