//! Open and sealed batches.

use std::{collections::HashMap, sync::Arc};

use lakegate_coordinator::ports::{
    Ledger as _,
    ledger::{Arrival, Sealed, Subject},
};
use lakegate_model::{
    BatchId, ExecutionId, FailureCode, ObjectId, Timestamp,
    machine::{
        batch::{OpenBatch, SealReason},
        execution::{ExecutionState, Phase, Rejected, TaskOutput},
        object::ObjectState,
    },
};

use super::{LedgerPlace, counts_of, failure, member, moved, object, running, seal, stage, state_of, trace, trigger};

fn sized(key: &str, size: u64, at: i64) -> Arrival {
    let mut arrival = member("monthly", key, "v1", at);
    arrival.object.size = size;
    arrival
}

/// Objects, bytes, first, last, and when there were enough.
pub async fn an_open_batch_is_what_its_members_make_it(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let trigger = trigger(|trigger| trigger.min_objects = 2);
    assert_eq!(ledger.open_batch(&stage("monthly"), &trigger).await.unwrap(), OpenBatch::default());
    for (key, size, at) in [("a", 10, 100), ("b", 20, 300), ("c", 30, 200)] {
        ledger.admit(vec![sized(key, size, at)]).await.unwrap();
    }
    let open = ledger.open_batch(&stage("monthly"), &trigger).await.unwrap();
    let expected = OpenBatch { objects: 3, bytes: 60, first_at: Timestamp(100), last_at: Timestamp(300), enough_at: Some(Timestamp(300)) };
    assert_eq!(open, expected);
    assert_eq!(ledger.open_batch(&stage("other"), &trigger).await.unwrap(), OpenBatch::default());
}

/// Of a stage that is not known, and of one whose members are all sealed.
pub async fn sealing_an_empty_batch_does_nothing(place: impl LedgerPlace) {
    let ledger = place.open().await;
    assert_eq!(ledger.seal(seal("monthly", trigger(|_| ()), 1)).await.unwrap(), None);
    ledger.admit(vec![member("monthly", "a", "v1", 1)]).await.unwrap();
    assert!(ledger.seal(seal("monthly", trigger(|_| ()), 2)).await.unwrap().is_some());
    assert_eq!(ledger.seal(seal("monthly", trigger(|_| ()), 3)).await.unwrap(), None);
    assert_eq!(counts_of(&ledger, "monthly").await.ready, 1);
}

/// By number and by bytes; the others stay.
pub async fn sealing_takes_the_oldest_within_the_limits(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let arrivals = (0..9).map(|n| sized(&n.to_string(), 10 * (n + 1), 100 + n as i64)).collect();
    ledger.admit(arrivals).await.unwrap();
    let by_number = ledger.seal(seal("monthly", trigger(|trigger| trigger.max_objects = 2), 200)).await.unwrap().unwrap();
    // 30 and 40 do not make 71; 50 goes over it.
    let by_bytes = ledger.seal(seal("monthly", trigger(|trigger| trigger.max_bytes = Some(71)), 300)).await.unwrap().unwrap();
    let rest = ledger.seal(seal("monthly", trigger(|_| ()), 400)).await.unwrap().unwrap();
    let mut keys = Vec::new();
    for sealed in [&by_number, &by_bytes, &rest] {
        let members = ledger.members(&sealed.batch.id).await.unwrap();
        keys.push(members.into_iter().map(|member| member.relative).collect::<Vec<_>>().concat());
    }
    assert_eq!(keys, ["01", "234", "5678"]);
    let sizes: Vec<(u64, u64)> = [&by_number, &by_bytes, &rest].iter().map(|sealed| (sealed.batch.objects, sealed.batch.bytes)).collect();
    assert_eq!(sizes, [(2, 30), (3, 120), (4, 300)]);
}

