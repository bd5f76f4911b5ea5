//! S3 and SQS keep the contracts of storage and of sources of events, and what only they have to do.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use lakegate_aws::{Account, AccountOptions, S3Storage, SqsSource};
use lakegate_coordinator::ports::{EventSource, Message, Promotion, Receipt, Storage};
use lakegate_model::{ExecutionId, FailureCode, Location, ObjectVersion, event::ObjectEvent, layout, pipeline::Zone, project::Zones};
use lakegate_tests::{
    contract::{source::SourcePlace, storage::StoragePlace},
    kit::moto::{REGION, moto, unique},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// What the queues' messages are hidden for. The contract holds some of them for longer.
const VISIBILITY: Duration = Duration::from_secs(3);

/// A bucket with three zones that tells a queue what happens in it.
struct Place {
    bucket: String,
    queue: String,
    url: String,
}

impl Default for Place {
    fn default() -> Place {
        let place = Place::untold();
        let arn = format!("arn:aws:sqs:{REGION}:123456789012:{}", place.queue);
        let configuration = format!(
            "<NotificationConfiguration><QueueConfiguration><Id>lakegate</Id><Queue>{arn}</Queue>\
             <Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event></QueueConfiguration></NotificationConfiguration>"
        );
        let (status, answer) = moto().s3("PUT", &format!("/{}", place.bucket), "notification", configuration.as_bytes());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        place
    }
}

impl Place {
    /// The queue hears only what the test says.
    fn untold() -> Place {
        let (bucket, queue) = (unique("lake"), unique("events"));
        moto().create_bucket(&bucket);
        let attributes = json!({ "VisibilityTimeout": VISIBILITY.as_secs().to_string() });
        let made = moto().call("AmazonSQS.CreateQueue", &json!({ "QueueName": queue, "Attributes": attributes }));
        let url = made["QueueUrl"].as_str().expect("a queue has an URL").to_owned();
        Place { bucket, queue, url }
    }

    fn zones(&self) -> Zones {
        let at = |zone: &str| Location::new(format!("s3://{}/lake/{zone}", self.bucket));
        Zones { raw: at("raw"), stage: at("stage"), analytics: at("analytics") }
    }

    fn send(&self, body: &str) {
        moto().call("AmazonSQS.SendMessage", &json!({ "QueueUrl": self.url, "MessageBody": body }));
    }

    /// What waits in the queue, and what is hidden.
    fn counts(&self) -> [u64; 2] {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let answer = moto().call("AmazonSQS.GetQueueAttributes", &json!({ "QueueUrl": self.url, "AttributeNames": names }));
        names.map(|name| answer["Attributes"][name].as_str().and_then(|count| count.parse().ok()).expect("a count"))
    }

    async fn source(&self) -> SqsSource {
        SqsSource::open(&account().await, self.zones(), &self.queue).await.unwrap()
    }
}

async fn account() -> Account {
    let keys = Some(("test".to_owned(), "test".to_owned()));
    Account::load(AccountOptions { region: Some(REGION.to_owned()), endpoint: Some(moto().endpoint()), keys }).await
}

#[async_trait]
impl StoragePlace for Place {
    type Storage = S3Storage;

    async fn open(&self) -> S3Storage {
        S3Storage::new(&account().await, self.zones())
    }

    fn zone(&self, zone: Zone) -> Location {
        self.zones().location(zone).clone()
    }

    async fn read(&self, at: &Location) -> Option<Vec<u8>> {
        let (bucket, key) = at.s3()?;
        moto().get_object(bucket, key)
    }
}

#[async_trait]
impl SourcePlace for Place {
    type Source = SqsSource;

    async fn open(&self) -> SqsSource {
        self.source().await
    }

    async fn put(&self, key: &str, bytes: &[u8]) {
        moto().put_object(&self.bucket, &format!("lake/raw/{key}"), bytes);
    }

    async fn remove(&self, key: &str) {
        let (status, _) = moto().s3("DELETE", &format!("/{}/lake/raw/{key}", self.bucket), "", b"");
        assert_eq!(status, 204);
    }

    async fn head(&self, key: &str) -> ObjectVersion {
        StoragePlace::open(self).await.head(Zone::Raw, key).await.unwrap().unwrap()
    }

    /// The emulated queue looks once a second for what is no longer hidden.
    fn quiet(&self) -> Duration {
        Duration::from_millis(1_500)
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_not_taken_for_an_object_that_is_not() {
    let zone = |zone: &str| Location::new(format!("s3://{}/{zone}", unique("absent")));
    let zones = Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") };
    let failure = S3Storage::new(&account().await, zones).head(Zone::Raw, "a.csv").await.unwrap_err();
    assert_eq!(failure.code, FailureCode::LakeIo);
    assert!(failure.message.contains("there is no bucket absent-") && failure.hint.contains("lakegate bootstrap"), "{failure}");
}

mod storage {
    lakegate_tests::storage_contract!(super::Place);
}

mod source {
    lakegate_tests::source_contract!(super::Place);
}

async fn receive(source: &SqsSource) -> Vec<Message> {
    timeout(Duration::from_secs(20), source.receive(100)).await.expect("something comes").expect("received")
}

fn keys(messages: &[Message]) -> BTreeSet<&str> {
    messages.iter().flat_map(|message| &message.events).map(|event| event.object.key.as_str()).collect()
}

fn receipts(messages: &[Message]) -> Vec<Receipt> {
    messages.iter().map(|message| message.receipt.clone()).collect()
}

async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A record without what a test does not look at.
fn record(bucket: &str, key: &str, sequencer: &str) -> Value {
    json!({
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-01-31T08:00:00.000Z",
        "s3": { "bucket": { "name": bucket }, "object": { "key": key, "size": 1, "eTag": sequencer, "sequencer": sequencer } },
    })
}

/// Whether it was given out or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_kept_for_longer_than_the_queue_hides_them() {
    let place = Place::default();
    let (source, other) = (place.source().await, place.source().await);
    for key in ["read.csv", "unread.csv"] {
        place.put(&format!("nyc/flights/{key}"), b"a").await;
    }
    eventually("both sources together have all", || source.arriving() + other.arriving() == 2).await;
    drop(other);
    let mut held = timeout(Duration::from_secs(20), source.receive(1)).await.unwrap().unwrap();
    eventually("the one has all", || source.arriving() == 2).await;
    let start = Instant::now();
    while start.elapsed() < VISIBILITY * 3 {
        assert_eq!(place.counts(), [0, 2], "all are hidden from others after {:?}", start.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    held.extend(receive(&source).await);
    assert_eq!(keys(&held), BTreeSet::from(["nyc/flights/read.csv", "nyc/flights/unread.csv"]));
    source.acknowledge(receipts(&held)).await.unwrap();
    assert_eq!((place.counts(), source.arriving()), ([0, 0], 0));
}

/// At once, not only when its lease has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dropped_source_held_is_handed_back() {
    let place = Place::default();
    let source = place.source().await;
    place.put("nyc/flights/a.csv", b"a").await;
    let held = receive(&source).await;
    // The bucket's first words, which say nothing, may still be on their way out.
    eventually("only it is held", || place.counts() == [0, 1]).await;
    drop(source);
    eventually("it is visible", || place.counts() == [1, 0] || place.counts() == [0, 0]).await;
    assert_eq!(keys(&receive(&place.source().await).await), keys(&held));
}

/// As after a crash: nothing is handed back, and nothing extends the leases.
#[test]
fn what_a_killed_source_held_comes_again_when_its_lease_has_ended() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let place = Place::default();
    let killed = runtime();
    let held = killed.block_on(async {
        let source = place.source().await;
        place.put("nyc/flights/a.csv", b"a").await;
        let held = receive(&source).await;
        std::mem::forget(source);
        held
    });
    killed.shutdown_background();
    let start = Instant::now();
    let again = runtime().block_on(async { receive(&place.source().await).await });
    assert_eq!(keys(&again), keys(&held));
    assert!(start.elapsed() > VISIBILITY / 2, "it was hidden until its lease ended");
}

/// Nobody has to acknowledge it, and it is not under way for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_says_nothing_is_deleted_by_the_source() {
    let place = Place::default();
    place.send(&json!({ "Records": [record("elsewhere", "a", "1"), record(&place.bucket, "lake/stage/_lakegate/x", "1")] }).to_string());
    assert_eq!(place.counts(), [2, 0], "and S3's test event");
    let source = place.source().await;
    assert!(timeout(Duration::from_secs(1), source.receive(10)).await.is_err());
    eventually("all is deleted", || place.counts() == [0, 0] && source.arriving() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_understood_is_told_beside_what_is() {
    let place = Place::untold();
    let source = place.source().await;
    place.send(&json!({ "Records": [record(&place.bucket, "lake/raw/a", "1"), { "s3": 7 }] }).to_string());
    let messages = receive(&source).await;
    assert_eq!((messages.len(), keys(&messages)), (1, BTreeSet::from(["a"])));
    assert_eq!(messages[0].not_understood[0].body, r#"{"s3":7}"#);
    place.send("hello");
    let messages = receive(&source).await;
    assert_eq!((messages[0].events.len(), messages[0].not_understood[0].body.as_str()), (0, "hello"));
}

/// As far as they are at hand, whatever order the queue has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_key_come_in_the_order_of_their_sequencers() {
    let place = Place::untold();
    for sequencer in ["0A3", "0A1", "0A2"] {
        place.send(&json!({ "Records": [record(&place.bucket, "lake/raw/a", sequencer)] }).to_string());
    }
    let source = place.source().await;
    eventually("all are at hand", || source.arriving() == 3 && place.counts() == [0, 3]).await;
    sleep(Duration::from_millis(200)).await;
    let messages = receive(&source).await;
    let events: Vec<&ObjectEvent> = messages.iter().flat_map(|message| &message.events).collect();
    assert_eq!(events.iter().map(|event| event.object.version.as_str()).collect::<Vec<_>>(), ["0A1", "0A2", "0A3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_the_queue_is_under_way_from_the_beginning() {
    let place = Place::untold();
    place.send(&json!({ "Records": [record(&place.bucket, "lake/raw/a", "1")] }).to_string());
    let source = place.source().await;
    assert_eq!(source.arriving(), 1);
    source.acknowledge(receipts(&receive(&source).await)).await.unwrap();
    assert_eq!(source.arriving(), 0);
}

#[tokio::test]
async fn a_queue_that_is_not_there_says_what_to_do() {
    let place = Place::untold();
    for queue in ["no-such-queue".to_owned(), place.url.replace(&place.queue, "no-such-queue")] {
        let Err(failure) = SqsSource::open(&account().await, place.zones(), &queue).await else { panic!("there is no {queue}") };
        assert_eq!(failure.code, FailureCode::NotFound);
        assert!(failure.message.contains("no-such-queue") && failure.hint.contains("lakegate bootstrap"), "{failure}");
    }
    assert_eq!(SqsSource::open(&account().await, place.zones(), &place.url).await.unwrap().name(), format!("sqs://{}", place.queue));
}

/// It tells so, again and again, and goes on once there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_goes_away_is_told() {
    let place = Place::untold();
    let source = place.source().await;
    moto().call("AmazonSQS.DeleteQueue", &json!({ "QueueUrl": place.url }));
    for _ in 0..2 {
        let failure = timeout(Duration::from_secs(40), source.receive(10)).await.expect("it is told").unwrap_err();
        assert!(failure.to_string().contains(&place.queue), "{failure}");
    }
}

#[tokio::test]
async fn large_files_are_copied_in_parts() {
    let place = Place::untold();
    let storage = StoragePlace::open(&place).await.copying(6 << 20, 5 << 20);
    let zone = place.zones().analytics;
    let promotion = Promotion {
        from: layout::staging(&zone, &ExecutionId::from_text("ex-1"), 1).join("a b+%ü.parquet"),
        to: zone.join("nyc/flights/month=1/a b+%ü.parquet"),
    };
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 251) as u8).collect();
    storage.write(&promotion.from, bytes.clone()).await.unwrap();
    storage.promote(vec![promotion.clone()]).await.unwrap();
    assert!(place.read(&promotion.to).await == Some(bytes));
    assert_eq!(place.read(&promotion.from).await, None);
}

/// More than are listed, or deleted, at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_below_a_place_is_deleted_however_much_it_is() {
    let place = Place::untold();
    let storage = StoragePlace::open(&place).await;
    let doomed = layout::staging_root(&place.zones().stage, &ExecutionId::from_text("ex-1"));
    let moved = doomed.join("<&>'\" +%ü");
    storage.write(&moved, b"x".to_vec()).await.unwrap();
    let (bucket, prefix) = doomed.s3().unwrap();
    for n in 0..1_005 {
        moto().put_object(bucket, &format!("{prefix}/1/{n}"), b"");
    }
    storage.discard(&doomed).await.unwrap();
    let (_, listing) = moto().s3("GET", &format!("/{bucket}"), "list-type=2", b"");
    assert!(String::from_utf8_lossy(&listing).contains("<KeyCount>0</KeyCount>"), "{}", String::from_utf8_lossy(&listing));
}

#[tokio::test]
async fn what_is_not_lakegates_own_is_never_deleted() {
    let place = Place::untold();
    let storage = StoragePlace::open(&place).await;
    let zone = place.zones().stage;
    storage.write(&zone.join("nyc/a.csv"), b"x".to_vec()).await.unwrap();
    for at in [zone.clone(), zone.join("nyc"), zone.join("_lakegate"), Location::new(format!("s3://{}", place.bucket))] {
        assert_eq!(storage.discard(&at).await.unwrap_err().code, FailureCode::InvalidRequest, "{at}");
    }
    assert!(place.read(&zone.join("nyc/a.csv")).await.is_some());
}

#[tokio::test]
async fn objects_are_named_by_their_version_ids_where_there_are_some() {
    let place = Place::untold();
    let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(moto().s3("PUT", &format!("/{}", place.bucket), "versioning", on).0, 200);
    let storage = StoragePlace::open(&place).await;
    let mut versions = BTreeSet::new();
    for _ in 0..2 {
        storage.write(&place.zones().raw.join("a"), b"same".to_vec()).await.unwrap();
        versions.insert(storage.head(Zone::Raw, "a").await.unwrap().unwrap().version);
    }
    assert_eq!(versions.len(), 2, "equal content, other versions");
}

/// In one request, in parts, and by an earlier try.
#[tokio::test]
async fn what_is_moved_where_versions_are_kept_is_told_of_by_its_new_version_id() {
    let place = Place::untold();
    let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(moto().s3("PUT", &format!("/{}", place.bucket), "versioning", on).0, 200);
    let storage = StoragePlace::open(&place).await.copying(6 << 20, 5 << 20);
    let zone = place.zones().analytics;
    let staging = layout::staging(&zone, &ExecutionId::from_text("ex-1"), 1);
    let key = |name: &str| format!("nyc/{name}.parquet");
    let moves: Vec<Promotion> =
        ["small", "large"].iter().map(|name| Promotion { from: staging.join(name), to: zone.join(&key(name)) }).collect();
    storage.write(&moves[0].to, b"older".to_vec()).await.unwrap();
    storage.write(&moves[0].from, b"x".to_vec()).await.unwrap();
    storage.write(&moves[1].from, vec![7; 12_000_000]).await.unwrap();
    let told = storage.promote(moves.clone()).await.unwrap();
    let mut found = Vec::new();
    for name in ["small", "large"] {
        found.push(storage.head(Zone::Analytics, &key(name)).await.unwrap().unwrap().version);
    }
    assert_eq!(told, found);
    assert_eq!(storage.promote(moves).await.unwrap(), found, "as the earlier try has left them");
}
