//! A queue that misbehaves: refuses, throttles, delivers twice, goes away. The source of events loses
//! nothing, and asks neither too often nor for too much.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use lakegate_aws::{Account, AccountOptions, S3Storage, SqsSource};
use lakegate_coordinator::ports::{EventSource, Message, Promotion, Receipt, Storage};
use lakegate_model::{FailureCode, Location, pipeline::Zone, project::Zones};
use lakegate_tests::kit::scripted::{Reply, Request, serve};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// What the queue's messages are hidden for.
const LEASE: Duration = Duration::from_secs(4);

/// What the queue is asked and does not do: how to answer instead, or `None` to do it.
type Rule = Box<dyn FnMut(&Request) -> Option<Reply> + Send>;

/// A queue that hides nothing by itself: a message is delivered as often as it is put there.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<(String, String)>,
    delivered: u64,
    deleted: BTreeSet<String>,
    requests: Vec<(Instant, Request)>,
    receiving: usize,
    most_receiving: usize,
    latency: Duration,
    /// Handles whose deletion is refused, and how often.
    refused: BTreeMap<String, u32>,
    rule: Option<Rule>,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Queue>>);

impl Fake {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap()
    }

    /// Puts a message there, by its id.
    fn send(&self, id: &str) {
        let object = json!({ "key": format!("raw/{id}"), "size": 1, "eTag": id });
        let record = json!({
            "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-01-31T08:00:00.000Z",
            "s3": { "bucket": { "name": "lake" }, "object": object },
        });
        self.queue().waiting.push_back((id.to_owned(), json!({ "Records": [record] }).to_string()));
    }

    fn rule(&self, rule: impl FnMut(&Request) -> Option<Reply> + Send + 'static) {
        self.queue().rule = Some(Box::new(rule));
    }

    /// The first `count` requests for an action are answered so.
    fn first(&self, action: &'static str, mut count: u32, reply: fn() -> Reply) {
        self.rule(move |request| {
            let is_one = request.action == action && count > 0;
            count -= u32::from(is_one);
            is_one.then(reply)
        });
    }

    fn requests(&self, action: &str) -> Vec<(Instant, Request)> {
        self.queue().requests.iter().filter(|(_, request)| request.action == action).cloned().collect()
    }

    fn answer(&self, request: &Request) -> Reply {
        let ruled = {
            let mut queue = self.queue();
            queue.requests.push((Instant::now(), request.clone()));
            queue.rule.as_mut().and_then(|rule| rule(request))
        };
        ruled.unwrap_or_else(|| match request.action.as_str() {
            "GetQueueUrl" => Reply::Answer(200, json!({ "QueueUrl": "http://sqs/1/events" })),
            "GetQueueAttributes" => {
                let [lease, waiting] = [LEASE.as_secs().to_string(), self.queue().waiting.len().to_string()];
                Reply::Answer(200, json!({ "Attributes": { "VisibilityTimeout": lease, "ApproximateNumberOfMessages": waiting } }))
            }
            "ReceiveMessage" => self.receive(request),
            "DeleteMessageBatch" => self.delete(request),
            "ChangeMessageVisibilityBatch" => Reply::Answer(200, json!({ "Successful": [], "Failed": [] })),
            other => Reply::error(400, &format!("Unexpected{other}")),
        })
    }

    fn receive(&self, request: &Request) -> Reply {
        let latency = {
            let mut queue = self.queue();
            queue.receiving += 1;
            queue.most_receiving = queue.most_receiving.max(queue.receiving);
            queue.latency
        };
        thread::sleep(latency);
        let end = Instant::now() + Duration::from_secs(request.body["WaitTimeSeconds"].as_u64().unwrap());
        while self.queue().waiting.is_empty() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let mut queue = self.queue();
        queue.receiving -= 1;
        let count = queue.waiting.len().min(10);
        let taken: Vec<_> = queue.waiting.drain(..count).collect();
        let messages = taken.into_iter().map(|(id, body)| {
            queue.delivered += 1;
            json!({ "MessageId": id, "ReceiptHandle": format!("{id}#{}", queue.delivered), "Body": body })
        });
        Reply::Answer(200, json!({ "Messages": messages.collect::<Vec<_>>() }))
    }

    fn delete(&self, request: &Request) -> Reply {
        let mut queue = self.queue();
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries(request) {
            let handle = entry["ReceiptHandle"].as_str().unwrap();
            match queue.refused.get_mut(handle).filter(|times| **times > 0) {
                Some(times) => {
                    *times -= 1;
                    failed.push(json!({ "Id": entry["Id"], "SenderFault": false, "Code": "InternalError" }));
                }
                None => {
                    queue.deleted.insert(handle.to_owned());
                    successful.push(json!({ "Id": entry["Id"] }));
                }
            }
        }
        Reply::Answer(200, json!({ "Successful": successful, "Failed": failed }))
    }
}