/// Ids are functions of the members; what is answered is what is recorded.
pub async fn a_sealed_batch_is_recorded_with_its_execution_and_members(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut arrivals = vec![member("monthly", "a", "v1", 100), member("monthly", "b", "v1", 110)];
    arrivals[1].trace = trace(5);
    ledger.admit(arrivals.clone()).await.unwrap();
    let Sealed { batch, execution } = ledger.seal(seal("monthly", trigger(|_| ()), 200)).await.unwrap().unwrap();
    let ids: Vec<ObjectId> = arrivals.iter().map(|arrival| arrival.object.id()).collect();
    assert_eq!(batch.id, BatchId::of(&stage("monthly"), &ids));
    assert_eq!((batch.first_at, batch.sealed_at, batch.reason), (Timestamp(100), Timestamp(200), SealReason::Schedule));
    assert_eq!((&batch.execution, batch.state.as_str()), (&execution.id, "ready"));
    assert_eq!(execution.id, ExecutionId::of(&stage("monthly"), batch.id.as_str(), 3));
    assert_eq!(execution.subject, Subject::Batch { id: batch.id.clone(), objects: 2, bytes: 200 });
    assert_eq!((execution.revision, &execution.state, execution.trace), (0, &ExecutionState::new(Timestamp(200)), trace(9)));
    assert_eq!(ledger.execution(&execution.id).await.unwrap(), Some(execution.clone()));
    assert_eq!(ledger.batches_by_prefix(batch.id.as_str()).await.unwrap(), std::slice::from_ref(&batch));

    let members = ledger.members(&batch.id).await.unwrap();
    let read: Vec<_> = members.into_iter().map(|member| (member.object, member.relative, member.trace)).collect();
    assert_eq!(read, [(arrivals[0].object.clone(), "a".into(), trace(1)), (arrivals[1].object.clone(), "b".into(), trace(5))]);
    let record = ledger.objects_by_name(ids[0].as_str()).await.unwrap().remove(0);
    assert_eq!((record.state, record.batch, record.execution), (ObjectState::Batched, Some(batch.id.clone()), Some(execution.id.clone())));
    assert_eq!(ledger.members(&BatchId::from_text("ba-00")).await.unwrap(), []);
    let all = ledger.members(&batch.id).await.unwrap();
    for (from, limit) in [(0, 1), (1, 1), (0, 100), (1, 100), (all.len(), 1), (usize::MAX, usize::MAX)] {
        let expected: Vec<_> = all.iter().skip(from).take(limit).cloned().collect();
        assert_eq!(ledger.members_from(&batch.id, from, limit).await.unwrap(), expected, "{limit} from {from}");
    }
    let named: Vec<ObjectId> = all.iter().rev().map(|member| member.object.id()).chain([ObjectId::of("raw", "no.csv", "1")]).collect();
    assert_eq!(ledger.members_named(&named).await.unwrap(), all.into_iter().rev().collect::<Vec<_>>());
    moved(&ledger, &execution, running(), 300).await;
    assert_eq!(ledger.batches_by_prefix(batch.id.as_str()).await.unwrap()[0].state, "running");
}

/// All of them, with the execution's reason.
pub async fn batch_members_follow_their_execution(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let cases = [
        (Phase::Succeeded { output: TaskOutput::default() }, ObjectState::Processed),
        (Phase::Failed { failure: failure(FailureCode::Timeout) }, ObjectState::Failed),
        (Phase::Quarantined { failure: failure(FailureCode::SchemaDrift) }, ObjectState::Quarantined),
        (Phase::Superseded { failure: failure(FailureCode::ObjectChanged) }, ObjectState::Superseded),
    ];
    for (n, (phase, state)) in cases.into_iter().enumerate() {
        let keys = [format!("{n}a"), format!("{n}b")];
        ledger.admit(keys.iter().map(|key| member("monthly", key, "v1", 1)).collect()).await.unwrap();
        let sealed = ledger.seal(seal("monthly", trigger(|_| ()), 2)).await.unwrap().unwrap();
        ledger.admit(vec![member("monthly", "collecting", &n.to_string(), 3)]).await.unwrap();
        let failed = !matches!(phase, Phase::Succeeded { .. });
        let execution = moved(&ledger, &sealed.execution, running(), 3).await;
        assert_eq!(state_of(&ledger, &object(&keys[0], "v1")).await, ObjectState::Batched);
        moved(&ledger, &execution, phase, 4).await;
        for key in &keys {
            let record = ledger.objects_by_name(object(key, "v1").id().as_str()).await.unwrap().remove(0);
            assert_eq!((record.state, record.failure.is_some()), (state, failed));
        }
        assert_eq!(
            state_of(&ledger, &object("collecting", &n.to_string())).await,
            ObjectState::Collecting,
            "the open batch is another one"
        );
        ledger.seal(seal("monthly", trigger(|_| ()), 5)).await.unwrap();
    }
}

