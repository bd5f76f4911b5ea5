//! Queues of SQS between stages: Lakegate hands objects on by them, and so may anybody else.

use std::{thread, time::Duration};

use lakegate_aws::{Account, AccountOptions, AwsMessenger};
use lakegate_coordinator::ports::{Messenger as _, Outgoing};
use lakegate_model::{TraceContext, destination::Destination};
use lakegate_tests::kit::{
    Cloud, data, eventually,
    lake::total,
    moto::{REGION, moto, unique},
};
use serde_json::{Value, json};

/// How long work may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The shop's orders, whose second stage, by this name, takes from a queue.
fn pipeline(cloud: &Cloud, stage: &str, fifo: &str) {
    let queued = format!("  - name: {stage}\n    queue: sqs://{}-gather{fifo}\n", cloud.bucket);
    let pipeline = data::ORDERS.replace("  - name: gather\n", &queued);
    assert_ne!(pipeline, data::ORDERS);
    cloud.lake.pipeline("orders", &pipeline);
}

/// A lake with that pipeline, and all that it needs.
fn queued(fifo: &str) -> Cloud {
    let cloud = Cloud::emulated();
    pipeline(&cloud, "gather", fifo);
    cloud.bootstrapped()
}

/// Waits until the table has so many rows.
fn published(cloud: &Cloud, rows: u64) {
    eventually(PATIENCE, "the rows in the table", || {
        let listed = cloud.lake.list(&["table", "list"]);
        (listed.first()?["rows"] == rows).then_some(())
    });
}

/// Puts what the first stage has made of `shop/orders/1.csv` into the stage zone once more, as another program would.
fn copy_made(cloud: &Cloud, key: &str) {
    let made = moto().get_object(&cloud.bucket, "stage/shop/orders/clean/1.csv.parquet").expect("the first stage has written it");
    moto().put_object(&cloud.bucket, key, &made);
}

/// Sends messages to the queue, as another program would.
fn send(cloud: &Cloud, bodies: &[Value]) {
    let queue = moto().call("AmazonSQS.GetQueueUrl", &json!({ "QueueName": format!("{}-gather", cloud.bucket) }));
    for body in bodies {
        moto().call("AmazonSQS.SendMessage", &json!({ "QueueUrl": queue["QueueUrl"], "MessageBody": body.to_string() }));
    }
}

fn rows(cloud: &Cloud) -> Value {
    cloud.query_table("shop.orders", "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t").remove(0)
}

#[test]
fn objects_go_from_stage_to_stage_by_a_queue() {
    for fifo in ["", ".fifo"] {
        let cloud = queued(fifo);
        for file in 0..20 {
            cloud.land(&format!("shop/orders/{file:03}.csv"), data::orders(file, 10));
        }
        cloud.lake.up_until_idle().expect_code(0);
        assert_eq!(rows(&cloud), json!({ "n": 200, "ids": 200 }), "with a queue `…-gather{fifo}`");
        assert_eq!(cloud.messages_in(&format!("gather{fifo}")), 0);
        assert_eq!(cloud.messages_in(&format!("gather-dead-letters{fifo}")), 0);
    }
}

#[test]
fn others_hand_objects_to_a_stage_and_what_is_none_is_set_aside() {
    let cloud = queued("");
    // One session: a long poll of one that has ended may take a message with it.
    let _process = cloud.lake.start_up();
    cloud.land("shop/orders/1.csv", data::orders(1, 10));
    published(&cloud, 10);
    copy_made(&cloud, "stage/elsewhere/größer + 1.parquet");
    let bodies = [
        json!({ "bucket": cloud.bucket, "key": "stage/elsewhere/größer + 1.parquet", "note": "mine" }),
        json!({ "bucket": cloud.bucket, "key": "stage/elsewhere/not there.parquet" }),
        json!("what is this?"),
    ];
    send(&cloud, &bodies);
    published(&cloud, 20);
    assert_eq!(rows(&cloud), json!({ "n": 20, "ids": 10 }), "its rows are there once more");
    let status = cloud.lake.wait_until("the object that is not there", |status| status["unrouted"] == 1);
    assert_eq!(total(&status, "failed"), 0, "{status}");
    eventually(PATIENCE, "an empty queue", || (cloud.messages_in("gather") == 0).then_some(()));
    let (_, listed) = moto().s3("GET", &format!("/{}", cloud.bucket), "list-type=2&prefix=stage/_lakegate/quarantine/", b"");
    assert_eq!(String::from_utf8(listed).unwrap().matches("<Key>").count(), 1);
}

/// Events that were set aside, by their ids.
fn events(cloud: &Cloud) -> Vec<Value> {
    cloud.lake.list(&["quarantine", "list", "--kind", "event"])
}