fn entries(request: &Request) -> &[Value] {
    request.body["Entries"].as_array().unwrap()
}

fn zones() -> Zones {
    let at = |zone: &str| Location::new(format!("s3://lake/{zone}"));
    Zones { raw: at("raw"), stage: at("stage"), analytics: at("analytics") }
}

async fn account(endpoint: String) -> Account {
    let keys = Some(("test".to_owned(), "test".to_owned()));
    Account::load(AccountOptions { region: Some("us-east-1".to_owned()), endpoint: Some(endpoint), keys }).await
}

async fn source(fake: &Fake) -> SqsSource {
    let serving = fake.clone();
    let endpoint = serve(move |request| serving.answer(request));
    SqsSource::open(&account(endpoint).await, zones(), "events").await.unwrap()
}

/// Receives until so many messages have come, whatever failures are told meanwhile.
async fn receive(source: &SqsSource, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    let receiving = async {
        while messages.len() < count {
            messages.extend(source.receive(100).await.unwrap_or_default());
        }
    };
    timeout(Duration::from_secs(60), receiving).await.expect("all come");
    messages
}

fn receipts(messages: &[Message]) -> Vec<Receipt> {
    messages.iter().map(|message| message.receipt.clone()).collect()
}

fn keys(messages: &[Message]) -> BTreeSet<&str> {
    messages.iter().flat_map(|message| &message.events).map(|event| event.object.key.as_str()).collect()
}

async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Only those, and ten at most at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_that_are_refused_are_asked_for_again() {
    let fake = Fake::default();
    (0..25).for_each(|n| fake.send(&n.to_string()));
    let source = source(&fake).await;
    let messages = receive(&source, 25).await;
    fake.queue().refused = (1..=25).step_by(2).map(|n| (format!("{}#{n}", n - 1), 2)).collect();
    source.acknowledge(receipts(&messages)).await.unwrap();
    assert_eq!((fake.queue().deleted.len(), source.arriving()), (25, 0));
    let sizes: Vec<usize> = fake.requests("DeleteMessageBatch").iter().map(|(_, request)| entries(request).len()).collect();
    assert!(sizes.iter().all(|size| *size <= 10), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), 25 + 13 + 13);
}

/// They come again when their leases end: nobody extends them any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_deleted_is_told_and_let_go() {
    let fake = Fake::default();
    fake.send("a");
    let source = source(&fake).await;
    let messages = receive(&source, 1).await;
    fake.queue().refused = [("a#1".to_owned(), u32::MAX)].into();
    let failure = source.acknowledge(receipts(&messages)).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Unavailable);
    assert!(failure.message.contains("InternalError"), "{failure}");
    assert_eq!(source.arriving(), 0);
    sleep(LEASE / 2).await;
    assert!(fake.requests("ChangeMessageVisibilityBatch").is_empty());
    fake.send("a");
    assert_eq!(keys(&receive(&source, 1).await), BTreeSet::from(["a"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_is_waited_out() {
    let fake = Fake::default();
    let source = source(&fake).await;
    fake.first("ReceiveMessage", 9, || Reply::error(400, "RequestThrottled"));
    (0..30).for_each(|n| fake.send(&n.to_string()));
    assert_eq!(keys(&receive(&source, 30).await).len(), 30);
}

/// While receiving, deleting and extending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    let fake = Fake::default();
    let source = source(&fake).await;
    let mut count = 0;
    fake.rule(move |_| {
        count += 1;
        (count % 2 == 1).then_some(Reply::Cut)
    });
    (0..30).for_each(|n| fake.send(&n.to_string()));
    let messages = receive(&source, 30).await;
    assert_eq!(keys(&messages).len(), 30);
    source.acknowledge(receipts(&messages)).await.unwrap();
    assert_eq!(fake.queue().deleted.len(), 30);
}

/// With the newest handle, for which alone it is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_twice_while_it_is_held_is_given_once() {
    let fake = Fake::default();
    fake.send("a");
    let source = source(&fake).await;
    let messages = receive(&source, 1).await;
    fake.send("a");
    fake.send("b");
    let others = receive(&source, 1).await;
    assert_eq!((keys(&others), source.arriving()), (BTreeSet::from(["b"]), 2));
    source.acknowledge(receipts(&messages)).await.unwrap();
    assert_eq!(fake.queue().deleted, BTreeSet::from(["a#2".to_owned()]));
}

/// And the request waits for messages, as long as it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_queue_is_asked_once() {
    let fake = Fake::default();
    fake.send("a");
    let source = source(&fake).await;
    source.acknowledge(receipts(&receive(&source, 1).await)).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    let actions: Vec<String> = fake.queue().requests.iter().map(|(_, request)| request.action.clone()).collect();
    let expected = ["GetQueueUrl", "GetQueueAttributes", "ReceiveMessage", "DeleteMessageBatch", "ReceiveMessage"];
    assert_eq!(BTreeSet::from_iter(&actions), BTreeSet::from_iter(&expected.map(str::to_owned)));
    assert_eq!(actions.len(), expected.len(), "{actions:?}");
    for (_, request) in fake.requests("ReceiveMessage") {
        assert_eq!((&request.body["WaitTimeSeconds"], &request.body["MaxNumberOfMessages"]), (&json!(20), &json!(10)));
        assert_eq!(request.body["VisibilityTimeout"], json!(LEASE.as_secs()));
    }
}

