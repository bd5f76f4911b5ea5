//! Arrivals.

use std::{collections::HashSet, sync::Arc};

use lakegate_coordinator::ports::{
    Ledger as _,
    ledger::{Admission, Purpose, Subject, Unrouted},
};
use lakegate_model::{
    ExecutionId, FailureCode, Timestamp,
    machine::{execution::ExecutionState, object::ObjectState},
};

use super::{LedgerPlace, arrival, counts_of, member, object, page, seal, stage, started, state_of, trace, trigger};

/// An execution is ready at once, of the object, by the id that its object, stage and pipeline version make.
pub async fn a_new_object_gets_a_ready_execution(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let arrived = arrival("clean", "2013/01 ü+%.csv", "v1", 1_000);
    let execution = started(&ledger, arrived.clone()).await;
    assert_eq!(execution.id, ExecutionId::of(&stage("clean"), arrived.object.id().as_str(), 1));
    assert_eq!(execution.subject, Subject::Object { object: arrived.object.clone(), relative: "2013/01 ü+%.csv".into() });
    assert_eq!((execution.revision, execution.pipeline_version, execution.stage.clone()), (0, 1, stage("clean")));
    assert_eq!(execution.state, ExecutionState::new(Timestamp(1_000)));
    assert_eq!((execution.created_at, execution.updated_at, execution.trace), (Timestamp(1_000), Timestamp(1_000), trace(1)));
    assert_eq!(ledger.execution(&execution.id).await.unwrap(), Some(execution.clone()), "what is answered is what is recorded");

    let record = ledger.objects_by_name(arrived.object.id().as_str()).await.unwrap().remove(0);
    assert_eq!((record.object, record.relative, record.stage), (arrived.object, arrived.relative, stage("clean")));
    assert_eq!((record.state, record.execution, record.batch, record.failure), (ObjectState::Executing, Some(execution.id), None, None));
    assert_eq!((record.arrived_at, record.made_by, record.trace), (Timestamp(1_000), None, trace(1)));
}

/// Hearing of the same thing again starts nothing.
pub async fn an_object_is_admitted_once(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a.csv", "v1", 1)).await;
    let again = ledger.admit(vec![arrival("clean", "a.csv", "v1", 2), arrival("clean", "a.csv", "v1", 3)]).await.unwrap();
    assert_eq!(again, [Admission::Known, Admission::Known]);
    assert_eq!(ledger.execution(&execution.id).await.unwrap(), Some(execution), "nothing changed");
    assert_eq!(counts_of(&ledger, "clean").await.ready, 1);
}

/// New and known ones among each other, one of them twice in one call.
pub async fn admissions_are_in_the_order_of_arrivals(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, arrival("clean", "b.csv", "v1", 1)).await;
    let keys = ["a.csv", "b.csv", "c.csv", "a.csv"];
    let admissions = ledger.admit(keys.iter().map(|key| arrival("clean", key, "v1", 2)).collect()).await.unwrap();
    let new: Vec<Option<String>> = admissions.iter().map(subject_key).collect();
    assert_eq!(new, [Some("nyc/flights/a.csv".to_owned()), None, Some("nyc/flights/c.csv".to_owned()), None]);
    assert_eq!(ledger.admit(Vec::new()).await.unwrap(), [], "nothing in, nothing out");
}

fn subject_key(admission: &Admission) -> Option<String> {
    match admission {
        Admission::Started(execution) => match &execution.subject {
            Subject::Object { object, .. } => Some(object.key.clone()),
            Subject::Batch { .. } => None,
        },
        Admission::Collected | Admission::Superseded | Admission::Known => None,
    }
}

/// A newer pipeline does not begin again with what an older one had.
pub async fn an_object_is_known_whatever_the_pipeline_version(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, arrival("clean", "a.csv", "v1", 1)).await;
    for purpose in [Purpose::Execute { pipeline_version: 2 }, Purpose::Collect] {
        let mut newer = arrival("clean", "a.csv", "v1", 2);
        newer.purpose = purpose;
        assert_eq!(ledger.admit(vec![newer]).await.unwrap(), [Admission::Known]);
    }
    assert_eq!(ledger.runs(&Default::default(), &page(10)).await.unwrap().items.len(), 1);
}

/// It is a member of the open batch.
pub async fn a_collected_object_has_no_execution(place: impl LedgerPlace) {
    let ledger = place.open().await;
    assert_eq!(ledger.admit(vec![member("monthly", "a.csv", "v1", 1)]).await.unwrap(), [Admission::Collected]);
    let record = ledger.objects_by_name(object("a.csv", "v1").id().as_str()).await.unwrap().remove(0);
    assert_eq!((record.state, record.execution, record.batch), (ObjectState::Collecting, None, None));
    assert_eq!(ledger.open_batch(&stage("monthly"), &trigger(|_| ())).await.unwrap().objects, 1);
    assert!(ledger.runs(&Default::default(), &page(10)).await.unwrap().items.is_empty());
}

/// Only the newest version of a key is in the batch; the same key in another bucket or stage is another one.
pub async fn a_newer_member_supersedes_the_collecting_one(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut elsewhere = member("monthly", "a.csv", "v1", 1);
    elsewhere.object.bucket = "stage".into();
    ledger.admit(vec![elsewhere.clone(), member("monthly", "a.csv", "v1", 1), member("other", "a.csv", "v0", 1)]).await.unwrap();
    ledger.admit(vec![member("monthly", "a.csv", "v2", 2)]).await.unwrap();
    let states = [state_of(&ledger, &object("a.csv", "v1")).await, state_of(&ledger, &object("a.csv", "v2")).await];
    assert_eq!(states, [ObjectState::Superseded, ObjectState::Collecting]);
    assert_eq!(state_of(&ledger, &elsewhere.object).await, ObjectState::Collecting);
    assert_eq!(state_of(&ledger, &object("a.csv", "v0")).await, ObjectState::Collecting);
    let counts = counts_of(&ledger, "monthly").await;
    assert_eq!((counts.collecting, counts.superseded), (2, 1));
    let old = ledger.objects_by_name(object("a.csv", "v1").id().as_str()).await.unwrap().remove(0);
    assert_eq!(old.failure.map(|failure| failure.code), Some(FailureCode::ObjectChanged));
    // The old version, heard of again, does not come back.
    assert_eq!(ledger.admit(vec![member("monthly", "a.csv", "v1", 3)]).await.unwrap(), [Admission::Known]);
    assert_eq!(state_of(&ledger, &object("a.csv", "v2")).await, ObjectState::Collecting);
}

