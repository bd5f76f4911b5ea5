//! What is written stays.

use lakegate_coordinator::ports::Ledger as _;
use lakegate_model::table::DataType;

use super::{
    LedgerPlace, all_runs, arrival, counts_of, everything, member, moved, object, page, running, seal, stage, started, step, succeeded,
    trigger,
};

/// Everything that was answered with `Ok` is found by whoever opens the ledger next.
pub async fn what_is_written_is_there_after_reopening(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a", "v1", 1)).await;
    let mut to = step(&execution, running(), 2);
    to.schema = Some([("a", DataType::Date)].into_iter().collect());
    ledger.advance(vec![to]).await.unwrap();
    ledger.admit(vec![member("monthly", "m1", "v1", 1), member("monthly", "m2", "v1", 1)]).await.unwrap();
    let sealed = ledger.seal(seal("monthly", trigger(|trigger| trigger.max_objects = 1), 3)).await.unwrap().unwrap();
    ledger.set_paused(&stage("monthly"), true).await.unwrap();
    let before = (
        ledger.counts().await.unwrap(),
        ledger.objects(&everything(), &page(9)).await.unwrap(),
        ledger.schema(&stage("clean")).await.unwrap(),
    );
    let runs = all_runs(&ledger, &everything(), 2).await;
    drop(ledger);

    let ledger = place.open().await;
    let after = (
        ledger.counts().await.unwrap(),
        ledger.objects(&everything(), &page(9)).await.unwrap(),
        ledger.schema(&stage("clean")).await.unwrap(),
    );
    assert_eq!(after, before);
    assert_eq!(all_runs(&ledger, &everything(), 2).await, runs);
    assert_eq!(ledger.paused().await.unwrap(), [stage("monthly")]);
    assert_eq!(ledger.batches(&everything(), &page(9)).await.unwrap().items, [sealed.batch]);
    assert_eq!(ledger.unfinished(&stage("clean"), 0, 9).await.unwrap().len(), 1);
    assert_eq!(ledger.open_batch(&stage("monthly"), &trigger(|_| ())).await.unwrap().objects, 1);
}

/// At once, from any read.
pub async fn a_read_after_a_write_sees_it(place: impl LedgerPlace) {
    let ledger = place.open().await;
    for n in 1..=50 {
        let execution = started(&ledger, arrival("clean", &n.to_string(), "v1", 1)).await;
        assert_eq!(ledger.execution(&execution.id).await.unwrap(), Some(execution.clone()));
        moved(&ledger, &execution, succeeded(2), 2).await;
        let counts = counts_of(&ledger, "clean").await;
        assert_eq!((counts.succeeded, counts.rows_out), (n, 2 * n));
    }
}

/// `seq` grows on, and known objects stay known.
pub async fn the_order_goes_on_after_reopening(place: impl LedgerPlace) {
    let mut last = 0;
    for round in 0..3 {
        let ledger = place.open().await;
        let execution = started(&ledger, arrival("clean", &round.to_string(), "v1", 1)).await;
        assert!(execution.seq > last);
        last = execution.seq;
        ledger.admit(vec![member("monthly", &round.to_string(), "v2", 1)]).await.unwrap();
        for known in 0..=round {
            assert!(!ledger.objects_by_name(object(&known.to_string(), "v1").id().as_str()).await.unwrap().is_empty());
        }
    }
}
