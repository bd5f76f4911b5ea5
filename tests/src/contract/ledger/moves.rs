//! Moves of executions.

use std::sync::Arc;

use lakegate_coordinator::ports::{
    Ledger as _,
    ledger::{Admission, MoveOutcome},
};
use lakegate_model::{
    ExecutionId, FailureCode, Timestamp, WorkerId,
    machine::{
        execution::{ExecutionState, Phase},
        object::ObjectState,
    },
    table::{DataType, Schema},
};

use super::{LedgerPlace, arrival, counts_of, failure, member, moved, object, running, stage, started, state_of, step, succeeded};

/// All of the state is kept, and when it was.
pub async fn a_move_advances_revision_and_state(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a.csv", "v1", 1)).await;
    let mut to = step(&execution, running(), 7);
    to.to.attempt = 4;
    to.to.failures = 2;
    to.to.last_failure = Some(failure(FailureCode::Timeout));
    assert_eq!(ledger.advance(vec![to.clone()]).await.unwrap(), [MoveOutcome::Moved(Vec::new())]);
    let after = ledger.execution(&execution.id).await.unwrap().unwrap();
    assert_eq!((after.revision, after.state, after.updated_at), (1, to.to, Timestamp(7)));
    assert_eq!((after.seq, after.created_at, after.subject), (execution.seq, execution.created_at, execution.subject));
    assert_eq!(state_of(&ledger, &object("a.csv", "v1")).await, ObjectState::Executing);
}

/// Neither the state, nor outputs, nor the schema; and nobody unknown is made.
pub async fn a_stale_move_writes_nothing(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a.csv", "v1", 1)).await;
    let before = moved(&ledger, &execution, running(), 2).await;
    let mut late = step(&execution, succeeded(5), 3);
    late.outputs.push(arrival("next", "out.parquet", "v1", 3));
    late.schema = Some([("a", DataType::String)].into_iter().collect());
    let mut ahead = late.clone();
    ahead.from = 9;
    let mut unknown = late.clone();
    unknown.execution = ExecutionId::from_text("ex-00");
    assert_eq!(ledger.advance(vec![late, ahead, unknown]).await.unwrap(), [MoveOutcome::Stale, MoveOutcome::Stale, MoveOutcome::Stale]);
    assert_eq!(ledger.execution(&execution.id).await.unwrap(), Some(before));
    assert_eq!(ledger.schema(&stage("clean")).await.unwrap(), None);
    assert!(ledger.objects_by_name(object("out.parquet", "v1").id().as_str()).await.unwrap().is_empty());
    let counts = counts_of(&ledger, "clean").await;
    assert_eq!((counts.running, counts.succeeded, counts.rows_out), (1, 0, 0));
}

/// Answers are in the order of moves.
pub async fn a_stale_move_does_not_stop_its_neighbours(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let a = started(&ledger, arrival("clean", "a.csv", "v1", 1)).await;
    let b = started(&ledger, arrival("clean", "b.csv", "v1", 1)).await;
    let mut stale = step(&a, running(), 2);
    stale.from = 5;
    let second = Phase::Succeeded { output: Default::default() };
    let mut later = step(&a, second, 2);
    later.from = 1;
    let outcomes = ledger.advance(vec![step(&a, running(), 2), stale, step(&b, running(), 2), later]).await.unwrap();
    let applied: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, MoveOutcome::Moved(_))).collect();
    assert_eq!(applied, [true, false, true, true]);
    assert_eq!(ledger.execution(&a.id).await.unwrap().unwrap().revision, 2);
}

/// As `admit` does: new ones with executions, known ones known, all remembered with who made them.
pub async fn outputs_are_admitted_with_the_move(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a.csv", "v1", 1)).await;
    started(&ledger, arrival("next", "known.parquet", "v1", 1)).await;
    let mut to = step(&execution, succeeded(5), 2);
    to.outputs =
        vec![arrival("next", "a.parquet", "v1", 2), arrival("next", "known.parquet", "v1", 2), member("monthly", "b.parquet", "v1", 2)];
    for output in &mut to.outputs {
        output.made_by = Some(execution.id.clone());
    }
    let outcome = ledger.advance(vec![to.clone()]).await.unwrap().remove(0);
    let MoveOutcome::Moved(admissions) = outcome else { panic!("stale") };
    let Admission::Started(next) = &admissions[0] else { panic!("not started: {admissions:?}") };
    assert_eq!(next.stage, stage("next"));
    assert_eq!(admissions[1..], [Admission::Known, Admission::Collected]);
    let made = ledger.made_by(&execution.id).await.unwrap();
    assert_eq!(made.iter().map(|record| record.relative.as_str()).collect::<Vec<_>>(), ["a.parquet", "b.parquet"]);
    assert_eq!(ledger.advance(vec![to]).await.unwrap(), [MoveOutcome::Stale], "the same move again is stale");
}