/// Then one request waits again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_queue_is_asked_by_several_at_a_time() {
    let fake = Fake::default();
    fake.queue().latency = Duration::from_millis(100);
    (0..400).for_each(|n| fake.send(&n.to_string()));
    let source = source(&fake).await;
    let start = Instant::now();
    assert_eq!(keys(&receive(&source, 400).await).len(), 400);
    assert!(start.elapsed() < Duration::from_secs(3), "one at a time takes four seconds: {:?}", start.elapsed());
    let most = fake.queue().most_receiving;
    assert!((3..=8).contains(&most), "{most} at a time");
    eventually("one is left", || fake.queue().receiving == 1).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(fake.queue().receiving, 1);
}

/// However much waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_receives_is_not_asked_for() {
    let fake = Fake::default();
    (0..3_000).for_each(|n| fake.send(&n.to_string()));
    let source = source(&fake).await;
    eventually("the source is full", || fake.queue().delivered >= 1_000).await;
    sleep(Duration::from_millis(300)).await;
    let delivered = fake.queue().delivered;
    assert!(delivered < 1_100, "{delivered} delivered");
    assert!(source.arriving() >= 2_900, "what waits in the queue is under way: {}", source.arriving());
    assert_eq!(keys(&receive(&source, 3_000).await).len(), 3_000);
}

/// Though some of the requests fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_extended_before_half_has_passed() {
    let fake = Fake::default();
    (0..12).for_each(|n| fake.send(&n.to_string()));
    let source = source(&fake).await;
    let messages = receive(&source, 12).await;
    fake.first("ChangeMessageVisibilityBatch", 4, || Reply::error(500, "InternalFailure"));
    let start = Instant::now();
    sleep(LEASE * 2).await;
    let mut last: BTreeMap<String, Instant> = BTreeMap::new();
    let requests = fake.requests("ChangeMessageVisibilityBatch");
    assert!(requests.len() < 40, "{} requests", requests.len());
    for (at, request) in &requests[4..] {
        for entry in entries(request) {
            assert_eq!(entry["VisibilityTimeout"], json!(LEASE.as_secs()));
            let before = last.insert(entry["ReceiptHandle"].to_string(), *at).unwrap_or(start);
            assert!(*at - before < LEASE * 2 / 3, "{:?} without", *at - before);
        }
    }
    assert_eq!(last.len(), 12, "all of them");
    source.acknowledge(receipts(&messages)).await.unwrap();
}

/// S3 answers HEAD without a body: only the status says what is wrong.
#[tokio::test]
async fn a_head_that_is_forbidden_says_which_permissions_are_missing() {
    let endpoint = serve(|request| Reply::Answer(if request.path.contains("gone") { 404 } else { 403 }, Value::Null));
    let storage = S3Storage::new(&account(endpoint).await, zones());
    assert_eq!(storage.head(Zone::Raw, "gone").await.unwrap(), None);
    let failure = storage.head(Zone::Raw, "a.csv").await.unwrap_err();
    assert_eq!(failure.code, FailureCode::PermissionDenied);
    assert!(failure.message.contains("s3://lake/raw/a.csv") && failure.hint.contains("s3:ListBucket"), "{failure}");
    let promotion = Promotion { from: zones().stage.join("_lakegate/a"), to: zones().stage.join("a") };
    assert_eq!(storage.promote(vec![promotion]).await.unwrap_err().code, FailureCode::PermissionDenied);
}