/// Events may overtake one another: the sequencer says which version is the newer one.
pub async fn a_member_whose_sequencer_is_older_does_not_take_a_newer_ones_place(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let with = |version: &str, sequencer: &str, at: i64| {
        let mut member = member("monthly", "a.csv", version, at);
        member.object.sequencer = Some(sequencer.into());
        member
    };
    assert_eq!(ledger.admit(vec![with("v2", "00AB01", 1)]).await.unwrap(), [Admission::Collected]);
    assert_eq!(ledger.admit(vec![with("v1", "00AB", 2)]).await.unwrap(), [Admission::Superseded]);
    let record = ledger.objects_by_name(object("a.csv", "v1").id().as_str()).await.unwrap().remove(0);
    assert_eq!((record.state, record.failure.map(|failure| failure.code)), (ObjectState::Superseded, Some(FailureCode::ObjectChanged)));
    assert_eq!(state_of(&ledger, &object("a.csv", "v2")).await, ObjectState::Collecting);
    let counts = counts_of(&ledger, "monthly").await;
    assert_eq!((counts.collecting, counts.superseded), (1, 1));
    assert_eq!(ledger.admit(vec![with("v1", "00AB", 3)]).await.unwrap(), [Admission::Known]);
    // The same sequencer with another version is another object, not a duplicate.
    assert_eq!(ledger.admit(vec![with("v3", "00AB01", 4)]).await.unwrap(), [Admission::Collected]);
    assert_eq!(state_of(&ledger, &object("a.csv", "v2")).await, ObjectState::Superseded);
    assert_eq!(ledger.admit(vec![with("v4", "00AC", 5)]).await.unwrap(), [Admission::Collected]);
    assert_eq!(counts_of(&ledger, "monthly").await.collecting, 1);
}

/// What is sealed is never changed.
pub async fn a_member_of_a_sealed_batch_is_not_superseded(place: impl LedgerPlace) {
    let ledger = place.open().await;
    ledger.admit(vec![member("monthly", "a.csv", "v1", 1)]).await.unwrap();
    let sealed = ledger.seal(seal("monthly", trigger(|_| ()), 2)).await.unwrap().unwrap();
    assert_eq!(ledger.admit(vec![member("monthly", "a.csv", "v2", 3)]).await.unwrap(), [Admission::Collected]);
    assert_eq!(state_of(&ledger, &object("a.csv", "v1")).await, ObjectState::Batched);
    assert_eq!(ledger.members(&sealed.batch.id).await.unwrap()[0].object, object("a.csv", "v1"));
}

/// Each once, paged by id, forgotten by `admit`.
pub async fn objects_nobody_takes_are_remembered_until_they_are_admitted(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let unrouted = |key: &str, reason: &str| Unrouted { object: object(key, "v1"), reason: reason.into(), at: Timestamp(5) };
    ledger
        .record_unrouted(vec![unrouted("a.csv", "no pipeline"), unrouted("b.csv", "no pipeline"), unrouted("a.csv", "twice")])
        .await
        .unwrap();
    ledger.record_unrouted(vec![unrouted("a.csv", "again"), unrouted("c.csv", "no pipeline")]).await.unwrap();
    assert_eq!(ledger.unrouted().await.unwrap(), 3);

    let mut expected: Vec<Unrouted> = ["a.csv", "b.csv", "c.csv"].map(|key| unrouted(key, "no pipeline")).into();
    expected.sort_by_key(|unrouted| unrouted.object.id());
    let first = ledger.unrouted_objects("", 2).await.unwrap();
    let rest = ledger.unrouted_objects(first[1].object.id().as_str(), 2).await.unwrap();
    assert_eq!([first, rest].concat(), expected);

    ledger.admit(vec![arrival("clean", "a.csv", "v1", 6), member("monthly", "b.csv", "v1", 6)]).await.unwrap();
    assert_eq!(ledger.unrouted().await.unwrap(), 1);
    assert_eq!(ledger.unrouted_objects("", 9).await.unwrap(), [unrouted("c.csv", "no pipeline")]);
}

/// Ten tasks hear of the same hundred objects.
pub async fn admitting_from_many_tasks_records_each_object_once(place: impl LedgerPlace) {
    let ledger = Arc::new(place.open().await);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                let mut started = Vec::new();
                for n in 0..100 {
                    let admissions = ledger.admit(vec![arrival("clean", &format!("{n}.csv"), "v1", n)]).await.unwrap();
                    started.extend(admissions.into_iter().filter_map(|admission| match admission {
                        Admission::Started(execution) => Some(execution.id),
                        Admission::Collected | Admission::Superseded | Admission::Known => None,
                    }));
                }
                started
            })
        })
        .collect();
    let mut started = Vec::new();
    for task in tasks {
        started.extend(task.await.unwrap());
    }
    assert_eq!(started.len(), 100, "each object is new to one caller");
    assert_eq!(started.into_iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(counts_of(ledger.as_ref(), "clean").await.ready, 100);
}
