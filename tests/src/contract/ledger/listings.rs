//! Lists and finding things.

use lakegate_coordinator::ports::{
    Ledger as _,
    ledger::{Filter, Page},
};
use lakegate_model::{DatasetId, ExecutionId, FailureCode, ObjectId, machine::execution::Phase};

use super::{
    LedgerPlace, all_runs, arrival, dataset, everything, failure, member, moved, object, page, running, seal, started, succeeded, trigger,
};

/// A last page that is full has no page after it.
pub async fn runs_are_listed_newest_first_in_pages(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut newest_first = Vec::new();
    for n in 0..9 {
        newest_first.insert(0, started(&ledger, arrival(["clean", "other"][n % 2], &n.to_string(), "v1", 1)).await.id);
    }
    for size in [1, 2, 3, 9, 100] {
        assert_eq!(all_runs(&ledger, &everything(), size).await, newest_first, "pages of {size}");
    }
    assert!(ledger.runs(&everything(), &page(9)).await.unwrap().next.is_empty());
    let of_dataset = Filter { dataset: Some(dataset()), ..everything() };
    assert_eq!(all_runs(&ledger, &of_dataset, 2).await, newest_first, "several stages are merged");
}

/// By dataset, stage and state, for runs, objects and batches.
pub async fn lists_keep_to_their_filters(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut elsewhere = arrival("clean", "e", "v1", 1);
    elsewhere.stage.dataset = DatasetId::new("lax", "flights");
    started(&ledger, elsewhere).await;
    for (n, phase) in
        [running(), succeeded(1), Phase::Failed { failure: failure(FailureCode::Timeout) }, Phase::Waiting { tables: Vec::new() }]
            .into_iter()
            .enumerate()
    {
        let execution = started(&ledger, arrival("clean", &n.to_string(), "v1", 1)).await;
        moved(&ledger, &execution, phase, 2).await;
    }
    ledger.admit(vec![member("monthly", "m1", "v1", 1)]).await.unwrap();
    let sealed = ledger.seal(seal("monthly", trigger(|_| ()), 3)).await.unwrap().unwrap();
    ledger.admit(vec![member("monthly", "m2", "v1", 4)]).await.unwrap();

    let filter = |team: &str, stage: Option<&str>, state: Option<&str>| Filter {
        dataset: (!team.is_empty()).then(|| DatasetId::new(team, "flights")),
        stage: stage.map(str::to_owned),
        state: state.map(str::to_owned),
        ..everything()
    };
    let runs = [
        ("", None, None, 6),
        ("nyc", None, None, 5),
        ("lax", None, None, 1),
        ("sfo", None, None, 0),
        ("nyc", Some("clean"), None, 4),
        ("nyc", Some("monthly"), None, 1),
    ];
    for (team, stage, state, count) in runs {
        assert_eq!(all_runs(&ledger, &filter(team, stage, state), 2).await.len(), count, "{team} {stage:?}");
    }
    for (state, count) in [
        ("waiting", 1),
        ("ready", 2),
        ("running", 1),
        ("promoting", 0),
        ("succeeded", 1),
        ("failed", 1),
        ("quarantined", 0),
        ("superseded", 0),
    ] {
        assert_eq!(all_runs(&ledger, &filter("", None, Some(state)), 2).await.len(), count, "{state}");
    }
    for (state, count) in
        [("executing", 3), ("collecting", 1), ("batched", 1), ("processed", 1), ("failed", 1), ("quarantined", 0), ("superseded", 0)]
    {
        assert_eq!(ledger.objects(&filter("", None, Some(state)), &page(9)).await.unwrap().items.len(), count, "{state}");
    }
    assert_eq!(ledger.objects(&filter("nyc", Some("monthly"), None), &page(9)).await.unwrap().items.len(), 2);
    for (state, count) in [("ready", 1), ("failed", 0)] {
        assert_eq!(ledger.batches(&filter("nyc", None, Some(state)), &page(9)).await.unwrap().items.len(), count, "{state}");
    }
    assert_eq!(ledger.batches(&everything(), &page(9)).await.unwrap().items, [sealed.batch]);
}