/// From now on; a later one replaces it.
pub async fn a_move_records_the_schema(place: impl LedgerPlace) {
    let ledger = place.open().await;
    assert_eq!(ledger.schema(&stage("clean")).await.unwrap(), None);
    let execution = started(&ledger, arrival("clean", "a.csv", "v1", 1)).await;
    assert_eq!(ledger.schema(&stage("clean")).await.unwrap(), None);
    let narrow: Schema = [("a", DataType::Int(32)), ("at", DataType::Timestamp(Some("UTC".into())))].into_iter().collect();
    let wide: Schema = [("a", DataType::List(Box::new(DataType::Decimal { precision: 9, scale: 2 })))].into_iter().collect();
    let mut to = step(&execution, running(), 2);
    to.schema = Some(narrow.clone());
    ledger.advance(vec![to]).await.unwrap();
    assert_eq!(ledger.schema(&stage("clean")).await.unwrap(), Some(narrow));
    let mut to = step(&execution, succeeded(1), 3);
    (to.from, to.schema) = (1, Some(wide.clone()));
    ledger.advance(vec![to]).await.unwrap();
    assert_eq!(ledger.schema(&stage("clean")).await.unwrap(), Some(wide));
    assert_eq!(ledger.schema(&stage("next")).await.unwrap(), None);
}

/// Terminal phases decide the object's state and its reason; others leave it.
pub async fn an_object_follows_its_execution(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let cases = [
        (succeeded(3), ObjectState::Processed, None),
        (Phase::Failed { failure: failure(FailureCode::Timeout) }, ObjectState::Failed, Some(FailureCode::Timeout)),
        (Phase::Quarantined { failure: failure(FailureCode::SchemaDrift) }, ObjectState::Quarantined, Some(FailureCode::SchemaDrift)),
        (Phase::Superseded { failure: failure(FailureCode::ObjectChanged) }, ObjectState::Superseded, Some(FailureCode::ObjectChanged)),
    ];
    for (n, (phase, state, code)) in cases.into_iter().enumerate() {
        let key = format!("{n}.csv");
        let execution = started(&ledger, arrival("clean", &key, "v1", 1)).await;
        let execution = moved(&ledger, &execution, running(), 2).await;
        let execution = moved(&ledger, &execution, Phase::Promoting { output: Default::default() }, 3).await;
        assert_eq!(state_of(&ledger, &object(&key, "v1")).await, ObjectState::Executing);
        moved(&ledger, &execution, phase, 4).await;
        let record = ledger.objects_by_name(object(&key, "v1").id().as_str()).await.unwrap().remove(0);
        assert_eq!((record.state, record.updated_at), (state, Timestamp(4)));
        assert_eq!(record.failure.map(|failure| failure.code), code);
    }
    let counts = counts_of(&ledger, "clean").await;
    assert_eq!((counts.ready, counts.running, counts.rows_out), (0, 0, 3));
    assert_eq!((counts.succeeded, counts.failed, counts.quarantined, counts.superseded), (1, 1, 1, 1));
}

/// The fence: a zombie and its successor never both commit.
pub async fn of_many_moves_from_one_revision_one_applies(place: impl LedgerPlace) {
    let ledger = Arc::new(place.open().await);
    let execution = started(ledger.as_ref(), arrival("clean", "a.csv", "v1", 1)).await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let (ledger, state) = (Arc::clone(&ledger), execution.state.clone());
            let mut to = step(&execution, running(), 2);
            to.to = ExecutionState { phase: Phase::Running { worker: WorkerId::from_text(format!("w-{n}")) }, ..state };
            tokio::spawn(async move { (n, ledger.advance(vec![to]).await.unwrap().remove(0)) })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        let (n, outcome) = task.await.unwrap();
        winners.extend((outcome != MoveOutcome::Stale).then_some(n));
    }
    assert_eq!(winners.len(), 1);
    let after = ledger.execution(&execution.id).await.unwrap().unwrap();
    let worker = WorkerId::from_text(format!("w-{}", winners[0]));
    assert_eq!((after.revision, after.state.phase), (1, Phase::Running { worker }));
}
