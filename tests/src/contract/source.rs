//! The duties of a source of events.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use lakegate_coordinator::ports::{EventSource, Message, Receipt};
use lakegate_model::{ObjectVersion, event::EventKind};
use tokio::time::timeout;

/// Where objects come from.
#[async_trait]
pub trait SourcePlace: Default + Send + Sync + 'static {
    /// The adapter.
    type Source: EventSource;

    /// Opens the source. The one opened before has been dropped.
    async fn open(&self) -> Self::Source;

    /// Puts an object there, whole.
    async fn put(&self, key: &str, bytes: &[u8]);

    /// Removes an object.
    async fn remove(&self, key: &str);

    /// The object a key names now.
    async fn head(&self, key: &str) -> ObjectVersion;

    /// Long enough for what must not come to come. Whoever asks a queue that looks for itself only now
    /// and then has to wait for longer.
    fn quiet(&self) -> Duration {
        Duration::from_millis(150)
    }
}

/// Tests an adapter of `EventSource`, whose `SourcePlace` is named.
#[macro_export]
macro_rules! source_contract {
    ($place:ty $(, $how:ident)?) => {
        $crate::contract!(
            $crate::contract::source,
            $place,
            [
                a_new_object_is_delivered_as_what_it_is,
                a_held_message_is_not_given_to_others,
                a_message_that_is_handed_back_comes_again,
                acknowledging_twice_or_unknown_things_is_harmless,
                what_is_under_way_is_counted,
                a_receive_that_is_given_up_loses_nothing,
                no_more_than_asked_for_is_given,
                a_new_version_of_a_key_is_a_new_event,
                a_removal_is_told,
                what_was_not_acknowledged_comes_again_after_reopening,
                many_objects_are_all_delivered,
            ] $(, $how)?
        );
    };
}

/// Longer than any adapter needs.
const PATIENCE: Duration = Duration::from_secs(20);

async fn receive(source: &impl EventSource, max: usize) -> Vec<Message> {
    timeout(PATIENCE, source.receive(max)).await.expect("something comes").expect("received")
}

/// Whatever comes until nothing has come for a while.
async fn drain(place: &impl SourcePlace, source: &impl EventSource) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(received) = timeout(place.quiet(), source.receive(100)).await {
        messages.extend(received.expect("received"));
    }
    messages
}

async fn assert_quiet(place: &impl SourcePlace, source: &impl EventSource) {
    assert_eq!(drain(place, source).await, [], "nothing more comes");
}

fn receipts(messages: &[Message]) -> Vec<Receipt> {
    messages.iter().map(|message| message.receipt.clone()).collect()
}

fn created(messages: &[Message]) -> Vec<ObjectVersion> {
    let events = messages.iter().flat_map(|message| &message.events);
    events.filter(|event| event.kind == EventKind::Created).map(|event| event.object.clone()).collect()
}

/// Its key as plain text, whatever is in it; its version and its size.
pub async fn a_new_object_is_delivered_as_what_it_is(place: impl SourcePlace) {
    let source = place.open().await;
    assert!(!source.name().is_empty());
    let keys = ["nyc/flights/2013/a b.csv", "nyc/flights/100%.csv", "nyc/flights/%20+é😀.csv", "nyc/flights/'\"&?#.csv"];
    for key in keys {
        place.put(key, key.as_bytes()).await;
        let messages = receive(&source, 10).await;
        assert_eq!(created(&messages), [place.head(key).await]);
        source.acknowledge(receipts(&messages)).await.unwrap();
    }
    assert_quiet(&place, &source).await;
}

/// Not even to the same caller, and never again once it is acknowledged.
pub async fn a_held_message_is_not_given_to_others(place: impl SourcePlace) {
    let source = place.open().await;
    place.put("nyc/flights/a.csv", b"a").await;
    let held = receive(&source, 10).await;
    assert_quiet(&place, &source).await;
    source.acknowledge(receipts(&held)).await.unwrap();
    assert_quiet(&place, &source).await;
}

/// At once, as often as it is handed back.
pub async fn a_message_that_is_handed_back_comes_again(place: impl SourcePlace) {
    let source = place.open().await;
    place.put("nyc/flights/a.csv", b"a").await;
    let mut messages = receive(&source, 10).await;
    let first = created(&messages);
    for _ in 0..3 {
        source.hand_back(receipts(&messages)).await.unwrap();
        messages = receive(&source, 10).await;
        assert_eq!(created(&messages), first);
    }
}

/// So is handing back what was acknowledged.
pub async fn acknowledging_twice_or_unknown_things_is_harmless(place: impl SourcePlace) {
    let source = place.open().await;
    place.put("nyc/flights/a.csv", b"a").await;
    let messages = receive(&source, 10).await;
    for _ in 0..2 {
        source.acknowledge(receipts(&messages)).await.unwrap();
    }
    source.acknowledge(vec![Receipt("no such".into()), Receipt("999999".into())]).await.unwrap();
    source.hand_back(receipts(&messages)).await.unwrap();
    assert_quiet(&place, &source).await;
}