/// New records are on no later page.
pub async fn pages_neither_repeat_nor_skip_while_records_come_in(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut expected = Vec::new();
    for n in 0..4 {
        expected.insert(0, started(&ledger, arrival("clean", &n.to_string(), "v1", 1)).await.id);
    }
    let first = ledger.runs(&everything(), &page(2)).await.unwrap();
    started(&ledger, arrival("clean", "new", "v1", 2)).await;
    let second = ledger.runs(&everything(), &Page { size: 2, token: first.next }).await.unwrap();
    let read: Vec<ExecutionId> = first.items.into_iter().chain(second.items).map(|execution| execution.id).collect();
    assert_eq!(read, expected);
    assert!(second.next.is_empty());
}

/// An unknown state and a token that is none are the caller's mistake.
pub async fn what_is_asked_wrongly_is_refused(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let unknown = Filter { state: Some("sleeping".into()), ..everything() };
    assert_eq!(ledger.runs(&unknown, &page(1)).await.unwrap_err().code, FailureCode::InvalidRequest);
    assert_eq!(ledger.objects(&unknown, &page(1)).await.unwrap_err().code, FailureCode::InvalidRequest);
    let token = Page { size: 1, token: "'; DROP TABLE objects".into() };
    assert_eq!(ledger.batches(&everything(), &token).await.unwrap_err().code, FailureCode::InvalidRequest);
}

/// None, one, or two of many.
pub async fn ids_are_found_by_their_start(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut runs = Vec::new();
    for n in 0..3 {
        runs.push(started(&ledger, arrival("clean", &n.to_string(), "v1", 1)).await);
    }
    ledger.admit(vec![member("monthly", "m", "v1", 1)]).await.unwrap();
    let batch = ledger.seal(seal("monthly", trigger(|_| ()), 2)).await.unwrap().unwrap().batch;
    let id = runs[1].id.as_str();
    assert_eq!(ledger.runs_by_prefix(id).await.unwrap(), [runs[1].clone()]);
    assert_eq!(ledger.runs_by_prefix(&id[..20]).await.unwrap(), [runs[1].clone()]);
    assert_eq!(ledger.runs_by_prefix("ex-").await.unwrap().len(), 2);
    for none in ["ex-%", "ex_", "zz", &format!("{id}0")] {
        assert_eq!(ledger.runs_by_prefix(none).await.unwrap(), [], "{none}");
    }
    assert_eq!(ledger.batches_by_prefix(&batch.id.as_str()[..12]).await.unwrap(), [batch]);
    assert_eq!(ledger.batches_by_prefix("ex-").await.unwrap(), []);
    assert_eq!(ledger.objects_by_name("ob-").await.unwrap().len(), 2);
    let id = object("1", "v1").id();
    assert_eq!(ledger.objects_by_name(&id.as_str()[..20]).await.unwrap()[0].object.id(), id);
}

/// The newest version of what landed by exactly this key.
pub async fn an_object_is_found_by_its_key(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, arrival("clean", "a 100%.csv", "v1", 1)).await;
    let newest = started(&ledger, arrival("clean", "a 100%.csv", "v2", 2)).await;
    let mut made = arrival("next", "a 100%.csv", "v3", 3);
    (made.object.bucket, made.made_by) = ("stage".into(), Some(newest.id.clone()));
    started(&ledger, made).await;
    let found = ledger.objects_by_name("nyc/flights/a 100%.csv").await.unwrap();
    assert_eq!(found.iter().map(|record| record.object.version.as_str()).collect::<Vec<_>>(), ["v2"]);
    assert!(ledger.objects_by_name("nyc/flights/a").await.unwrap().is_empty());
}

/// Its own execution, or its batch's; none while it collects.
pub async fn an_execution_knows_what_it_made_and_an_object_its_runs(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let own = started(&ledger, arrival("clean", "a", "v1", 1)).await;
    ledger.admit(vec![member("monthly", "m", "v1", 1)]).await.unwrap();
    assert_eq!(ledger.runs_of(&object("m", "v1").id()).await.unwrap(), []);
    let sealed = ledger.seal(seal("monthly", trigger(|_| ()), 2)).await.unwrap().unwrap();
    assert_eq!(ledger.runs_of(&object("a", "v1").id()).await.unwrap(), std::slice::from_ref(&own));
    assert_eq!(ledger.runs_of(&object("m", "v1").id()).await.unwrap(), [sealed.execution]);
    assert_eq!(ledger.runs_of(&ObjectId::from_text("ob-00")).await.unwrap(), []);
    assert_eq!(ledger.made_by(&own.id).await.unwrap(), []);
}
