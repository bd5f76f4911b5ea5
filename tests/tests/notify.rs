//! Telling others how runs end: by webhook, SNS and EventBridge, at least once, whatever happens meanwhile.

use std::{collections::BTreeSet, process::Command, time::Duration};

use lakegate_aws::{Account, AccountOptions, AwsMessenger};
use lakegate_coordinator::ports::{Messenger as _, Outgoing};
use lakegate_model::{Retry, TraceContext, destination::Destination};
use lakegate_tests::kit::{
    Lake,
    cloud::Cloud,
    data, eventually,
    hook::{Hook, Posted},
    lake::{free_address, total},
    moto::{REGION, moto},
    scripted,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
/// A file that no CSV reader takes.
const BROKEN: &[u8] = b"PK\x03\x04\x00\x00\xff\xfe\x00";

/// Each object by itself, and whom it tells of what.
fn pipeline(notify: &str) -> String {
    format!(
        "team: shop\ndataset: orders\nstages:\n  - name: clean\n    trigger: object\n    steps:\n      - transform: {{ sql: \"SELECT id, \
         qty FROM input\" }}\n{notify}    output: {{ zone: stage, format: parquet }}\n"
    )
}

fn step(on: &str, to: &str) -> String {
    format!("      - notify: {{ on: {on}, to: '{to}' }}\n")
}

fn header<'a>(posted: &'a Posted, name: &str) -> &'a str {
    posted.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", posted.headers))
}

/// HMAC-SHA256 by Python's own library.
fn signature(secret: &str, text: &str) -> String {
    let code = "import hmac,sys; print(hmac.new(sys.argv[1].encode(), sys.argv[2].encode(), 'sha256').hexdigest())";
    let output = Command::new("python3").args(["-c", code, secret, text]).output().expect("Python can be run");
    String::from_utf8(output.stdout).expect("digits").trim().to_owned()
}

#[test]
fn a_webhook_is_told_of_every_end_though_it_fails_at_first() {
    let hook = Hook::listen(([127, 0, 0, 1], 0).into(), |n| [503, 429, 307].get(n).copied().unwrap_or(200));
    let mut lake = Lake::new();
    lake.set_env("LAKEGATE_WEBHOOK_SECRET", "a secret");
    lake.pipeline("orders", &pipeline(&step("[success, dead_letter]", &hook.url("/told?by=stage"))));
    lake.land("shop/orders/good.csv", data::orders(1, 5)).land("shop/orders/bad.csv.gz", BROKEN);
    let _up = lake.start_up();
    let taken = eventually(PATIENCE, "both ends to be told", || Some(hook.taken()).filter(|taken| taken.len() >= 2));
    assert!(hook.posted().len() >= 5, "it failed three times");

    let told: Vec<Value> = taken.iter().map(Posted::json).collect();
    let of = |event: &str| told.iter().find(|told| told["event"] == event).unwrap_or_else(|| panic!("no {event} in {told:?}"));
    let (good, bad) = (of("success"), of("dead_letter"));
    let said = |told: &Value, names: &[&str]| names.iter().map(|name| told[*name].clone()).collect::<Vec<_>>();
    assert_eq!(
        said(good, &["schema", "team", "dataset", "stage", "outcome", "object", "objects", "attempt", "rows_in", "rows_out"]),
        [
            json!("lakegate.notification/1"),
            json!("shop"),
            json!("orders"),
            json!("clean"),
            json!("succeeded"),
            json!("shop/orders/good.csv"),
            json!(1),
            json!(1),
            json!(5),
            json!(5)
        ]
    );
    assert_eq!((bad["outcome"].as_str(), bad["reason"]["code"].as_str()), (Some("failed"), Some("unreadable_data")), "{bad}");
    let run = lake.json(&["run", "get", good["run"].as_str().unwrap()]);
    assert_eq!((&run["state"], &run["trace_id"]), (&json!("succeeded"), &good["trace_id"]));

    for posted in hook.posted() {
        let id = posted.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(header(&posted, "idempotency-key"), id);
        assert_eq!((header(&posted, "content-type"), posted.path.as_str()), ("application/json", "/told?by=stage"));
        assert_eq!(posted.json()["event"], header(&posted, "x-lakegate-event"));
        let signed = format!("{}.{}", header(&posted, "x-lakegate-timestamp"), posted.text);
        assert_eq!(header(&posted, "x-lakegate-signature"), format!("v1={}", signature("a secret", &signed)));
    }
    let ids: BTreeSet<String> = hook.posted().iter().map(|posted| header(posted, "idempotency-key").to_owned()).collect();
    assert_eq!(ids.len(), 2, "what is posted again has the same key");
}

