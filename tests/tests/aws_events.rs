//! What S3 may tell, told in every way that it may: many records in one message, twice, in any order,
//! with one among them that nobody takes.

use lakegate_tests::kit::{Cloud, data, lake::total, moto::moto};
use serde_json::{Value, json};

/// What the raw zone holds: key below the bucket, etag, size.
fn listed(cloud: &Cloud) -> Vec<(String, String, u64)> {
    let (_, body) = moto().s3("GET", &format!("/{}", cloud.bucket), "list-type=2&prefix=raw/", b"");
    let text = String::from_utf8(body).unwrap();
    let part = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
        rest.split_once(&format!("</{name}>")).unwrap().0.replace("&quot;", "").replace('"', "").replace("&amp;", "&")
    };
    let object = |text: &str| (part(text, "Key"), part(text, "ETag"), part(text, "Size").parse().unwrap());
    text.split("<Contents>").skip(1).map(object).collect()
}

/// A record of S3's notification, its key encoded as S3 encodes it.
fn record(cloud: &Cloud, (key, etag, size): &(String, String, u64), sequencer: usize) -> Value {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.*".contains(&byte);
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let key: String = key.bytes().map(encode).collect();
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": { "s3SchemaVersion": "1.0", "bucket": { "name": cloud.bucket, "arn": format!("arn:aws:s3:::{}", cloud.bucket) },
            "object": { "key": key, "size": size, "eTag": etag, "sequencer": format!("{sequencer:016X}") } }
    })
}

fn queue_url(cloud: &Cloud) -> Value {
    moto().call("AmazonSQS.GetQueueUrl", &json!({ "QueueName": cloud.queue() }))["QueueUrl"].clone()
}

fn tell(url: &Value, records: &[Value]) {
    moto().call("AmazonSQS.SendMessage", &json!({ "QueueUrl": url, "MessageBody": json!({ "Records": records }).to_string() }));
}

#[test]
fn of_ten_records_in_one_message_nine_are_taken_once_however_often_they_are_told() {
    let cloud = Cloud::shop().bootstrapped();
    let keys = ["1.csv", "a b.csv", "a+b.csv", "100% sure.csv", "größe/ü.csv", "x/1.csv", "y/1.csv", "日本.csv", "q?=&;.csv"];
    for (number, key) in keys.iter().enumerate() {
        cloud.land(&format!("shop/orders/{key}"), data::orders(number as u64, 10));
    }
    cloud.land("shop/nobody/1.csv", "a\n1\n");
    let url = queue_url(&cloud);
    // What moto has told by itself is not what is tested here.
    moto().call("AmazonSQS.PurgeQueue", &json!({ "QueueUrl": url }));
    let objects = listed(&cloud);
    assert_eq!(objects.len(), 10);
    let mut records: Vec<Value> = objects.iter().enumerate().map(|(number, object)| record(&cloud, object, number)).collect();
    tell(&url, &records);
    tell(&url, &records);
    records.reverse();
    tell(&url, &records);
    records.iter().for_each(|record| tell(&url, std::slice::from_ref(record)));
    cloud.lake.up_until_idle();
    let status = cloud.lake.status();
    assert_eq!((status["unrouted"].as_u64(), total(&status, "failed"), total(&status, "quarantined")), (Some(1), 0, 0), "{status}");
    let rows = cloud.query_table("shop.orders", "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t");
    assert_eq!(rows, [json!({ "n": 90, "ids": 90 })]);
    assert_eq!((cloud.messages_in("events"), cloud.messages_in("events-dead-letters")), (0, 0));
}

#[test]
fn of_two_versions_of_a_key_the_one_that_is_there_is_published_whatever_the_order() {
    for is_reversed in [false, true] {
        let cloud = Cloud::shop().bootstrapped();
        cloud.land("shop/returns/1.csv", data::orders(1, 3));
        let older = listed(&cloud).remove(0);
        cloud.land("shop/returns/1.csv", data::orders(2, 7));
        let newer = listed(&cloud).remove(0);
        assert_ne!(older.2, newer.2);
        let url = queue_url(&cloud);
        moto().call("AmazonSQS.PurgeQueue", &json!({ "QueueUrl": url }));
        let mut records = [record(&cloud, &older, 1), record(&cloud, &newer, 2)];
        if is_reversed {
            records.reverse();
        }
        records.iter().for_each(|record| tell(&url, std::slice::from_ref(record)));
        cloud.lake.up_until_idle();
        let mut states: Vec<String> =
            cloud.lake.list(&["run", "list"]).iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect();
        states.sort_unstable();
        assert_eq!(states, ["succeeded", "superseded"]);
        let rows = cloud.query_table("shop.returns", "SELECT count(*) AS n, min(id) // 1000000 AS file FROM t");
        assert_eq!(rows, [json!({ "n": 7, "file": 2 })]);
    }
}