/// Until the last acknowledgement.
pub async fn what_is_under_way_is_counted(place: impl SourcePlace) {
    let source = place.open().await;
    for key in ["nyc/flights/a.csv", "nyc/flights/b.csv"] {
        place.put(key, b"a").await;
    }
    let mut messages = receive(&source, 1).await;
    while messages.len() < 2 {
        messages.extend(receive(&source, 1).await);
    }
    for (message, left) in messages.iter().zip([1, 0]) {
        assert!(source.arriving() > left, "more than {left} under way");
        source.acknowledge(vec![message.receipt.clone()]).await.unwrap();
    }
    assert_quiet(&place, &source).await;
    assert_eq!(source.arriving(), 0);
}

/// Whenever it is given up.
pub async fn a_receive_that_is_given_up_loses_nothing(place: impl SourcePlace) {
    let source = place.open().await;
    let (mut seen, mut expected) = (BTreeSet::new(), BTreeSet::new());
    for n in 0..40_u64 {
        let key = format!("nyc/flights/{n}.csv");
        place.put(&key, b"a").await;
        expected.insert(key);
        if let Ok(messages) = timeout(Duration::from_micros(n * 200), source.receive(3)).await {
            seen.extend(created(&messages.unwrap()).into_iter().map(|object| object.key));
        }
    }
    seen.extend(created(&drain(&place, &source).await).into_iter().map(|object| object.key));
    assert_eq!(seen, expected);
}

/// Though more is there.
pub async fn no_more_than_asked_for_is_given(place: impl SourcePlace) {
    let source = place.open().await;
    for n in 0..20 {
        place.put(&format!("nyc/flights/{n}.csv"), b"a").await;
    }
    let mut keys = BTreeSet::new();
    while keys.len() < 20 {
        let messages = receive(&source, 3).await;
        assert!((1..=3).contains(&messages.len()));
        keys.extend(created(&messages).into_iter().map(|object| object.key));
    }
}

/// With another version.
pub async fn a_new_version_of_a_key_is_a_new_event(place: impl SourcePlace) {
    let source = place.open().await;
    let mut versions = BTreeMap::new();
    for bytes in ["a", "ab", "abc"] {
        place.put("nyc/flights/a.csv", bytes.as_bytes()).await;
        let object = place.head("nyc/flights/a.csv").await;
        loop {
            let messages = receive(&source, 10).await;
            source.acknowledge(receipts(&messages)).await.unwrap();
            if created(&messages).contains(&object) {
                break;
            }
        }
        versions.insert(object.version, object.size);
    }
    assert_eq!(versions.values().copied().collect::<BTreeSet<_>>(), BTreeSet::from([1, 2, 3]));
    assert_eq!(created(&drain(&place, &source).await), []);
}

/// By key.
pub async fn a_removal_is_told(place: impl SourcePlace) {
    let source = place.open().await;
    place.put("nyc/flights/a.csv", b"a").await;
    receive(&source, 10).await;
    place.remove("nyc/flights/a.csv").await;
    let messages = receive(&source, 10).await;
    let events: Vec<_> = messages.iter().flat_map(|message| &message.events).map(|event| (event.kind, event.object.key.as_str())).collect();
    assert_eq!(events, [(EventKind::Removed, "nyc/flights/a.csv")]);
}

/// Held or not, and what landed while nobody was there.
pub async fn what_was_not_acknowledged_comes_again_after_reopening(place: impl SourcePlace) {
    let source = place.open().await;
    place.put("nyc/flights/held.csv", b"a").await;
    receive(&source, 1).await;
    drop(source);
    place.put("nyc/flights/new.csv", b"b").await;
    let source = place.open().await;
    let mut keys = BTreeSet::new();
    while keys.len() < 2 {
        keys.extend(created(&receive(&source, 10).await).into_iter().map(|object| object.key));
    }
    assert_eq!(keys, BTreeSet::from(["nyc/flights/held.csv".to_owned(), "nyc/flights/new.csv".to_owned()]));
}

/// While they are received and acknowledged.
pub async fn many_objects_are_all_delivered(place: impl SourcePlace) {
    let source = place.open().await;
    let expected: BTreeSet<String> = (0..500).map(|n| format!("nyc/flights/{}/{n}.csv", n % 7)).collect();
    let putting = async {
        for key in &expected {
            place.put(key, key.as_bytes()).await;
        }
    };
    let receiving = async {
        let mut keys = BTreeSet::new();
        while keys.len() < expected.len() {
            let messages = receive(&source, 50).await;
            keys.extend(created(&messages).into_iter().map(|object| object.key));
            source.acknowledge(receipts(&messages)).await.unwrap();
        }
        keys
    };
    let ((), keys) = tokio::join!(putting, receiving);
    assert_eq!(keys, expected);
}