/// Those that could not be read are set aside; overwritten ones are superseded; the others go on.
pub async fn rejected_members_go_their_own_way(place: impl LedgerPlace) {
    let ledger = place.open().await;
    ledger.admit(["a", "b", "c"].iter().map(|key| member("monthly", key, "v1", 1)).collect()).await.unwrap();
    ledger.admit(vec![member("other", "d", "v1", 1)]).await.unwrap();
    let sealed = ledger.seal(seal("monthly", trigger(|_| ()), 2)).await.unwrap().unwrap();
    let reject = |key: &str, code| Rejected { object: object(key, "v1").id(), failure: failure(code) };
    let rejected =
        vec![reject("a", FailureCode::UnreadableData), reject("b", FailureCode::ObjectChanged), reject("d", FailureCode::UnreadableData)];
    let output = TaskOutput { rejected, rows_out: 4, ..TaskOutput::default() };
    moved(&ledger, &sealed.execution, Phase::Succeeded { output }, 3).await;
    let mut states = Vec::new();
    for key in ["a", "b", "c", "d"] {
        states.push(state_of(&ledger, &object(key, "v1")).await);
    }
    // "d" is no member, whatever the output says.
    assert_eq!(states, [ObjectState::Quarantined, ObjectState::Superseded, ObjectState::Processed, ObjectState::Collecting]);
    let record = ledger.objects_by_name(object("a", "v1").id().as_str()).await.unwrap().remove(0);
    assert_eq!(record.failure, Some(failure(FailureCode::UnreadableData)));
    let counts = counts_of(&ledger, "monthly").await;
    assert_eq!((counts.succeeded, counts.quarantined, counts.superseded, counts.rows_out), (1, 1, 1, 4));
}

/// Four tasks bring 400 objects while two seal.
pub async fn every_object_is_in_exactly_one_batch_while_others_arrive(place: impl LedgerPlace) {
    let ledger = Arc::new(place.open().await);
    let arriving: Vec<_> = (0..4)
        .map(|task| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                for n in 0..100 {
                    ledger.admit(vec![member("monthly", &format!("{task}-{n}"), "v1", n)]).await.unwrap();
                }
            })
        })
        .collect();
    let sealing: Vec<_> = (0..2)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                let mut batches = Vec::new();
                for _ in 0..100 {
                    let request = seal("monthly", trigger(|trigger| trigger.max_objects = 7), 5);
                    batches.extend(ledger.seal(request).await.unwrap().map(|sealed| sealed.batch));
                }
                batches
            })
        })
        .collect();
    for task in arriving {
        task.await.unwrap();
    }
    let mut batches = Vec::new();
    for task in sealing {
        batches.extend(task.await.unwrap());
    }
    while let Some(sealed) = ledger.seal(seal("monthly", trigger(|trigger| trigger.max_objects = 7), 6)).await.unwrap() {
        batches.push(sealed.batch);
    }
    let mut seen: HashMap<ObjectId, u32> = HashMap::new();
    for batch in &batches {
        let members = ledger.members(&batch.id).await.unwrap();
        assert_eq!(members.len() as u64, batch.objects);
        assert!(members.len() <= 7);
        for member in members {
            *seen.entry(member.object.id()).or_default() += 1;
        }
    }
    assert_eq!((seen.len(), seen.values().all(|times| *times == 1)), (400, true));
    assert_eq!(counts_of(ledger.as_ref(), "monthly").await.ready, batches.len() as u64);
}