#[test]
fn what_was_not_told_when_the_coordinator_was_killed_is_told_later() {
    let address = free_address();
    let lake = Lake::new();
    lake.file(
        "lakegate.yaml",
        &format!("teams: {{ shop: {{ notify: [ {{ on: success, to: 'http://{address}/' }} ] }}, other: {{ notify: [] }} }}\n"),
    );
    lake.pipeline("orders", &pipeline(""));
    for file in 0..3 {
        lake.land(&format!("shop/orders/{file}.csv"), data::orders(file, 5));
    }
    let mut up = lake.start_up();
    lake.wait_until("all to be done", |status| total(status, "succeeded") == 3);
    up.kill();
    let hook = Hook::listen(address, |_| 200);
    let _up = lake.start_up();
    let told = || hook.taken().iter().map(|posted| posted.json()["object"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    eventually(PATIENCE, "all ends to be told", || Some(told()).filter(|told| told.len() == 3));
}

#[test]
fn a_message_that_is_refused_for_good_keeps_no_others() {
    let hook = Hook::listen(([127, 0, 0, 1], 0).into(), |n| if n == 0 { 422 } else { 200 });
    let lake = Lake::new();
    lake.pipeline("orders", &pipeline(&step("success", &hook.url("/"))));
    let _up = lake.start_up();
    lake.land("shop/orders/1.csv", data::orders(1, 5));
    eventually(PATIENCE, "the first to be refused", || (hook.posted().len() == 1).then_some(()));
    lake.land("shop/orders/2.csv", data::orders(2, 5));
    eventually(PATIENCE, "the second to be taken", || (hook.taken().len() == 1).then_some(()));
    assert_eq!(hook.posted().len(), 2, "the first is not sent again");
    assert_eq!(hook.taken()[0].json()["object"], "shop/orders/2.csv");
}

/// A queue in the emulated account: its URL and its ARN.
fn queue(name: &str) -> (String, String) {
    let url = moto().call("AmazonSQS.CreateQueue", &json!({ "QueueName": name }))["QueueUrl"].as_str().unwrap().to_owned();
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
    let arn = moto().call("AmazonSQS.GetQueueAttributes", &asked)["Attributes"]["QueueArn"].as_str().unwrap().to_owned();
    (url, arn)
}

/// What is in a queue now; it is taken out.
fn bodies(url: &str) -> Vec<Value> {
    let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
    let messages = moto().call("AmazonSQS.ReceiveMessage", &asked);
    let messages = messages["Messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn topics_and_buses_are_made_and_told() {
    let mut cloud = Cloud::emulated();
    let (topic, bus) = (format!("{}-alerts", cloud.bucket), format!("{}-bus", cloud.bucket));
    let settings = std::fs::read_to_string(cloud.lake.dir().join("lakegate.yaml")).unwrap();
    let teams = format!("teams: {{ shop: {{ notify: [ {{ on: [success, failure], to: 'eventbridge://{bus}' }} ] }} }}\n");
    cloud.lake.file("lakegate.yaml", &(settings + &teams));
    cloud.lake.pipeline("orders", &pipeline(&step("failure", &format!("sns://{topic}"))));
    let steps = cloud.lake.json(&["bootstrap", "--dry-run"]);
    let outcome = |steps: &Value, kind: &str| {
        let steps = steps["steps"].as_array().unwrap();
        steps.iter().find(|step| step["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!((outcome(&steps, "topic"), outcome(&steps, "bus")), ("missing".to_owned(), "missing".to_owned()));
    cloud = cloud.bootstrapped();
    let again = cloud.lake.json(&["bootstrap", "--policies"]);
    assert_eq!((outcome(&again, "topic"), outcome(&again, "bus")), ("present".to_owned(), "present".to_owned()));
    let policy = again["policies"]["coordinator"].to_string();
    assert!(policy.contains(&format!("arn:aws:sns:*:*:{topic}")) && policy.contains("events:PutEvents"), "{policy}");
    assert!(!again["policies"]["worker"].to_string().contains("sns:Publish"));

    let (by_topic, by_topic_arn) = queue(&format!("{}-by-topic", cloud.bucket));
    let (by_bus, by_bus_arn) = queue(&format!("{}-by-bus", cloud.bucket));
    let filter = json!({ "event": ["dead_letter"] }).to_string();
    moto().subscribe(&topic, &by_topic_arn, &filter);
    let pattern = json!({ "source": ["lakegate"], "detail": { "team": ["shop"] } }).to_string();
    moto().call("AWSEvents.PutRule", &json!({ "Name": "told", "EventBusName": bus, "EventPattern": pattern }));
    let target = json!({ "Rule": "told", "EventBusName": bus, "Targets": [{ "Id": "1", "Arn": by_bus_arn }] });
    moto().call("AWSEvents.PutTargets", &target);

    cloud.land("shop/orders/good.csv", data::orders(1, 5)).land("shop/orders/bad.csv.gz", BROKEN);
    let _up = cloud.lake.start_up();
    let (mut topics, mut events) = (Vec::new(), Vec::new());
    eventually(PATIENCE, "all to be told", || {
        topics.extend(bodies(&by_topic));
        events.extend(bodies(&by_bus));
        (!topics.is_empty() && events.len() >= 2).then_some(())
    });
    let told: Value = serde_json::from_str(topics[0]["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&told["event"], &told["object"]), (&json!("dead_letter"), &json!("shop/orders/bad.csv.gz")), "{told}");
    assert_eq!(topics[0]["MessageAttributes"]["dataset"]["Value"], "orders", "{}", topics[0]);
    let seen: BTreeSet<&str> = events.iter().map(|event| event["detail"]["event"].as_str().unwrap()).collect();
    assert_eq!(seen, BTreeSet::from(["dead_letter", "success"]));
    assert!(events.iter().all(|event| event["detail-type"] == "Lakegate Run Ended" && event["source"] == "lakegate"), "{events:?}");
}

#[tokio::test]
async fn of_several_events_only_those_that_were_refused_are_sent_again() {
    let endpoint = scripted::serve(|request| {
        let details: Vec<String> = request.body["Entries"].as_array().unwrap().iter().map(|entry| entry["Detail"].to_string()).collect();
        let entry = |detail: &String| {
            if detail.contains("busy") {
                json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" })
            } else if detail.contains("wrong") {
                json!({ "ErrorCode": "MalformedDetail" })
            } else {
                json!({ "EventId": "e" })
            }
        };
        let entries: Vec<Value> = details.iter().map(entry).collect();
        let failed = entries.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
        scripted::Reply::Answer(200, json!({ "FailedEntryCount": failed, "Entries": entries }))
    });
    let keys = Some(("test".to_owned(), "test".to_owned()));
    let account = Account::load(AccountOptions { region: Some(REGION.to_owned()), endpoint: Some(endpoint), keys }).await;
    let to: Destination = "eventbridge://bus".parse().unwrap();
    let message = |body: &str| Outgoing {
        id: body.to_owned(),
        to: to.clone(),
        kind: "success".into(),
        group: "shop/orders".into(),
        body: json!({ "is": body }).to_string(),
        trace: TraceContext::NONE,
    };
    let messages: Vec<Outgoing> = (0..12).map(|n| message(["fine", "busy", "wrong"].get(n).unwrap_or(&"fine"))).collect();
    let answers = AwsMessenger::new(&account).send(&to, &messages).await;
    let retries: Vec<Option<Retry>> = answers.iter().map(|answer| answer.as_ref().err().map(|failure| failure.retry())).collect();
    assert_eq!(retries.len(), 12);
    assert_eq!(retries[..3], [None, Some(Retry::Backoff), Some(Retry::Never)]);
    assert!(retries[3..].iter().all(Option::is_none));
}
