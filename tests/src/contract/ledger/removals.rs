//! What is removed from its zone.

use lakegate_coordinator::ports::{
    Ledger,
    ledger::{Admission, Arrival, Removal},
};
use lakegate_model::{ObjectVersion, Timestamp, machine::object::ObjectState};

use super::{LedgerPlace, arrival, failure, member, moved, object, started, state_of};

fn removal(key: &str, sequencer: Option<&str>, at: i64) -> Removal {
    let ObjectVersion { bucket, key, .. } = object(key, "");
    Removal { bucket, key, version: String::new(), sequencer: sequencer.map(str::to_owned), at: Timestamp(at) }
}

fn told(key: &str, version: &str, sequencer: &str) -> Arrival {
    let mut arrival = arrival("clean", key, version, 1);
    arrival.object.sequencer = Some(sequencer.to_owned());
    arrival
}

async fn removed_at(ledger: &impl Ledger, object: &ObjectVersion) -> Option<i64> {
    let found = ledger.objects_by_name(object.id().as_str()).await.expect("read");
    found.first().expect("known").removed_at.map(|at| at.0)
}

/// What was removed says so, in its history and after reopening, and its neighbours don't.
pub async fn a_removed_object_says_when(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, told("a", "v1", "0A")).await;
    started(&ledger, told("b", "v1", "0A")).await;
    ledger.admit(vec![member("monthly", "m", "v1", 1)]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, None);
    ledger.record_removed(vec![removal("a", Some("0B"), 7), removal("m", None, 8), removal("unknown", None, 9)]).await.unwrap();
    drop(ledger);
    let ledger = place.open().await;
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, Some(7));
    assert_eq!(removed_at(&ledger, &object("m", "v1")).await, Some(8));
    assert_eq!(removed_at(&ledger, &object("b", "v1")).await, None);
}

/// It fails by itself when it is read, or is done: a removal changes no state.
pub async fn a_removal_changes_no_state(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, told("a", "v1", "0A")).await;
    ledger.record_removed(vec![removal("a", Some("0B"), 7)]).await.unwrap();
    assert_eq!(state_of(&ledger, &object("a", "v1")).await, ObjectState::Executing);
    assert_eq!(ledger.execution(&execution.id).await.unwrap(), Some(execution.clone()));
    let gone = lakegate_model::machine::execution::Phase::Failed { failure: failure(lakegate_model::FailureCode::ObjectGone) };
    moved(&ledger, &execution, gone, 8).await;
    assert_eq!(state_of(&ledger, &object("a", "v1")).await, ObjectState::Failed);
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, Some(7));
}

/// Whatever order they are told of in, sequencers say what came last.
pub async fn an_older_removal_removes_nothing_newer(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, told("a", "v2", "0C")).await;
    ledger.record_removed(vec![removal("a", Some("0B"), 7)]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v2")).await, None);
    started(&ledger, told("a", "v1", "0A")).await;
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, Some(7), "it was removed before it was heard of");
    ledger.record_removed(vec![removal("a", Some("0D"), 9), removal("a", Some("0B"), 7)]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v2")).await, Some(9), "an older removal takes no newer one's place");
    started(&ledger, told("a", "v3", "0E")).await;
    assert_eq!(removed_at(&ledger, &object("a", "v3")).await, None);
}

/// Where there are no sequencers, what is told of later came later.
pub async fn without_sequencers_the_order_of_telling_counts(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, arrival("clean", "a", "v1", 9)).await;
    ledger.record_removed(vec![removal("a", None, 5)]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, Some(5));
    started(&ledger, arrival("clean", "a", "v2", 1)).await;
    assert_eq!(removed_at(&ledger, &object("a", "v2")).await, None);
}

/// The same content is the same version: it is known, and is there again.
pub async fn what_arrives_again_is_there_again(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, told("a", "v1", "0A")).await;
    ledger.record_removed(vec![removal("a", Some("0B"), 7)]).await.unwrap();
    assert_eq!(ledger.admit(vec![told("a", "v1", "0A")]).await.unwrap(), [Admission::Known]);
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, Some(7), "the first event, told twice, is none");
    assert_eq!(ledger.admit(vec![told("a", "v1", "0C")]).await.unwrap(), [Admission::Known]);
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, None);
    ledger.record_removed(vec![removal("a", Some("0B"), 7)]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, None, "the removal, told twice, is older");
    ledger.record_removed(vec![removal("a", Some("0D"), 9)]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, Some(9));
}

/// In a bucket that keeps versions an old one can be deleted while the newest stays.
pub async fn a_version_can_be_removed_alone(place: impl LedgerPlace) {
    let ledger = place.open().await;
    started(&ledger, told("a", "v1", "0A")).await;
    started(&ledger, told("a", "v2", "0B")).await;
    let alone = Removal { version: "v1".to_owned(), ..removal("a", Some("0C"), 7) };
    ledger.record_removed(vec![alone]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v1")).await, Some(7));
    assert_eq!(removed_at(&ledger, &object("a", "v2")).await, None);
    let marker = Removal { version: "marker".to_owned(), ..removal("a", Some("0D"), 8) };
    ledger.record_removed(vec![marker]).await.unwrap();
    assert_eq!(removed_at(&ledger, &object("a", "v2")).await, Some(8), "a delete marker hides the key");
}
