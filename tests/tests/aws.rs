//! The same lake on AWS: the real command against an emulated account. What it wrote is read by other
//! means than its own.

use lakegate_tests::kit::{cloud::Cloud, data, lake::total, moto::moto};
use serde_json::json;

#[test]
fn bootstrap_makes_what_is_missing_and_nothing_twice() {
    let cloud = Cloud::shop();
    let outcomes = |arguments: &[&str]| -> Vec<String> {
        let answer = cloud.lake.json(arguments);
        answer["steps"].as_array().unwrap().iter().map(|step| step["outcome"].as_str().unwrap().to_owned()).collect()
    };
    let missing = outcomes(&["bootstrap", "--dry-run"]);
    assert!(missing.len() >= 6 && missing.iter().all(|outcome| outcome == "missing"), "{missing:?}");
    assert!(outcomes(&["bootstrap"]).iter().all(|outcome| outcome == "made"));
    assert!(outcomes(&["bootstrap"]).iter().all(|outcome| outcome == "present"));
    assert!(outcomes(&["bootstrap", "--dry-run"]).iter().all(|outcome| outcome == "present"));
    let doctor = cloud.lake.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}\n{}", doctor.stdout, doctor.stderr);
}

#[test]
fn a_lake_that_is_not_there_is_told_of_with_what_to_do() {
    let cloud = Cloud::shop();
    let refused = cloud.lake.run(&["up", "--until-idle"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("lakegate bootstrap"), "{}", refused.stderr);
}

#[test]
fn the_flights_are_the_same_as_on_a_directory() {
    Cloud::emulated().flights_are_the_same_as_on_a_directory();
}

#[test]
fn strange_keys_and_what_is_not_understood_go_their_ways() {
    let cloud = Cloud::shop().bootstrapped();
    let keys = ["a b.csv", "1+1=2.csv", "100%.csv", "größe/ü.csv", "größe/a b.csv"];
    for (n, key) in keys.iter().enumerate() {
        cloud.land(&format!("shop/orders/{key}"), data::orders(n as u64, 3));
    }
    cloud.land("shop/nobody/x.csv", "a\n1\n");
    let queue = moto().call("AmazonSQS.GetQueueUrl", &json!({ "QueueName": format!("{}-events", cloud.bucket) }));
    let url = queue["QueueUrl"].as_str().unwrap();
    moto().call("AmazonSQS.SendMessage", &json!({ "QueueUrl": url, "MessageBody": "what is this?" }));
    let finished = cloud.lake.up_until_idle();
    assert!(finished.code <= 1, "{}", finished.stderr);
    let status = cloud.lake.status();
    assert_eq!((status["unrouted"].as_u64(), total(&status, "failed")), (Some(1), 0), "{status}");
    let rows = cloud.query_table("shop.orders", "SELECT count(*) AS n FROM t");
    assert_eq!(rows, [json!({ "n": 15 })]);
    let (_, listed) = moto().s3("GET", &format!("/{}", cloud.bucket), "list-type=2&prefix=stage/_lakegate/quarantine/", b"");
    let listed = String::from_utf8(listed).unwrap();
    assert_eq!(listed.matches("<Key>").count(), 1, "{listed}");
}

/// The keys in the analytics zone that start so.
fn analytics(cloud: &Cloud, prefix: &str) -> Vec<String> {
    let (_, listed) = moto().s3("GET", &format!("/{}", cloud.bucket), &format!("list-type=2&prefix=analytics/{prefix}"), b"");
    let listed = String::from_utf8(listed).unwrap();
    listed.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
}

#[test]
fn what_glue_would_refuse_is_not_moved_into_the_zone() {
    let cloud = Cloud::shop().bootstrapped();
    let stored = json!({"Columns": [], "Location": "s3://theirs/returns"});
    let database = format!("{}_shop", cloud.bucket.replace('-', "_"));
    let theirs = json!({"DatabaseName": database, "TableInput": {"Name": "returns", "StorageDescriptor": stored}});
    moto().call("AWSGlue.CreateTable", &theirs);
    cloud.land("shop/returns/a.csv", data::orders(1, 3));
    cloud.lake.up_until_idle().expect_code(1);
    let failed = cloud.lake.runs_in("failed");
    assert!(failed[0]["failure"]["message"].as_str().unwrap().contains("s3://theirs/returns"), "{}", failed[0]);
    assert_eq!(analytics(&cloud, "shop/"), [] as [String; 0]);
}

#[test]
fn a_crawler_looks_through_what_was_let_in() {
    for is_there in [true, false] {
        let cloud = Cloud::emulated();
        let name = format!("{} returns", cloud.bucket);
        cloud.lake.pipeline("returns", &data::RETURNS.replace("database: shop, table: returns", &format!("crawler: {name}")));
        let cloud = cloud.bootstrapped();
        if is_there {
            let targets = json!({ "S3Targets": [{ "Path": format!("s3://{}/analytics/shop/returns/load", cloud.bucket) }] });
            moto().call("AWSGlue.CreateCrawler", &json!({ "Name": name, "Role": "r", "DatabaseName": "shop", "Targets": targets }));
        }
        for file in 1..=3 {
            cloud.land(&format!("shop/returns/{file}.csv"), data::orders(file, 3));
        }
        cloud.lake.up_until_idle().expect_code(i32::from(!is_there));
        let there = analytics(&cloud, "shop/");
        assert_eq!(there, ["1", "2", "3"].map(|file| format!("analytics/shop/returns/load/{file}.csv.parquet")), "they are let in before");
        if is_there {
            let crawls = moto().call("AWSGlue.ListCrawls", &json!({ "CrawlerName": name }))["Crawls"].as_array().map_or(0, Vec::len);
            assert!((1..=3).contains(&crawls), "{crawls}");
        } else {
            let failed = cloud.lake.runs_in("failed");
            assert_eq!(failed.len(), 3);
            assert!(failed[0]["failure"]["message"].as_str().unwrap().contains(&format!("no crawler \"{name}\"")), "{}", failed[0]);
        }
    }
}
