//! Publishes to one table in Glue that come between each other, or end half-way, all end in its versions.
//! Against an emulated AWS.

use lakegate_aws::GlueCatalog;
use lakegate_coordinator::ports::TableCatalog as _;
use lakegate_tests::{
    contract::catalog::CatalogPlace as _,
    kit::{gate::Gate, moto::moto},
    place::glue::{GluePlace as Place, said},
};
use serde_json::json;

#[tokio::test]
async fn a_publish_that_ended_after_it_was_recorded_is_finished() {
    for next in ["ex-2", "ex-3"] {
        let place = Place::default();
        place.open().await.publish(place.change("ex-1", &[(Some("2013"), Some("UA"))])).await.unwrap();
        // What a coordinator leaves behind that is killed between the record and Glue.
        let files = place.change("ex-2", &[(Some("2013"), Some("UA")), (Some("2014"), Some("AA"))]).files;
        let mut record = place.record(1).unwrap();
        record["version"] = json!(2);
        record["execution"] = json!("ex-2");
        record["since"] = json!(1);
        record["files"] = serde_json::to_value(files).unwrap();
        place.put_record(&record);

        let table = place.open().await.publish(place.change(next, &[])).await.unwrap();
        let version = if next == "ex-2" { "2" } else { "3" };
        assert_eq!(table.version.to_string(), version);
        assert_eq!(said(&place.entry(), ["lakegate.version", "lakegate.execution", "numRows"]), [version, next, "31"]);
        let partitions = place.partitions();
        assert_eq!(said(&partitions["2013/UA"], ["numRows"]), ["20"]);
        assert_eq!(said(&partitions["2014/AA"], ["numRows"]), ["11"]);
    }
}

/// Four at a time, again and again: whoever comes last to Glue must leave the newest version there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_at_the_same_time_are_all_in_glue() {
    let place = Place::default();
    let (a, b, c, d) = tokio::join!(place.open(), place.open(), place.open(), place.open());
    for round in 1..=10 {
        let publish = async |catalog: &GlueCatalog, n: u32| {
            let change = place.change(&format!("ex-{round}-{n}"), &[(Some("2013"), Some("UA")), (Some("2014"), None)]);
            catalog.publish(change).await.unwrap();
        };
        tokio::join!(publish(&a, 1), publish(&b, 2), publish(&c, 3), publish(&d, 4));
        let entry = place.entry();
        let (version, both) = (round * 4, round * 8);
        assert_eq!(said(&entry, ["lakegate.version", "numFiles"]), [version.to_string(), both.to_string()]);
        for partition in place.partitions().values() {
            assert_eq!(said(partition, ["numFiles"]), [version.to_string()], "round {round}");
        }
    }
}

/// Held back at any of its requests to Glue, it writes what is old by then, and must notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_publish_leaves_nothing_old_in_glue() {
    for request in ["BatchUpdatePartition", "BatchCreatePartition", "UpdateTable"] {
        let place = Place::default();
        let quick = place.open().await;
        quick.publish(place.change("ex-1", &[(Some("2013"), Some("UA"))])).await.unwrap();
        let gate = Gate::before(&moto().endpoint(), &format!("AWSGlue.{request}"));
        let slow = place.open_at(gate.endpoint()).await;
        let both = [(Some("2013"), Some("UA")), (Some("2014"), Some("UA"))];
        let change = place.change("ex-2", &both);
        let publish = tokio::spawn(async move { slow.publish(change).await });
        gate.holds();
        quick.publish(place.change("ex-3", &both)).await.unwrap();
        gate.open();
        assert_eq!(publish.await.unwrap().unwrap().version, 2);
        assert_eq!(said(&place.entry(), ["lakegate.version", "lakegate.execution", "numFiles"]), ["3", "ex-3", "5"], "{request}");
        let files: Vec<_> = place.partitions().values().map(|partition| said(partition, ["numFiles"])).collect();
        assert_eq!(files, [["3"], ["2"]], "{request}");
    }
}

/// Both would make version 2. One of them is held back just before it writes down that it has, and is
/// overtaken: it must find that there is a version 2 now, and make version 3 on top of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_would_make_the_same_version_the_second_makes_the_next() {
    for slow_is_first in [false, true] {
        let place = Place::default();
        let quick = place.open().await;
        let mut versions = 1;
        if !slow_is_first {
            quick.publish(place.change("ex-1", &[(Some("2013"), Some("UA"))])).await.unwrap();
            versions = 2;
        }
        let record = format!("PUT /{}/lake/analytics/_lakegate/tables/nyc/flights/v{versions:08}.json", place.bucket);
        let gate = Gate::before(&moto().endpoint(), &record);
        let slow = place.open_at(gate.endpoint()).await;
        let change = place.change("ex-slow", &[(Some("2014"), Some("UA"))]);
        let publish = tokio::spawn(async move { slow.publish(change).await });
        gate.holds();
        let overtaking = quick.publish(place.change("ex-quick", &[(Some("2015"), Some("UA"))])).await.unwrap();
        gate.open();
        let last = publish.await.unwrap().unwrap();
        assert_eq!((overtaking.version, last.version), (versions, versions + 1));
        let made_by = |version| place.record(version).map(|record| record["execution"].clone());
        assert_eq!(
            [made_by(versions), made_by(versions + 1), made_by(versions + 2)],
            [Some(json!("ex-quick")), Some(json!("ex-slow")), None]
        );
        let executions: Vec<&str> = last.files.iter().map(|file| file.execution.as_str()).collect();
        assert_eq!(executions[executions.len() - 2..], ["ex-quick", "ex-slow"], "its files are beside the other's");
        assert_eq!(quick.table(&last.id).await.unwrap(), Some(last.clone()));
        assert_eq!(said(&place.entry(), ["lakegate.version", "numFiles"]), [last.version.to_string(), last.files.len().to_string()]);
        assert_eq!(place.partitions().len(), last.files.len());
    }
}