#[test]
fn an_event_that_was_not_understood_is_listed_shown_and_sent_through_intake_again_once_it_can_be() {
    let cloud = queued("");
    let up = cloud.lake.start_up();
    cloud.land("shop/orders/1.csv", data::orders(1, 10));
    published(&cloud, 10);
    copy_made(&cloud, "stage/elsewhere/1.parquet");
    // One names a stage that there is not yet; the other is nothing.
    let early = json!({ "bucket": cloud.bucket, "key": "stage/elsewhere/1.parquet", "pipeline_stage": "collect" });
    send(&cloud, &[early.clone(), json!("what is this?")]);
    let listed = eventually(PATIENCE, "both are set aside", || Some(events(&cloud)).filter(|listed| listed.len() == 2));
    assert!(listed.iter().all(|item| item["kind"] == "event" && item["stage"].is_null() && item["body"].is_null()), "{listed:#?}");
    let is_early = |item: &&Value| item["reason"]["message"].as_str().unwrap().contains("take nothing from this queue");
    let id = listed.iter().find(is_early).unwrap_or_else(|| panic!("{listed:#?}"))["id"].as_str().unwrap().to_owned();
    let shown = cloud.lake.json(&["quarantine", "show", &id]);
    assert_eq!(serde_json::from_str::<Value>(shown["body"].as_str().unwrap()).unwrap(), early, "{shown:#}");
    let text = cloud.lake.run(&["quarantine", "show", &id[..12]]).expect_code(0).stdout;
    assert!(text.contains("elsewhere/1.parquet") && text.contains("take nothing from this queue"), "{text}");
    assert_eq!(cloud.lake.list(&["quarantine", "list", "shop/orders"]), [] as [Value; 0], "they are no dataset's");

    let release = |arguments: &[&str]| -> Vec<Value> {
        let told = cloud.lake.run(&[&["quarantine", "release", "-o", "json"], arguments].concat());
        serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"))
    };
    let released = release(&["--all", "--kind", "event"]);
    assert!(released.len() == 2 && released.iter().all(|one| one["refused"].is_object() && one["new"] == false), "{released:#?}");
    drop(up);

    pipeline(&cloud, "collect", "");
    let _up = cloud.lake.start_up();
    let would = release(&["--all", "--kind", "event", "--dry-run"]);
    assert_eq!(would.iter().filter(|one| one["new"] == true).count(), 1, "{would:#?}");
    let released = release(&["--all", "--kind", "event"]);
    let new: Vec<&str> = released.iter().filter(|one| one["new"] == true).map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(new, [id.as_str()], "{released:#?}");
    published(&cloud, 20);
    assert_eq!(rows(&cloud), json!({ "n": 20, "ids": 10 }), "its rows are there once more");
    let again = release(&[&id]);
    assert_eq!((again[0]["new"].as_bool(), again[0]["refused"].is_null()), (Some(false), true), "{again:#?}");
    let left = release(&["--all", "--kind", "event"]);
    assert_eq!(left.len(), 1, "what is still not understood stays: {left:#?}");
    assert_ne!(left[0]["id"], id.as_str());
}

#[test]
fn whatever_is_killed_every_object_arrives_once() {
    let cloud = queued("");
    for file in 0..60 {
        cloud.land(&format!("shop/orders/{file:03}.csv"), data::orders(file, 10));
    }
    for pause in [900, 1_500, 2_300] {
        let mut process = cloud.lake.start_up();
        thread::sleep(Duration::from_millis(pause));
        process.kill();
    }
    let _process = cloud.lake.start_up();
    eventually(PATIENCE, "all rows", || {
        let status = cloud.lake.status();
        assert_eq!(total(&status, "failed"), 0, "{status}");
        let listed = cloud.lake.list(&["table", "list"]);
        (listed.first()?["rows"] == 600 && status["idle"] == true).then_some(())
    });
    assert_eq!(rows(&cloud), json!({ "n": 600, "ids": 600 }));
}

#[tokio::test]
async fn a_message_says_what_it_is_and_which_trace_it_belongs_to() {
    let name = unique("stage");
    let url = moto().call("AmazonSQS.CreateQueue", &json!({ "QueueName": name }))["QueueUrl"].clone();
    let keys = Some(("test".to_owned(), "test".to_owned()));
    let options = AccountOptions { region: Some(REGION.to_owned()), endpoint: Some(moto().endpoint()), keys };
    let account = Account::load(options).await;
    let messenger = AwsMessenger::new(&account);
    let to = Destination::Queue(name);
    let trace = TraceContext { trace_id: [1; 16], span_id: [2; 8] };
    let message = |number: usize| Outgoing {
        id: format!("e.1.{number}"),
        to: to.clone(),
        kind: "object".into(),
        group: "shop/orders".into(),
        body: json!({ "number": number }).to_string(),
        trace,
    };
    let messages: Vec<Outgoing> = (0..23).map(message).collect();
    let answers = messenger.send(&to, &messages).await;
    assert!(answers.len() == 23 && answers.iter().all(Result::is_ok), "{answers:?}");
    let mut numbers = Vec::new();
    while numbers.len() < 23 {
        let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
        let received = moto().call("AmazonSQS.ReceiveMessage", &asked);
        let received = received["Messages"].as_array().expect("there are more");
        for message in received {
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            numbers.push(body["number"].as_u64().unwrap());
            assert_eq!(message["MessageAttributes"]["traceparent"]["StringValue"], trace.to_string());
            assert_eq!(message["MessageAttributes"]["kind"]["StringValue"], "object");
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..23).collect::<Vec<_>>());
    let nobody = Destination::Queue("there-is-no-such-queue".into());
    let refused = messenger.send(&nobody, &messages[..2]).await;
    assert!(refused.len() == 2 && refused.iter().all(Result::is_err), "{refused:?}");
}
